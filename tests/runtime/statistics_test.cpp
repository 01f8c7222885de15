// Moments and histograms against plain loops, the same bits for each vector size.
#include "runtime/simd/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "runtime/philox.h"
#include "runtime/simd/dispatch.h"
#include "runtime/simd/random.h"

namespace netc::runtime {
namespace {

template <typename T>
void expect_described(const std::vector<T>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0, deviations = 0;
  for (const double v : values) {
    squares += v * v;
    deviations += (v - mean) * (v - mean);
  }
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  std::array<int64_t, kHistogramBins> bins{};
  const double scale = 1 / ((double(*high) - double(*low)) / kHistogramBins);
  for (const double v : values) {
    const auto bin = static_cast<size_t>((v - double(*low)) * scale);
    ++bins[std::min<size_t>(bin, kHistogramBins - 1)];
  }
  std::optional<Statistics> first;
  for (const VectorTarget target :
       {VectorTarget::Baseline, VectorTarget::Avx2, VectorTarget::Avx512}) {
    limit_vector_target(target);
    const Statistics found = statistics(std::span<const T>(values));
    EXPECT_EQ(found.count, int64_t(values.size()));
    EXPECT_NEAR(found.mean, mean, 1e-14);
    EXPECT_NEAR(found.norm, std::sqrt(squares), 1e-12);
    EXPECT_NEAR(found.deviation, std::sqrt(deviations / n), 1e-13);
    EXPECT_EQ(found.low, double(*low));
    EXPECT_EQ(found.high, double(*high));
    EXPECT_EQ(found.histogram, bins);
    if (!first) first = found;
    EXPECT_EQ(found.mean, first->mean);
    EXPECT_EQ(found.norm, first->norm);
    EXPECT_EQ(found.deviation, first->deviation);
  }
  limit_vector_target({});
}

TEST(Statistics, AreThoseOfPlainLoops) {
  for (const size_t count : {2, 7, 8, 9, 1003}) {
    std::vector<float> floats(count);
    std::vector<double> doubles(count);
    fill_normal(Stream(4, "s"), 0, 1.0, std::span(floats));
    fill_normal(Stream(4, "s"), 0, 3.0, std::span(doubles));
    expect_described(floats);
    expect_described(doubles);
  }
}

TEST(Statistics, OfFewAndOfBadValues) {
  EXPECT_EQ(statistics(std::span<const float>()).count, 0);
  const std::vector<double> equal(5, 0.25);
  const Statistics same = statistics(std::span<const double>(equal));
  EXPECT_EQ(same.deviation, 0);
  EXPECT_EQ(same.histogram[0], 5);
  for (const double bad : {NAN, INFINITY, -INFINITY}) {
    for (const size_t place : {size_t{0}, size_t{9}, size_t{16}}) {
      std::vector<double> values(17, 1.0);
      values[place] = bad;
      const Statistics found = statistics(std::span<const double>(values));
      EXPECT_FALSE(std::isfinite(found.mean));
      EXPECT_TRUE(std::isnan(found.norm));
      EXPECT_EQ(std::count(found.histogram.begin(), found.histogram.end(), 0), kHistogramBins);
    }
  }
}

}  // namespace
}  // namespace netc::runtime
