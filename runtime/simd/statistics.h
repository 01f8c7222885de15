// How the values of a tensor are distributed.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace netc::runtime {

constexpr int kHistogramBins = 32;

/// Moments and a histogram of kHistogramBins equally wide bins from `low` to `high`. `deviation`
/// is that of the values themselves (divided by their number). A tensor without values, or with
/// one that is not finite, has no histogram: all bins are 0.
struct Statistics {
  int64_t count = 0;
  double mean = 0, deviation = 0, norm = 0, low = 0, high = 0;
  std::array<int64_t, kHistogramBins> histogram{};
};

/// Sums are f64, in 8 interleaved parts added as ((0+4)+(2+6))+((1+5)+(3+7)): the bits are the same
/// on every CPU.
Statistics statistics(std::span<const float> values);
Statistics statistics(std::span<const double> values);

}  // namespace netc::runtime
