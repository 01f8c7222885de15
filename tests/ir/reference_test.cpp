// The reference interpreter: sizes from arguments, calls, index faults, kernels over an arena,
// speed of contractions, random numbers; and the rows of the edge table that concern single ops.
#include "ir/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "gradient_check.h"
#include "ir/philox.h"

namespace netc::ir::test {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");
const Dim kN = Dim::symbol("n");

Type f64(Shape shape) { return {DType::f64, std::move(shape)}; }
Type f32(Shape shape) { return {DType::f32, std::move(shape)}; }

/// Values of one op on given operands.
std::vector<double> run(
    const std::vector<Type>& types, const std::vector<std::vector<double>>& in,
    const std::function<ValueId(Builder&, const std::vector<ValueId>&)>& build) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  std::vector<ValueId> x;
  std::vector<Array> args;
  for (size_t i = 0; i < types.size(); ++i) {
    x.push_back(b.parameter("x", types[i]));
    args.push_back(make_array(types[i], {}, in[i]));
  }
  b.result("y", build(b, x));
  Array y = evaluate(m, FunctionId(0), args).results[0];
  std::vector<double> out;
  for (int64_t i = 0; i < y.size(); ++i) out.push_back(y.number(i));
  return out;
}

double apply(Op op, double a, double b = 0) {
  return run({f64({1}), f64({1})}, {{a}, {b}}, [op](Builder& builder, const auto& x) {
    return builder.add(op, {x.begin(), x.begin() + def(op).scalar->arity});
  })[0];
}

/// Gradient of operand i for cotangent 1, through the vjp that the graph gets.
double slope(Op op, int i, double a, double b = 0) {
  Sample sample{op_name(op), std::vector<Type>(size_t(def(op).scalar->arity), f64({1})), {}};
  sample.build = [op](Builder& builder, const auto& x) { return builder.add(op, x); };
  Differentiated d = differentiate(sample);
  std::vector<Array> args = {make_array(f64({1}), {}, {a})};
  if (def(op).scalar->arity == 2) args.push_back(make_array(f64({1}), {}, {b}));
  args.push_back(make_array(f64({1}), {}, {1}));
  return evaluate(d.module, d.backward, args).results[size_t(i)].floats[0];
}

double reduced(ReduceKind kind, const std::vector<double>& x) {
  return run({f64({int64_t(x.size())})}, {x},
             [kind](Builder& b, const auto& v) { return b.reduce(kind, v[0], {0}); })[0];
}

TEST(Edges, MaximumAndNaN) {
  EXPECT_TRUE(std::isnan(apply(Op::maximum, kNan, 1)));
  EXPECT_TRUE(std::isnan(apply(Op::maximum, 1, kNan)));
  EXPECT_TRUE(std::isnan(apply(Op::minimum, kNan, 1)));
  EXPECT_TRUE(std::isnan(apply(Op::minimum, 1, kNan)));
  EXPECT_EQ(slope(Op::maximum, 0, kNan, 0), 0);
  EXPECT_EQ(slope(Op::maximum, 1, kNan, 0), 0);
  EXPECT_EQ(slope(Op::maximum, 0, 2, 2), 0.5);
  EXPECT_EQ(slope(Op::minimum, 1, 2, 2), 0.5);
  EXPECT_TRUE(std::isnan(reduced(ReduceKind::max, {1, kNan, 3})));
  EXPECT_TRUE(std::isnan(reduced(ReduceKind::min, {1, kNan, 3})));
}

TEST(Edges, AbsoluteValueSignAndRoots) {
  EXPECT_EQ(slope(Op::abs, 0, 0), 0);
  EXPECT_EQ(apply(Op::sign, 0), 0);
  EXPECT_EQ(apply(Op::sign, -3), -1);
  EXPECT_EQ(slope(Op::sqrt, 0, 0), kInf);
}

TEST(Edges, Powers) {
  EXPECT_EQ(apply(Op::pow, 0, 0), 1);
  EXPECT_EQ(slope(Op::pow, 0, 0, 0), 0);
  EXPECT_EQ(slope(Op::pow, 1, 0, 0), 0);
  EXPECT_EQ(slope(Op::pow, 1, 0, 2), 0);
  EXPECT_TRUE(std::isnan(slope(Op::pow, 1, -2, 3)));
  EXPECT_EQ(slope(Op::pow, 0, -2, 3), 12);
}

TEST(Edges, FirstOfEqualsAndNothing) {
  EXPECT_EQ(reduced(ReduceKind::argmax, {1, 3, 3, 0}), 1);
  EXPECT_EQ(reduced(ReduceKind::argmin, {1, 0, 3, 0}), 1);
  EXPECT_EQ(reduced(ReduceKind::argmax, {1, kNan, 3, kNan}), 1);
  EXPECT_EQ(reduced(ReduceKind::sum, {}), 0);
  EXPECT_EQ(reduced(ReduceKind::prod, {}), 1);
  EXPECT_THROW(reduced(ReduceKind::max, {}), OpError);
  EXPECT_THROW(reduced(ReduceKind::argmax, {}), OpError);
  Type nothing{DType::boolean, {0}};
  auto logic = [&](ReduceKind kind) {
    return run({nothing}, {{}},
               [kind](Builder& b, const auto& x) { return b.reduce(kind, x[0], {0}); })[0];
  };
  EXPECT_EQ(logic(ReduceKind::any), 0);
  EXPECT_EQ(logic(ReduceKind::all), 1);
  auto product = run({f64({2, 0}), f64({0, 2})}, {{}, {}},
                     [](Builder& b, const auto& x) { return b.einsum("ik,kj->ij", x[0], x[1]); });
  EXPECT_EQ(product, (std::vector<double>{0, 0, 0, 0}));
}

TEST(Edges, IntegersWrap) {
  Type u8{DType::u8, {1}}, i32{DType::i32, {1}};
  auto add = [](Builder& b, const auto& x) { return b.binary(Op::add, x[0], x[1]); };
  auto divide = [](Builder& b, const auto& x) { return b.binary(Op::floordiv, x[0], x[1]); };
  auto remainder = [](Builder& b, const auto& x) { return b.binary(Op::mod, x[0], x[1]); };
  EXPECT_EQ(run({u8, u8}, {{200}, {100}}, add)[0], 44);
  EXPECT_EQ(run({i32, i32}, {{2147483647}, {1}}, add)[0], -2147483648.0);
  EXPECT_EQ(run({i32, i32}, {{-7}, {2}}, divide)[0], -4);
  EXPECT_EQ(run({i32, i32}, {{-7}, {2}}, remainder)[0], 1);
  EXPECT_EQ(run({i32, i32}, {{7}, {0}}, divide)[0], 0);
  EXPECT_EQ(run({i32, i32}, {{7}, {0}}, remainder)[0], 0);
  EXPECT_EQ(run({i32, i32}, {{-2147483648.0}, {-1}}, divide)[0], -2147483648.0);
}

TEST(Edges, Casts) {
  auto cast = [](DType to, double v) {
    return run({f64({1})}, {{v}}, [to](Builder& b, const auto& x) { return b.cast(x[0], to); })[0];
  };
  EXPECT_EQ(cast(DType::i32, -2.7), -2);
  EXPECT_EQ(cast(DType::u8, 258), 2);
  EXPECT_EQ(cast(DType::boolean, 0.5), 1);
  EXPECT_EQ(cast(DType::boolean, 0), 0);
  EXPECT_EQ(cast(DType::f32, 0.1), double(0.1f));
  EXPECT_EQ(apply(Op::round, 2.5), 2);
  EXPECT_EQ(apply(Op::round, 3.5), 4);
}

TEST(Edges, SubnormalsAreKept) {
  auto halved = run({f32({1})}, {{1e-44}}, [](Builder& b, const auto& x) {
    return b.binary(Op::mul, b.like(x[0], 0.5), x[0]);
  });
  EXPECT_GT(halved[0], 0);
}

TEST(Reference, SizesComeFromArguments) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  ValueId x = b.parameter("x", f32({kN, 2}));
  ValueId mean = b.binary(Op::mul, b.constant(Scalar{1, 1, kN}, f32({})), b.sum(x, {0, 1}));
  b.result("mean", mean);
  b.result("count", b.add(Op::iota, {}, {kN * 2 + 1}));
  auto results =
      evaluate(m, FunctionId(0), {make_array(f32({3, 2}), {}, {1, 2, 3, 4, 5, 6})}).results;
  EXPECT_FLOAT_EQ(float(results[0].number(0)), 7);
  EXPECT_EQ(results[1].size(), 7);
  EXPECT_THROW(evaluate(m, FunctionId(0), {make_array(f32({3, 4}), {}, {})}), DiagnosticError);
  EXPECT_THROW(evaluate(m, FunctionId(0), {make_array(f64({3, 2}), {}, {})}), DiagnosticError);
  EXPECT_THROW(evaluate(m, FunctionId(0), {}), DiagnosticError);
}

TEST(Reference, CallsWithSeveralResults) {
  Module m;
  m.functions.resize(2);
  FunctionId callee(1);
  {
    Builder b(m, callee);
    ValueId x = b.parameter("x", f64({2}));
    b.result("twice", b.binary(Op::add, x, x));
    b.result("square", b.binary(Op::mul, x, x));
  }
  Builder b(m, FunctionId(0));
  ValueId x = b.parameter("x", f64({2}));
  ValueId first = b.call(callee, {x}, "");
  ValueId second(first.index + 1);
  b.result("r", b.binary(Op::sub, second, first));
  ASSERT_EQ(verify(m), std::nullopt);
  auto result = evaluate(m, FunctionId(0), {make_array(f64({2}), {}, {3, 5})}).results[0];
  EXPECT_EQ(result.floats, (std::vector<double>{3, 15}));
}

TEST(Reference, BrokenIndexPromisesAreReported) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  ValueId i = b.parameter("i", {DType::i64, {3}});
  ValueId checked = b.add(Op::index, {i}, {Dim(4), true});
  m.functions[0][checked].name = "row";
  b.result("row", checked);
  auto run_index = [&](std::vector<double> v) {
    return evaluate(m, FunctionId(0), {make_array({DType::i64, {3}}, {}, v)});
  };
  EvaluationResult good = run_index({0, -1, 3});
  EXPECT_EQ(good.results[0].ints, (std::vector<int64_t>{0, 3, 3}));
  EXPECT_EQ(good.fault, "");
  EvaluationResult bad = run_index({0, 7, -9});
  EXPECT_EQ(bad.results[0].ints, (std::vector<int64_t>{0, 3, 0}));
  EXPECT_THAT(bad.fault, testing::HasSubstr("`row` is 7"));
}

TEST(Reference, GatherAndScatterAdd) {
  Type index{DType::i64, {2, 2}};
  auto picked =
      run({f64({3, 2}), index}, {{1, 2, 3, 4, 5, 6}, {2, 0, 1, 1}},
          [](Builder& b, const auto& x) { return b.add(Op::gather, {x[0], x[1]}, {int64_t(0)}); });
  EXPECT_EQ(picked, (std::vector<double>{5, 2, 3, 4}));
  auto added =
      run({index, f64({2, 2})}, {{2, 2, 0, 2}, {1, 2, 3, 4}}, [](Builder& b, const auto& x) {
        return b.add(Op::scatter_add, {x[0], x[1]}, {int64_t(1), Dim(3)});
      });
  EXPECT_EQ(added, (std::vector<double>{0, 0, 3, 3, 0, 4}));
}

TEST(Reference, EinsumIsFastEnoughForTraining) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  ValueId x = b.parameter("x", f32({128, 784})), w = b.parameter("w", f32({784, 128}));
  b.result("y", b.einsum("bi,ij->bj", x, w));
  std::vector<Array> args = {make_array(f32({128, 784}), {}, {}),
                             make_array(f32({784, 128}), {}, {})};
  auto start = std::chrono::steady_clock::now();
  evaluate(m, FunctionId(0), args);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 2.0);  // 12.8 million products; about 10 ms in a release build
}

TEST(Reference, RandomNumbersDependOnSeedSiteStepAndIndexOnly) {
  // Philox4x32-10, known answers of the Random123 distribution.
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(fnv1a("a"), 0xaf63dc4c8601ec8cu);
  Type i64{DType::i64, {}};
  auto draw = [&](double seed, double step, const char* site) {
    return run({i64, i64}, {{seed}, {step}}, [site](Builder& b, const auto& x) {
      return b.add(Op::random, {x[0], x[1]}, {Shape{2, 3}, std::string(site)});
    });
  };
  std::vector<double> first = draw(1, 2, "dropout0");
  for (size_t i = 0; i < first.size(); ++i)
    EXPECT_EQ(first[i], double(random_bits(1, site_key("dropout0"), 2, i)));
  EXPECT_EQ(first, draw(1, 2, "dropout0"));
  EXPECT_NE(first, draw(2, 2, "dropout0"));
  EXPECT_NE(first, draw(1, 3, "dropout0"));
  EXPECT_NE(first, draw(1, 2, "dropout1"));
  // A third operand goes before the index: the rows of a batch that came before.
  const auto later = run({i64, i64, i64}, {{1}, {2}, {3}}, [](Builder& b, const auto& x) {
    return b.add(Op::random, {x[0], x[1], x[2]}, {Shape{1, 3}, std::string("dropout0")});
  });
  EXPECT_EQ(later, std::vector<double>(first.begin() + 3, first.end()));
}

/// Two kernels over an arena: k0 = {a = exp(x), b = a + x}, k1 = {c = b * t}, t a transposed read.
struct Planned {
  Module m;
  ValueId x, a, sum, view, product;
  Planned() {
    m.stage = Stage::Plan;
    m.functions.resize(1);
    Function& f = m.functions[0];
    f.name = "m.predict";
    f.entry = true;
    Builder b(m, FunctionId(0));
    x = b.parameter("x", f32({2, 2}), Role::Input);
    a = b.unary(Op::exp, x);
    sum = b.binary(Op::add, a, x);
    view = b.permute(sum, {1, 0});
    product = b.binary(Op::mul, sum, view);
    b.result("y", product);
    f.kernels = {{"k0", ""}, {"k1", ""}};
    f[a].kernel = f[sum].kernel = KernelId(0);
    f[product].kernel = KernelId(1);
    f[x].storage = Storage{0, {}};
    f[sum].storage = Storage{64, 16};
    f[product].storage = Storage{256, {}};
  }
  std::vector<double> run_with(const std::vector<double>& in) {
    return evaluate(m, FunctionId(0), {make_array(f32({2, 2}), {}, in)}).results[0].floats;
  }
};

TEST(Arena, GivesTheSameNumbersAsValues) {
  Planned planned;
  ASSERT_EQ(verify(planned.m), std::nullopt);
  std::vector<double> in = {0, 1, 2, 3}, with_arena = planned.run_with(in);
  for (Value& v : planned.m.functions[0].values) v.storage.reset();
  EXPECT_EQ(with_arena, planned.run_with(in));
}

TEST(Arena, InPlaceIsFineAndOverlapShows) {
  Planned planned;
  std::vector<double> in = {0, 1, 2, 3}, right = planned.run_with(in);
  Function& f = planned.m.functions[0];
  f[planned.sum].storage = Storage{0, {}};  // over x, which dies in this kernel
  EXPECT_EQ(planned.run_with(in), right);
  f[planned.product].storage = Storage{0, {}};  // over sum: read before anything is written
  EXPECT_EQ(planned.run_with(in), right);
  // A second kernel that still wants x sees that it was overwritten.
  f[planned.product].args[1] = planned.x;
  f[planned.product].storage = Storage{256, {}};
  std::vector<double> overwritten = planned.run_with(in);
  f[planned.sum].storage = Storage{64, {}};
  EXPECT_NE(overwritten, planned.run_with(in));
}

TEST(Arena, RunsAShortBatchWhereItLies) {
  Module m;
  m.stage = Stage::Plan;
  m.functions.resize(1);
  Function& f = m.functions[0];
  Builder b(m, FunctionId(0));
  ValueId x = b.parameter("x", f32({kN, 3}), Role::Input);
  ValueId y = b.sum(x, {1});
  b.result("y", y);
  f.kernels = {{"k0", ""}};
  f[y].kernel = KernelId(0);
  f[x].storage = Storage{0, {}};
  f[y].storage = Storage{128, {}};
  std::vector<std::byte> arena(256);
  make_array(f32({2, 3}), {}, {1, 2, 3, 4, 5, 6}).store(arena.data());
  EXPECT_EQ(evaluate_in_arena(m, FunctionId(0), arena.data(), 2), "");
  Array out = Array::load(DType::f32, {3}, arena.data() + 128);
  EXPECT_EQ(out.floats, (std::vector<double>{6, 15, 0}));
}

}  // namespace
}  // namespace netc::ir::test
