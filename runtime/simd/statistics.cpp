// Two passes: sum and range first, then what needs the mean and the width of a bin. Lanes: up to 8
// doubles, so that partial sum k holds values k, k + 8, k + 16, … on every vector size; tails are
// scalar.
#include "runtime/simd/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "runtime/simd/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/simd/statistics.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace netc::runtime::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<double, 8>;
using Vec = hn::Vec<Tag>;

Vec Load(const double* values) { return hn::LoadU(Tag(), values); }
Vec Load(const float* values) {
  return hn::PromoteTo(Tag(), hn::LoadU(hn::Rebind<float, Tag>(), values));
}

double Total(const double* sums) {
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

template <typename T>
void Range(const T* values, size_t count, Statistics& out) {
  const Tag tag;
  const size_t lanes = hn::Lanes(tag);
  const double infinity = std::numeric_limits<double>::infinity();
  HWY_ALIGN double sums[8] = {}, lows[8], highs[8];
  std::fill_n(lows, 8, infinity);
  std::fill_n(highs, 8, -infinity);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (size_t lane = 0; lane < 8; lane += lanes) {
      const auto x = Load(values + i + lane);
      hn::Store(hn::Add(hn::Load(tag, sums + lane), x), tag, sums + lane);
      hn::Store(hn::Min(hn::Load(tag, lows + lane), x), tag, lows + lane);
      hn::Store(hn::Max(hn::Load(tag, highs + lane), x), tag, highs + lane);
    }
  }
  for (size_t lane = 0; i < count; ++i, ++lane) {
    const auto x = static_cast<double>(values[i]);
    sums[lane] += x;
    lows[lane] = std::min(lows[lane], x);
    highs[lane] = std::max(highs[lane], x);
  }
  out.mean = Total(sums) / static_cast<double>(count);
  out.low = *std::min_element(lows, lows + 8);
  out.high = *std::max_element(highs, highs + 8);
}

template <typename T>
void Distribution(const T* values, size_t count, Statistics& out) {
  const Tag tag;
  const hn::RebindToSigned<Tag> integers;
  const size_t lanes = hn::Lanes(tag);
  const double width = (out.high - out.low) / kHistogramBins;
  const double scale = width > 0 ? 1 / width : 0;
  HWY_ALIGN double squares[8] = {}, deviations[8] = {};
  HWY_ALIGN int64_t bins[8];
  auto count_bin = [&](int64_t bin) {
    ++out.histogram[static_cast<size_t>(std::min<int64_t>(bin, kHistogramBins - 1))];
  };
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (size_t lane = 0; lane < 8; lane += lanes) {
      const auto x = Load(values + i + lane);
      const auto apart = hn::Sub(x, hn::Set(tag, out.mean));
      hn::Store(hn::Add(hn::Load(tag, squares + lane), hn::Mul(x, x)), tag, squares + lane);
      hn::Store(hn::Add(hn::Load(tag, deviations + lane), hn::Mul(apart, apart)), tag,
                deviations + lane);
      const auto place = hn::Mul(hn::Sub(x, hn::Set(tag, out.low)), hn::Set(tag, scale));
      hn::Store(hn::ConvertTo(integers, place), integers, bins + lane);
    }
    for (const int64_t bin : bins) count_bin(bin);
  }
  for (size_t lane = 0; i < count; ++i, ++lane) {
    const auto x = static_cast<double>(values[i]);
    squares[lane] += x * x;
    deviations[lane] += (x - out.mean) * (x - out.mean);
    count_bin(static_cast<int64_t>((x - out.low) * scale));
  }
  out.norm = std::sqrt(Total(squares));
  out.deviation = std::sqrt(Total(deviations) / static_cast<double>(count));
}

template <typename T>
Statistics Describe(const T* values, size_t count) {
  Statistics out;
  out.count = static_cast<int64_t>(count);
  if (count == 0) return out;
  Range(values, count, out);
  if (std::isfinite(out.mean) && std::isfinite(out.high - out.low)) {
    Distribution(values, count, out);
  } else {
    out.norm = out.deviation = std::numeric_limits<double>::quiet_NaN();
  }
  return out;
}

Statistics DescribeF32(const float* values, size_t count) { return Describe(values, count); }
Statistics DescribeF64(const double* values, size_t count) { return Describe(values, count); }

}  // namespace netc::runtime::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netc::runtime {

Statistics statistics(std::span<const float> values) {
  return NETC_TARGET_FUNCTION(DescribeF32)(values.data(), values.size());
}

Statistics statistics(std::span<const double> values) {
  return NETC_TARGET_FUNCTION(DescribeF64)(values.data(), values.size());
}

}  // namespace netc::runtime
#endif  // HWY_ONCE
