// E02: names, arguments and what may be declared where.
#include "frontend/explain.h"

namespace netc::frontend {

std::span<const CodeInfo> name_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0201", "an unknown function",
       "No function, layer or instance of this name is declared in the file, in files it uses, or "
       "in the standard library.",
       "a = sofmax(s, dim = 1)", "a = softmax(s, dim = 1)"},
      {"E0202", "an unknown name",
       "A name must be bound before it is used: by a statement above, a parameter, a size in a "
       "type, or a `let`.",
       "y = h + 1", "h = relu(x)\ny = h + 1"},
      {"E0203", "a name is declared twice",
       "Inputs, parameters, states, instances and items have names of their own. (A tensor may be "
       "bound again.)",
       "param w: [3] = zeros()\nparam w: [3] = ones()",
       "param w: [3] = zeros()\nparam b: [3] = ones()"},
      {"E0204", "an unknown argument",
       "The function has no parameter of this name; the note shows its signature.",
       "s = sum(x, axis = 1)", "s = sum(x, dim = 1)"},
      {"E0205", "the wrong number of arguments, names or results",
       "A call gives every parameter without a default one value, and no parameter two. As many "
       "names are bound as values come back.",
       "a, b = relu(x)", "a = relu(x)"},
      {"E0206", "an argument of the wrong kind",
       "A setting wants a number, `true` or `false`, a string or a function known when the program "
       "is compiled; a tensor parameter wants a tensor.",
       "fc = Linear(x, 10)", "fc = Linear(784, 10)"},
      {"E0207", "something holds itself",
       "Functions do not recurse and layers do not hold themselves: every program ends.",
       "fn f(x) = f(x - 1)", "fn f(x) = x - 1"},
      {"E0208", "no such member",
       "After a dot stands a function (`x.relu()`), `T`, `shape`, or the name of a parameter of a "
       "layer's instance (`fc1.weight`).",
       "w = fc1.wieght", "w = fc1.weight"},
      {"E0210", "`use` goes round in a circle", "A file cannot use a file that uses it.",
       "# a.net\nuse \"b.net\"\n# b.net\nuse \"a.net\"", "# a.net and b.net\nuse \"common.net\""},
      {"E0211", "a file to `use` cannot be read",
       "The path is relative to the file in which it stands.", "use \"lib/atn.net\"",
       "use \"lib/attn.net\""},
      {"E0212", "a parameter or state where nothing can own it",
       "Models and layers own parameters; a `fn` owns nothing, so it cannot declare any.",
       "fn f(x) {\n  param w: [3] = zeros()\n  return x * w\n}",
       "layer F()(x) {\n  param w: [3] = zeros()\n  return x * w\n}"},
      {"E0213", "a parameter is assigned",
       "Only training changes parameters. A statement that wants another value binds another name.",
       "w = w * 2", "w2 = w * 2"},
      {"E0214", "not an initialiser",
       "A parameter starts with one of zeros, ones, const(v), uniform(lo, hi), normal(std), "
       "xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal, "
       "load(\"w.npy\").",
       "param w: [3, 4] = glorot()", "param w: [3, 4] = xavier_uniform()"},
      {"E0215", "a result has another name than its value",
       "Results that a signature names are the values of those names.",
       "fn m.loss(input x: f32) -> (loss: f32) {\n  return x\n}",
       "fn m.loss(input x: f32) -> (loss: f32) {\n  loss: f32 = x + 1\n  return loss\n}"},
      {"E0216", "a kernel that is none",
       "In a dump a `kernel` has a name of its own, holds bindings only, and yields some of them.",
       "kernel k0 {\n  kernel k1 { }\n}", "kernel k0 {\n  a: f32 = x + y\n  yield a\n}"},
      {"E0217", "too many files are used", "A program may bring in at most 1000 files.", "", ""},
      {"E0220", "not allowed in a model",
       "A model has one loss, names its outputs, and does not return.",
       "model m {\n  input x: [n]\n  return x\n}", "model m {\n  input x: [n]\n  output y = x\n}"},
      {"E0221", "a function returns nothing", "A function that is called ends with `return`.",
       "fn f(x) {\n  y = x + 1\n}", "fn f(x) {\n  y = x + 1\n  return y\n}"},
      {"W0210", "a name is never used",
       "A value that nothing reads does not change what the program computes: it may be a typo.",
       "h = relu(x)\noutput y = x", "h = relu(x)\noutput y = h"},
  };
  return codes;
}

}  // namespace netc::frontend
