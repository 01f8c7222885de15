// Kernels of several nests on blocks of rows: the pass makes them, the code computes what the
// interpreter does, whatever the batch, the level, the order of the chunks and the threads.
#include "ir/stream.h"

#include <gtest/gtest.h>

#include "ir/print.h"
#include "passes/pass.h"
#include "passes/plan.h"
#include "support.h"

namespace netc::backend::test {
namespace {

using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::Op;
using ir::ReduceKind;
using ir::Role;
using ir::Shape;
using ir::ValueId;

const Dim kBatch = Dim::symbol("batch");

/// Fused, streamed and planned; values of more than 64 bytes count as large.
ir::Module streamed(const std::function<void(Builder&)>& build, int64_t capacity) {
  ir::Module module = module_of(build);
  module.stage = ir::Stage::Optimised;
  passes::PassContext context;
  context.batch_capacity = capacity;
  context.target.large = 64;
  std::vector<const passes::Pass*> list;
  for (const char* name : {"fuse", "stream", "plan_memory"})
    list.push_back(passes::find_pass(name));
  return passes::run(list, std::move(module), context);
}

size_t nests(const ir::Module& module) {
  size_t most = 0;
  for (const auto& kernel : passes::kernel_uses(module.functions[0]).kernels)
    most = std::max(most, ir::nests_of(module.functions[0], kernel.values).size());
  return most;
}

void check_streamed(const std::function<void(Builder&)>& build, size_t expected_nests,
                    double tolerance) {
  for (int64_t capacity : {300, 8}) {
    const ir::Module module = streamed(build, capacity);
    ASSERT_EQ(nests(module), expected_nests) << ir::print(module);
    for (int64_t n : {capacity, capacity * 2 / 3, int64_t(0)}) {
      const auto inputs = random_inputs(module, n, 11);
      const auto expected = run_reference(module, inputs, n);
      for (CpuLevel level : n == capacity ? levels() : std::vector{native_cpu()}) {
        RunOptions options{.cpu = level, .capacity = capacity, .n = n};
        const auto actual = run_compiled(module, inputs, options);
        expect_close(actual, expected, tolerance, std::string(name(level)));
        options.reversed = true, options.threads = 4;
        expect_close(run_compiled(module, inputs, options), actual, 0, "the same bits");
        if (testing::Test::HasFailure()) FAIL() << ir::print(module);
      }
    }
  }
}

ValueId repeated(Builder& b, ValueId row, ValueId like) {
  return b.broadcast(row, b.type(like).shape);
}

ValueId columns_of(Builder& b, ValueId per_row, int64_t columns) {
  return b.broadcast(b.reshape(per_row, {kBatch, 1}), {kBatch, columns});
}

/// w - 0.1 d, written over w.
void update(Builder& b, ValueId w, ValueId d) {
  const std::string name = b.value(w).name;
  const ValueId now = b.binary(Op::sub, w, b.binary(Op::mul, d, b.like(d, 0.1)));
  b.function()[now].name = "new_" + name;
  b.result("new_" + name, now);
}

/// A layer of `m` outputs with relu and mse; x is read forward and for the gradient of w.
void neuron(Builder& b, DType t, int64_t m, bool flat) {
  const ValueId x = b.parameter("x", {t, {kBatch, 29}}, Role::Input);
  const Shape target = flat ? Shape{kBatch} : Shape{kBatch, m};
  const ValueId y = b.parameter("y", {t, target}, Role::Input);
  const ValueId w = b.parameter("w", {t, {29, m}}, Role::Param);
  const ValueId c = b.parameter("c", {t, {m}}, Role::Param);
  ValueId z = b.einsum("bi,ij->bj", x, w);
  z = b.binary(Op::add, z, repeated(b, c, z));
  const ValueId o = b.binary(Op::maximum, z, b.like(z, 0));
  const ValueId e = b.binary(Op::sub, b.reshape(o, target), y);
  const ValueId loss =
      b.sum(b.binary(Op::mul, e, e), flat ? std::vector<int64_t>{0} : std::vector<int64_t>{0, 1});
  const ir::Scalar two{2, 1, kBatch};
  const ValueId scaled = b.binary(Op::mul, b.constant(two, b.type(e)), e);
  const ValueId back = b.reshape(scaled, {kBatch, m});
  const ValueId d = b.where(b.is_positive(o), back, b.like(back, 0));
  b.result("loss", b.binary(Op::div, loss, b.constant(ir::Scalar{1, kBatch, 1}, b.type(loss))));
  update(b, w, b.einsum("bi,bj->ij", x, d));
  update(b, c, b.sum(d, {0}));
}

TEST(Stream, ForwardLossAndGradientOfALayer) {
  check_streamed([](Builder& b) { neuron(b, DType::f32, 1, true); }, 6, 2e-5);
  check_streamed([](Builder& b) { neuron(b, DType::f32, 5, false); }, 4, 2e-5);
  check_streamed([](Builder& b) { neuron(b, DType::f64, 18, false); }, 4, 1e-12);
}

TEST(Stream, TwoLayersWithTheirGradients) {
  check_streamed(
      [](Builder& b) {
        const ValueId x = b.parameter("x", {DType::f32, {kBatch, 40}}, Role::Input);
        const ValueId y = b.parameter("y", {DType::f32, {kBatch, 3}}, Role::Input);
        const ValueId w = b.parameter("w", {DType::f32, {40, 17}}, Role::Param);
        const ValueId v = b.parameter("v", {DType::f32, {17, 3}}, Role::Param);
        const ValueId h = b.unary(Op::tanh, b.einsum("bi,ij->bj", x, w));
        const ValueId d = b.binary(Op::sub, b.einsum("bi,ij->bj", h, v), y);
        const ValueId slope = b.binary(Op::sub, b.like(h, 1), b.binary(Op::mul, h, h));
        const ValueId dh = b.binary(Op::mul, b.einsum("bj,ij->bi", d, v), slope);
        update(b, v, b.einsum("bi,bj->ij", h, d));
        update(b, w, b.einsum("bi,bj->ij", x, dh));
      },
      5, 5e-5);
}

TEST(Stream, RowsThatAreNormedAndSumsOverThem) {
  check_streamed(
      [](Builder& b) {
        const ValueId x = b.parameter("x", {DType::f32, {kBatch, 33}}, Role::Input);
        const ValueId dy = b.parameter("dy", {DType::f32, {kBatch, 33}}, Role::Input);
        const ValueId g = b.parameter("g", {DType::f32, {33}}, Role::Param);
        const ValueId most = b.reduce(ReduceKind::max, x, {1});
        const ValueId e = b.unary(Op::exp, b.binary(Op::sub, x, columns_of(b, most, 33)));
        const ValueId p = b.binary(Op::div, e, columns_of(b, b.sum(e, {1}), 33));
        const ValueId d = b.binary(Op::mul, dy, repeated(b, g, dy));
        b.result("dx", b.binary(Op::mul, p, d));
        update(b, g, b.sum(b.binary(Op::mul, p, dy), {0}));
      },
      2, 5e-5);
}

TEST(Stream, ASumThatRowsNeedComesFirst) {
  const auto build = [](Builder& b) {
    const ValueId x = b.parameter("x", {DType::f32, {kBatch, 40}}, Role::Input);
    const ValueId w = b.parameter("w", {DType::f32, {40, 4}}, Role::Param);
    const ValueId centre = b.sum(x, {0});
    const ValueId z =
        b.einsum("bi,ij->bj", b.copy(b.binary(Op::sub, x, repeated(b, centre, x))), w);
    b.result("z", z);
    update(b, w, b.einsum("bi,bj->ij", x, z));
  };
  check_streamed(build, 2, 1e-4);
}

TEST(Stream, GradientsOfPartsAreLaidSideBySide) {
  check_streamed(
      [](Builder& b) {
        const ValueId x = b.parameter("x", {DType::f32, {kBatch, 20}}, Role::Input);
        const ValueId w = b.parameter("w", {DType::f32, {20, 12}}, Role::Param);
        const ValueId y = b.einsum("bi,ij->bj", x, w);
        ValueId dy;
        for (int64_t part : {0, 1, 2}) {
          const ValueId own = b.reshape(b.slice(y, 1, 4 * part, 4, 1), {kBatch, 2, 2});
          const ValueId d = b.reshape(b.einsum("bij,bjk->bik", own, own), {kBatch, 4});
          const ValueId whole = b.pad(d, {0, 4 * part}, {0, 8 - 4 * part}, 0);
          dy = dy ? b.binary(Op::add, dy, whole) : whole;
        }
        b.result("dy", dy);
        update(b, w, b.einsum("bi,bj->ij", x, dy));
      },
      6, 2e-4);
}

TEST(Stream, SumsReadByOtherNestsAreTakenApart) {
  // As an edited dump might have it: one kernel that cannot be streamed.
  check(
      [](Builder& b) {
        const ValueId x = b.parameter("x", {DType::f32, {kBatch, 6}});
        const ValueId s = b.einsum("bi,bj->ij", x, x);
        b.result("y", b.einsum("bi,ij->bj", x, s));
      },
      {.capacity = 20, .n = 17}, 1e-4, "a sum that is read at once");
}

}  // namespace
}  // namespace netc::backend::test
