// Derived from scalar.def, without a line for any op: partials against differences, the vjp that
// the same column emits against differences, values in f32 against values in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gradient_check.h"

namespace netc::ir::test {
namespace {

std::vector<Op> scalar_ops() {
  std::vector<Op> list;
  for (int i = 0; i < kOpCount; ++i)
    if (def(Op(i)).scalar) list.push_back(Op(i));
  return list;
}

std::string test_name(const testing::TestParamInfo<Op>& info) { return op_name(info.param); }

using Partial = double (*)(int, double, double, double, double, double);

/// Largest relative error of `partial` against differences over the row's domain.
double worst_partial(const ScalarInfo& row, Partial partial, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(row.lo, row.hi);
  double worst = 0;
  for (int trial = 0; trial < 200; ++trial) {
    double x[3] = {uniform(random), uniform(random), uniform(random)};
    if (row.cls == ScalarInfo::Class::Select) x[0] = double(random() % 2);
    double y = row.eval(x[0], x[1], x[2]);
    for (int i = row.cls == ScalarInfo::Class::Select; i < row.arity; ++i) {
      const double h = 1e-6, at = x[i];
      x[i] = at + h;
      double above = row.eval(x[0], x[1], x[2]);
      x[i] = at - h;
      double below = row.eval(x[0], x[1], x[2]);
      x[i] = at;
      double numeric = 1.5 * (above - below) / (2 * h);
      double analytic = partial(i, x[0], x[1], x[2], y, 1.5);
      worst = std::max(worst, std::abs(numeric - analytic) / std::max(1.0, std::abs(numeric)));
    }
  }
  return worst;
}

bool is_smooth(const ScalarInfo& row) {
  return row.cls == ScalarInfo::Class::Float || row.cls == ScalarInfo::Class::Number ||
         row.cls == ScalarInfo::Class::Select;
}

class ScalarTable : public testing::TestWithParam<Op> {};

TEST_P(ScalarTable, PartialsAgreeWithDifferences) {
  const OpDef& d = def(GetParam());
  if (!is_smooth(*d.scalar) || !d.vjp) GTEST_SKIP() << "no gradient";
  EXPECT_LT(worst_partial(*d.scalar, d.scalar->partial, 7), 1e-7) << d.scalar->partials_text;
}

TEST_P(ScalarTable, VjpAgreesWithDifferences) {
  Op op = GetParam();
  const OpDef& d = def(op);
  if (!is_smooth(*d.scalar) || !d.vjp) GTEST_SKIP() << "no gradient";
  Sample sample;
  sample.name = op_name(op);
  sample.lo = d.scalar->lo;
  sample.hi = d.scalar->hi;
  for (int i = 0; i < d.scalar->arity; ++i) {
    bool condition = d.scalar->cls == ScalarInfo::Class::Select && i == 0;
    sample.inputs.push_back({condition ? DType::boolean : DType::f64, {Dim::symbol("n"), 4}});
  }
  sample.build = [op](Builder& b, const std::vector<ValueId>& x) { return b.add(op, x); };
  GradientError error = check_gradient(sample);
  EXPECT_LT(error.worst, 1e-6) << error.where;
}

TEST_P(ScalarTable, VjpOfEqualOperands) {
  Op op = GetParam();
  const OpDef& d = def(op);
  if (!is_smooth(*d.scalar) || !d.vjp || d.scalar->arity != 2) GTEST_SKIP() << "not binary";
  // maximum(x, x) has a kink in each operand alone but not in both, so it is sampled as well.
  Sample sample{op_name(op), {{DType::f64, {5}}}, {}, d.scalar->lo, d.scalar->hi, {}};
  sample.build = [op](Builder& b, const std::vector<ValueId>& x) {
    return b.add(op, {x[0], x[0]});
  };
  GradientError error = check_gradient(sample);
  EXPECT_LT(error.worst, 1e-6) << error.where;
}

TEST_P(ScalarTable, RoundsOnceInF32) {
  Op op = GetParam();
  const ScalarInfo& row = *def(op).scalar;
  if (row.cls != ScalarInfo::Class::Float && row.cls != ScalarInfo::Class::Number) GTEST_SKIP();
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  std::vector<ValueId> operands;
  std::vector<Array> args;
  std::mt19937_64 random(3);
  for (int i = 0; i < row.arity; ++i) {
    Type type{DType::f32, {17}};
    operands.push_back(b.parameter("x", type));
    args.push_back(random_array(type, {}, row.lo, row.hi, random));
  }
  b.result("y", b.add(op, operands));
  Array y = evaluate(m, FunctionId(0), args).results[0];
  for (int64_t i = 0; i < 17; ++i) {
    double second = row.arity > 1 ? args[1].number(i) : 0;
    EXPECT_EQ(y.number(i), double(float(row.eval(args[0].number(i), second, 0))));
  }
}

TEST_P(ScalarTable, IntegersWrapWithoutTraps) {
  const ScalarInfo& row = *def(GetParam()).scalar;
  if (!row.eval_int) GTEST_SKIP() << "floats only";
  const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -2, -1, 0, 1, 2, INT64_MAX};
  for (int64_t a : edges)
    for (int64_t b : edges)
      for (int64_t c : {int64_t(0), int64_t(7)}) row.eval_int(a, b, c);
}

INSTANTIATE_TEST_SUITE_P(Rows, ScalarTable, testing::ValuesIn(scalar_ops()), test_name);

TEST(ScalarTableTest, PlantedWrongDerivativeIsCaught) {
  const ScalarInfo& tanh = *def(Op::tanh).scalar;
  Partial wrong = [](int, double, double, double, double y, double g) { return g * (1 - y); };
  EXPECT_LT(worst_partial(tanh, tanh.partial, 7), 1e-7);
  EXPECT_GT(worst_partial(tanh, wrong, 7), 1e-3);
}

TEST(ScalarTableTest, FloorDivisionIsPythons) {
  auto div = def(Op::floordiv).scalar->eval_int;
  auto mod = def(Op::mod).scalar->eval_int;
  EXPECT_EQ(div(-7, 2, 0), -4);
  EXPECT_EQ(mod(-7, 2, 0), 1);
  EXPECT_EQ(div(7, -2, 0), -4);
  EXPECT_EQ(mod(7, -2, 0), -1);
  EXPECT_EQ(div(7, 0, 0), 0);
  EXPECT_EQ(mod(7, 0, 0), 0);
  EXPECT_EQ(div(INT64_MIN, -1, 0), INT64_MIN);
  for (int64_t a = -9; a <= 9; ++a)
    for (int64_t b = -9; b <= 9; ++b)
      if (b != 0) {
        EXPECT_EQ(div(a, b, 0) * b + mod(a, b, 0), a);
        EXPECT_EQ(div(a, b, 0), int64_t(std::floor(double(a) / double(b))));
      }
}

}  // namespace
}  // namespace netc::ir::test
