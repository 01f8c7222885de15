// Errors of the emitted functions in units of the last place, over f32 bit patterns of every size.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <limits>

#include "ir/reference.h"
#include "support.h"

namespace netc::backend::test {
namespace {

using ir::Builder;
using ir::DType;
using ir::Op;

struct Function {
  Op op;
  double (*exact)(double);
  long double (*exact_long)(long double);
};

double rsqrt(double x) { return 1 / std::sqrt(x); }
long double rsqrt_long(long double x) { return 1 / std::sqrt(x); }

const std::vector<Function>& functions() {
  static const std::vector<Function> all = {
      {Op::exp, std::exp, std::exp},    {Op::expm1, std::expm1, std::expm1},
      {Op::log, std::log, std::log},    {Op::log1p, std::log1p, std::log1p},
      {Op::tanh, std::tanh, std::tanh}, {Op::rsqrt, rsqrt, rsqrt_long},
      {Op::sin, std::sin, std::sin},    {Op::cos, std::cos, std::cos},
      {Op::erf, std::erf, std::erf}};
  return all;
}

/// Distance of `actual` from `exact` in steps of f32 at that size.
double ulp_error(float actual, double exact) {
  if (std::isnan(exact)) return std::isnan(actual) ? 0 : 1e9;
  float rounded = float(exact);
  if (rounded == actual) return std::signbit(rounded) == std::signbit(actual) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(actual) || std::isnan(actual)) return 1e9;
  int exponent = 0;
  std::frexp(exact, &exponent);
  double step = std::ldexp(1.0, std::max(exponent - 24, -149));
  return std::fabs(double(actual) - exact) / step;
}

/// The same in steps of f64.
double ulp_error(double actual, long double exact) {
  double rounded = double(exact);
  if (std::isnan(exact)) return std::isnan(actual) ? 0 : 1e9;
  if (rounded == actual) return std::signbit(rounded) == std::signbit(actual) ? 0 : 1e9;
  if (std::isinf(rounded) || std::isinf(actual) || std::isnan(actual)) return 1e9;
  int exponent = 0;
  std::frexp(exact, &exponent);
  return double(std::fabs(actual - exact) / std::ldexp(1.0L, std::max(exponent - 53, -1074)));
}

/// The largest error of each function over the f32 of every `stride`th bit pattern, and where.
std::vector<std::pair<double, double>> worst_of_f32(CpuLevel level, uint32_t stride) {
  constexpr int64_t kBlock = 1 << 16;
  ir::Module module = module_of([&](Builder& b) {
    auto x = b.parameter("x", {DType::f32, {kBlock}});
    for (const Function& f : functions()) b.result(ir::op_name(f.op), b.unary(f.op, x));
  });
  plan_by_hand(module, Grouping::Whole, 1);
  CompileOptions options;
  options.cpu = level;
  const runtime::Plan plan = compile(module, ir::FunctionId(0), options);
  std::vector<ir::Array> inputs = {ir::Array::zeros(DType::f32, {kBlock})};
  std::vector<std::pair<double, double>> worst(functions().size());
  for (uint64_t first = 0; first < (1ull << 32); first += uint64_t(kBlock) * stride) {
    for (int64_t i = 0; i < kBlock; ++i)
      inputs[0].floats[size_t(i)] =
          double(std::bit_cast<float>(uint32_t(first + uint64_t(i) * stride)));
    const auto actual = run_plan(module, plan, inputs, {.cpu = level, .capacity = 1, .n = 1});
    for (size_t f = 0; f < functions().size(); ++f)
      for (int64_t i = 0; i < kBlock; ++i) {
        const double x = inputs[0].floats[size_t(i)];
        const double error = ulp_error(float(actual[f].floats[size_t(i)]), functions()[f].exact(x));
        if (error > worst[f].first) worst[f] = {error, x};
      }
  }
  return worst;
}

/// All 2^32 bit patterns (a quarter of an hour a level) with
///   NETC_ULP_STRIDE=1 backend_tests --gtest_filter=Ulp.F32OverAllBitPatternsStrided
TEST(Ulp, F32OverAllBitPatternsStrided) {
  const char* given = std::getenv("NETC_ULP_STRIDE");
  // By default a prime: all exponents and no pattern of low bits.
  const uint32_t stride = given ? uint32_t(std::strtoul(given, nullptr, 10)) : 65521;
  ASSERT_GT(stride, 0u);
  for (CpuLevel level : levels()) {
    const auto worst = worst_of_f32(level, stride);
    for (size_t f = 0; f < functions().size(); ++f) {
      const auto [error, at] = worst[f];
      EXPECT_LE(error, 1.0) << ir::op_name(functions()[f].op) << " at " << name(level)
                            << ", x = " << at;
      if (given)
        std::cout << name(level) << " " << ir::op_name(functions()[f].op) << ": " << error
                  << " ULP at " << at << std::endl;
    }
  }
}

TEST(Ulp, F64Sampled) {
  constexpr int64_t kCount = 40000;
  ir::Module module = module_of([&](Builder& b) {
    auto x = b.parameter("x", {DType::f64, {kCount}});
    for (const Function& f : functions()) b.result(ir::op_name(f.op), b.unary(f.op, x));
  });
  plan_by_hand(module, Grouping::Whole, 1);
  std::vector<ir::Array> inputs = {ir::Array::zeros(DType::f64, {kCount})};
  for (int64_t i = 0; i < kCount; ++i) {
    double t = double(i) / kCount * 2 - 1;
    double x = i % 3 == 0 ? t * 745 : i % 3 == 1 ? t * 2 : std::ldexp(t, int(i % 60) - 40);
    if (i % 8 == 0) x = std::ldexp(t, int(i % 2000) - 980);
    inputs[0].floats[size_t(i)] = x;
  }
  for (CpuLevel level : levels()) {
    auto actual = run_compiled(module, inputs, {.cpu = level, .capacity = 1, .n = 1});
    for (size_t f = 0; f < functions().size(); ++f) {
      double worst = 0, at = 0;
      for (int64_t i = 0; i < kCount; ++i) {
        double x = inputs[0].floats[size_t(i)];
        long double exact = functions()[f].exact_long(x);
        double error = ulp_error(actual[f].floats[size_t(i)], exact);
        if (error > worst) worst = error, at = x;
      }
      EXPECT_LE(worst, 2.0) << ir::op_name(functions()[f].op) << " at " << name(level)
                            << ", x = " << at;
    }
  }
}

/// pow at pairs of both signs and all sizes, and at every pair of the numbers that C treats apart.
void check_pow(DType type, double most) {
  std::vector<double> xs, ys;
  for (int64_t i = 0; i < 30000; ++i) {
    double t = double(i * 7919 % 30011) / 30011, x = std::exp2(i % 2 ? t * 4 - 2 : t * 240 - 120);
    double range = (type == DType::f32 ? 88 : 708) / std::max(std::fabs(std::log(x)), 1e-3);
    double y = range * (2 * double(i * 104729 % 30011) / 30011 - 1);
    bool negative = i % 5 == 0;
    xs.push_back(negative ? -x : x), ys.push_back(negative ? std::round(y) : y);
  }
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<double> apart = {
      0,   -0.0, 1,    -1,    2,   -3,    0.5, -0.5,     1e30,
      3.5, inf,  -inf, -1e30, 1e9, 1e-30, 7,   16777217, std::numeric_limits<double>::quiet_NaN()};
  for (double x : apart)
    for (double y : apart) xs.push_back(x), ys.push_back(y);
  auto count = int64_t(xs.size());
  ir::Module module = module_of([&](Builder& b) {
    auto x = b.parameter("x", {type, {count}}), y = b.parameter("y", {type, {count}});
    b.result("z", b.binary(Op::pow, x, y));
  });
  plan_by_hand(module, Grouping::Whole, 1);
  std::vector<ir::Array> inputs(2, ir::Array::zeros(type, {count}));
  for (size_t i = 0; i < xs.size(); ++i)
    inputs[0].set(int64_t(i), xs[i]), inputs[1].set(int64_t(i), ys[i]);
  for (CpuLevel level : levels()) {
    auto actual = run_compiled(module, inputs, {.cpu = level, .capacity = 1, .n = 1});
    for (int64_t i = 0; i < count; ++i) {
      double x = inputs[0].number(i), y = inputs[1].number(i), z = actual[0].number(i);
      long double exact = std::pow(static_cast<long double>(x), static_cast<long double>(y));
      double error = type == DType::f32 ? ulp_error(float(z), double(exact)) : ulp_error(z, exact);
      EXPECT_LE(error, most) << x << " ** " << y << " is " << z << " at " << name(level);
    }
  }
}

TEST(Ulp, PowF32) { check_pow(DType::f32, 1); }
TEST(Ulp, PowF64) { check_pow(DType::f64, 2); }

}  // namespace
}  // namespace netc::backend::test
