// Compiled kernels against the interpreter: maps, views, reductions, contractions.
#include <gtest/gtest.h>

#include "support.h"

namespace netc::backend::test {
namespace {

using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::Op;
using ir::ReduceKind;
using ir::Type;

TEST(Kernels, Add) {
  for (int64_t n : {0, 1, 7, 16, 17, 100}) {
    check(
        [&](Builder& b) {
          auto x = b.parameter("x", {DType::f32, {n}}), y = b.parameter("y", {DType::f32, {n}});
          b.result("z", b.binary(Op::add, x, b.binary(Op::mul, y, x)));
        },
        {}, 1e-6, "add " + std::to_string(n));
  }
}

TEST(Kernels, RowSums) {
  for (int64_t n : {1, 7, 16, 17, 100})
    for (int64_t m : {1, 3, 16, 33, 200}) {
      auto what = std::to_string(n) + "x" + std::to_string(m);
      for (int64_t dim : {0, 1})
        check(
            [&](Builder& b) {
              auto x = b.parameter("x", {DType::f32, {n, m}});
              b.result("s", b.sum(b.unary(Op::exp, x), {dim}));
            },
            {}, 1e-6, "sum of dim " + std::to_string(dim) + " of " + what);
      check(
          [&](Builder& b) {
            auto x = b.parameter("x", {DType::f32, {n, m}});
            b.result("s", b.sum(x, {0, 1}));
          },
          {}, 1e-5, "full sum of " + what);
    }
}

// What needs no reduction is stored by the loop that reduces, in one piece and cut into blocks.
TEST(Kernels, SumBesideStoredValues) {
  for (auto [n, m] : {std::pair<int64_t, int64_t>{3, 5}, {16, 64}, {7, 33}, {300, 501}})
    for (bool all : {false, true})
      check(
          [&, n = n, m = m](Builder& b) {
            auto x = b.parameter("x", {DType::f32, {n, m}});
            auto e = b.unary(Op::exp, x);
            b.result("s", b.sum(e, all ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{1}));
            b.result("e", e);
            b.result("f", b.binary(Op::mul, e, x));
          },
          {}, 1e-5, "sum beside values of " + std::to_string(n) + "x" + std::to_string(m));
}

TEST(Kernels, Softmax) {
  for (int64_t m : {1, 3, 10, 16, 33, 100, 5000})
    check(
        [&](Builder& b) {
          Dim batch = Dim::symbol("batch");
          auto x = b.parameter("x", {DType::f32, {batch, m}});
          auto spread = [&](ir::ValueId v) {
            return b.broadcast(b.reshape(v, {batch, 1}), {batch, m});
          };
          auto e =
              b.unary(Op::exp, b.binary(Op::sub, x, spread(b.reduce(ReduceKind::max, x, {1}))));
          b.result("p", b.binary(Op::div, e, spread(b.sum(e, {1}))));
        },
        {.capacity = 9, .n = 7}, 1e-6, "softmax of " + std::to_string(m));
}

TEST(Kernels, Matmul) {
  struct Sizes {
    int64_t m, k, n;
  };
  for (Sizes s : {Sizes{1, 1, 1},
                  {3, 5, 7},
                  {16, 16, 16},
                  {17, 33, 65},
                  {64, 100, 10},
                  {10, 0, 4},
                  {50, 784, 1},
                  {100, 70, 130}})
    for (DType t : {DType::f32, DType::f64})
      for (const char* spec : {"ij,jk->ik", "ji,jk->ik", "ij,kj->ik", "ji,kj->ik", "ij,jk->ki"}) {
        std::string text = spec;
        auto shape = [&](const std::string& labels) {
          ir::Shape r;
          for (char c : labels) r.push_back(c == 'i' ? s.m : c == 'j' ? s.k : s.n);
          return r;
        };
        check(
            [&](Builder& b) {
              auto x = b.parameter("x", {t, shape(text.substr(0, 2))});
              auto y = b.parameter("y", {t, shape(text.substr(3, 2))});
              b.result("z", b.einsum(text, x, y));
            },
            {}, t == DType::f32 ? 1e-4 : 1e-12,
            text + " " + std::to_string(s.m) + " " + std::to_string(s.k) + " " +
                std::to_string(s.n));
        if (testing::Test::HasFailure()) return;
      }
}

}  // namespace
}  // namespace netc::backend::test
