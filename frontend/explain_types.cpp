// E03 and E04: types, shapes, losses and gradients.
#include "frontend/explain.h"

namespace netc::frontend {

std::span<const CodeInfo> type_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0301", "a tensor does not have the type that is wanted",
       "The callee's signature, or a written type, says which sizes it takes; the tensor has "
       "others. "
       "Sizes are checked when the program is compiled, for every batch.",
       "fc1 = Linear(784, 1024)\nfc2 = Linear(512, 10)\noutput y = x |> fc1 |> fc2",
       "fc1 = Linear(784, 1024)\nfc2 = Linear(1024, 10)   # or Linear(_, 10)\noutput y = x |> fc1 "
       "|> fc2"},
      {"E0302", "shapes do not broadcast",
       "Shapes align from the right; two sizes fit when they are equal or one of them is 1.",
       "input x: [batch, 64]\nparam b: [32] = zeros()\noutput y = x + b",
       "input x: [batch, 64]\nparam b: [64] = zeros()\noutput y = x + b"},
      {"E0304", "two sizes cannot be proven equal",
       "Different names are different sizes, until the declaration says otherwise.",
       "fn score(q: [n, d], k: [m, d]) -> [n, n] {\n  return q @ k.T\n}",
       "fn score(q: [n, d], k: [m, d]) -> [n, m] {\n  return q @ k.T\n}"},
      {"E0305", "dtypes do not mix",
       "Nothing is promoted: f32 and f64, integers and floats meet only after a cast. (bool and "
       "literals adapt.)",
       "y = x + label", "y = x + float(label)"},
      {"E0306", "a dim that does not exist, or stands twice",
       "Dims count from 0, or from -1 at the end, and must be smaller than the rank.",
       "s = sum(x, dim = 2)   # x: [batch, 784]", "s = sum(x, dim = 1)"},
      {"E0307", "an index does not fit",
       "A constant index must lie inside its dim, there are at most as many indices as dims, and a "
       "slice's step is not 0.",
       "y = x[:, 784]   # x: [batch, 784]", "y = x[:, 783]"},
      {"E0308", "the mean, maximum or the like of nothing",
       "mean, max, min and argmax have no value over a dim of size 0.", "m = max(x)   # x: [0]",
       "s = sum(x)   # 0"},
      {"E0309", "a reshape that keeps not all elements",
       "Before and after, the product of the sizes must be the same; one size may be -1.",
       "y = reshape(x, batch, 700)   # x: [batch, 784]", "y = reshape(x, batch, 28, 28)"},
      {"E0310", "a size that is none",
       "Sizes are whole numbers, not negative; dividing by 0 or overflowing gives none. Sizes of "
       "parameters are known before any data is seen.",
       "param w: [batch, 10] = zeros()", "param w: [784, 10] = zeros()"},
      {"E0311", "larger than the limits",
       "A program has at most 10^6 ops (`--max-ops`), a tensor at most 16 dims (`--max-rank`) and "
       "2^40 elements (`--max-elements`). What runs at once takes at most 80 % of the memory "
       "(`--max-memory`), compiling at most 60 s (`--max-compile-time`).",
       "", ""},
      {"E0313", "not known when the program is compiled",
       "Settings, conditions of `where` that choose a branch, and indices of lists are fixed "
       "before "
       "the program runs.",
       "y = dropout(x, p = mean(x))", "y = dropout(x, p = 0.5)"},
      {"E0320", "einsum does not fit its operands",
       "Each operand has one label a dim; a label has one size; the result's labels occur on the "
       "left.",
       "s = einsum(\"bi,ij,bj->b\", x, w, y)   # w: [784, 784], y: [batch, 64]",
       "s = einsum(\"bi,ij,bj->b\", x, w, y)   # w: [784, 64]"},
      {"E0330", "a function refuses its arguments",
       "The function's own check, written in the standard library, failed; the message says why.",
       "", ""},
      {"W0303", "both operands are broadcast",
       "[batch, 1] and [batch] give [batch, batch]: every row with every other. Mostly a dim was "
       "forgotten. Write `None` where all pairs are meant.",
       "loss mean(square(p - y))   # p: [batch, 1], y: [batch]", "loss mean(square(p[:, 0] - y))"},
  };
  return codes;
}

std::span<const CodeInfo> gradient_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0401", "a loss must be one number", "Training makes one number smaller: reduce the loss.",
       "loss square(p - y)", "loss mean(square(p - y))"},
      {"E0402", "`grad` returns the wrong number of gradients",
       "One gradient for each floating point input that is not a setting, in their order; `None` "
       "for "
       "an input that gets none.",
       "fn scale(x: [...s], k: float) -> [...s] {\n  return x * k\n} grad (dy) {\n  return dy * "
       "k\n}",
       "fn scale(x: [...s], k: float) -> [...s] {\n  return x * k\n} grad (dy) {\n"
       "  return dy * k, sum(dy * x)\n}"},
      {"E0403", "a gradient of the wrong type, or none where one must pass",
       "The gradient of an input has the input's type. Integers, comparisons and argmax have no "
       "derivative: a loss cannot reach parameters through them.",
       "loss mean(float(argmax(logits, 1)))", "loss cross_entropy(logits, label)"},
      {"E0404", "`grad` takes the wrong number of cotangents, or an update lacks a gradient",
       "`grad (…)` names one cotangent for each result. The update of a dump takes gradients that "
       "its step returns.",
       "fn f(x) = x * 2 grad (dy, dz) { return 2 * dy }",
       "fn f(x) = x * 2 grad (dy) { return 2 * dy }"},
      {"E0405", "a loss must be floating point", "Integers have no gradient.", "loss sum(label)",
       "loss mean(float(label) - p)"},
      {"E0406", "a metric must be one number", "Reduce it, as a loss.",
       "metric error = square(p - y)", "metric error = mean(square(p - y))"},
      {"W0401", "a parameter has no influence on the loss",
       "Its gradient is zero, so training leaves it as it starts.",
       "param b: [3] = zeros()\nloss mean(x)", "param b: [3] = zeros()\nloss mean(x + b)"},
  };
  return codes;
}

}  // namespace netc::frontend
