// E02: names, arguments and what may be declared where.
#include "frontend/explain.h"

namespace netc::frontend {

std::span<const CodeInfo> name_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0201", "an unknown function",
       "No function, layer or instance of this name is declared in the file, in files it uses, or "
       "in the standard library.",
       "fn f(s: [n, m]) -> [n, m] = sofmax(s, dim = 1)",
       "fn f(s: [n, m]) -> [n, m] = softmax(s, dim = 1)"},
      {"E0202", "an unknown name",
       "A name must be bound before it is used: by a statement above, a parameter, a size in a "
       "type, or a `let`.",
       R"(fn f(x: [n]) -> [n] {
  y = h + 1
  return y
})",
       R"(fn f(x: [n]) -> [n] {
  h = relu(x)
  y = h + 1
  return y
})"},
      {"E0203", "a name is declared twice",
       "Inputs, parameters, states, instances and items have names of their own. (A tensor may be "
       "bound again.)",
       R"(layer Line()(x: [n, 3]) -> [n] {
  param w: [3] = zeros()
  param w: [3] = ones()
  return x @ w
})",
       R"(layer Line()(x: [n, 3]) -> [n] {
  param w: [3] = zeros()
  param b: float = zeros()
  return x @ w + b
})"},
      {"E0204", "an unknown argument",
       "The function has no parameter of this name; the note shows its signature.",
       "fn f(x: [n, m]) -> [n] = sum(x, axis = 1)", "fn f(x: [n, m]) -> [n] = sum(x, dim = 1)"},
      {"E0205", "the wrong number of arguments, names or results",
       "A call gives every parameter without a default one value, and no parameter two. As many "
       "names are bound as values come back.",
       "fn f(p: [n], y: [n]) -> float = mse(p)", "fn f(p: [n], y: [n]) -> float = mse(p, y)"},
      {"E0206", "an argument of the wrong kind",
       "A setting wants a number, `true` or `false`, a string or a function known when the program "
       "is compiled; a tensor parameter wants a tensor.",
       "fn f(x: [n], y: [n]) -> [n] = max(x, y)", "fn f(x: [n], y: [n]) -> [n] = maximum(x, y)"},
      {"E0207", "something holds itself",
       "Functions do not recurse and layers do not hold themselves: every program ends.",
       "fn f(x: [n]) -> [n] = f(x - 1)", "fn f(x: [n]) -> [n] = x - 1"},
      {"E0208", "no such member",
       "After a dot stands a function (`x.relu()`), `T`, `shape`, or the name of a parameter of a "
       "layer's instance (`fc1.weight`).",
       R"(layer Tied()(x: [n, 8]) -> [n, 8] {
  down = Linear(8, 3)
  return down(x) @ down.wieght.T
})",
       R"(layer Tied()(x: [n, 8]) -> [n, 8] {
  down = Linear(8, 3)
  return down(x) @ down.weight.T
})"},
      {"E0210", "`use` goes round in a circle", "A file cannot use a file that uses it.",
       R"(# m.net
use "blocks.net"
# blocks.net
use "m.net")",
       R"(# m.net
use "blocks.net"
# blocks.net
fn double(x: [n]) -> [n] = 2 * x)"},
      {"E0211", "a file to `use` cannot be read",
       "The path is relative to the file in which it stands.",
       R"(# m.net
use "lib/block.net"
# lib/blocks.net
fn double(x: [n]) -> [n] = 2 * x)",
       R"(# m.net
use "lib/blocks.net"
# lib/blocks.net
fn double(x: [n]) -> [n] = 2 * x)"},
      {"E0212", "a parameter or state where nothing can own it",
       "Models and layers own parameters; a `fn` owns nothing, so it cannot declare any.",
       R"(fn scale(x: [n, 3]) -> [n, 3] {
  param w: [3] = ones()
  return x * w
})",
       R"(layer Scale()(x: [n, 3]) -> [n, 3] {
  param w: [3] = ones()
  return x * w
})"},
      {"E0213", "a parameter is assigned",
       "Only training changes parameters. A statement that wants another value binds another name.",
       R"(layer Scale()(x: [n, 3]) -> [n, 3] {
  param w: [3] = ones()
  w = w * 2
  return x * w
})",
       R"(layer Scale()(x: [n, 3]) -> [n, 3] {
  param w: [3] = ones()
  doubled = w * 2
  return x * doubled
})"},
      {"E0214", "not an initialiser",
       "A parameter starts with one of zeros, ones, const(v), uniform(lo, hi), normal(std), "
       "xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal, orthogonal, "
       "load(\"w.npy\").",
       R"(layer Map()(x: [n, 3]) -> [n, 4] {
  param w: [3, 4] = glorot_uniform()
  return x @ w
})",
       R"(layer Map()(x: [n, 3]) -> [n, 4] {
  param w: [3, 4] = xavier_uniform()
  return x @ w
})"},
      {"E0215", "a result has another name than its value",
       "In a dump, the results that a signature names are the values of those names.",
       R"(#@ stage forward
fn m.loss(input x: f32) -> (loss: f32) {
  y: f32 = square(x)
  return y
})",
       R"(#@ stage forward
fn m.loss(input x: f32) -> (loss: f32) {
  loss: f32 = square(x)
  return loss
})"},
      {"E0216", "a kernel that is none",
       "In a dump a `kernel` has a name of its own, holds bindings only, and yields some of them.",
       R"(#@ stage fused
fn m.predict(input x: f32[3]) -> (y: f32[3]) {
  kernel k0 {
    kernel k1 {
      y: f32[3] = relu(x)
      yield y
    }
    yield y
  }
  return y
})",
       R"(#@ stage fused
fn m.predict(input x: f32[3]) -> (y: f32[3]) {
  kernel k0 {
    y: f32[3] = relu(x)
    yield y
  }
  return y
})"},
      {"E0217", "too many files are used", "A program may bring in at most 1000 files.",
       R"($ for i in $(seq 1001); do echo "use \"$((i + 1)).net\"" >$i.net; done; : >1002.net
$ netc check 1.net)",
       R"($ for i in $(seq 10); do echo "use \"$((i + 1)).net\"" >$i.net; done; : >11.net
$ netc check 1.net)"},
      {"E0220", "not allowed in a model",
       "A model has one loss, names its outputs, and does not return.",
       R"(model m {
  input x: [batch, 3]
  return relu(x)
})",
       R"(model m {
  input x: [batch, 3]
  output y = relu(x)
})"},
      {"E0221", "a function returns nothing", "A function that is called ends with `return`.",
       R"(fn f(x: [n]) -> [n] {
  y = x + 1
})",
       R"(fn f(x: [n]) -> [n] {
  y = x + 1
  return y
})"},
      {"W0210", "a name is never used",
       "A value that nothing reads does not change what the program computes: it may be a typo.",
       R"(fn f(x: [n]) -> [n] {
  h = relu(x)
  return x
})",
       R"(fn f(x: [n]) -> [n] {
  h = relu(x)
  return h
})"},
  };
  return codes;
}

}  // namespace netc::frontend
