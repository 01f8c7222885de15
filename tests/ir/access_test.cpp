// Affine views against the reference interpreter: the element that an access names is the one that
// the interpreter computes.
#include "ir/access.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "gradient_check.h"

namespace netc::ir::test {
namespace {

const Dim kN = Dim::symbol("n");

/// Numbers the elements of a parameter of `shape`, applies `build` and compares every element of
/// the result with the one that the access names. False when there is no access.
bool follows(Shape shape, const std::function<ValueId(Builder&, ValueId)>& build) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  Type type{DType::i64, std::move(shape)};
  ValueId x = b.parameter("x", type);
  ValueId y = build(b, x);
  b.result("y", y);
  std::optional<Access> access = affine_access(b.function(), y);
  if (!access) return false;
  EXPECT_EQ(access->base, x);
  const std::map<std::string, int64_t> sizes = {{"n", 3}};
  Array numbers = make_array(type, sizes, {});
  for (int64_t i = 0; i < numbers.size(); ++i) numbers.set_int(i, i);
  Array out = evaluate(m, FunctionId(0), {numbers}).results[0];
  for (int64_t i = 0; i < out.size(); ++i) {
    int64_t at = access->offset.evaluate(sizes).value(), rest = i;
    for (size_t d = out.shape.size(); d-- > 0; rest /= out.shape[d])
      at += rest % out.shape[d] * access->strides[d].evaluate(sizes).value();
    EXPECT_EQ(out.ints[size_t(i)], at) << "element " << i;
  }
  return true;
}

TEST(Access, ViewsAndTheirCompositions) {
  EXPECT_TRUE(follows({kN, 4}, [](Builder& b, ValueId x) { return b.permute(x, {1, 0}); }));
  EXPECT_TRUE(follows({1, 4}, [](Builder& b, ValueId x) { return b.broadcast(x, {2, 5, 4}); }));
  EXPECT_TRUE(follows({kN, 4}, [](Builder& b, ValueId x) { return b.slice(x, 1, 3, 2, -2); }));
  EXPECT_TRUE(follows({kN, kN, 2}, [](Builder& b, ValueId x) { return b.diagonal(x, 0, 1); }));
  EXPECT_TRUE(follows({kN, 4, 6}, [](Builder& b, ValueId x) {
    return b.permute(b.slice(b.slice(x, 2, 1, 4, 1), 1, 0, 2, 2), {2, 0, 1});
  }));
  EXPECT_TRUE(follows({kN, 4}, [](Builder& b, ValueId x) {
    return b.broadcast(b.reshape(b.slice(x, 0, kN - 1, kN, -1), {kN, 1, 4}), {kN, 5, 4});
  }));
}

TEST(Access, Windows) {
  EXPECT_TRUE(follows({kN, 5, 7},
                      [](Builder& b, ValueId x) { return b.windows(x, {3, 2}, {1, 2}, {2, 1}); }));
  // Windows of channels that lie last in memory.
  EXPECT_TRUE(follows({kN, 5, 6, 2}, [](Builder& b, ValueId x) {
    return b.permute(b.windows(b.permute(x, {0, 3, 1, 2}), {2, 3}, {1, 1}, {1, 1}),
                     {0, 2, 3, 1, 4, 5});
  }));
}

TEST(Access, Reshapes) {
  auto reshaped = [](Shape from, Shape to) {
    return follows(from, [to](Builder& b, ValueId x) { return b.reshape(x, to); });
  };
  EXPECT_TRUE(reshaped({kN, 28, 28}, {kN, 784}));
  EXPECT_TRUE(reshaped({kN, 784}, {kN, 28, 1, 28}));
  EXPECT_TRUE(reshaped({kN * 4, 6}, {kN, 4, 6}));
  EXPECT_TRUE(reshaped({kN, 4, 6}, {kN * 24}));
  EXPECT_TRUE(reshaped({4, 6}, {3, 8}));
  EXPECT_TRUE(reshaped({6, kN}, {kN, 6}));
  EXPECT_TRUE(reshaped({2, 0, 3}, {0, 7}));
  EXPECT_TRUE(reshaped({1, 1}, {}));
  EXPECT_TRUE(reshaped({}, {1, 1}));
}

TEST(Access, ReshapesOfViews) {
  // Splitting a permuted dim is affine, joining two that do not lie side by side is not.
  EXPECT_TRUE(follows(
      {kN, 6}, [](Builder& b, ValueId x) { return b.reshape(b.permute(x, {1, 0}), {2, 3, kN}); }));
  EXPECT_FALSE(follows(
      {kN, 6}, [](Builder& b, ValueId x) { return b.reshape(b.permute(x, {1, 0}), {kN * 6}); }));
  EXPECT_FALSE(follows(
      {4, 6}, [](Builder& b, ValueId x) { return b.reshape(b.slice(x, 1, 0, 3, 1), {12}); }));
  EXPECT_TRUE(follows(
      {4, 6}, [](Builder& b, ValueId x) { return b.reshape(b.slice(x, 0, 1, 2, 1), {12}); }));
  EXPECT_TRUE(follows({3}, [](Builder& b, ValueId x) {
    return b.reshape(b.broadcast(b.reshape(x, {3, 1, 1}), {3, 4, 5}), {3, 20});
  }));
}

/// Elements from the start of a matrix of 60 x 50 in panels of 16 columns, 1000 elements apart, to
/// each element of a view of it, as the access says and as the storage does.
bool follows_in_panels(const std::function<ValueId(Builder&, ValueId)>& build) {
  constexpr int64_t kRows = 60, kColumns = 50, kWidth = 16, kDistance = 1000;
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  const Type type{DType::i64, {kRows, kColumns}};
  const ValueId x = b.parameter("x", type);
  b.result("y", build(b, x));
  Array numbers = make_array(type, {}, {});
  for (int64_t i = 0; i < numbers.size(); ++i) numbers.set_int(i, i);
  const Array out = evaluate(m, FunctionId(0), {numbers}).results[0];
  Function& f = b.function();
  f[x].storage = Storage{0, kDistance, kWidth};
  const std::optional<Access> access = affine_access(f, f.results[0].value);
  if (!access) return false;
  for (int64_t i = 0; i < out.size(); ++i) {
    int64_t at = access->offset.constant(), rest = i;
    for (size_t d = out.shape.size(); d-- > 0; rest /= out.shape[d]) {
      const int64_t c = rest % out.shape[d];
      const bool panels = access->panels && access->panels->dim == d;
      at += panels
                ? c / access->panels->width * access->panels->distance + c % access->panels->width
                : c * access->strides[d].constant();
    }
    const int64_t row = out.ints[size_t(i)] / kColumns, column = out.ints[size_t(i)] % kColumns;
    EXPECT_EQ(at, column / kWidth * kDistance + row * kWidth + column % kWidth) << "element " << i;
  }
  return true;
}

TEST(Access, Panels) {
  EXPECT_TRUE(follows_in_panels([](Builder&, ValueId x) { return x; }));
  EXPECT_TRUE(follows_in_panels([](Builder& b, ValueId x) { return b.permute(x, {1, 0}); }));
  EXPECT_TRUE(follows_in_panels([](Builder& b, ValueId x) { return b.broadcast(x, {2, 60, 50}); }));
  EXPECT_TRUE(follows_in_panels([](Builder& b, ValueId x) {
    return b.permute(b.slice(b.reshape(x, {3, 20, 50}), 1, 4, 5, 3), {2, 0, 1});
  }));
  EXPECT_TRUE(follows_in_panels([](Builder& b, ValueId x) { return b.slice(x, 1, 0, 20, 1); }));
  // What takes a part out of the middle of a panel, or joins panels with rows, has no access.
  EXPECT_FALSE(follows_in_panels([](Builder& b, ValueId x) { return b.slice(x, 1, 1, 49, 1); }));
  EXPECT_FALSE(follows_in_panels([](Builder& b, ValueId x) { return b.slice(x, 1, 0, 25, 2); }));
  EXPECT_FALSE(follows_in_panels([](Builder& b, ValueId x) { return b.reshape(x, {3000}); }));
  EXPECT_FALSE(follows_in_panels(
      [](Builder& b, ValueId x) { return b.diagonal(b.slice(x, 0, 0, 50, 1), 0, 1); }));
}

TEST(Access, PanelsOfOneColumnAreStrides) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  const ValueId x = b.parameter("x", {DType::f32, {64, 10}});
  b.function()[x].storage = Storage{0, 80, 1};
  const Access access = stored_access(b.function(), x);
  EXPECT_FALSE(access.panels);
  EXPECT_EQ(access.strides, (std::vector<Dim>{1, 80}));
}

TEST(Access, PaddedRowsAndMaterialisedViews) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  ValueId x = b.parameter("x", {DType::f32, {2, 3, 4}});
  b.function()[x].storage = Storage{0, 16};
  ValueId t = b.permute(x, {2, 0, 1});
  Access access = affine_access(b.function(), t).value();
  EXPECT_EQ(access.strides, (std::vector<Dim>{1, 48, 16}));
  ValueId u = b.permute(t, {1, 0, 2});
  b.function().kernels = {{"k0", ""}};
  b.function()[t].kernel = KernelId(0);
  EXPECT_EQ(affine_access(b.function(), u)->base, t);
}

}  // namespace
}  // namespace netc::ir::test
