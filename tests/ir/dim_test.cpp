// Sizes against brute force: random expressions built both as Dim and as plain integers.
#include "ir/dim.h"

#include <gtest/gtest.h>

#include <random>

namespace netc::ir {
namespace {

using Sizes = std::map<std::string, int64_t>;

int64_t floor_quotient(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/// A Dim and its value under `sizes`, grown together.
struct Both {
  Dim dim;
  std::optional<int64_t> value;
};

Both grow(std::mt19937& random, const Sizes& sizes, int depth) {
  int choice = int(random() % (depth == 0 ? 2 : 7));
  if (choice == 0) {
    int64_t k = int64_t(random() % 9) - 4;
    return {Dim(k), k};
  }
  if (choice == 1) {
    auto it = std::next(sizes.begin(), long(random() % sizes.size()));
    return {Dim::symbol(it->first), it->second};
  }
  Both a = grow(random, sizes, depth - 1), b = grow(random, sizes, depth - 1);
  bool known = a.value && b.value;
  switch (choice) {
    case 2:
      return {a.dim + b.dim, known ? std::optional(*a.value + *b.value) : std::nullopt};
    case 3:
      return {a.dim - b.dim, known ? std::optional(*a.value - *b.value) : std::nullopt};
    case 4:
      return {a.dim * b.dim, known ? std::optional(*a.value * *b.value) : std::nullopt};
    default:
      break;
  }
  known = known && *b.value != 0;
  int64_t q = known ? floor_quotient(*a.value, *b.value) : 0;
  if (choice == 5) return {floor_div(a.dim, b.dim), known ? std::optional(q) : std::nullopt};
  int64_t r = known ? *a.value - q * *b.value : 0;
  return {floor_mod(a.dim, b.dim), known ? std::optional(r) : std::nullopt};
}

TEST(Dim, AgreesWithBruteForce) {
  std::mt19937 random(1);
  const Sizes sizes = {{"batch", 5}, {"n", 3}, {"m", 2}};
  int compared = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    Both both = grow(random, sizes, 4);
    if (!both.value) continue;
    if (both.dim.overflowed()) continue;  // a division whose divisor is 0 as a polynomial
    ++compared;
    ASSERT_EQ(both.dim.evaluate(sizes), both.value) << both.dim.str();
  }
  EXPECT_GT(compared, 10000);
}

TEST(Dim, SubstituteThenEvaluateIsEvaluate) {
  std::mt19937 random(2);
  const Sizes sizes = {{"batch", 5}, {"n", 3}, {"m", 2}};
  for (int trial = 0; trial < 5000; ++trial) {
    Both both = grow(random, sizes, 4);
    if (!both.value || both.dim.overflowed()) continue;
    Dim fixed = both.dim.substitute({{"batch", 5}, {"m", Dim::symbol("n") - 1}});
    ASSERT_EQ(fixed.evaluate({{"n", 3}}), both.value) << both.dim.str();
    Dim same = both.dim.substitute({});
    ASSERT_EQ(same.evaluate(sizes), both.value) << both.dim.str();
  }
}

TEST(Dim, NormalFormProvesEquality) {
  Dim n = Dim::symbol("n"), m = Dim::symbol("m");
  EXPECT_EQ((n + 1) * (n - 1), n * n - 1);
  EXPECT_EQ(n * m * 2, m * (n + n));
  EXPECT_NE(n, m);
  EXPECT_EQ(floor_div(n * m * 6, n * 2), m * 3);
  EXPECT_EQ(floor_mod(n * 4, 2), Dim(0));
  EXPECT_EQ(floor_div(n + 1, 2), floor_div(1 + n, 2));
  EXPECT_EQ(exact_div(n * n + n, n), n + 1);
  EXPECT_EQ(exact_div(n + 1, n), std::nullopt);
  EXPECT_EQ(exact_div((n + 1) * (m * n - 2), n + 1), m * n - 2);
  EXPECT_EQ(exact_div(6 * n * n + 5 * n * m + m * m, 3 * n + m), 2 * n + m);
  EXPECT_EQ(exact_div(n * n + 1, n + 1), std::nullopt);
  EXPECT_EQ(n - n, Dim(0));
}

TEST(Dim, Text) {
  Dim n = Dim::symbol("batch"), h = Dim::symbol("h"), k = Dim::symbol("k");
  EXPECT_EQ((n * 2 + 1).str(), "2 * batch + 1");
  EXPECT_EQ((h - k + 1).str(), "h - k + 1");
  EXPECT_EQ((Dim(1) - n).str(), "1 - batch");
  EXPECT_EQ((Dim(0) - n).str(), "-batch");
  EXPECT_EQ((n * n).str(), "batch ** 2");
  EXPECT_EQ(floor_div(n, 2).str(), "batch // 2");
  EXPECT_EQ((floor_div(n + 1, 2) * 3).str(), "3 * ((batch + 1) // 2)");
  EXPECT_EQ((floor_mod(n, 4) + 1).str(), "batch % 4 + 1");
  EXPECT_EQ(Dim(-7).str(), "-7");
  EXPECT_EQ(Dim(0).str(), "0");
}

TEST(Dim, OverflowIsPoisonNotWrapping) {
  Dim big = INT64_MAX;
  EXPECT_TRUE((big + 1).overflowed());
  EXPECT_TRUE((big * 2).overflowed());
  EXPECT_TRUE((big * 2 - big * 2).overflowed());
  EXPECT_TRUE(floor_div(Dim::symbol("n"), 0).overflowed());
  EXPECT_TRUE(floor_div(Dim(INT64_MIN), -1).overflowed());
  EXPECT_TRUE(pow(Dim(10), 30).overflowed());
  EXPECT_FALSE(pow(Dim(10), 18).overflowed());
  EXPECT_EQ((Dim::symbol("n") * INT64_MAX).evaluate({{"n", 2}}), std::nullopt);
  EXPECT_EQ((Dim::symbol("n") * 2).evaluate({}), std::nullopt);
}

TEST(Dim, Coefficients) {
  Dim n = Dim::symbol("batch");
  EXPECT_EQ((n * n * 3 + 4).coefficients("batch"), (std::vector<int64_t>{4, 0, 3}));
  EXPECT_EQ(Dim(0).coefficients("batch"), (std::vector<int64_t>{0}));
  EXPECT_EQ((n + Dim::symbol("m")).coefficients("batch"), std::nullopt);
  EXPECT_EQ(floor_div(n, 2).coefficients("batch"), std::nullopt);
}

TEST(Dim, Values) {
  Dim n = Dim::symbol("batch");
  EXPECT_EQ((floor_div(n - 2, 2) + 1).values("batch", 5), (std::vector<int64_t>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(Dim(3).values("batch", 0), (std::vector<int64_t>{3}));
  EXPECT_EQ(floor_div(Dim(6), n).values("batch", 2), (std::vector<int64_t>{0, 6, 3}));
}

}  // namespace
}  // namespace netc::ir
