// Random kernels of maps, views and reductions, and kernels that no code is generated for as they
// stand, against the interpreter.
#include <gtest/gtest.h>

#include <random>

#include "support.h"

namespace netc::backend::test {
namespace {

using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::Op;
using ir::ReduceKind;
using ir::Shape;
using ir::ValueId;

/// Values of shape S = [batch, m, k] and of its rows, combined at random; every fifth is a result.
void build_random(Builder& b, uint32_t seed) {
  std::mt19937 random(seed);
  static const int64_t kSizes[] = {1, 2, 5, 16, 19};
  Dim n = Dim::symbol("batch");
  Shape full = {n, kSizes[random() % 5], kSizes[random() % 5]};
  Shape row = {n, full[1]};
  std::vector<ValueId> fulls, rows;
  for (int i = 0; i < 3; ++i)
    fulls.push_back(b.parameter("x" + std::to_string(i), {DType::f32, full}));
  rows.push_back(b.parameter("r", {DType::f32, row}));
  auto one = [&](std::vector<ValueId>& of) { return of[random() % of.size()]; };
  auto map = [&](std::vector<ValueId>& of) {
    static const Op kUnary[] = {Op::neg, Op::abs, Op::tanh, Op::floor, Op::sign};
    static const Op kBinary[] = {Op::add, Op::sub, Op::mul, Op::maximum, Op::minimum};
    ValueId a = one(of), c = one(of);
    switch (random() % 4) {
      case 0:
        return b.unary(kUnary[random() % 5], a);
      case 1:
        return b.where(b.binary(Op::lt, a, c), a, b.like(a, 0.5));
      default:
        return b.binary(kBinary[random() % 5], a, c);
    }
  };
  int results = 0;
  for (int step = 0; step < 14; ++step) {
    ValueId made;
    switch (random() % 7) {
      case 0:
        made = b.reduce(random() % 2 ? ReduceKind::sum : ReduceKind::max, one(fulls), {2});
        rows.push_back(made);
        break;
      case 1:
        made = b.broadcast(b.reshape(one(rows), {n, full[1], 1}), full);
        fulls.push_back(made);
        break;
      case 2:
        made = b.slice(one(fulls), 2, full[2] - Dim(1), full[2], -1);
        fulls.push_back(made);
        break;
      case 3:
        rows.push_back(made = map(rows));
        break;
      default:
        fulls.push_back(made = map(fulls));
        break;
    }
    if (made.index >= b.function().params.size() && (random() % 5 == 0 || step == 13))
      b.result("y" + std::to_string(results++), b.unary(Op::neg, made));
  }
}

TEST(Random, KernelsOfMapsViewsAndReductions) {
  for (uint32_t seed = 0; seed < 40; ++seed) {
    check([&](Builder& b) { build_random(b, seed); }, {.capacity = 7, .n = 5}, 1e-4,
          "seed " + std::to_string(seed));
    if (testing::Test::HasFailure()) return;
  }
}

TEST(Random, OperandsOfContractionsThatAreNotStored) {
  check(
      [](Builder& b) {
        auto x = b.parameter("x", {DType::f32, {6, 5, 4}});
        auto ones = b.constant(1.0, {DType::f32, {20, 3}});
        auto mixed = b.reshape(b.permute(x, {0, 2, 1}), {6, 20});
        b.result("z", b.einsum("ij,jk->ik", mixed, ones));
        b.result("padded", b.einsum("ij,jk->ik", b.pad(mixed, {1, 0}, {0, 0}, 2), ones));
      },
      {.capacity = 1, .n = 1}, 1e-5, "operands that have to be made");
}

TEST(Random, EveryLevelOfOptimisationGivesTheSameBits) {
  ir::Module module = module_of([](Builder& b) { build_random(b, 3); });
  plan_by_hand(module, Grouping::Single, 7);
  auto inputs = random_inputs(module, 7, 3);
  auto expected = run_compiled(module, inputs, {.capacity = 7, .n = 7});
  for (int level : {0, 1}) {
    auto actual = run_compiled(module, inputs, {.capacity = 7, .n = 7, .optimise = level});
    for (size_t r = 0; r < expected.size(); ++r) EXPECT_EQ(actual[r].floats, expected[r].floats);
  }
}

}  // namespace
}  // namespace netc::backend::test
