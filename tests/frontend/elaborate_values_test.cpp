// What expressions mean: values of elaborated expressions in the reference interpreter, against
// numbers that PyTorch 2.13 gives in f64 for the same inputs.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/frontend/elaborated.h"

namespace netc::frontend {
namespace {

struct ValueCase {
  const char* expression;
  std::vector<int64_t> shape;
  std::vector<double> values;
};

void PrintTo(const ValueCase& c, std::ostream* os) { *os << c.expression; }

const std::vector<ValueCase>& value_cases() {
  static const std::vector<ValueCase> cases = {
#include "tests/frontend/elaborate_values.inc"
  };
  return cases;
}

ir::Array floats(std::vector<int64_t> shape, std::vector<double> values) {
  ir::Array a = ir::Array::zeros(ir::DType::f64, std::move(shape));
  a.floats = std::move(values);
  return a;
}

ir::Array integers(ir::DType dtype, std::vector<int64_t> shape, std::vector<int64_t> values) {
  ir::Array a = ir::Array::zeros(dtype, std::move(shape));
  a.ints = std::move(values);
  return a;
}

const std::map<std::string, ir::Array>& inputs() {
  static const std::map<std::string, ir::Array> arrays = [] {
    std::vector<double> tenths;
    for (int k = 0; k < 24; ++k) tenths.push_back(k / 10.0);
    return std::map<std::string, ir::Array>{
        {"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})},
        {"y", floats({2, 3}, {0.5, -1, 2, -0.25, 3, -4})},
        {"v", floats({3}, {1, -2, 0.5})},
        {"w", floats({3, 2}, {1, 2, 0, -1, 3, 0.5})},
        {"c", floats({2, 3, 4}, tenths)},
        {"i", integers(ir::DType::i64, {2}, {2, 0})},
        {"j", integers(ir::DType::i64, {2}, {-1, 1})},
        {"k", integers(ir::DType::i64, {2, 3}, {7, -7, 5, 0, 3, -2})},
        {"u", integers(ir::DType::u8, {3}, {0, 200, 255})},
        {"b", integers(ir::DType::boolean, {2, 3}, {1, 0, 1, 0, 0, 1})}};
  }();
  return arrays;
}

class ValuesTest : public testing::TestWithParam<ValueCase> {};

TEST_P(ValuesTest, are_those_of_pytorch) {
  const ValueCase& c = GetParam();
  Program1 program = elaborated(
      "dtype f64\nmodel m {\n  input x: [2, 3]\n  input y: [2, 3]\n  input v: [3]\n  input w: [3, "
      "2]\n"
      "  input c: [2, 3, 4]\n  input i: i64[2]\n  input j: i64[2]\n  input k: i64[2, 3]\n"
      "  input u: u8[3]\n  input b: bool[2, 3]\n  output r = " +
      std::string(c.expression) + "\n}\n");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  const ir::Module& module = program.result.module;
  ASSERT_EQ(ir::verify(module), std::nullopt);
  ir::FunctionId f = module.find("m.predict");
  ASSERT_TRUE(f);
  std::vector<ir::Array> args;
  for (const ir::Parameter& p : module[f].params)
    args.push_back(inputs().at(module[f][p.value].name));
  ir::Array r = ir::evaluate(module, f, args).results.at(0);
  EXPECT_EQ(r.shape, c.shape) << program.text("m.predict");
  ASSERT_EQ(size_t(r.size()), c.values.size()) << program.text("m.predict");
  for (size_t n = 0; n < c.values.size(); ++n) {
    if (std::isinf(c.values[n]))
      EXPECT_EQ(r.number(int64_t(n)), c.values[n]);
    else
      EXPECT_NEAR(r.number(int64_t(n)), c.values[n], 1e-12 * std::max(1.0, std::abs(c.values[n])))
          << n << "\n"
          << program.text("m.predict");
  }
  // The dump means the same and prints the same.
  Program1 again = elaborated(program.text());
  EXPECT_FALSE(again.diagnostics.has_errors()) << again.findings();
  EXPECT_EQ(again.text(), program.text());
}

INSTANTIATE_TEST_SUITE_P(Expressions, ValuesTest, testing::ValuesIn(value_cases()),
                         [](const auto& c) { return "e" + std::to_string(c.index); });

}  // namespace
}  // namespace netc::frontend
