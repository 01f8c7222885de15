// Every rule of simplify.rules, both sides evaluated: rules without [fast] keep NaN, inf and -0.
#include "passes/rules.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "passes/rewrite.h"
#include "tests/passes/graphs.h"

namespace netc::passes::test {
namespace {

using ir::Array;
using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::FunctionId;
using ir::Module;
using ir::Type;
using ir::ValueId;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> samples(DType dtype, bool fast) {
  if (dtype == DType::boolean) return {0, 1};
  if (!ir::is_float(dtype)) return {0, 1, -1, 2, 7, -9, 1e6};
  if (fast) return {0.25, 1, 2, 0.75, 3};
  return {0.0, -0.0, 1, -1, 0.5, 3, -2.75, kInfinity, -kInfinity, std::nan(""), 1e30, 1e-30};
}

void collect(const Term& term, std::vector<Term::Kind>& kinds) {
  if (term.variable >= 0) kinds[size_t(term.variable)] = term.kind;
  for (const Term& arg : term.args) collect(arg, kinds);
}

/// Where a variable is the condition of a choice, or the operand of a logical op.
void collect_bools(const Term& term, std::vector<bool>& bools) {
  using Class = ir::ScalarInfo::Class;
  for (size_t i = 0; i < term.args.size(); ++i) {
    const Class cls = ir::def(term.op).scalar->cls;
    const bool takes_bool = cls == Class::Logic || (cls == Class::Select && i == 0);
    if (takes_bool && term.args[i].variable >= 0) bools[size_t(term.args[i].variable)] = true;
    collect_bools(term.args[i], bools);
  }
}

bool takes(const Term& term, DType dtype) {
  using Class = ir::ScalarInfo::Class;
  if (term.kind != Term::Kind::Op) return true;
  const Class cls = ir::def(term.op).scalar->cls;
  if (cls == Class::Logic) return dtype == DType::boolean;
  if (dtype == DType::boolean) return false;
  if (cls == Class::Float && !ir::is_float(dtype)) return false;
  if (cls == Class::Integer && ir::is_float(dtype)) return false;
  for (const Term& arg : term.args)
    if (arg.kind == Term::Kind::Op && ir::def(arg.op).scalar->cls != Class::Logic &&
        !takes(arg, dtype))
      return false;
  return true;
}

/// One side of a rule on one element a sample; constants get the numbers given.
Array evaluate_side(const Rule& rule, bool replaced, DType dtype,
                    const std::vector<double>& numbers, const std::vector<bool>& bools) {
  std::vector<Term::Kind> kinds(rule.variables.size());
  collect(rule.pattern, kinds);
  Module module;
  const FunctionId f = add_function(module, "f", false);
  Builder b(module, f);
  std::vector<ValueId> bound(rule.variables.size());
  std::vector<Array> args;
  for (size_t v = 0; v < bound.size(); ++v) {
    if (kinds[v] == Term::Kind::Constant || kinds[v] == Term::Kind::PowerOfTwo) continue;
    const DType t = bools[v] ? DType::boolean : dtype;
    bound[v] = b.parameter(rule.variables[v], {t, {}});
    Array a = Array::zeros(t, {});
    if (ir::is_float(t))
      a.set(0, numbers[v]);
    else
      a.set_int(0, int64_t(bools[v] ? numbers[v] > 0 : numbers[v]));
    args.push_back(a);
  }
  for (size_t v = 0; v < bound.size(); ++v)
    if (!bound[v])
      bound[v] = b.constant(kinds[v] == Term::Kind::PowerOfTwo ? 4 : numbers[v], {dtype, {}});
  Rule side = rule;
  if (!replaced) side.replacement = rule.pattern;
  const ValueId root = b.constant(0, {dtype, {}});
  const ValueId v = build(side, b, root, bound, [&](ir::Op op, std::vector<ValueId> operands) {
    return b.add(op, std::move(operands));
  });
  b.result("y", v);
  return ir::evaluate(module, f, args).results[0];
}

bool agree(const Array& a, const Array& b, bool fast) {
  const double x = a.number(0), y = b.number(0);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y);
  if (x == y) return fast || !ir::is_float(a.dtype) || std::signbit(x) == std::signbit(y);
  if (std::isinf(x) || std::isinf(y)) return false;
  return std::abs(x - y) <= 1e-6 * std::max({std::abs(x), std::abs(y), fast ? 1.0 : 1e-30});
}

/// All choices of one sample a variable, at most three variables.
void each_choice(size_t variables, const std::vector<double>& from,
                 const std::function<void(const std::vector<double>&)>& visit) {
  std::vector<double> numbers(std::max<size_t>(variables, 1), 0);
  const std::function<void(size_t)> go = [&](size_t v) {
    if (v == variables) return visit(numbers);
    for (double x : from) {
      numbers[v] = x;
      go(v + 1);
    }
  };
  go(0);
}

TEST(Rules, BothSidesAgree) {
  ASSERT_GT(rules().size(), 40u);
  for (const Rule& rule : rules()) {
    SCOPED_TRACE(rule.text);
    std::vector<bool> bools(rule.variables.size(), false);
    collect_bools(rule.pattern, bools);
    int64_t compared = 0;
    for (DType dtype : {DType::f32, DType::i64, DType::boolean}) {
      if (!allowed(rule, dtype, true) || !takes(rule.pattern, dtype)) continue;
      const bool fast = rule.fast && ir::is_float(dtype);
      each_choice(rule.variables.size(), samples(dtype, fast), [&](const auto& numbers) {
        const Array left = evaluate_side(rule, false, dtype, numbers, bools);
        const Array right = evaluate_side(rule, true, dtype, numbers, bools);
        ++compared;
        EXPECT_TRUE(agree(left, right, fast))
            << name(dtype) << " " << testing::PrintToString(numbers) << ": " << left.number(0)
            << " is not " << right.number(0);
      });
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_GT(compared, 0) << "the rule was never tried";
  }
}

TEST(Rules, MistakesNameTheLine) {
  for (const char* text :
       {"x + => x", "x + 0", "x + 0 => y", "foo(x) => x", "x + 0 => x [quick]"}) {
    try {
      parse_rules(std::string("\n") + text);
      ADD_FAILURE() << text;
    } catch (const std::logic_error& e) {
      EXPECT_NE(std::string(e.what()).find("simplify.rules:2"), std::string::npos) << e.what();
    }
  }
}

/// What simplify makes of f(x), as text of its operations.
std::string simplified(const std::function<ValueId(Builder&, ValueId)>& body, bool fast) {
  Module module;
  module.stage = ir::Stage::Backward;
  const FunctionId f = add_function(module, "m.f");
  Builder b(module, f);
  const ValueId y = body(b, b.parameter("x", {DType::f32, {Dim(4)}}, ir::Role::Input));
  module[f][y].name = "y";
  b.result("y", y);
  PassContext context;
  context.fast = fast;
  module = run_passes(std::move(module), {"simplify", "cse", "dce"}, context);
  std::string ops;
  for (const ir::Value& v : module[f].values)
    if (!splat(v)) ops += std::string(ir::op_name(v.op)) + " ";
  return ops;
}

TEST(Rules, FastOnesWaitToBeAskedFor) {
  const auto plus_zero = [](Builder& b, ValueId x) {
    return b.unary(ir::Op::exp, b.binary(ir::Op::add, x, b.like(x, 0)));
  };
  EXPECT_EQ(simplified(plus_zero, false), "parameter add exp ");
  EXPECT_EQ(simplified(plus_zero, true), "parameter exp ");
}

TEST(Rules, ApplyToWhatTheyMake) {
  const auto chain = [](Builder& b, ValueId x) {
    const ValueId twice = b.unary(ir::Op::neg, b.unary(ir::Op::neg, x));
    const ValueId square = b.binary(ir::Op::pow, twice, b.like(x, 2));
    return b.binary(ir::Op::mul, square, b.like(x, 1));
  };
  EXPECT_EQ(simplified(chain, false), "parameter mul ");
}

}  // namespace
}  // namespace netc::passes::test
