// The examples of the diagnostics page come out as they are printed there.
#include <gtest/gtest.h>

#include "tests/frontend/elaborated.h"

namespace netc::frontend {
namespace {

/// The program with its first line on line `line` of the file.
std::string at_line(int line, const std::string& text) {
  return std::string(size_t(line - 1), '\n') + text;
}

std::string findings_of(const std::string& name, const std::string& text) {
  return elaborated(text, {}, name).findings();
}

TEST(Messages, sizes_of_layers) {
  EXPECT_EQ(findings_of("mlp.net", at_line(6, R"(model mlp {
  input x: [batch, 784]
  fc1 = Linear(784, 1024)
  fc2 = Linear(512, 10)
  output logits = x |> fc1 |> relu |> fc2
}
)")),
            R"(error[E0301]: `fc2` expects 512 features but gets 1024
  --> mlp.net:10:39
 8 |   fc1 = Linear(784, 1024)
   |                     ---- `fc1` produces f32[batch, 1024] here
 9 |   fc2 = Linear(512, 10)
   |                --- so `x` must be [..., 512]
10 |   output logits = x |> fc1 |> relu |> fc2
   |                                       ^^^ this argument is f32[batch, 1024]
   = help: write `Linear(1024, 10)`, or `Linear(_, 10)` to infer it
)");
}

TEST(Messages, broadcasting) {
  EXPECT_EQ(findings_of("net.net", at_line(3, R"(model net {
  input x: [batch, 32]
  param b: [32] = zeros()
  param w: [32, 64] = zeros()





  h = x @ w + b
  output y = h
}
)")),
            R"(error[E0302]: `+`: f32[batch, 64] and f32[32] do not broadcast
  --> net.net:12:13
12 |   h = x @ w + b
   |       ----- ^ - f32[32], declared at 5:9
   |       f32[batch, 64]
   = note: shapes align from the right:   batch  64
                                                 32   64 is not 32, and neither is 1
)");
}

TEST(Messages, double_broadcast) {
  EXPECT_EQ(
      findings_of("reg.net", R"(model reg {
  input x: [batch, 4]
  input y: [batch]
  output p = Linear(4, 1)(x)

  loss mean(square(p - y))
}
)"),
      R"(warning[W0303]: `-` broadcasts both operands: f32[batch, 1] and f32[batch] give f32[batch, batch]
 --> reg.net:6:22
6 |   loss mean(square(p - y))
  |                    - ^ - f32[batch]
  |                    f32[batch, 1]
  = help: if you mean elementwise, write `p[:, 0] - y`; if you mean all pairs, write `p - y[None, :]`
)");
}

TEST(Messages, names_and_arguments) {
  EXPECT_EQ(findings_of("net.net", at_line(4, R"(model m {
  input x: [batch, 4]

  s = sum(x, axis = 1)

  a = sofmax(s, dim = 1)
  output y = a
}
)")),
            R"(error[E0204]: `sum` has no argument `axis`
 --> net.net:7:14
7 |   s = sum(x, axis = 1)
  |              ^^^^ unknown argument
  = help: NumPy's `axis` is called `dim` here: `sum(x, dim = 1)`
  = note: signature: sum(x: [...s], dim: int | list = all, keepdim: bool = false)
error[E0201]: unknown function `sofmax`
 --> net.net:9:7
9 |   a = sofmax(s, dim = 1)
  |       ^^^^^^ not defined here, in `use` files, or in std
  = help: did you mean `softmax`?
)");
}

TEST(Messages, proofs) {
  EXPECT_EQ(findings_of("attn.net", at_line(3, R"(fn score(q: [n, d], k: [m, d]) -> [n, n] {
  return q @ k.T
}
)")),
            R"(error[E0304]: cannot prove that `n` equals `m`
 --> attn.net:4:10
3 | fn score(q: [n, d], k: [m, d]) -> [n, n] {
  |                                   ------ promised here
4 |   return q @ k.T
  |          ^^^^^^^ has type f32[n, m]
  = help: different names are different sizes: return `[n, m]`, or call both `n` in the parameter list
)");
}

TEST(Messages, einsum) {
  EXPECT_EQ(findings_of("bilin.net", R"(model bilin {
  input x: [batch, 784]
  param w: [784, 784] = zeros()
  input y: [batch, 64]
  s = einsum("bi,ij,bj->b", x, w, y)
  loss mean(s)
}
)"),
            R"(error[E0320]: einsum: label `j` has two sizes, 784 and 64
 --> bilin.net:5:22
5 |   s = einsum("bi,ij,bj->b", x, w, y)
  |                   -  ^ 64: dim 1 of `y`, f32[batch, 64]
  |                   784: dim 1 of `w`, f32[784, 784]
  = help: `w` is declared at 3:9; `w: [784, 64]` would agree
)");
}

TEST(Messages, gradients) {
  EXPECT_EQ(findings_of("ops.net", R"(fn scale(x: [...s], k: float) -> [...s] {
  return x * k
} grad (dy) {
  return dy * k
}
)"),
            R"(error[E0402]: `grad` of `scale` returns 1 gradient, but 2 inputs need one
 --> ops.net:4:10
1 | fn scale(x: [...s], k: float) -> [...s] {
  |          -          - both inputs are floating point
...
4 |   return dy * k
  |          ^^^^^^ gradient for `x` only
  = help: return one per float input, in order: `return dy * k, sum(dy * x)`
  = note: use `None` for an input that gets no gradient
)");
}

TEST(Messages, losses) {
  EXPECT_EQ(findings_of("reg.net", R"(model reg {
  input p: [batch]
  input y: [batch]


  loss square(p - y)
}
)"),
            R"(error[E0401]: a loss must be one number (rank 0), this has type f32[batch]
 --> reg.net:6:8
6 |   loss square(p - y)
  |        ^^^^^^^^^^^^^ one value per sample
  = help: average it: `loss mean(square(p - y))`
)");
}

TEST(Messages, say_through_which_layers_an_error_came) {
  EXPECT_EQ(findings_of("mlp.net", R"(layer Inner(n)(x) {
  return x @ Wide
}
layer Outer(n)(x) {
  return Inner(n)(x)
}
model m {
  input x: [batch, 4]
  output y = x |> Outer(4)
}
)"),
            R"(error[E0202]: unknown name `Wide`
 --> mlp.net:2:14
2 |   return x @ Wide
  |              ^^^^ not defined here
  = note: in Inner, called from mlp.net:5:10
  = note: in Outer, called from mlp.net:9:19
)");
}

TEST(Messages, say_so_of_what_std_does_too) {
  EXPECT_EQ(findings_of("mlp.net", R"(layer Head(n)(x) {
  return one_hot(x, n) |> Flatten(3)
}
model m {
  input x: [batch, 4]
  output y = x |> Head(4)
  output z = x |> Flatten(3)
}
)"),
            R"(error[E0305]: `one_hot`: the index must hold integers, this has type f32[batch, 4]
 --> mlp.net:2:10
2 |   return one_hot(x, n) |> Flatten(3)
  |          ^^^^^^^ - f32[batch, 4]
  |          in this call
  = help: convert it: `i64(x)`
  = note: this is what `one_hot` does at std/math.net:53:35
  = note: in Head, called from mlp.net:6:19
error[E0306]: `Flatten`: there is no dim 3, the operand has 2 dims
 --> mlp.net:7:19
7 |   output z = x |> Flatten(3)
  |              -    ^^^^^^^ in this call
  |              f32[batch, 4]
  = help: dims count from 0: 0 to 1, or from the end, -1 to -2
  = note: this is what `Flatten` does at std/layers.net:15:21
  = note: in Flatten, called from mlp.net:7:19
)");
}

TEST(Messages, propose_no_dim_that_does_not_fit) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      // What is wrong is the input without the batch, of which W0314 warns.
      {"input x: [4]\n  input y: [batch, 1]\n  param w: [4, 1] = zeros()\n  loss mse(x @ w, y)",
       "y[:, 0]"},
      {"input x: [batch, 4]\n  input y: [3]\n  loss mse(Linear(4, 1)(x), y)", "y[:, None]"},
      {"input x: [batch, 4]\n  input y: [3]\n  loss mean(square(Linear(4, 1)(x) - y))", "[:, 0]"}};
  for (const auto& [body, cure] : cases) {
    const std::string said =
        findings_of("m.net", "model m {\n  " + body + "\n}\ntrain { epochs = 1 }\n");
    EXPECT_NE(said.find("W0314"), std::string::npos) << said;
    EXPECT_EQ(said.find(cure), std::string::npos) << said;
  }
}

TEST(Messages, move_a_batch_that_is_not_the_first_size) {
  const std::string said = findings_of(
      "m.net", "model m {\n  input x: f32[3, 2, batch]\n  loss mean(x)\n}\ntrain { epochs = 1 }\n");
  EXPECT_EQ(
      said,
      R"(warning[W0314]: `x` has `batch` behind other sizes, and training feeds records along the first
 --> m.net:2:12
2 |   input x: f32[3, 2, batch]
  |            ^^^^^^^^^^^^^^^^ the first size is a number
  = help: put the batch first: `x: f32[batch, 3, 2]`
)");
}

TEST(Messages, call_the_batch_as_other_inputs_do) {
  const auto helps = [](const std::string& inputs) {
    return findings_of("m.net", inputs + "  loss mean(x) + mean(y)\n}\ntrain { epochs = 1 }\n");
  };
  EXPECT_NE(helps("model m {\n  input x: [4]\n  input y: [n, 4]\n").find("`x: [n, 4]`"),
            std::string::npos);
  const std::string constant =
      helps("let batch = 64\nmodel m {\n  input x: [batch, 4]\n  input y: [n, 4]\n");
  EXPECT_NE(constant.find("`train { batch = 64 }`"), std::string::npos) << constant;
}

}  // namespace
}  // namespace netc::frontend
