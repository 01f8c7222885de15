// Random numbers: known answers, the same bits from every vector size, statistics, orders.
#include "runtime/simd/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/checksum.h"
#include "runtime/initializers.h"
#include "runtime/philox.h"
#include "runtime/shuffle.h"
#include "runtime/simd/dispatch.h"
#include "runtime/simd/numbers.h"
#include "runtime/slots.h"

namespace netc::runtime {
namespace {

TEST(Philox, KnownAnswers) {
  // From the Random123 distribution's kat_vectors.
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

/// Runs `function` for the code of each vector size that this machine has.
template <typename Function>
void with_each_target(Function function) {
  const VectorTarget best = vector_target();
  for (const VectorTarget target :
       {VectorTarget::Baseline, VectorTarget::Avx2, VectorTarget::Avx512}) {
    if (target > best) continue;
    limit_vector_target(target);
    function(static_cast<int>(target));
  }
  limit_vector_target(std::nullopt);
}

TEST(Random, VectorsGiveTheScalarWords) {
  const Stream stream(0x123456789abcdef0, "fc1.weight");
  with_each_target([&](int target) {
    for (const size_t count : {0u, 1u, 2u, 15u, 16u, 17u, 100u}) {
      std::vector<double> values(count, -1);
      fill_uniform(stream, 6, 0.0, 1.0, std::span(values));
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(values[i], unit_interval(stream.word64(6 + i))) << target << " " << i;
      }
    }
  });
}

TEST(Random, NormalsAreTheSameOnEveryTarget) {
  const Stream stream(7, "x");
  std::vector<double> expected;
  std::vector<float> expected_floats;
  with_each_target([&](int target) {
    std::vector<double> values(100'003);
    std::vector<float> floats(100'003);
    fill_normal(stream, 0, 1.5, std::span(values));
    fill_normal(stream, 0, 1.5, std::span(floats));
    if (expected.empty()) {
      expected = values;
      expected_floats = floats;
    }
    EXPECT_EQ(values, expected) << target;
    EXPECT_EQ(floats, expected_floats) << target;
  });
}

TEST(Random, NormalQuantileIsExact) {
  // The distribution function of the result must give the uniform number back.
  const Stream stream(1, "q");
  std::vector<double> uniform(50'000), normal(50'000);
  fill_uniform(stream, 0, 0.0, 1.0, std::span(uniform));
  fill_normal(stream, 0, 1.0, std::span(normal));
  for (size_t i = 0; i < uniform.size(); ++i) {
    const double tail = std::min(uniform[i], 1 - uniform[i]);
    const double back = std::erfc(std::abs(normal[i]) / std::sqrt(2.0)) / 2;
    ASSERT_NEAR(back / tail, 1, 2e-14) << uniform[i];
    ASSERT_EQ(normal[i] < 0, uniform[i] < 0.5);
  }
}

TEST(Random, PiecesOfAStreamMeet) {
  const Stream stream(3, "p");
  std::vector<float> whole(1000), pieces(1000);
  fill_normal(stream, 0, 1.0, std::span(whole));
  fill_normal(stream, 0, 1.0, std::span(pieces).first(334));
  fill_normal(stream, 334, 1.0, std::span(pieces).subspan(334));
  EXPECT_EQ(whole, pieces);
}

TEST(Shuffle, IsAPermutationOfSeedAndEpochOnly) {
  std::vector<uint32_t> a(1000), b(1000), c(1000), d(1000);
  epoch_order(5, 0, a);
  epoch_order(5, 0, b);
  epoch_order(5, 1, c);
  epoch_order(6, 0, d);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(a, d);
  std::sort(a.begin(), a.end());
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(a[i], i);
}

TEST(Shuffle, IsUniform) {
  // Each of 6 orders of 3 records in 6000 epochs: 1000 expected, deviation 29.
  std::vector<int> counts(27);
  std::vector<uint32_t> order(3);
  for (int64_t epoch = 0; epoch < 6000; ++epoch) {
    epoch_order(1, epoch, order);
    ++counts[order[0] * 9 + order[1] * 3 + order[2]];
  }
  for (const int count : counts) {
    if (count > 0) {
      EXPECT_NEAR(count, 1000, 150);
    }
  }
  EXPECT_EQ(std::count_if(counts.begin(), counts.end(), [](int c) { return c > 0; }), 6);
}

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};

Moments moments(const Tensor& tensor) {
  Moments m;
  const int64_t n = tensor.count();
  for (int64_t i = 0; i < n; ++i) {
    m.mean += tensor.number(i) / static_cast<double>(n);
    m.low = std::min(m.low, tensor.number(i));
    m.high = std::max(m.high, tensor.number(i));
  }
  for (int64_t i = 0; i < n; ++i) {
    m.deviation += std::pow(tensor.number(i) - m.mean, 2) / static_cast<double>(n);
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}

Tensor make(InitializerSpec spec, std::vector<int64_t> shape, uint64_t seed = 1,
            const char* path = "w", ElementType type = ElementType::f32) {
  static ThreadPool pool(2);
  return initial_value(spec, type, std::move(shape), path, seed, "", pool);
}

TEST(Initializer, BoundsAndDeviations) {
  const std::vector<int64_t> matrix{300, 200};
  auto uniform = [&](InitializerSpec spec, double bound, const std::vector<int64_t>& shape) {
    const Moments m = moments(make(spec, shape));
    EXPECT_NEAR(m.high, bound, bound * 0.01) << spec.name;
    EXPECT_NEAR(m.low, -bound, bound * 0.01) << spec.name;
    EXPECT_LE(m.high, bound * 1.0000001);
    EXPECT_NEAR(m.deviation, bound / std::sqrt(3.0), bound * 0.02);
    EXPECT_NEAR(m.mean, 0, bound * 0.02);
  };
  auto normal = [&](InitializerSpec spec, double deviation, const std::vector<int64_t>& shape) {
    const Moments m = moments(make(spec, shape));
    EXPECT_NEAR(m.deviation, deviation, deviation * 0.02) << spec.name;
    EXPECT_NEAR(m.mean, 0, deviation * 0.02);
  };
  uniform({.name = "xavier_uniform"}, std::sqrt(6.0 / 500), matrix);
  uniform({.name = "xavier_uniform", .gain = 3, .has_gain = true}, 3 * std::sqrt(6.0 / 500),
          matrix);
  normal({.name = "xavier_normal"}, std::sqrt(2.0 / 500), matrix);
  uniform({.name = "kaiming_uniform"}, std::sqrt(2.0) * std::sqrt(3.0 / 300), matrix);
  uniform({.name = "kaiming_uniform", .gain = 0.5, .has_gain = true}, 0.5 * std::sqrt(3.0 / 300),
          matrix);
  normal({.name = "kaiming_normal"}, std::sqrt(2.0 / 300), matrix);
  normal({.name = "kaiming_normal", .fan_in = 50}, std::sqrt(2.0 / 50), matrix);
  normal({.name = "normal", .std = 0.25}, 0.25, matrix);
  // rank 4: (out, in, h, w)
  normal({.name = "kaiming_normal"}, std::sqrt(2.0 / (16 * 9)), {40, 16, 3, 3});
  normal({.name = "xavier_normal"}, std::sqrt(2.0 / ((16 + 40) * 9)), {40, 16, 3, 3});
  const Moments m = moments(make({.name = "uniform", .low = -1, .high = 3}, matrix));
  EXPECT_NEAR(m.mean, 1, 0.03);
  EXPECT_NEAR(m.high, 3, 0.01);
  EXPECT_EQ(make({.name = "const", .value = 2.5}, {3}).number(2), 2.5);
  EXPECT_EQ(make({.name = "ones"}, {}).number(0), 1);
  EXPECT_EQ(make({.name = "zeros"}, {2, 2}).number(3), 0);
}

TEST(Initializer, OrthogonalHasOrthonormalRowsOrColumns) {
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{20, 20}, {7, 33}, {33, 7}, {8, 3, 2, 2}, {1, 5}}) {
    const Tensor tensor =
        make({.name = "orthogonal", .gain = 2, .has_gain = true}, shape, 1, "w", ElementType::f64);
    const int64_t rows = shape[0], columns = tensor.count() / rows;
    const bool by_row = rows <= columns;
    const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
    for (int64_t a = 0; a < count; ++a) {
      for (int64_t b = 0; b <= a; ++b) {
        double product = 0;
        for (int64_t k = 0; k < length; ++k) {
          product += tensor.number(by_row ? a * columns + k : k * columns + a) *
                     tensor.number(by_row ? b * columns + k : k * columns + b);
        }
        EXPECT_NEAR(product, a == b ? 4 : 0, 1e-13);
      }
    }
  }
}

TEST(Initializer, StreamsDependOnSeedAndPathOnly) {
  const InitializerSpec spec{.name = "normal", .std = 1};
  auto bytes = [](const Tensor& tensor) {
    return std::vector<std::byte>(tensor.bytes.span().begin(), tensor.bytes.span().end());
  };
  const auto base = bytes(make(spec, {100}));
  EXPECT_EQ(bytes(make(spec, {100})), base);
  EXPECT_NE(bytes(make(spec, {100}, 2)), base);
  EXPECT_NE(bytes(make(spec, {100}, 1, "v")), base);
  EXPECT_NE(bytes(make(spec, {100}, uint64_t{1} << 40 | 1)), base);
  const Tensor in_f64 = make(spec, {100}, 1, "w", ElementType::f64);
  const Tensor in_f32 = make(spec, {100});
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(in_f32.number(i), static_cast<double>(static_cast<float>(in_f64.number(i))));
  }
}

TEST(Initializer, BitsAreGolden) {
  // Same seed, same bits, on every machine and in every later version.
  auto digest = [](const InitializerSpec& spec, std::vector<int64_t> shape) {
    const Tensor tensor = make(spec, std::move(shape), 42, "fc1.weight");
    Checksum checksum;
    checksum.update(tensor.bytes.span());
    return checksum.digest();
  };
  EXPECT_EQ(digest({.name = "kaiming_uniform"}, {784, 128}), "68a5a631cb47b8bce63992486f539bc2");
  EXPECT_EQ(digest({.name = "xavier_normal"}, {784, 128}), "af8243f1e2b3c3a5df8e4ca1f8cd9433");
  EXPECT_EQ(digest({.name = "orthogonal"}, {64, 32}), "25bc91d8f51bc80a753cd2a5c34dfe0c");
}

TEST(Numbers, CountsAndSumsAreTheSameOnEveryTarget) {
  std::vector<float> floats(1003);
  std::vector<double> doubles(1003);
  const Stream stream(9, "n");
  fill_normal(stream, 0, 1.0, std::span(floats));
  fill_normal(stream, 0, 1.0, std::span(doubles));
  double expected = 0;
  for (const double v : doubles) expected += v * v;
  std::vector<double> sums;
  with_each_target([&](int target) {
    sums.push_back(dot_product(doubles, doubles));
    EXPECT_EQ(sums.back(), sums.front()) << target;
    EXPECT_NEAR(sums.back(), expected, 1e-9);
    std::vector<double> difference = doubles;
    subtract_multiple(difference, 0.1, doubles);
    for (size_t i = 0; i < doubles.size(); ++i) {
      const double product = 0.1 * doubles[i];  // rounded before it is subtracted
      ASSERT_EQ(difference[i], doubles[i] - product) << target;
    }
    EXPECT_EQ(count_nonfinite(std::span<const float>(floats)), 0);
    std::vector<float> bad = floats;
    bad[0] = INFINITY;
    bad[500] = -NAN;
    bad[1002] = -INFINITY;
    EXPECT_EQ(count_nonfinite(std::span<const float>(bad)), 3) << target;
    std::vector<double> worse = doubles;
    worse[1] = worse[1001] = NAN;
    EXPECT_EQ(count_nonfinite(std::span<const double>(worse)), 2) << target;
  });
}

TEST(Initializer, PlacesDoNotChangeValues) {
  ThreadPool pool(2);
  for (const int64_t columns : {10, 100, 101}) {
    for (const int64_t panel : {0, 1, 48}) {
      Slot slot;
      slot.name = "w";
      slot.role = SlotRole::Param;
      slot.shape = {{{300}}, {{columns}}};
      slot.leading_stride = panel ? 300 * panel + 16 : columns + 16;
      slot.panel = panel;
      slot.init = {.name = "normal", .std = 0.5};
      Plan plan;
      plan.slots = {slot};
      Arena arena(1 << 20);
      initialize(plan, arena, 7, "", pool);
      const Tensor expected = initial_value(slot.init, slot.type, {300, columns}, "w", 7, "", pool);
      const Tensor found = read_slot(slot, arena, 0);
      for (int64_t i = 0; i < expected.count(); ++i)
        ASSERT_EQ(found.number(i), expected.number(i)) << columns << ", " << panel << ": " << i;
    }
  }
}

}  // namespace
}  // namespace netc::runtime
