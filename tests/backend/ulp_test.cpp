// Errors of the emitted functions in units of the last place, over f32 bit patterns of every size.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

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

TEST(Ulp, F32OverAllBitPatternsStrided) {
  constexpr int64_t kCount = 1 << 16;
  constexpr uint32_t kStride = 65521;  // a prime: all exponents and no pattern of low bits
  ir::Module module = module_of([&](Builder& b) {
    auto x = b.parameter("x", {DType::f32, {kCount}});
    for (const Function& f : functions()) b.result(ir::op_name(f.op), b.unary(f.op, x));
  });
  plan_by_hand(module, Grouping::Whole, 1);
  std::vector<ir::Array> inputs = {ir::Array::zeros(DType::f32, {kCount})};
  for (int64_t i = 0; i < kCount; ++i)
    inputs[0].floats[size_t(i)] = double(std::bit_cast<float>(uint32_t(i) * kStride));
  for (CpuLevel level : levels()) {
    auto actual = run_compiled(module, inputs, {.cpu = level, .capacity = 1, .n = 1});
    for (size_t f = 0; f < functions().size(); ++f) {
      double worst = 0, at = 0;
      for (int64_t i = 0; i < kCount; ++i) {
        double x = inputs[0].floats[size_t(i)];
        double error = ulp_error(float(actual[f].floats[size_t(i)]), functions()[f].exact(x));
        if (error > worst) worst = error, at = x;
      }
      EXPECT_LE(worst, 1.0) << ir::op_name(functions()[f].op) << " at " << name(level)
                            << ", x = " << at;
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
    inputs[0].floats[size_t(i)] = x;
  }
  for (CpuLevel level : levels()) {
    auto actual = run_compiled(module, inputs, {.cpu = level, .capacity = 1, .n = 1});
    for (size_t f = 0; f < functions().size(); ++f) {
      double worst = 0, at = 0;
      for (int64_t i = 0; i < kCount; ++i) {
        double x = inputs[0].floats[size_t(i)];
        long double exact = functions()[f].exact_long(x);
        double found = actual[f].floats[size_t(i)];
        if (found == double(exact) || (std::isnan(found) && std::isnan(exact))) continue;
        int exponent = 0;
        std::frexp(double(exact), &exponent);
        double step = std::ldexp(1.0, std::max(exponent - 53, -1074));
        double error =
            std::isfinite(found) && std::isfinite(exact) ? std::fabs(found - exact) / step : 1e9;
        if (error > worst) worst = error, at = x;
      }
      EXPECT_LE(worst, 2.0) << ir::op_name(functions()[f].op) << " at " << name(level)
                            << ", x = " << at;
    }
  }
}

}  // namespace
}  // namespace netc::backend::test
