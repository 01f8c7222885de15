// Derived from scalar.def, without a line for any op: partials against differences, the vjp that
// the same column emits against differences, values in f32 against values in f64.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gradient_check.h"

namespace netc::ir::test {
namespace {

bool has_derivative(const ScalarInfo& row) {
  using Class = ScalarInfo::Class;
  return row.cls == Class::Float || row.cls == Class::Number || row.cls == Class::Select;
}

/// The rows that `wanted` holds for.
std::vector<Op> rows(bool (*wanted)(const OpDef&)) {
  std::vector<Op> list;
  for (int i = 0; i < kOpCount; ++i)
    if (def(Op(i)).scalar && wanted(def(Op(i)))) list.push_back(Op(i));
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

class SmoothRow : public testing::TestWithParam<Op> {};
class SmoothBinaryRow : public testing::TestWithParam<Op> {};
class NumberRow : public testing::TestWithParam<Op> {};
class IntegerRow : public testing::TestWithParam<Op> {};

TEST_P(SmoothRow, PartialsAgreeWithDifferences) {
  const OpDef& d = def(GetParam());
  EXPECT_LT(worst_partial(*d.scalar, d.scalar->partial, 7), 1e-7) << d.scalar->partials_text;
}

TEST_P(SmoothRow, VjpAgreesWithDifferences) {
  Op op = GetParam();
  const OpDef& d = def(op);
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

TEST_P(SmoothBinaryRow, VjpOfEqualOperands) {
  Op op = GetParam();
  const OpDef& d = def(op);
  // maximum(x, x) has a kink in each operand alone but not in both, so it is sampled as well.
  Sample sample{op_name(op), {{DType::f64, {5}}}, {}, d.scalar->lo, d.scalar->hi, {}};
  sample.build = [op](Builder& b, const std::vector<ValueId>& x) {
    return b.add(op, {x[0], x[0]});
  };
  GradientError error = check_gradient(sample);
  EXPECT_LT(error.worst, 1e-6) << error.where;
}

TEST_P(NumberRow, RoundsOnceInF32) {
  Op op = GetParam();
  const ScalarInfo& row = *def(op).scalar;
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

TEST_P(IntegerRow, IntegersWrapWithoutTraps) {
  const ScalarInfo& row = *def(GetParam()).scalar;
  const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -2, -1, 0, 1, 2, INT64_MAX};
  for (int64_t a : edges)
    for (int64_t b : edges)
      for (int64_t c : {int64_t(0), int64_t(7)}) row.eval_int(a, b, c);
}

INSTANTIATE_TEST_SUITE_P(Table, SmoothRow, testing::ValuesIn(rows([](const OpDef& d) {
                           return d.vjp && has_derivative(*d.scalar);
                         })),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Table, SmoothBinaryRow, testing::ValuesIn(rows([](const OpDef& d) {
                           return d.vjp && has_derivative(*d.scalar) && d.scalar->arity == 2;
                         })),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Table, NumberRow, testing::ValuesIn(rows([](const OpDef& d) {
                           return has_derivative(*d.scalar) &&
                                  d.scalar->cls != ScalarInfo::Class::Select;
                         })),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Table, IntegerRow, testing::ValuesIn(rows([](const OpDef& d) {
                           return d.scalar->eval_int != nullptr;
                         })),
                         test_name);

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
