// Gradients: against central differences, at the edges of section 7 of the language page, of calls
// with their own gradient, and of gradients.
#include "passes/differentiate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/passes/graphs.h"

namespace netc::passes::test {
namespace {

using ir::Array;
using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::FunctionId;
using ir::Module;
using ir::Op;
using ir::Type;
using ir::ValueId;

const Type kVector{DType::f64, {Dim(3)}};

Array vector(std::vector<double> numbers) {
  Array a = Array::zeros(DType::f64, {int64_t(numbers.size())});
  a.floats = std::move(numbers);
  return a;
}

Array number(double x) {
  Array a = Array::zeros(DType::f64, {});
  a.floats = {x};
  return a;
}

/// d sum(body(x)) / dx at the given numbers.
std::vector<double> gradient_of(const std::function<ValueId(Builder&, ValueId)>& body,
                                std::vector<double> at) {
  Module module;
  const FunctionId f = add_function(module, "f", false);
  Builder b(module, f);
  const ValueId x = b.parameter("x", {DType::f64, {Dim(int64_t(at.size()))}});
  const ValueId y = body(b, x);
  b.result("y", b.sum(y, {0}));
  PassContext context;
  const FunctionId g = differentiate_function(module, f, {0}, "f.gradient", context);
  for (const auto& d : context.diagnostics) ADD_FAILURE() << d.code << ": " << d.message;
  const auto wrong = ir::verify(module);
  EXPECT_FALSE(wrong) << *wrong;
  return ir::evaluate(module, g, {vector(at)}).results.at(1).floats;
}

TEST(Differentiate, BranchNotTakenGivesZero) {
  const auto log_of_positive = [](Builder& b, ValueId x) {
    const ValueId positive = b.binary(Op::gt, x, b.like(x, 0));
    return b.where(positive, b.unary(Op::log, x), b.like(x, 0));
  };
  EXPECT_EQ(gradient_of(log_of_positive, {2, 0, -1}), (std::vector<double>{0.5, 0, 0}));
  const auto sqrt_of_positive = [](Builder& b, ValueId x) {
    const ValueId positive = b.binary(Op::gt, x, b.like(x, 0));
    return b.where(positive, b.unary(Op::sqrt, x), b.unary(Op::neg, x));
  };
  EXPECT_EQ(gradient_of(sqrt_of_positive, {4, 0, -1}), (std::vector<double>{0.25, -1, -1}));
}

TEST(Differentiate, MaskPassesViewsAndSums) {
  const auto through = [](Builder& b, ValueId x) {
    const ValueId inverse = b.binary(Op::div, b.like(x, 1), x);  // inf at 0
    const ValueId square = b.broadcast(b.reshape(inverse, {Dim(3), Dim(1)}), {Dim(3), Dim(2)});
    const ValueId rows = b.sum(square, {1});
    return b.where(b.binary(Op::ne, x, b.like(x, 0)), rows, x);
  };
  EXPECT_EQ(gradient_of(through, {1, 0, 2}), (std::vector<double>{-2, 1, -0.5}));
}

TEST(Differentiate, NestedMasks) {
  const auto nested = [](Builder& b, ValueId x) {
    const ValueId zero = b.like(x, 0);
    const ValueId root = b.unary(Op::sqrt, x);
    const ValueId inner = b.where(b.binary(Op::gt, x, zero), b.unary(Op::log, root), zero);
    return b.where(b.binary(Op::lt, x, b.like(x, 10)), inner, b.unary(Op::exp, zero));
  };
  EXPECT_EQ(gradient_of(nested, {1, 0, 20}), (std::vector<double>{0.5, 0, 0}));
}

TEST(Differentiate, SeveralUsesAddUp) {
  const auto body = [](Builder& b, ValueId x) {
    return b.binary(Op::add, b.binary(Op::mul, x, x), b.binary(Op::mul, x, b.unary(Op::exp, x)));
  };
  const auto got = gradient_of(body, {0, 1, -1});
  const double e = std::exp(1.0);
  EXPECT_NEAR(got[0], 1, 1e-15);
  EXPECT_NEAR(got[1], 2 + 2 * e, 1e-14);
  EXPECT_NEAR(got[2], -2, 1e-15);
}

TEST(Differentiate, FlatOpsAndIntegersPassNothing) {
  const auto body = [](Builder& b, ValueId x) {
    const ValueId kept = b.binary(Op::mul, x, b.unary(Op::stop_gradient, x));
    const ValueId truncated = b.cast(b.cast(x, DType::i64), DType::f64);
    return b.binary(Op::add, kept, b.binary(Op::mul, truncated, b.unary(Op::floor, x)));
  };
  EXPECT_EQ(gradient_of(body, {1.5, -2, 3}), (std::vector<double>{1.5, -2, 3}));
}

/// f(x) = its own argument, with the gradient reversed.
TEST(Differentiate, OwnGradientOfACallThatReturnsItsArgument) {
  Module module;
  const FunctionId callee = add_function(module, "reverse", false);
  {
    Builder b(module, callee);
    b.result("", b.parameter("x", kVector));
  }
  const FunctionId backward = add_function(module, "reverse.grad", false);
  {
    Builder b(module, backward);
    b.result("", b.unary(Op::neg, b.parameter("dy", kVector)));
  }
  module[callee].grad = backward;
  const FunctionId f = add_function(module, "f", false);
  Builder b(module, f);
  const ValueId x = b.parameter("x", kVector);
  const ValueId y = b.call(callee, {x});
  b.result("y", b.sum(b.binary(Op::mul, x, y), {0}));
  PassContext context;
  const FunctionId g = differentiate_function(module, f, {0}, "g", context);
  // d/dx (x · y) = y - x, where y = x.
  EXPECT_EQ(ir::evaluate(module, g, {vector({1, 2, 3})}).results[1].floats,
            (std::vector<double>{0, 0, 0}));
}

/// A call with two results, of which one is used, and `None` for one of its operands.
TEST(Differentiate, OwnGradientWithSeveralResultsAndNone) {
  Module module;
  const FunctionId callee = add_function(module, "pair", false);
  {
    Builder b(module, callee);
    const ValueId x = b.parameter("x", kVector), y = b.parameter("y", kVector);
    b.result("s", b.binary(Op::add, x, y));
    b.result("p", b.binary(Op::mul, x, y));
  }
  const FunctionId backward = add_function(module, "pair.grad", false);
  {
    Builder b(module, backward);
    const ValueId x = b.parameter("x", kVector);
    const ValueId ds = b.parameter("ds", kVector), dp = b.parameter("dp", kVector);
    b.result("", b.binary(Op::add, ds, b.binary(Op::mul, dp, x)));
    module[backward].results.push_back({"", ValueId()});
  }
  module[callee].grad = backward;
  module[callee].grad_captures = {module[callee].params[0].value};
  const FunctionId f = add_function(module, "f", false);
  Builder b(module, f);
  const ValueId x = b.parameter("x", kVector), y = b.parameter("y", kVector);
  const ValueId call = b.call(callee, {x, y});
  b.result("z", b.sum(ValueId(call.index + 1), {0}));
  PassContext context;
  const FunctionId g = differentiate_function(module, f, {0, 1}, "g", context);
  const auto got = ir::evaluate(module, g, {vector({1, 2, 3}), vector({4, 5, 6})}).results;
  EXPECT_EQ(got[1].floats, (std::vector<double>{1, 2, 3}));  // as the block says: dp * x
  EXPECT_EQ(got[2].floats, (std::vector<double>{0, 0, 0}));
}

TEST(Differentiate, HessianTimesVector) {
  // f(x) = sum(x^3) + (sum x)^2; H v = 6 x v + 2 sum(v).
  Module module;
  const FunctionId f = add_function(module, "f", false);
  {
    Builder b(module, f);
    const ValueId x = b.parameter("x", kVector);
    const ValueId cube = b.binary(Op::mul, b.binary(Op::mul, x, x), x);
    const ValueId total = b.sum(x, {0});
    b.result("y", b.binary(Op::add, b.sum(cube, {0}), b.binary(Op::mul, total, total)));
  }
  PassContext context;
  const FunctionId gradient = differentiate_function(module, f, {0}, "f.gradient", context);
  const FunctionId product = add_function(module, "product", false);
  {
    Builder b(module, product);
    const ValueId x = b.parameter("x", kVector), v = b.parameter("v", kVector);
    const ValueId call = b.call(gradient, {x});
    b.result("y", b.einsum("i,i->", ValueId(call.index + 1), v));
  }
  const FunctionId hessian = differentiate_function(module, product, {0}, "hessian", context);
  EXPECT_TRUE(context.diagnostics.empty());
  const auto got = ir::evaluate(module, hessian, {vector({1, 2, 3}), vector({1, 0, -2})}).results;
  EXPECT_EQ(got[1].floats, (std::vector<double>{6 - 2, -2, -36 - 2}));
}

TEST(Differentiate, UnreachedParameterIsZeroAndWarns) {
  Module module;
  const FunctionId f = add_function(module, "m.step");
  Builder b(module, f);
  const ValueId w = b.parameter("w", kVector, ir::Role::Param);
  b.parameter("unused", kVector, ir::Role::Param);
  const ValueId loss = b.sum(b.binary(Op::mul, w, w), {0});
  module[f][loss].name = "loss";
  b.result("loss", loss);
  PassContext context;
  module = run_passes(std::move(module), {"differentiate"}, context);
  ASSERT_EQ(context.diagnostics.size(), 1u);
  EXPECT_EQ(context.diagnostics[0].code, "W0401");
  ASSERT_EQ(module[f].results.size(), 3u);
  EXPECT_EQ(module[f].results[1].name, "d_w");
  const auto got = ir::evaluate(module, f, {vector({1, 2, 3}), vector({1, 1, 1})}).results;
  EXPECT_EQ(got[1].floats, (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(got[2].floats, (std::vector<double>{0, 0, 0}));
}

TEST(Differentiate, LossThatIsAParameter) {
  Module module;
  const FunctionId f = add_function(module, "m.step");
  Builder b(module, f);
  const ValueId w = b.parameter("w", {DType::f64, {}}, ir::Role::Param);
  b.result("loss", w);
  PassContext context;
  module = run_passes(std::move(module), {"differentiate"}, context);
  EXPECT_TRUE(context.diagnostics.empty());
  const auto got = ir::evaluate(module, f, {number(3)}).results;
  EXPECT_EQ(got[0].floats, std::vector<double>{3});
  EXPECT_EQ(got[1].floats, std::vector<double>{1});
}

}  // namespace
}  // namespace netc::passes::test
