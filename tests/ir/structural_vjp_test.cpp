// The vjp of every structural op against differences: a list of instances, one test for all, and a
// check that no op with a vjp is missing from the list.
#include <gtest/gtest.h>

#include <set>

#include "gradient_check.h"

namespace netc::ir::test {
namespace {

using Inputs = const std::vector<ValueId>&;

Type real(Shape shape) { return {DType::f64, std::move(shape)}; }
Type integers(Shape shape) { return {DType::i64, std::move(shape)}; }

Sample reduce(ReduceKind kind, std::vector<int64_t> dims, std::vector<double> values = {},
              Shape shape = {Dim::symbol("n"), 2, 3}) {
  std::string label = std::string(name(kind)) + (values.empty() ? "" : " given");
  return {
      label, {real(shape)}, [=](Builder& b, Inputs x) { return b.reduce(kind, x[0], dims); }, -2,
      2,     {values}};
}

Sample einsum(const std::string& spec, Shape lhs, Shape rhs) {
  return {spec, {real(lhs), real(rhs)}, [=](Builder& b, Inputs x) {
            return b.einsum(spec, x[0], x[1]);
          }};
}

Sample slice(int64_t dim, Dim start, Dim size, int64_t step, Shape shape) {
  return {"slice " + std::to_string(step), {real(shape)}, [=](Builder& b, Inputs x) {
            return b.slice(x[0], dim, start, size, step);
          }};
}

Sample windows(Shape shape, Shape k, Shape stride, Shape dilation) {
  return {"windows", {real(shape)}, [=](Builder& b, Inputs x) {
            return b.windows(x[0], k, stride, dilation);
          }};
}

Sample fold_windows(Shape from, Shape size, Shape stride, Shape dilation) {
  return {"fold_windows", {real(from)}, [=](Builder& b, Inputs x) {
            return b.fold_windows(x[0], size, stride, dilation);
          }};
}

std::vector<Sample> samples() {
  const Dim n = Dim::symbol("n");
  return {
      reduce(ReduceKind::sum, {0, 2}),
      reduce(ReduceKind::sum, {0, 1, 2}),
      reduce(ReduceKind::prod, {1}),
      reduce(ReduceKind::prod, {0}, {2, 0, 3}, {3}),
      reduce(ReduceKind::prod, {0}, {0, 0, 3}, {3}),
      reduce(ReduceKind::prod, {1}, {0, 5, 3, 2, 4, 7}, {2, 3}),
      reduce(ReduceKind::max, {0}),
      reduce(ReduceKind::max, {0, 1, 2}),
      reduce(ReduceKind::min, {1, 2}),
      einsum("bi,ij->bj", {n, 4}, {4, 2}),
      einsum("bi,ij->jb", {n, 4}, {4, 2}),
      einsum("nij,njk->nik", {2, 3, 4}, {2, 4, 2}),
      einsum("i,j->ij", {3}, {n}),
      einsum("i,i->", {n}, {n}),
      einsum(",i->i", {}, {3}),
      einsum("ab,cabd->dc", {2, 3}, {2, 2, 3, 4}),
      {"reshape",
       {real({n, 2, 3})},
       [=](Builder& b, Inputs x) { return b.reshape(x[0], {n * 2, 3}); }},
      {"permute",
       {real({n, 2, 4})},
       [](Builder& b, Inputs x) { return b.permute(x[0], {2, 0, 1}); }},
      {"broadcast",
       {real({1, 3})},
       [=](Builder& b, Inputs x) { return b.broadcast(x[0], {2, 5, 3}); }},
      {"broadcast rank 0",
       {real({})},
       [=](Builder& b, Inputs x) { return b.broadcast(x[0], {4, 2}); }},
      slice(1, 1, 2, 1, {n, 4}),
      slice(0, 0, 3, 2, {5}),
      slice(0, 1, 2, 2, {5}),
      slice(0, 1, 2, 3, {6, 2}),
      slice(0, 4, 5, -1, {5}),
      slice(0, 4, 2, -3, {6}),
      slice(0, 3, 1, -2, {5}),
      slice(0, n - 1, n, -1, {n, 2}),
      slice(1, 2, 0, 1, {2, 4}),
      {"diagonal", {real({2, n, n})}, [](Builder& b, Inputs x) { return b.diagonal(x[0], 1, 2); }},
      {"diagonal 0 2",
       {real({3, 2, 3})},
       [](Builder& b, Inputs x) { return b.diagonal(x[0], 0, 2); }},
      windows({n, 5, 4}, {3, 2}, {1, 1}, {1, 1}),
      windows({n, 7, 5}, {2, 2}, {3, 1}, {1, 3}),
      windows({2, n + 4}, {3}, {1}, {2}),
      fold_windows({n, 3, 3, 3, 2}, {5, 4}, {1, 1}, {1, 1}),
      fold_windows({2, 2, 2, 2}, {7, 5}, {3, 1}, {1, 3}),
      {"pad", {real({n, 2})}, [](Builder& b, Inputs x) { return b.pad(x[0], {1, 0}, {0, 2}, 5); }},
      {"concat",
       {real({2, n}), real({3, n})},
       [](Builder& b, Inputs x) { return b.concat({x[0], x[1]}, 0); }},
      {"concat twice",
       {real({2, n})},
       [](Builder& b, Inputs x) { return b.concat({x[0], x[0]}, 1); }},
      {"gather",
       {real({3, 4}), integers({2, 4})},
       [](Builder& b, Inputs x) { return b.add(Op::gather, {x[0], x[1]}, {int64_t(0)}); }},
      {"scatter_add",
       {integers({2, 4}), real({2, 4})},
       [](Builder& b, Inputs x) {
         return b.add(Op::scatter_add, {x[0], x[1]}, {int64_t(1), Dim(3)});
       }},
  };
}

TEST(StructuralVjp, AgreesWithDifferences) {
  for (const Sample& sample : samples()) {
    GradientError error = check_gradient(sample);
    EXPECT_LT(error.worst, 1e-6) << error.where;
  }
}

TEST(StructuralVjp, EveryOpWithAVjpHasASample) {
  std::set<Op> seen;
  for (const Sample& sample : samples()) {
    Differentiated d = differentiate(sample);
    seen.insert(d.module[d.forward].values.back().op);
  }
  for (int i = 0; i < kOpCount; ++i)
    EXPECT_TRUE(def(Op(i)).scalar || !def(Op(i)).vjp || seen.count(Op(i))) << op_name(Op(i));
}

TEST(StructuralVjp, PlantedWrongDerivativeIsCaught) {
  // The derivative of a slice is claimed to be that of its neighbour.
  Sample right = slice(0, 1, 2, 1, {4}), wrong = right;
  int calls = 0;
  wrong.build = [&calls](Builder& b, Inputs x) { return b.slice(x[0], 0, calls++, 2, 1); };
  EXPECT_LT(check_gradient(right).worst, 1e-6);
  EXPECT_GT(check_gradient(wrong).worst, 1e-3);
}

/// Rules that only move elements must also take a mask.
TEST(StructuralVjp, MovingRulesTakeABoolCotangent) {
  int tried = 0;
  for (const Sample& sample : samples()) {
    Module m;
    m.functions.resize(1);
    Builder b(m, FunctionId(0));
    std::vector<ValueId> inputs;
    for (const Type& type : sample.inputs) inputs.push_back(b.parameter("x", type));
    ValueId y = sample.build(b, inputs);
    const Value value = b.value(y);
    if (!vjp_only_moves(value)) continue;
    ++tried;
    ValueId yes = b.cast(y, DType::boolean);
    VjpContext context{b,
                       value,
                       y,
                       yes,
                       std::vector<bool>(value.args.size(), true),
                       std::vector<ValueId>(value.args.size())};
    def(value.op).vjp(context);
    for (size_t i = 0; i < value.args.size(); ++i) {
      ASSERT_TRUE(context.out[i]) << sample.name;
      EXPECT_EQ(b.type(context.out[i]), (Type{DType::boolean, b.type(value.args[i]).shape}))
          << sample.name;
    }
    EXPECT_EQ(verify(m), std::nullopt) << sample.name;
  }
  EXPECT_GT(tried, 10);
}

TEST(StructuralVjp, ProductWithZeros) {
  Sample sample = reduce(ReduceKind::prod, {0}, {2, 0, 3}, {3});
  Differentiated d = differentiate(sample);
  auto gradient = [&](std::vector<double> x) {
    Array g = make_array(real({}), {}, {1});
    return evaluate(d.module, d.backward, {make_array(real({3}), {}, x), g}).results[0].floats;
  };
  EXPECT_EQ(gradient({2, 0, 3}), (std::vector<double>{0, 6, 0}));
  EXPECT_EQ(gradient({0, 0, 3}), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(gradient({2, 5, 3}), (std::vector<double>{15, 6, 10}));
}

TEST(StructuralVjp, MaximumSplitsTies) {
  Differentiated d = differentiate(reduce(ReduceKind::max, {0}, {}, {4}));
  auto gradient = [&](std::vector<double> x) {
    Array g = make_array(real({}), {}, {1});
    return evaluate(d.module, d.backward, {make_array(real({4}), {}, x), g}).results[0].floats;
  };
  EXPECT_EQ(gradient({3, 1, 3, 0}), (std::vector<double>{.5, 0, .5, 0}));
  EXPECT_EQ(gradient({1, NAN, 3, 0}), (std::vector<double>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace netc::ir::test
