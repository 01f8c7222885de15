// Contractions of every shape the language can write: batch labels, several row, column and folded
// labels, operands seen through views, epilogues, integers; against the interpreter.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <random>
#include <tuple>

#include "support.h"

namespace netc::backend::test {
namespace {

using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::Op;
using ir::Shape;
using ir::ValueId;

std::map<char, int64_t> sizes_of(const std::string& spec, std::mt19937& random) {
  static const int64_t kSizes[] = {1, 2, 3, 5, 8, 16, 17, 33};
  std::map<char, int64_t> sizes;
  for (char c : spec)
    if (std::isalpha(c)) sizes.emplace(c, kSizes[random() % std::size(kSizes)]);
  return sizes;
}

struct Terms {
  std::string lhs, rhs, result;
};

Terms split(const std::string& spec) {
  size_t comma = spec.find(','), arrow = spec.find("->");
  return {spec.substr(0, comma), spec.substr(comma + 1, arrow - comma - 1), spec.substr(arrow + 2)};
}

Shape shape_of(const std::string& labels, const std::map<char, int64_t>& sizes) {
  Shape shape;
  for (char c : labels) shape.push_back(sizes.at(c));
  return shape;
}

TEST(Einsum, SpecsOfEveryKind) {
  std::mt19937 random(11);
  for (const char* spec :
       {"bi,bi->b",        "bi,bi->bi",    "bij,bjk->bik",    "bij,bkj->bik",    "abi,io->abo",
        "abi,oi->aob",     "i,j->ij",      "ij,i->j",         "ij,j->i",         "i,i->",
        "bid,bjd->bij",    "bije,bje->bi", "abcd,cdef->abef", "abcd,dcfe->eabf", "ij,kl->ijkl",
        "bhid,bhjd->bhij", "xby,yzb->bxz", "a,a->a",          "bi,io->ob",       "nchw,oc->nohw"})
    for (int repeat = 0; repeat < 2; ++repeat) {
      auto sizes = sizes_of(spec, random);
      std::string what = spec;
      for (auto [c, n] : sizes) what += " " + std::string(1, c) + "=" + std::to_string(n);
      Terms t = split(spec);
      check(
          [&](Builder& b) {
            auto x = b.parameter("x", {DType::f32, shape_of(t.lhs, sizes)});
            auto y = b.parameter("y", {DType::f32, shape_of(t.rhs, sizes)});
            b.result("z", b.einsum(spec, x, y));
          },
          {.capacity = 1, .n = 1}, 3e-5, what);
      if (testing::Test::HasFailure()) return;
    }
}

TEST(Einsum, EpilogueBiasReluMaskAndUpdate) {
  for (int64_t n : {10, 48, 50, 149})
    for (int64_t k : {1, 20, 300})
      check(
          [&](Builder& b) {
            Dim batch = Dim::symbol("batch");
            auto x = b.parameter("x", {DType::f32, {batch, k}});
            auto w = b.parameter("w", {DType::f32, {k, n}});
            auto bias = b.parameter("bias", {DType::f32, {n}});
            auto old = b.parameter("old", {DType::f32, {batch, n}});
            auto h = b.binary(Op::add, b.einsum("bi,io->bo", x, w), b.broadcast(bias, {batch, n}));
            auto mask = b.binary(Op::gt, h, b.like(h, 0));
            auto relu = b.where(mask, h, b.like(h, 0));
            b.result("relu", relu);
            b.result("mask", mask);
            b.result("moved", b.binary(Op::add, b.binary(Op::mul, old, b.like(old, 0.9)), relu));
          },
          {.capacity = 37, .n = 29}, 3e-5,
          "epilogue " + std::to_string(n) + " " + std::to_string(k));
}

TEST(Einsum, OperandsThroughViewsAndShortBatches) {
  for (int64_t n : {0, 1, 13, 20})
    check(
        [&](Builder& b) {
          Dim batch = Dim::symbol("batch");
          auto x = b.parameter("x", {DType::f64, {batch, 4, 7}});
          auto w = b.parameter("w", {DType::f64, {9, 28}});
          auto v = b.parameter("v", {DType::f64, {5}});
          auto flat = b.reshape(x, {batch, 28});
          b.result("forward", b.einsum("bi,oi->bo", flat, w));
          auto reversed = b.slice(flat, 1, 27, 14, -2);
          b.result("some", b.einsum("bi,oi->bo", reversed, b.slice(w, 1, 0, 14, 1)));
          b.result("weights", b.einsum("bi,bo->io", flat, b.einsum("bi,oi->bo", flat, w)));
          b.result("repeated", b.einsum("bi,io->bo", flat, b.broadcast(v, {28, 5})));
        },
        {.capacity = 20, .n = n}, 1e-11, "views, n = " + std::to_string(n));
}

TEST(Einsum, LongSumsWithFewResultsAreSplit) {
  struct Case {
    const char* spec;
    Shape lhs, rhs;
  };
  Dim batch = Dim::symbol("batch");
  for (const Case& c :
       {Case{"bi,bj->ij", {batch, 40}, {batch, 1}}, Case{"bi,bj->ij", {batch, 21}, {batch, 10}},
        Case{"ib,jb->ij", {7, batch}, {9, batch}}, Case{"b,b->", {batch}, {batch}}})
    check(
        [&](Builder& b) {
          auto x = b.parameter("x", {DType::f32, c.lhs}), y = b.parameter("y", {DType::f32, c.rhs});
          auto z = b.einsum(c.spec, x, y);
          b.result("z", b.binary(Op::mul, z, b.like(z, 0.25)));
        },
        {.capacity = 100000, .n = 90001}, 2e-4, c.spec);
}

TEST(Einsum, FoldsLongerThanTheCacheGoInSegments) {
  // Sums over the batch, of which there may be less than a segment, with an update behind.
  for (DType type : {DType::f32, DType::f64})
    for (int64_t n : {0, 1, 37, 450, 899, 900})
      check(
          [&](Builder& b) {
            Dim batch = Dim::symbol("batch");
            auto x = b.parameter("x", {type, {batch, 33}}),
                 y = b.parameter("y", {type, {batch, 50}});
            auto w = b.parameter("w", {type, {33, 50}}), v = b.parameter("v", {type, {33, 50}});
            auto d = b.einsum("bi,bj->ij", x, y);
            auto moved = b.binary(Op::add, b.binary(Op::mul, v, b.like(v, 0.9)), d);
            b.result("v", moved);
            b.result("w", b.binary(Op::sub, w, b.binary(Op::mul, moved, b.like(v, 0.1))));
          },
          {.capacity = 900, .n = n}, type == DType::f32 ? 1e-4 : 1e-12,
          "update, n = " + std::to_string(n));
  // Folded sizes that no segment divides; rows and columns that no tile divides.
  for (int64_t k : {511, 1500, 4099})
    check(
        [&](Builder& b) {
          Dim batch = Dim::symbol("batch");
          auto x = b.parameter("x", {DType::f32, {batch, k}});
          auto w = b.parameter("w", {DType::f32, {k, 77}});
          auto h = b.einsum("bi,io->bo", x, w);
          b.result("h", b.where(b.binary(Op::gt, h, b.like(h, 0)), h, b.like(h, 0)));
        },
        {.capacity = 37, .n = 29}, 2e-4, "forward, k = " + std::to_string(k));
}

TEST(Einsum, RowsThatManyPanelsReadAreCopiedInTheOrderOfTheLoop) {
  // The gradient of wide weights, with an update; no tile divides the sizes.
  const auto build = [](DType type, const Shape& x, const Shape& y) {
    return [=](Builder& b) {
      auto left = b.parameter("x", {type, x}), right = b.parameter("y", {type, y});
      auto w = b.parameter("w", {type, {x[1], y[1]}});
      auto d = b.einsum("bi,bj->ij", left, right);
      b.result("w", b.binary(Op::sub, w, b.binary(Op::mul, d, b.like(d, 0.1))));
    };
  };
  const Dim batch = Dim::symbol("batch");
  for (const auto& [type, width, tolerance] :
       {std::tuple{DType::f32, 364, 2e-4}, std::tuple{DType::f64, 181, 1e-11}}) {
    const auto program = build(type, {batch, 1197}, {batch, width});
    for (int64_t n : {0, 1, 6, 59})
      check(program, {.capacity = 60, .n = n}, tolerance, "n = " + std::to_string(n));
    ir::Module module = module_of(program);
    plan_by_hand(module, Grouping::Whole, 60);
    for (CpuLevel level : levels()) {
      const auto plan =
          compile(module, ir::FunctionId(0), {.cpu = level, .batch_capacity = 60, .optimise = 1});
      EXPECT_TRUE(std::any_of(plan.phases[0].tasks.begin(), plan.phases[0].tasks.end(),
                              [](const auto& t) { return t.name.find("pack0") != t.name.npos; }))
          << name(level);
    }
  }
}

TEST(Einsum, SumsOverSeveralLabelsGoInSegments) {
  // The weights' gradient of a convolution, channels first and last.
  for (const bool last : {false, true})
    for (int64_t n : {1, 4, 9})
      check(
          [&](Builder& b) {
            Dim batch = Dim::symbol("batch");
            auto x = b.parameter(
                "x", {DType::f32, last ? Shape{batch, 21, 22, 24} : Shape{batch, 24, 21, 22}});
            auto dy = b.parameter(
                "dy", {DType::f32, last ? Shape{batch, 19, 20, 40} : Shape{batch, 40, 19, 20}});
            if (last) x = b.permute(x, {0, 3, 1, 2}), dy = b.permute(dy, {0, 3, 1, 2});
            b.result("dw", b.einsum("ncijab,noij->ocab", b.windows(x, {3, 3}, {1, 1}, {1, 1}), dy));
          },
          {.capacity = 9, .n = n}, 2e-4, "convolution, n = " + std::to_string(n));
}

TEST(Einsum, IntegersWrap) {
  for (DType type : {DType::i32, DType::i64, DType::u8})
    check(
        [&](Builder& b) {
          auto x = b.parameter("x", {type, {9, 300}}), y = b.parameter("y", {type, {300, 18}});
          b.result("z", b.einsum("ij,jk->ik", x, y));
        },
        {.capacity = 1, .n = 1}, 0, ir::name(type));
}

}  // namespace
}  // namespace netc::backend::test
