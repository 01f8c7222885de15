// Optimizers of std, and what the train block does around them: three steps of M.update in the
// interpreter against PyTorch 2.13 in f64 (Lion: its paper's formula).
#include <gtest/gtest.h>

#include <map>

#include "tests/frontend/elaborated.h"

namespace netc::frontend {
namespace {

struct OptimizerCase {
  const char* train;
  std::vector<double> values;  ///< the parameter after each step
};

void PrintTo(const OptimizerCase& c, std::ostream* os) { *os << c.train; }

const std::vector<OptimizerCase>& optimizer_cases() {
  static const std::vector<OptimizerCase> cases = {
#include "tests/frontend/elaborate_optimizers.inc"
  };
  return cases;
}

ir::Array vector3(std::vector<double> values) {
  ir::Array a = ir::Array::zeros(ir::DType::f64, {3});
  a.floats = std::move(values);
  return a;
}

class OptimizerTest : public testing::TestWithParam<OptimizerCase> {};

TEST_P(OptimizerTest, takes_the_steps_of_pytorch) {
  Program1 program = elaborated(
      "dtype f64\nmodel m {\n  input x: [batch, 3]\n  param w: [3] = zeros()\n  output p = x * w\n"
      "  loss mean(p)\n}\ntrain { " +
      std::string(GetParam().train) + " }\n");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  const ir::Module& module = program.result.module;
  ASSERT_EQ(ir::verify(module), std::nullopt);
  const ir::FunctionId update = module.find("m.update");
  ASSERT_TRUE(update);
  const std::vector<std::vector<double>> gradients = {
      {0.1, -0.2, 0.3}, {-0.4, 0.1, 0.2}, {0.05, 0.3, -0.6}};
  std::map<std::string, ir::Array> values{{"w", vector3({0.5, -1, 2})}};
  ir::Array lr = ir::Array::zeros(ir::DType::f64, {}), step = ir::Array::zeros(ir::DType::i64, {});
  lr.floats = {0.1};
  for (size_t k = 0; k < 3; ++k) {
    values["d_w"] = vector3(gradients[k]);
    step.ints = {int64_t(k) + 1};
    values["lr"] = lr;
    values["step"] = step;
    std::vector<ir::Array> args;
    for (const ir::Parameter& p : module[update].params) {
      const std::string& name = module[update][p.value].name;
      if (p.role == ir::Role::State && !values.count(name)) values[name] = vector3({0, 0, 0});
      args.push_back(values.at(name));
    }
    auto results = ir::evaluate(module, update, args).results;
    for (size_t r = 0; r < results.size(); ++r)
      values[module[update].results[r].name.substr(4)] = results[r];
    for (size_t i = 0; i < 3; ++i)
      EXPECT_NEAR(values["w"].floats[i], GetParam().values[3 * k + i], 1e-12) << "step " << k + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(All, OptimizerTest, testing::ValuesIn(optimizer_cases()),
                         [](const auto& c) { return "o" + std::to_string(c.index); });

TEST(Update, keeps_only_states_that_reach_the_result) {
  Program1 program = elaborated(
      "model m {\n  input x: [batch, 3]\n  param w: [3] = zeros()\n  loss mean(x * w)\n}\n"
      "train { optimizer = rmsprop(momentum = 0.9) }\n");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  EXPECT_EQ(
      program.text("m.update"),
      R"(fn m.update(input d_w: f32[3], param w: f32[3], state w.v: f32[3] = 0.0, state w.m: f32[3] = 0.0,
            input lr: f64) -> (new_w: f32[3], new_w.v: f32[3], new_w.m: f32[3]) {
  _0: f32[3] = 0.99 * w.v
  _1: f32[3] = 0.010000000000000009 * d_w
  _2: f32[3] = _1 * d_w
  new_w.v: f32[3] = _0 + _2
  _3: f32[3] = 0.9 * w.m
  _4: f32[3] = sqrt(new_w.v)
  _5: f32[3] = _4 + 1e-08
  _6: f32[3] = d_w / _5
  new_w.m: f32[3] = _3 + _6
  _7: f32 = f32(lr)
  _8: f32[3] = broadcast(_7, [3])
  _9: f32[3] = _8 * new_w.m
  new_w: f32[3] = w - _9
  return new_w, new_w.v, new_w.m
}
)");
}

TEST(Update, counts_steps_by_whole_numbers) {
  Program1 program = elaborated(
      "dtype f64\noptimizer mine()(p, g, lr, step) {\n"
      "  return p + 10 * float((step + 1) % 3 == 0) + float((step // 2) * step) + step / 4\n}\n"
      "model m {\n  input x: [batch, 3]\n  param w: [3] = zeros()\n  loss mean(x * w)\n}\n"
      "train { optimizer = mine() }\n");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  const ir::Module& module = program.result.module;
  const ir::FunctionId update = module.find("m.update");
  const std::vector<double> expected = {0.25, 12.5, 3.75, 9, 21.25};
  for (int64_t k = 1; k <= 5; ++k) {
    std::vector<ir::Array> args;
    for (const ir::Parameter& p : module[update].params) {
      const ir::Type& type = module[update][p.value].type;
      args.push_back(type.shape.empty() ? ir::Array::zeros(type.dtype, {}) : vector3({0, 0, 0}));
      if (type.dtype == ir::DType::i64) args.back().ints = {k};
    }
    EXPECT_EQ(ir::evaluate(module, update, args).results[0].floats[0], expected[size_t(k - 1)])
        << program.text("m.update");
  }
}

TEST(Update, leaves_frozen_parameters_out) {
  Program1 program = elaborated(
      "model m {\n  input x: [batch, 3]\n  a = Linear(3, 3)\n  b = Linear(3, 3)\n  loss "
      "mean(b(a(x)))\n}\n"
      "train { optimizer = sgd(); freeze = [\"a.*\"] }\n");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  const ir::Module& module = program.result.module;
  std::vector<std::string> results;
  for (const ir::Result& r : module[module.find("m.update")].results) results.push_back(r.name);
  EXPECT_EQ(results, (std::vector<std::string>{"new_b.weight", "new_b.bias"}));
}

}  // namespace
}  // namespace netc::frontend
