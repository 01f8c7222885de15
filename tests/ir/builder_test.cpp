// What the builder folds and leaves out, and what shape rules say of mistakes.
#include "ir/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/print.h"
#include "ir/scalar.h"
#include "ir/shape_rules.h"

namespace netc::ir {
namespace {

const Dim kN = Dim::symbol("n"), kBatch = Dim::symbol("batch");

struct Empty {
  Module m;
  Builder b{m, FunctionId(0)};
  Empty() { m.functions.resize(1); }
  std::string text(ValueId v) {
    const Value& value = b.value(v);
    if (value.op != Op::constant) return "not a constant";
    return scalar_text(std::get<Scalar>(value.attrs[0]), value.type.dtype).text;
  }
};

Type f32(Shape shape = {}) { return {DType::f32, std::move(shape)}; }
Type i64(Shape shape = {}) { return {DType::i64, std::move(shape)}; }

TEST(Fold, SizesStaySymbolic) {
  Empty e;
  Builder& b = e.b;
  ValueId two = b.constant(2, f32()), batch = b.constant(scalar(kBatch), f32());
  ValueId one = b.constant(1, f32());
  EXPECT_EQ(e.text(b.binary(Op::div, two, batch)), "2 / batch");
  EXPECT_EQ(e.text(b.binary(Op::mul, b.binary(Op::div, one, batch), batch)), "1");
  EXPECT_EQ(e.text(b.unary(Op::neg, batch)), "-1 * batch");
  EXPECT_EQ(e.text(b.binary(Op::sub, batch, one)), "batch - 1");
  EXPECT_EQ(e.text(b.binary(Op::add, batch, b.constant(0.5, f32()))), "not a constant");
  EXPECT_EQ(e.text(b.unary(Op::sqrt, batch)), "not a constant");
  ValueId count = b.constant(scalar(kBatch * kN), i64());
  EXPECT_EQ(e.text(b.binary(Op::mul, count, b.constant(3, i64()))), "3 * batch * n");
  EXPECT_EQ(e.text(b.cast(count, DType::f32)), "batch * n");
  EXPECT_EQ(e.text(b.cast(count, DType::u8)), "not a constant");
}

TEST(Fold, NumbersThroughTheOpTable) {
  Empty e;
  Builder& b = e.b;
  ValueId half = b.constant(0.5, f32({3})), one = b.constant(1, f32({3}));
  EXPECT_EQ(e.text(b.binary(Op::add, half, one)), "1.5");
  EXPECT_EQ(e.text(b.unary(Op::exp, b.like(one, 0))), "1");
  EXPECT_EQ(e.text(b.binary(Op::lt, half, one)), "true");
  EXPECT_EQ(e.text(b.cast(b.constant(-2.7, f32()), DType::i64)), "-2");
  EXPECT_EQ(e.text(b.cast(b.constant(0.1, f32()), DType::f64)), "0.10000000149011612");
  EXPECT_EQ(e.text(b.binary(Op::floordiv, b.constant(7, i64()), b.constant(0, i64()))), "0");
  EXPECT_EQ(e.text(b.broadcast(b.constant(3, f32()), {kBatch, 2})), "3");
  EXPECT_EQ(b.where(b.constant(1, {DType::boolean, {3}}), half, one), half);
}

TEST(Fold, ViewsThatChangeNothingAreTheOperand) {
  Empty e;
  Builder& b = e.b;
  ValueId x = b.parameter("x", f32({kN, 4}));
  EXPECT_EQ(b.reshape(x, {kN, 4}), x);
  EXPECT_EQ(b.permute(x, {0, 1}), x);
  EXPECT_EQ(b.broadcast(x, {kN, 4}), x);
  EXPECT_EQ(b.slice(x, 0, 0, kN, 1), x);
  EXPECT_EQ(b.pad(x, {0, 0}, {0, 0}, 1), x);
  EXPECT_EQ(b.concat({x}, 0), x);
  EXPECT_EQ(b.sum(x, {}), x);
  EXPECT_EQ(b.cast(x, DType::f32), x);
}

/// Code and message of the OpError that `build` throws.
template <class Build>
OpError error_of(Build build) {
  try {
    build();
  } catch (const OpError& error) {
    return error;
  }
  return OpError("none", "nothing was thrown");
}

TEST(ShapeRules, BroadcastNoteAlignsFromTheRight) {
  OpError e = error_of([] { broadcast_shapes("+", f32({kBatch, 64}), f32({32})); });
  EXPECT_EQ(e.code, "E0302");
  EXPECT_STREQ(e.what(), "`+`: f32[batch, 64] and f32[32] do not broadcast");
  ASSERT_EQ(e.notes.size(), 1u);
  EXPECT_EQ(e.notes[0],
            "shapes align from the right:   batch  64\n"
            "                                      32   64 is not 32, and neither is 1");
}

TEST(ShapeRules, NamesAreNeverOne) {
  EXPECT_EQ(error_of([] { broadcast_shapes("-", f32({kN}), f32({kBatch})); }).code, "E0302");
  EXPECT_EQ(error_of([] { broadcast_shapes("-", f32({kN}), f32({4})); }).code, "E0302");
  Broadcasted both = broadcast_shapes("-", f32({kBatch, 1}), f32({kBatch}));
  EXPECT_EQ(both.shape, (Shape{kBatch, kBatch}));
  EXPECT_TRUE(both.expands_lhs && both.expands_rhs);
  Broadcasted right = broadcast_shapes("-", f32({kBatch, 3}), f32({}));
  EXPECT_TRUE(right.expands_rhs && !right.expands_lhs);
}

TEST(ShapeRules, ErrorsSpeakTheUsersLanguage) {
  Empty e;
  Builder& b = e.b;
  ValueId x = b.parameter("x", f32({kN, 4})), i = b.parameter("i", i64({kN, 4}));
  ValueId y = b.parameter("y", f32({kN, 5}));
  auto code = [](auto build) { return error_of(build).code; };
  EXPECT_EQ(code([&] { b.binary(Op::add, x, i); }), "E0305");
  EXPECT_EQ(code([&] { b.binary(Op::add, x, y); }), "E0302");
  EXPECT_EQ(code([&] { b.unary(Op::exp, i); }), "E0305");
  EXPECT_EQ(code([&] { b.reshape(x, {kN, 5}); }), "E0309");
  EXPECT_EQ(code([&] { b.reshape(x, {kBatch, 4}); }), "E0304");
  EXPECT_EQ(code([&] { b.reshape(b.slice(x, 0, 0, 1, 1), {5}); }), "E0309");
  EXPECT_EQ(code([&] { b.slice(x, 1, 2, 3, 1); }), "E0307");
  EXPECT_EQ(code([&] { b.sum(x, {2}); }), "E0306");
  EXPECT_EQ(code([&] { b.permute(x, {0, 0}); }), "E0306");
  EXPECT_EQ(code([&] { b.diagonal(x, 0, 1); }), "E0301");
  EXPECT_EQ(code([&] { b.concat({x, y}, 0); }), "E0301");
  EXPECT_EQ(code([&] { b.add(Op::iota, {}, {Dim(-1)}); }), "E0310");
  EXPECT_EQ(code([&] { b.broadcast(x, {INT64_MAX, INT64_MAX, kN, 4}); }), "E0310");
  EXPECT_EQ(code([&] { b.einsum("bi,ij->bj", x, y); }), "E0320");
  EXPECT_EQ(code([&] { b.einsum("bii,ij->bj", x, y); }), "E0320");
  EXPECT_EQ(code([&] { b.einsum("bi", x, y); }), "E0320");
  OpError dtypes = error_of([&] { b.binary(Op::mul, x, i); });
  EXPECT_STREQ(dtypes.what(), "`*`: f32 and i64 do not mix");
  EXPECT_THAT(dtypes.helps, testing::ElementsAre(testing::HasSubstr("f32(…)")));
  OpError sizes = error_of([&] { b.einsum("bi,bi->b", x, y); });
  EXPECT_STREQ(sizes.what(), "einsum: label `i` has two sizes, 4 and 5");
}

}  // namespace
}  // namespace netc::ir
