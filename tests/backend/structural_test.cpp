// Views, pads, gathers, reductions of all kinds, random numbers and index checks against the
// interpreter; short batches; any order of chunks.
#include <gtest/gtest.h>

#include <fstream>

#include "ir/reference.h"
#include "ir/shape_rules.h"
#include "support.h"

namespace netc::backend::test {
namespace {

using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::Op;
using ir::ReduceKind;
using ir::Scalar;
using ir::Shape;
using ir::Type;
using ir::ValueId;

TEST(Structural, ViewsPadConcat) {
  for (int64_t m : {1, 5, 17}) {
    check(
        [&](Builder& b) {
          Dim n = Dim::symbol("batch");
          auto x = b.parameter("x", {DType::f32, {n, m, 3}});
          auto y = b.parameter("y", {DType::f32, {n, m, 3}});
          b.result("permuted", b.unary(Op::neg, b.permute(x, {2, 0, 1})));
          b.result("flat", b.reshape(b.permute(x, {0, 2, 1}), {n, m * 3}));
          b.result("reversed", b.slice(x, 1, m - 1, m, -1));
          b.result("every", b.slice(x, 2, 0, 2, 2));
          b.result("padded", b.pad(x, {0, 1, 2}, {0, 3, 1}, 1.5));
          b.result("joined", b.concat({x, y, x}, 1));
          b.result("joined_last", b.concat({x, y}, 2));
          b.result("spread", b.broadcast(b.slice(x, 2, 1, 1, 1), {n, m, 4}));
          b.result("square", b.diagonal(b.broadcast(x, {3, n, m, 3}), 0, 3));
        },
        {.capacity = 6, .n = 4}, 1e-6, "views of " + std::to_string(m));
  }
}

TEST(Structural, WindowsAndTheirFolds) {
  struct Case {
    Shape size, k, stride, dilation;
  };
  for (const Case& c : std::vector<Case>{{{5, 4}, {3, 2}, {1, 1}, {1, 1}},
                                         {{9, 21}, {2, 3}, {3, 2}, {2, 1}},
                                         {{17, 18}, {1, 1}, {2, 3}, {1, 1}},
                                         {{1, 33}, {1, 5}, {1, 1}, {1, 4}}})
    for (DType type : {DType::f32, DType::f64, DType::i32})
      check(
          [&](Builder& b) {
            Dim n = Dim::symbol("batch");
            auto x = b.parameter("x", {type, {n, 3, c.size[0], c.size[1]}});
            Shape places = ir::window_counts(c.size, {c.k, c.stride, c.dilation});
            auto g = b.parameter("g", {type, {n, 3, places[0], places[1], c.k[0], c.k[1]}});
            auto seen = b.windows(x, c.k, c.stride, c.dilation);
            b.result("seen", b.binary(Op::add, seen, g));
            b.result("folded", b.fold_windows(g, c.size, c.stride, c.dilation));
            b.result("last",
                     b.fold_windows(b.permute(b.permute(g, {0, 2, 3, 4, 5, 1}), {0, 5, 1, 2, 3, 4}),
                                    c.size, c.stride, c.dilation));
          },
          {.capacity = 4, .n = 3}, 1e-6, "windows of " + ir::str(c.k) + " over " + ir::str(c.size));
}

TEST(Structural, TransposedCopies) {
  for (DType type : {DType::f32, DType::f64, DType::u8})
    for (Shape shape : {Shape{64, 96}, Shape{2, 32, 48}, Shape{33, 70}, Shape{128, 10}})
      check(
          [&](Builder& b) {
            auto x = b.parameter("x", {type, shape});
            auto last = int64_t(shape.size()) - 1;
            std::vector<int64_t> dims = {last, last - 1};
            if (last == 2) dims.insert(dims.begin(), 0);
            auto turned = b.permute(x, dims);
            b.result("turned", turned);
            b.result("sum", b.binary(Op::add, turned, b.unary(Op::abs, turned)));
          },
          {.capacity = 1, .n = 1}, 0, "transposed " + ir::str(shape));
}

TEST(Structural, ReductionsOfEveryKind) {
  using Case = std::pair<Shape, std::vector<int64_t>>;
  std::vector<Case> cases = {{{7, 19}, {1}},   {{7, 19}, {0}},      {{7, 19}, {0, 1}},
                             {{3, 4, 5}, {1}}, {{3, 4, 5}, {0, 2}}, {{1, 1}, {0}},
                             {{40, 64}, {0}},  {{5, 19, 4}, {2}},   {{3, 37, 2}, {2}}};
  for (const auto& [shape, dims] : cases)
    check(
        [&](Builder& b) {
          auto x = b.parameter("x", {DType::f32, shape}), d = b.parameter("d", {DType::f64, shape});
          auto i = b.parameter("i", {DType::i32, shape}), u = b.parameter("u", {DType::u8, shape});
          auto c = b.parameter("c", {DType::boolean, shape});
          for (auto kind : {ReduceKind::sum, ReduceKind::prod, ReduceKind::max, ReduceKind::min,
                            ReduceKind::argmax, ReduceKind::argmin})
            for (ValueId v : {x, d, i, u})
              b.result(std::string(ir::name(kind)) + std::to_string(v.index),
                       b.reduce(kind, v, dims));
          b.result("any", b.reduce(ReduceKind::any, c, dims));
          b.result("all", b.reduce(ReduceKind::all, c, dims));
          b.result("count", b.reduce(ReduceKind::sum, c, dims));
        },
        {.capacity = 1, .n = 1}, 1e-5, "reductions of " + ir::str(shape));
}

TEST(Structural, LargeReductionsAreSplitAndExact) {
  for (auto [shape, dims] : std::vector<std::pair<Shape, std::vector<int64_t>>>{
           {{1 << 19}, {0}}, {{40000, 10}, {0}}, {{3, 100000}, {1}}, {{20000, 100}, {0}}})
    check(
        [&](Builder& b) {
          auto x = b.parameter("x", {DType::f32, shape});
          auto sum = b.sum(x, dims);
          Shape kept = b.type(sum).shape;
          b.result("scaled", b.binary(Op::mul, sum, b.like(sum, 0.5)));
          b.result("where", b.reduce(ReduceKind::argmax, x, dims));
        },
        {.capacity = 1, .n = 1, .threads = 2}, 2e-6, "large reductions of " + ir::str(shape));
}

TEST(Structural, GatherScatterIndex) {
  for (int64_t d : {1, 3, 16, 33})
    check(
        [&](Builder& b) {
          Dim n = Dim::symbol("batch");
          auto table = b.parameter("table", {DType::f32, {5, d}});
          auto u = b.parameter("u", {DType::u8, {n}});
          auto values = b.parameter("values", {DType::f32, {n, d}});
          auto i = b.add(Op::index, {u}, {Dim(5), false});
          auto rows = b.broadcast(b.reshape(b.cast(i, DType::i64), {n, 1}), {n, d});
          b.result("rows", b.add(Op::gather, {table, rows}, {int64_t(0)}));
          b.result("sums", b.add(Op::scatter_add, {rows, values}, {int64_t(0), Dim(5)}));
        },
        {.capacity = 9, .n = 7}, 1e-6, "gather and scatter of rows of " + std::to_string(d));
}

TEST(Structural, BrokenIndexPromiseIsAFaultAndClamps) {
  ir::Module module = module_of([](Builder& b) {
    auto i = b.parameter("i", {DType::i64, {20}});
    b.result("at", b.add(Op::index, {i}, {Dim(5), false}));
  });
  plan_by_hand(module, Grouping::Single, 1);
  auto inputs = random_inputs(module, 1, 3, 0, 1, 5);
  uint32_t fault = 0;
  run_compiled(module, inputs, {.capacity = 1, .n = 1}, &fault);
  EXPECT_EQ(fault, 0u);
  inputs[0].ints[19] = 5;
  auto actual = run_compiled(module, inputs, {.capacity = 1, .n = 1}, &fault);
  EXPECT_EQ(fault, 1u);
  EXPECT_EQ(actual[0].ints[19], 4);
}

TEST(Structural, RandomIotaAndBatchConstants) {
  check(
      [&](Builder& b) {
        Dim n = Dim::symbol("batch");
        auto seed = b.parameter("seed", {DType::i64, {}}),
             step = b.parameter("step", {DType::i64, {}});
        auto x = b.parameter("x", {DType::f32, {n, 19}});
        auto r = b.add(Op::random, {seed, step}, {Shape{n, 19}, std::string("m.dropout0")});
        b.result("random", r);
        b.result("dropped", b.where(b.binary(Op::lt, r, b.like(r, 2147483648.0)), x, b.like(x, 0)));
        b.result("iota", b.add(Op::iota, {}, {n}));
        b.result("mean", b.binary(Op::mul, x, b.constant(Scalar{2, 1, n}, b.type(x))));
      },
      {.capacity = 9, .n = 5}, 1e-6, "random numbers", 0, 9);
}

TEST(Structural, LogSoftmaxCrossEntropyRow) {
  for (int64_t c : {2, 10, 100})
    check(
        [&](Builder& b) {
          Dim n = Dim::symbol("batch");
          auto x = b.parameter("x", {DType::f32, {n, c}});
          auto label = b.parameter("label", {DType::u8, {n}});
          auto spread = [&](ValueId v) { return b.broadcast(b.reshape(v, {n, 1}), {n, c}); };
          auto top = b.reduce(ReduceKind::max, x, {1});
          auto shifted = b.binary(Op::sub, x, spread(top));
          auto total = b.sum(b.unary(Op::exp, shifted), {1});
          auto log_sum = b.binary(Op::add, b.unary(Op::log, total), top);
          auto classes = b.broadcast(b.add(Op::iota, {}, {Dim(c)}), {n, c});
          auto hit = b.binary(Op::eq, classes, spread(b.cast(label, DType::i64)));
          auto chosen = b.sum(b.where(hit, x, b.like(x, 0)), {1});
          b.result("rows", b.binary(Op::sub, log_sum, chosen));
          auto p = b.unary(Op::exp, b.binary(Op::sub, x, spread(log_sum)));
          b.result("gradient", b.binary(Op::sub, p, b.cast(hit, DType::f32)));
        },
        {.capacity = 33, .n = 30}, 1e-6, "cross entropy of " + std::to_string(c));
}

TEST(Structural, ChunksInAnyOrderOnAnyThreadGiveTheSameBits) {
  ir::Module module = module_of([](Builder& b) {
    auto x = b.parameter("x", {DType::f32, {300, 200}}),
         w = b.parameter("w", {DType::f32, {200, 300}});
    auto h = b.einsum("ij,jk->ik", x, w);
    b.result("h", h);
    b.result("column", b.sum(b.unary(Op::tanh, h), {0}));
    b.result("total", b.sum(h, {0, 1}));
    b.result("gram", b.einsum("ij,ik->jk", x, h));
  });
  plan_by_hand(module, Grouping::Single, 1);
  auto inputs = random_inputs(module, 1, 5);
  auto first = run_compiled(module, inputs, {.capacity = 1, .n = 1});
  for (RunOptions o : {RunOptions{.capacity = 1, .n = 1, .reversed = true},
                       RunOptions{.capacity = 1, .n = 1, .threads = 3}}) {
    auto other = run_compiled(module, inputs, o);
    for (size_t r = 0; r < first.size(); ++r) EXPECT_EQ(first[r].floats, other[r].floats);
  }
}

TEST(Structural, NothingIsWritableAndExecutable) {
  ir::Module module = module_of([](Builder& b) {
    auto x = b.parameter("x", {DType::f32, {64}});
    b.result("y", b.unary(Op::exp, x));
  });
  plan_by_hand(module, Grouping::Single, 1);
  runtime::Plan plan = compile(module, ir::FunctionId(0), {});
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    EXPECT_EQ(line.find("rwx"), std::string::npos) << line;
}

}  // namespace
}  // namespace netc::backend::test
