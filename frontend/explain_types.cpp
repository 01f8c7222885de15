// E03 and E04: types, shapes, losses and gradients.
#include "frontend/explain.h"

namespace netc::frontend {

std::span<const CodeInfo> type_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0301", "a tensor does not have the type that is wanted",
       "The callee's signature, or a written type, says which sizes it takes; the tensor has "
       "others. Sizes are checked when the program is compiled, for every batch.",
       R"(model m {
  input x: [batch, 784]
  fc1 = Linear(784, 1024)
  fc2 = Linear(512, 10)
  output y = x |> fc1 |> relu |> fc2
})",
       R"(model m {
  input x: [batch, 784]
  fc1 = Linear(784, 1024)
  fc2 = Linear(1024, 10)       # or Linear(_, 10)
  output y = x |> fc1 |> relu |> fc2
})"},
      {"E0302", "shapes do not broadcast",
       "Shapes align from the right; two sizes fit when they are equal or one of them is 1.",
       R"(layer Shift()(x: [n, 64]) -> [n, 64] {
  param b: [32] = zeros()
  return x + b
})",
       R"(layer Shift()(x: [n, 64]) -> [n, 64] {
  param b: [64] = zeros()
  return x + b
})"},
      {"E0304", "two sizes cannot be proven equal",
       "Different names are different sizes, until the declaration says otherwise.",
       "fn score(q: [n, d], k: [m, d]) -> [n, n] = q @ k.T",
       "fn score(q: [n, d], k: [m, d]) -> [n, m] = q @ k.T"},
      {"E0305", "dtypes do not mix",
       "Nothing is promoted: f32 and f64, integers and floats meet only after a cast. (bool and "
       "literals adapt.)",
       "fn f(x: [n], label: i64[n]) -> [n] = x + label",
       "fn f(x: [n], label: i64[n]) -> [n] = x + float(label)"},
      {"E0306", "a dim that does not exist, or stands twice",
       "Dims count from 0, or from -1 at the end, and must be smaller than the rank.",
       "fn f(x: [n, m]) -> [n] = sum(x, dim = 2)", "fn f(x: [n, m]) -> [n] = sum(x, dim = 1)"},
      {"E0307", "an index does not fit",
       "A constant index must lie inside its dim, there are at most as many indices as dims, and a "
       "slice's step is not 0.",
       "fn last(x: [n, 784]) -> [n] = x[:, 784]", "fn last(x: [n, 784]) -> [n] = x[:, 783]"},
      {"E0308", "the mean, maximum or the like of nothing",
       "mean, max, min and argmax have no value over a dim of size 0.",
       "fn f(x: [n, 3]) -> [n] = max(x[:, 3:], 1)", "fn f(x: [n, 3]) -> [n] = max(x[:, 2:], 1)"},
      {"E0309", "a reshape that keeps not all elements",
       "Before and after, the product of the sizes must be the same; one size may be -1.",
       "fn f(x: [28, 28]) -> [700] = reshape(x, 700)",
       "fn f(x: [28, 28]) -> [784] = reshape(x, -1)"},
      {"E0310", "a size that is none",
       "Sizes are whole numbers, not negative; dividing by 0 or overflowing gives none. Sizes of "
       "parameters are known before any data is seen.",
       R"(model m {
  input x: [batch, 784]
  param w: [batch, 784] = zeros()
  output y = x * w
})",
       R"(model m {
  input x: [batch, 784]
  param w: [784] = zeros()
  output y = x * w
})"},
      {"E0311", "larger than the limits",
       "A program has at most 10^6 ops (`--max-ops`), a tensor at most 16 dims (`--max-rank`) and "
       "2^40 elements (`--max-elements`). What runs at once takes at most 80 % of the memory "
       "(`--max-memory`), compiling at most 60 s (`--max-compile-time`).",
       R"(model m {
  input x: [batch, 2_000_000]
  param w: [2_000_000, 1_000_000] = zeros()
  output y = x @ w
})",
       R"(model m {
  input x: [batch, 2_000_000]
  param w: [2_000_000, 1_000] = zeros()
  output y = x @ w
})"},
      {"E0313", "not known when the program is compiled",
       "Settings, conditions of `where` that choose a branch, and indices of lists are fixed "
       "before the program runs.",
       "fn f(x: [n]) = x * float(iota(max(x)))", "fn f(x: [n]) = x * float(iota(n))"},
      {"E0320", "einsum does not fit its operands",
       "Each operand has one label a dim; a label has one size; the result's labels occur on the "
       "left.",
       R"(fn bilinear(x: [b, 784], w: [784, 784], y: [b, 64]) -> [b] =
  einsum("bi,ij,bj->b", x, w, y))",
       R"(fn bilinear(x: [b, 784], w: [784, 64], y: [b, 64]) -> [b] =
  einsum("bi,ij,bj->b", x, w, y))"},
      {"E0330", "a function refuses its arguments",
       "The function's own check, written in the standard library, failed; the message says why.",
       R"(model m {
  input x: [batch, 30]
  input label: u8[batch, 1]
  output logits = Linear(30, 4)(x)
  loss cross_entropy(logits, label)
})",
       R"(model m {
  input x: [batch, 30]
  input label: u8[batch]
  output logits = Linear(30, 4)(x)
  loss cross_entropy(logits, label)
})"},
      {"W0303", "both operands are broadcast",
       "[batch, 1] and [batch] give [batch, batch]: every row with every other. Mostly a dim was "
       "forgotten. Write `None` where all pairs are meant.",
       R"(model m {
  input x: [batch, 4]
  input y: [batch]
  output p = Linear(4, 1)(x)
  loss mean(square(p - y))
})",
       R"(model m {
  input x: [batch, 4]
  input y: [batch]
  output p = Linear(4, 1)(x)
  loss mean(square(p[:, 0] - y))
})"},
      {"W0312", "bytes go into the network as they are",
       "A picture's u8 values reach 255. Weights start for inputs of about 1, so training begins "
       "far off and is slow or fails.",
       R"(model m {
  input image: u8[batch, 28, 28]
  input label: u8[batch]
  output logits = flatten(float(image), 1) |> Linear(784, 10)
  loss cross_entropy(logits, label)
})",
       R"(model m {
  input image: u8[batch, 28, 28]
  input label: u8[batch]
  output logits = flatten(float(image) / 255, 1) |> Linear(784, 10)
  loss cross_entropy(logits, label)
})"},
      {"W0314", "an input without the batch",
       "Training feeds many records at once: the first size of every input is a name, `batch` by "
       "custom, and the others are the type of one record.",
       R"(model m {
  input x: [4]
  output p = Linear(4, 1)(x)
  loss mean(square(p))
}
train { epochs = 1 })",
       R"(model m {
  input x: [batch, 4]
  output p = Linear(4, 1)(x)
  loss mean(square(p))
}
train { epochs = 1 })"},
  };
  return codes;
}

std::span<const CodeInfo> gradient_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0401", "a loss must be one number", "Training makes one number smaller: reduce the loss.",
       R"(model m {
  input x: [batch]
  input y: [batch]
  param k: float = ones()
  output p = k * x
  loss square(p - y)
})",
       R"(model m {
  input x: [batch]
  input y: [batch]
  param k: float = ones()
  output p = k * x
  loss mean(square(p - y))
})"},
      {"E0402", "`grad` returns the wrong number of gradients",
       "One gradient for each floating point input that is not a setting, in their order; `None` "
       "for an input that gets none.",
       R"(fn scale(x: [...s], k: float) -> [...s] {
  return x * k
} grad (dy) {
  return dy * k
})",
       R"(fn scale(x: [...s], k: float) -> [...s] {
  return x * k
} grad (dy) {
  return dy * k, sum(dy * x)
})"},
      {"E0403", "a gradient of the wrong type, or none where one must pass",
       "The gradient of an input has the input's type. Integers, comparisons and argmax have no "
       "derivative: a loss cannot reach parameters through them.",
       R"(fn total(x: [n]) -> float {
  return sum(x)
} grad (dy) {
  return dy
})",
       R"(fn total(x: [n]) -> float {
  return sum(x)
} grad (dy) {
  return expand(dy, n)
})"},
      {"E0404", "`grad` takes the wrong number of cotangents, or an update lacks a gradient",
       "`grad (…)` names one cotangent for each result. The update of a dump takes gradients that "
       "its step returns.",
       R"(fn double(x: [n]) -> [n] {
  return x * 2
} grad (dy, dz) {
  return dy * 2
})",
       R"(fn double(x: [n]) -> [n] {
  return x * 2
} grad (dy) {
  return dy * 2
})"},
      {"E0405", "a loss must be floating point", "Integers have no gradient.",
       R"(model m {
  input x: [batch, 3]
  input label: i64[batch]
  output p = Linear(3, 1)(x)[:, 0]
  loss sum(label)
})",
       R"(model m {
  input x: [batch, 3]
  input label: i64[batch]
  output p = Linear(3, 1)(x)[:, 0]
  loss mse(p, float(label))
})"},
      {"E0406", "a metric must be one number", "Reduce it, as a loss.",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
  metric error = abs(p - y)
})",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
  metric error = mean(abs(p - y))
})"},
      {"W0401", "a parameter has no influence on the loss",
       "Its gradient is zero, so training leaves it as it starts.",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  param scale: float = ones()
  p = Linear(3, 1)(x)
  output scaled = scale * p
  loss mse(p, y)
})",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  param scale: float = ones()
  p = Linear(3, 1)(x)
  output scaled = scale * p
  loss mse(scaled, y)
})"},
      {"W0407", "a loss gets probabilities where it takes logits",
       "`cross_entropy` holds the softmax and `bce_with_logits` the sigmoid, `nll` takes "
       "log-probabilities. With another softmax before it the model still trains, but worse: no "
       "class can get more than a certain share.",
       R"(model m {
  input x: [batch, 30]
  input label: u8[batch]
  output p = x |> Linear(30, 4) |> softmax
  loss cross_entropy(p, label)
})",
       R"(model m {
  input x: [batch, 30]
  input label: u8[batch]
  logits = x |> Linear(30, 4)
  output p = softmax(logits)
  loss cross_entropy(logits, label)
})"},
  };
  return codes;
}

}  // namespace netc::frontend
