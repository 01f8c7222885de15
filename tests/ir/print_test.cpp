// Graphs built by hand against the text that the IR page gives for them.
#include "ir/print.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ir/builder.h"
#include "ir/scalar.h"
#include "ir/verify.h"

namespace netc::ir {
namespace {

const Dim kBatch = Dim::symbol("batch");

Type f32(Shape shape) { return {DType::f32, std::move(shape)}; }

/// A callee of std with one parameter a type and a result of the given type.
FunctionId library(Module& m, const std::string& name, const std::vector<Type>& params,
                   const std::vector<Type>& results) {
  m.functions.emplace_back();
  FunctionId id(m.functions.size() - 1);
  Builder b(m, id);
  for (const Type& t : params) b.parameter("x", t);
  m[id].name = m[id].source_name = name;
  m[id].from_std = true;
  for (const Type& t : results) b.result("y", b.constant(0, t));
  return id;
}

struct Neuron {
  Module m;
  FunctionId f;
  ValueId x, y, w, b, product, sum, p, loss;

  void at(Builder& builder, uint32_t line, uint32_t column) {
    builder.locs = {m.add({{0, line, column, 1}, {}})};
  }
  Neuron() {
    FunctionId relu = library(m, "relu", {f32({kBatch, 1})}, {f32({kBatch, 1})});
    FunctionId mse = library(m, "mse", {f32({kBatch, 1}), f32({kBatch, 1})}, {f32({})});
    m.functions.emplace_back();
    f = FunctionId(2);
    m[f].name = "neuron.loss";
    m[f].entry = true;
    Builder builder(m, f);
    x = builder.parameter("x", f32({kBatch, 784}), Role::Input);
    y = builder.parameter("y", f32({kBatch, 1}), Role::Input);
    w = builder.parameter("w", f32({784, 1}), Role::Param, Initializer{"kaiming_normal", {}});
    b = builder.parameter("b", f32({1}), Role::Param, Initializer{"zeros", {}});
    at(builder, 7, 21);
    product = builder.einsum("bi,ij->bj", x, w);
    at(builder, 7, 25);
    ValueId bias = builder.broadcast(b, {kBatch, 1});
    sum = builder.binary(Op::add, product, bias);
    at(builder, 7, 14);
    p = builder.call(relu, {sum}, "");
    m[f][p].name = "p";
    at(builder, 8, 10);
    loss = builder.call(mse, {p, y}, "");
    builder.result("loss", loss);
  }
};

TEST(Print, NeuronForwardIsAsOnTheIrPage) {
  Neuron n;
  EXPECT_EQ(verify(n.m), std::nullopt);
  EXPECT_EQ(print(n.m),
            R"(#@ stage forward
fn neuron.loss(input x: f32[batch, 784], input y: f32[batch, 1],
               param w: f32[784, 1] = kaiming_normal(), param b: f32[1] = zeros()) -> (loss: f32) {
  _0: f32[batch, 1] = einsum("bi,ij->bj", x, w)         #@ 7:21
  _1: f32[batch, 1] = broadcast(b, [batch, 1])          #@ 7:25
  _2: f32[batch, 1] = _0 + _1                           #@ 7:25
  p: f32[batch, 1] = relu(_2)                           #@ 7:14
  loss: f32 = mse(p, y)                                 #@ 8:10
  return loss
}
)");
}

TEST(Print, BackwardLinesAreAsOnTheIrPage) {
  Module m;
  m.stage = Stage::Backward;
  m.functions.resize(1);
  FunctionId f(0);
  m[f].name = "neuron.step";
  m[f].entry = true;
  Builder b(m, f);
  ValueId p = b.parameter("p", f32({kBatch, 1}), Role::Input);
  ValueId y = b.parameter("y", f32({kBatch, 1}), Role::Input);
  b.locs = {m.add({{0, 8, 10, 1}, {}})};
  ValueId difference = b.binary(Op::sub, p, y);
  ValueId square = b.binary(Op::mul, difference, difference);
  ValueId sum = b.sum(square, {0, 1});
  ValueId loss = b.binary(Op::div, sum, b.constant(Scalar{1, kBatch, 1}, f32({})));
  // What the walk of the differentiation pass does: cotangent 1, rule by rule.
  std::vector<ValueId> path = {loss, sum, square};
  ValueId g = b.constant(1, f32({}));
  for (ValueId v : path) {
    const Value value = b.value(v);
    b.vjp_of = display_names(m[f])[v.index];
    std::vector<bool> needs;  // no contribution to constants
    for (ValueId arg : value.args) needs.push_back(b.value(arg).op != Op::constant);
    VjpContext c{b, value, v, g, needs, std::vector<ValueId>(needs.size())};
    def(value.op).vjp(c);
    g = c.out[0];
  }
  ASSERT_TRUE(g);
  b.locs = {m.add({{0, 7, 14, 1}, {}})};
  b.vjp_of = "p";
  ValueId positive = b.binary(Op::gt, p, b.like(p, 0));
  ValueId masked = b.where(positive, g, b.like(g, 0));
  m[f][masked].name = "d_p";
  b.result("loss", loss);
  b.result("d_p", masked);
  std::string text = print(m);
  EXPECT_NE(text.find("  _3: f32[batch, 1] = 2 / batch * _0                    #@ 8:10; vjp _1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  _4: bool[batch, 1] = p > 0                            #@ 7:14; vjp p\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("  d_p: f32[batch, 1] = where(_4, _3, 0)                 #@ 7:14; vjp p\n"),
            std::string::npos)
      << text;
}

/// One function with parameter x: f32[4] and i: i64[4]; prints the bindings without notes.
struct Sheet {
  Module m;
  ValueId x, i;
  Builder b{m, FunctionId(0)};
  Sheet() {
    m.functions.resize(1);
    m.functions[0].name = "f";
    m.functions[0].entry = true;
    x = b.parameter("x", f32({4}));
    i = b.parameter("i", {DType::i64, {4}});
  }
  std::string line(ValueId v) {
    m.functions[0].results = {{"r", v}};
    std::string text = print(m, FunctionId(0));
    size_t at = text.rfind("  r: ");
    return text.substr(at + 2, text.find('\n', at) - at - 2);
  }
  ValueId number(const Scalar& s) { return b.constant(s, f32({4})); }
};

TEST(Print, LiteralsKeepPrecedence) {
  Sheet s;
  auto with = [&](Op op, const Scalar& left) {
    return s.line(s.b.binary(op, s.number(left), s.x));
  };
  auto right = [&](Op op, const Scalar& r) { return s.line(s.b.binary(op, s.x, s.number(r))); };
  EXPECT_EQ(with(Op::mul, {0.5, 1, 1}), "r: f32[4] = 0.5 * x");
  EXPECT_EQ(with(Op::mul, {1, kBatch, 1}), "r: f32[4] = batch * x");
  EXPECT_EQ(with(Op::mul, {1, 1, kBatch}), "r: f32[4] = 1 / batch * x");
  EXPECT_EQ(with(Op::mul, {2, Dim::symbol("n"), kBatch}), "r: f32[4] = 2 * n / batch * x");
  EXPECT_EQ(with(Op::mul, {1, 1, kBatch * 10}), "r: f32[4] = 1 / (10 * batch) * x");
  EXPECT_EQ(with(Op::mul, {1, kBatch + 1, 1}), "r: f32[4] = (batch + 1) * x");
  EXPECT_EQ(with(Op::add, {1, kBatch + 1, 1}), "r: f32[4] = batch + 1 + x");
  EXPECT_EQ(right(Op::sub, {1, kBatch + 1, 1}), "r: f32[4] = x - (batch + 1)");
  EXPECT_EQ(right(Op::mul, {1, 1, kBatch}), "r: f32[4] = x * (1 / batch)");
  EXPECT_EQ(right(Op::pow, {-2, 1, 1}), "r: f32[4] = x ** -2");
  EXPECT_EQ(with(Op::pow, {-2, 1, 1}), "r: f32[4] = (-2) ** x");
  EXPECT_EQ(right(Op::add, {-0.0, 1, 1}), "r: f32[4] = x + -0.0");
  EXPECT_EQ(right(Op::maximum, {-INFINITY, 1, 1}), "r: f32[4] = maximum(x, -inf)");
  EXPECT_EQ(right(Op::maximum, {NAN, 1, 1}), "r: f32[4] = maximum(x, nan)");
  EXPECT_EQ(right(Op::add, {1e-8, 1, 1}), "r: f32[4] = x + 1e-08");
  EXPECT_EQ(right(Op::add, {0.1, 1, 1}), "r: f32[4] = x + 0.1");
}

TEST(Print, OpsAsCallsAndOperators) {
  Sheet s;
  Builder& b = s.b;
  ValueId yes = b.binary(Op::lt, s.x, b.like(s.x, 1));
  s.m.functions[0][yes].name = "yes";
  EXPECT_EQ(s.line(b.unary(Op::neg, s.x)), "r: f32[4] = -x");
  EXPECT_EQ(s.line(b.unary(Op::logical_not, yes)), "r: bool[4] = not yes");
  EXPECT_EQ(s.line(b.binary(Op::logical_and, yes, yes)), "r: bool[4] = yes and yes");
  EXPECT_EQ(s.line(b.where(yes, b.like(s.x, 1), s.x)), "r: f32[4] = where(yes, 1, x)");
  EXPECT_EQ(s.line(b.cast(s.i, DType::f32)), "r: f32[4] = f32(i)");
  EXPECT_EQ(s.line(b.binary(Op::floordiv, s.i, b.like(s.i, 2))), "r: i64[4] = i // 2");
  EXPECT_EQ(s.line(b.unary(Op::stop_gradient, s.x)), "r: f32[4] = stop_gradient(x)");
  EXPECT_EQ(s.line(b.sum(s.x, {0})), "r: f32 = sum(x)");
  ValueId table = b.broadcast(s.x, {3, 4});
  s.m.functions[0][table].name = "t";
  EXPECT_EQ(s.line(table), "r: f32[3, 4] = broadcast(x, [3, 4])");
  EXPECT_EQ(s.line(b.sum(table, {1})), "r: f32[3] = sum(t, dim = 1)");
  ValueId cube = b.broadcast(s.x, {2, 3, 4});
  s.m.functions[0][cube].name = "c";
  EXPECT_EQ(s.line(b.reduce(ReduceKind::max, cube, {0, 2})), "r: f32[3] = max(c, dim = [0, 2])");
  EXPECT_EQ(s.line(b.permute(table, {1, 0})), "r: f32[4, 3] = permute(t, 1, 0)");
  EXPECT_EQ(s.line(b.reshape(table, {12})), "r: f32[12] = reshape(t, 12)");
  EXPECT_EQ(s.line(b.reshape(table, {2, 6})), "r: f32[2, 6] = reshape(t, 2, 6)");
  EXPECT_EQ(s.line(b.slice(s.x, 0, 1, 2, 1)), "r: f32[2] = slice(x, dim = 0, start = 1, stop = 3)");
  EXPECT_EQ(s.line(b.slice(s.x, 0, 0, 2, 2)),
            "r: f32[2] = slice(x, dim = 0, start = 0, stop = 3, step = 2)");
  EXPECT_EQ(s.line(b.slice(s.x, 0, 3, 4, -1)),
            "r: f32[4] = slice(x, dim = 0, start = 3, stop = None, step = -1)");
  EXPECT_EQ(s.line(b.slice(s.x, 0, 3, 2, -1)),
            "r: f32[2] = slice(x, dim = 0, start = 3, stop = 1, step = -1)");
  EXPECT_EQ(s.line(b.pad(table, {1, 0}, {1, 2}, 0)),
            "r: f32[5, 6] = pad(t, [[1, 1], [0, 2]], value = 0)");
  EXPECT_EQ(s.line(b.concat({s.x, s.x}, 0)), "r: f32[8] = concat([x, x], dim = 0)");
  EXPECT_EQ(s.line(b.add(Op::gather, {s.x, s.i}, {int64_t(0)})),
            "r: f32[4] = gather(x, i, dim = 0)");
  EXPECT_EQ(s.line(b.add(Op::scatter_add, {s.i, s.x}, {int64_t(0), Dim(10)})),
            "r: f32[10] = scatter_add(i, x, dim = 0, size = 10)");
  EXPECT_EQ(s.line(b.add(Op::index, {s.i}, {Dim(10), true})),
            "r: i64[4] = index(i, 10, wrap = true)");
  EXPECT_EQ(s.line(b.add(Op::index, {s.i}, {Dim(10), false})), "r: i64[4] = index(i, 10)");
  EXPECT_EQ(s.line(b.add(Op::iota, {}, {kBatch})), "r: i64[batch] = iota(batch)");
  EXPECT_EQ(s.line(b.diagonal(b.broadcast(s.x, {4, 4}), 0, 1)).substr(0, 19),
            "r: f32[4] = diagona");
  EXPECT_EQ(s.line(b.constant(0, f32({784, 10}))),
            "r: f32[784, 10] = broadcast(f32(0), [784, 10])");
  EXPECT_EQ(s.line(b.constant(1.5, f32({}))), "r: f32 = f32(1.5)");
}

TEST(Print, RandomNamesItsSite) {
  Sheet s;
  Type i64{DType::i64, {}};
  s.m.functions.clear();
  s.m.functions.resize(1);
  ValueId seed = s.b.parameter("seed", i64), step = s.b.parameter("step", i64);
  ValueId r = s.b.add(Op::random, {seed, step}, {Shape{kBatch, 128}, std::string("dropout0")});
  EXPECT_EQ(s.line(r),
            "r: i64[batch, 128] = random(seed, step, [batch, 128], site = \"dropout0\")");
  ValueId part = s.b.add(Op::random, {seed, step, step}, {Shape{kBatch}, std::string("dropout0")});
  EXPECT_EQ(s.line(part), "r: i64[batch] = random(seed, step, step, [batch], site = \"dropout0\")");
}

TEST(Print, NamesStayUniqueAndResultsKeepTheirs) {
  Sheet s;
  ValueId first = s.b.unary(Op::exp, s.x), second = s.b.unary(Op::log, first);
  ValueId third = s.b.unary(Op::sin, second), loss = s.b.unary(Op::cos, third);
  Function& f = s.m.functions[0];
  f[first].name = f[second].name = "h";
  f[third].name = "loss";
  f.results = {{"loss", loss}};
  std::vector<std::string> names = display_names(f);
  EXPECT_EQ(names[first.index], "h");
  EXPECT_EQ(names[second.index], "h1");
  EXPECT_EQ(names[third.index], "loss1");
  EXPECT_EQ(names[loss.index], "loss");
}

TEST(Print, PlacesOfCallsAndRemarks) {
  Sheet s;
  s.m.files = {"main.net", "std/nn.net"};
  LocId outer = s.m.add({{0, 7, 14, 1}, {}});
  LocId inner = s.m.add({{1, 12, 3, 1}, outer});
  ValueId v = s.b.unary(Op::exp, s.x);
  s.m.functions[0][v].locs = {inner, outer};
  s.m.functions[0][v].remark = "not fused: also used at 12:3";
  s.m.functions[0].results = {{"r", v}};
  auto note = [&](LocStyle style) {
    std::string text = print(s.m, FunctionId(0), {.loc = style, .entry = "", .kernel = ""});
    size_t at = text.find("  r: "), end = text.find('\n', at);
    size_t mark = text.find("#@", at);
    return mark < end ? text.substr(mark, end - mark) : std::string();
  };
  EXPECT_EQ(note(LocStyle::Full), "#@ std/nn.net:12:3 < 7:14, 7:14; not fused: also used at 12:3");
  EXPECT_EQ(note(LocStyle::Line), "#@ std/nn.net:12 < 7, 7; not fused: also used at 12:3");
  EXPECT_EQ(note(LocStyle::None), "");
}

TEST(Print, KernelsStorageStatesAndItems) {
  Module m;
  m.stage = Stage::Plan;
  m.default_float = DType::f64;
  m.items = {"data random(n = 5)"};
  m.functions.resize(1);
  FunctionId f(0);
  m[f].name = "m.update";
  m[f].entry = true;
  Builder b(m, f);
  Type type{DType::f64, {3}};
  ValueId w = b.parameter("w", type, Role::Param, Initializer{"const", {{"", 0.5}}});
  ValueId v = b.parameter("w.v", type, Role::State, Initializer{"const", {{"", 0.0}}});
  ValueId twice = b.binary(Op::mul, b.like(w, 2), w);
  ValueId sum = b.binary(Op::add, twice, v);
  ValueId e = b.unary(Op::exp, sum);
  m[f].kernels = {{"k0", "two ops"}, {"k1", ""}};
  m[f][twice].kernel = m[f][sum].kernel = KernelId(0);
  m[f][e].kernel = KernelId(1);
  int64_t offset = 0;
  for (ValueId stored : {w, v, sum, e}) m[f][stored].storage = Storage{offset += 64, {}};
  m[f][e].storage->leading_stride = 16;
  b.result("new_w", e);
  EXPECT_EQ(verify(m), std::nullopt);
  EXPECT_EQ(print(m), R"(#@ stage plan
dtype f64
fn m.update(param w: f64[3] @ arena + 64 = const(0.5), state w.v: f64[3] @ arena + 128 = 0.0) -> (
            new_w: f64[3]) {
  kernel k0 {                                           #@ two ops
    _0: f64[3] = 2 * w
    _1: f64[3] @ arena + 192 = _0 + w.v
    yield _1
  }
  kernel k1 {
    new_w: f64[3] @ arena + 256 ld 16 = exp(_1)
    yield new_w
  }
  return new_w
}
data random(n = 5)
)");
  PrintOptions only;
  only.kernel = "k1";
  only.entry = "m.update";
  only.stage_line = false;
  EXPECT_EQ(print(m, only), R"(  kernel k1 {
    new_w: f64[3] @ arena + 256 ld 16 = exp(_1)
    yield new_w
  }
)");
}

TEST(Print, CalleesOfTheUserWithTheirGradients) {
  Module m;
  m.functions.resize(3);
  FunctionId entry(0), scale(1), grad(2);
  Type type = f32({4}), one = f32({});
  {
    Builder b(m, scale);
    m[scale].name = m[scale].source_name = "scale";
    ValueId x = b.parameter("x", type), k = b.parameter("k", one);
    ValueId y = b.binary(Op::mul, x, b.broadcast(k, {4}));
    b.result("y", y);
    b.result("z", b.unary(Op::exp, x));
    m[scale].grad = grad;
    m[scale].grad_captures = {x, k};
  }
  {
    Builder b(m, grad);
    m[grad].name = "scale.grad";
    ValueId x = b.parameter("x", type), k = b.parameter("k", one);
    ValueId dy = b.parameter("dy", type);
    b.parameter("dz", type);
    ValueId dx = b.binary(Op::mul, dy, b.broadcast(k, {4}));
    (void)x;
    b.result("", dx);
    m[grad].results.push_back({"", {}});
  }
  Builder b(m, entry);
  m[entry].name = "m.predict";
  m[entry].entry = true;
  ValueId x = b.parameter("x", type, Role::Input), k = b.parameter("k", one, Role::Input);
  ValueId y = b.call(scale, {x, k}, "");
  b.result("y", y);
  EXPECT_EQ(verify(m), std::nullopt);
  EXPECT_EQ(print(m), R"(#@ stage forward
fn m.predict(input x: f32[4], input k: f32) -> (y: f32[4]) {
  y: f32[4], _0: f32[4] = scale(x, k)
  return y
}
fn scale(x: f32[4], k: f32) -> (y: f32[4], z: f32[4]) {
  _0: f32[4] = broadcast(k, [4])
  y: f32[4] = x * _0
  z: f32[4] = exp(x)
  return y, z
} grad (dy, dz) {
  _1: f32[4] = broadcast(k, [4])
  _2: f32[4] = dy * _1
  return _2, None
}
)");
}

}  // namespace
}  // namespace netc::ir
