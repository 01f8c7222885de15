// Scans over tensors in vectors. Lanes: any; tails are masked by scalar loops; no aliasing
// concerns.
#include "runtime/simd/numbers.h"

#include <cmath>

#include "runtime/simd/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/simd/numbers.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace netc::runtime::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
int64_t CountNonFinite(const T* values, size_t count) {
  const hn::ScalableTag<T> tag;
  const size_t lanes = hn::Lanes(tag);
  int64_t found = 0;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto finite = hn::IsFinite(hn::LoadU(tag, values + i));
    found += static_cast<int64_t>(lanes - hn::CountTrue(tag, finite));
  }
  for (; i < count; ++i) found += std::isfinite(values[i]) ? 0 : 1;
  return found;
}

int64_t CountNonFiniteF32(const float* values, size_t count) {
  return CountNonFinite(values, count);
}
int64_t CountNonFiniteF64(const double* values, size_t count) {
  return CountNonFinite(values, count);
}

/// Partial sum k takes elements k, k + 8, k + 16, …, on every vector size.
double DotProduct(const double* a, const double* b, size_t count) {
  const hn::CappedTag<double, 8> tag;
  const size_t lanes = hn::Lanes(tag);
  HWY_ALIGN double sums[8] = {};
  size_t i = 0;
  for (size_t lane = 0; lane < 8; lane += lanes) {
    auto sum = hn::Zero(tag);
    for (i = 0; i + 8 <= count; i += 8) {
      sum = hn::Add(sum, hn::Mul(hn::LoadU(tag, a + i + lane), hn::LoadU(tag, b + i + lane)));
    }
    hn::Store(sum, tag, sums + lane);
  }
  for (size_t lane = 0; i < count; ++i, ++lane) sums[lane] += a[i] * b[i];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

void SubtractMultiple(double* target, double factor, const double* source, size_t count) {
  const hn::ScalableTag<double> tag;
  const size_t lanes = hn::Lanes(tag);
  const auto scale = hn::Set(tag, factor);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto product = hn::Mul(scale, hn::LoadU(tag, source + i));
    hn::StoreU(hn::Sub(hn::LoadU(tag, target + i), product), tag, target + i);
  }
  for (; i < count; ++i) target[i] -= factor * source[i];
}

}  // namespace netc::runtime::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netc::runtime {

int64_t count_nonfinite(std::span<const float> values) {
  return NETC_TARGET_FUNCTION(CountNonFiniteF32)(values.data(), values.size());
}

int64_t count_nonfinite(std::span<const double> values) {
  return NETC_TARGET_FUNCTION(CountNonFiniteF64)(values.data(), values.size());
}

double dot_product(std::span<const double> a, std::span<const double> b) {
  return NETC_TARGET_FUNCTION(DotProduct)(a.data(), b.data(), a.size());
}

void subtract_multiple(std::span<double> target, double factor, std::span<const double> source) {
  NETC_TARGET_FUNCTION(SubtractMultiple)(target.data(), factor, source.data(), target.size());
}

}  // namespace netc::runtime
#endif  // HWY_ONCE
