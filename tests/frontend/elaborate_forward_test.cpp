// Forward dumps: the example of the IR page, names of parameters, slices of a model, and dumps that
// are read back with their kernels, storage and notes.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/frontend/elaborated.h"

namespace netc::frontend {
namespace {

std::string full_text(const Program1& program, const std::string& entry = "") {
  ir::PrintOptions options;
  options.entry = entry;
  return ir::print(program.result.module, options);
}

/// Runs of spaces as one.
std::string squeezed(const std::string& text) {
  std::string out;
  for (char c : text)
    if (c != ' ' || out.empty() || out.back() != ' ') out += c;
  return out;
}

TEST(Forward, prints_the_example_of_the_ir_page) {
  Program1 program = elaborated(R"(## Single neuron.
model neuron {
  input  x: [batch, 784]
  input  y: [batch, 1]
  param  w: [784, 1] = kaiming_normal()
  param  b: [1] = zeros()
  output p = relu(x @ w + b)
  loss   mse(p, y)
}
)");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  EXPECT_EQ(squeezed(full_text(program, "neuron.loss")), squeezed(R"(#@ stage forward
fn neuron.loss(input x: f32[batch, 784], input y: f32[batch, 1],
               param w: f32[784, 1] = kaiming_normal(), param b: f32[1] = zeros()) -> (loss: f32) {
  _0: f32[batch, 1] = einsum("bi,ij->bj", x, w)         #@ 7:21
  _1: f32[batch, 1] = broadcast(b, [batch, 1])          #@ 7:25
  _2: f32[batch, 1] = _0 + _1                           #@ 7:25
  p: f32[batch, 1] = relu(_2)                           #@ 7:14
  loss: f32 = mse(p, y)                                 #@ 8:10
  return loss
}
)"));
}

std::vector<std::string> parameters(const Program1& program, const std::string& entry) {
  const ir::Function& f = program.result.module[program.result.module.find(entry)];
  std::vector<std::string> names;
  for (const ir::Parameter& p : f.params) names.push_back(f[p.value].name);
  return names;
}

TEST(Forward, numbers_anonymous_layers_by_place_in_each_body) {
  Program1 program = elaborated(R"(layer Two(n)(x: [..., n]) -> [..., n] {
  inner = Linear(n, n)
  return x |> inner |> relu |> Linear(_, n, bias = false)
}
model m {
  input x: [batch, 4]
  a = Two(4)
  output p = Linear(4, 2)(x |> Linear(4, 4) |> a |> Two(4) |> a)
}
)");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  std::vector<std::string> names = parameters(program, "m.predict");
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"a.inner.bias", "a.inner.weight", "a.linear0.weight",
                                             "linear0.bias", "linear0.weight", "linear1.bias",
                                             "linear1.weight", "two0.inner.bias",
                                             "two0.inner.weight", "two0.linear0.weight", "x"}));
  // The outer call begins first.
  const ir::Module& module = program.result.module;
  const ir::Function& f = module[module.find("m.predict")];
  for (const ir::Parameter& p : f.params) {
    if (f[p.value].name != "linear0.weight") continue;
    EXPECT_EQ(f[p.value].type.shape, (ir::Shape{4, 2}));
  }
}

TEST(Forward, slices_a_model) {
  Program1 program = elaborated(R"(model m {
  input image: u8[batch, 4]
  input label: u8[batch]
  output logits = float(image) |> Linear(4, 3) |> Dropout(0.5)
  loss cross_entropy(logits, label)
  metric accuracy(logits, label)
}
)");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  EXPECT_EQ(parameters(program, "m.predict"),
            (std::vector<std::string>{"image", "linear0.weight", "linear0.bias"}));
  EXPECT_EQ(parameters(program, "m.step"),
            (std::vector<std::string>{"image", "label", "linear0.weight", "linear0.bias", "step",
                                      "seed"}));
  EXPECT_EQ(parameters(program, "m.eval"),
            (std::vector<std::string>{"image", "label", "linear0.weight", "linear0.bias"}));
  ASSERT_EQ(program.result.models.size(), 1u);
  EXPECT_EQ(program.result.models[0].batch_symbol, "batch");
  EXPECT_EQ(program.result.models[0].metrics, std::vector<std::string>{"accuracy"});
}

TEST(Forward, reads_plans_with_kernels_storage_and_notes) {
  const std::string dump = R"(#@ stage plan
fn m.loss(input x: f32[8, 4] @ arena + 64, param w: f32[4] @ arena + 0 = zeros()) -> (
          loss: f32 @ arena + 320) {
  _0: f32[8, 4] = broadcast(w, [8, 4])                  #@ 3:4
  kernel k0 {                                           #@ batch streamed: x is read once
    _1: f32[8, 4] = x * _0                              #@ 3:4, 5:6 < 7:8
    loss: f32 @ arena + 320 = sum(_1)                   #@ std/math.net:1:2 < 3:4; vjp p; not fused
    yield loss
  }
  return loss
}
)";
  std::string plain = dump;
  const std::string written = "loss: f32 @ arena + 320)";
  plain.replace(plain.find(written), written.size(), "loss: f32)");
  Program1 program = elaborated(plain);
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  const std::string printed = full_text(program);
  EXPECT_NE(printed.find("kernel k0 {"), std::string::npos) << printed;
  EXPECT_NE(printed.find("@ arena + 320 = sum(_1)"), std::string::npos) << printed;
  EXPECT_NE(printed.find("#@ std/math.net:1:2 < 3:4; vjp p; not fused"), std::string::npos)
      << printed;
  EXPECT_NE(printed.find("#@ 3:4, 5:6 < 7:8"), std::string::npos) << printed;
  EXPECT_EQ(full_text(elaborated(printed)), printed);
}

TEST(Forward, derives_what_a_dump_lacks) {
  Program1 program = elaborated(R"(#@ stage forward
fn m.loss(input x: f32[batch, 4], param w: f32[4] = zeros()) -> (loss: f32) {
  _0: f32[batch, 4] = broadcast(w, [batch, 4])
  _1: f32[batch, 4] = x * _0
  loss: f32 = sum(_1)
  return loss
}
train { optimizer = sgd(momentum = 0.9) }
)");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  EXPECT_EQ(program.result.derived, (std::vector<std::string>{"m.step", "m.eval", "m.update"}));
  EXPECT_TRUE(program.result.module.find("m.update"));
}

}  // namespace
}  // namespace netc::frontend
