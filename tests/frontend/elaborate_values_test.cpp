// What expressions mean: values of elaborated expressions in the reference interpreter, against
// numbers that PyTorch 2.13 and NumPy give in f64 for the same inputs.
#include <gmock/gmock.h>

#include <cmath>

#include "tests/frontend/elaborated.h"
#include "tests/frontend/value_cases.h"

namespace netc::frontend {
namespace {

class ValuesTest : public testing::TestWithParam<ValueCase> {};

TEST_P(ValuesTest, are_those_of_pytorch) {
  const ValueCase& c = GetParam();
  Program1 program =
      elaborated("dtype f64\nmodel m {\n" + value_case_floats("input", "") + value_case_integers() +
                 "  output r = " + std::string(c.expression) + "\n}\n");
  ASSERT_FALSE(program.diagnostics.has_errors()) << program.findings();
  const ir::Module& module = program.result.module;
  ASSERT_EQ(ir::verify(module), std::nullopt);
  ir::FunctionId f = module.find("m.predict");
  ASSERT_TRUE(f);
  std::vector<ir::Array> args;
  for (const ir::Parameter& p : module[f].params)
    args.push_back(value_case_inputs().at(module[f][p.value].name));
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
