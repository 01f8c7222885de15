// Compile-time numbers are factor * size / size (ir::Scalar); integers are sizes alone.
#include "frontend/elaborate_number.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "frontend/float_arithmetic.h"

namespace netc::frontend {
namespace {

ir::Scalar normal(double factor, ir::Dim numerator, ir::Dim denominator) {
  if (denominator.is_constant() && denominator.constant() != 0) {
    factor /= double(denominator.constant());
    denominator = 1;
  }
  if (numerator.is_constant()) {
    factor *= double(numerator.constant());
    numerator = 1;
  }
  if (!numerator.is_constant() && !denominator.is_constant()) {
    if (auto q = exact_div(numerator, denominator)) {
      numerator = *q;
      denominator = 1;
    } else if (auto r = exact_div(denominator, numerator)) {
      numerator = 1;
      denominator = *r;
    }
    if (numerator.is_constant() || denominator.is_constant()) {
      if (numerator.is_constant() && numerator.constant() != 1)
        return normal(factor, numerator, denominator);
      if (denominator.is_constant() && denominator.constant() != 1)
        return normal(factor, numerator, denominator);
    }
  }
  return {factor, numerator, denominator};
}

/// a ** n for n > 64: overflows but for -1, 0 and 1.
ir::Dim huge_power(const ir::Dim& a, int64_t n) {
  if (a == ir::Dim(0) || a == ir::Dim(1)) return a;
  if (a == ir::Dim(-1)) return n % 2 ? -1 : 1;
  return ir::Dim(std::numeric_limits<int64_t>::max()) * ir::Dim(2);
}

std::optional<NumberVal> int_arithmetic(BinaryOp op, const ir::Dim& a, const ir::Dim& b) {
  switch (op) {
    case BinaryOp::Add:
      return int_number(a + b);
    case BinaryOp::Sub:
      return int_number(a - b);
    case BinaryOp::Mul:
      return int_number(a * b);
    case BinaryOp::FloorDiv:
      return int_number(floor_div(a, b));
    case BinaryOp::Mod:
      return int_number(floor_mod(a, b));
    case BinaryOp::Pow:
      if (a.overflowed() || b.overflowed()) return int_number(a + b);
      if (!b.is_constant()) return std::nullopt;
      if (b.constant() > 64) return int_number(huge_power(a, b.constant()));
      if (b.constant() >= 0) return int_number(pow(a, b.constant()));
      if (!a.is_constant()) return std::nullopt;
      return float_number(std::pow(double(a.constant()), double(b.constant())));
    case BinaryOp::Div:
      if (a.is_constant() && b.is_constant())
        return float_number(double(a.constant()) / double(b.constant()));
      return NumberVal{normal(1, a, b), false};
    case BinaryOp::MatMul:
    case BinaryOp::Lt:
    case BinaryOp::Le:
    case BinaryOp::Gt:
    case BinaryOp::Ge:
    case BinaryOp::Eq:
    case BinaryOp::Ne:
    case BinaryOp::And:
    case BinaryOp::Or:
      break;
  }
  return std::nullopt;
}

std::optional<NumberVal> known_arithmetic(BinaryOp op, double a, double b) {
  const auto result = float_arithmetic(op, a, b);
  return result ? std::optional(float_number(*result)) : std::nullopt;
}

}  // namespace

NumberVal int_number(ir::Dim value) { return {{1, std::move(value), 1}, true}; }
NumberVal float_number(double value) { return {{value, 1, 1}, false}; }

std::optional<double> known_value(const NumberVal& n) {
  if (!n.scalar.numerator.is_constant() || !n.scalar.denominator.is_constant()) return std::nullopt;
  return n.scalar.factor * double(n.scalar.numerator.constant()) /
         double(n.scalar.denominator.constant());
}

std::optional<NumberVal> arithmetic(BinaryOp op, const NumberVal& a, const NumberVal& b) {
  if (a.is_int && b.is_int) return int_arithmetic(op, a.scalar.numerator, b.scalar.numerator);
  auto known_a = known_value(a), known_b = known_value(b);
  if (known_a && known_b) return known_arithmetic(op, *known_a, *known_b);
  const ir::Scalar &x = a.scalar, &y = b.scalar;
  if (op == BinaryOp::Mul)
    return NumberVal{
        normal(x.factor * y.factor, x.numerator * y.numerator, x.denominator * y.denominator),
        false};
  if (op == BinaryOp::Div)
    return NumberVal{
        normal(x.factor / y.factor, x.numerator * y.denominator, x.denominator * y.numerator),
        false};
  bool same = x.numerator == y.numerator && x.denominator == y.denominator;
  if (same && op == BinaryOp::Add)
    return NumberVal{{x.factor + y.factor, x.numerator, x.denominator}, false};
  if (same && op == BinaryOp::Sub)
    return NumberVal{{x.factor - y.factor, x.numerator, x.denominator}, false};
  return std::nullopt;
}

NumberVal negate(const NumberVal& a) {
  if (a.is_int) return int_number(ir::Dim(0) - a.scalar.numerator);
  NumberVal r = a;
  r.scalar.factor = -r.scalar.factor;
  return r;
}

BoolVal compare(BinaryOp op, const NumberVal& a, const NumberVal& b) {
  if (a.is_int && b.is_int) {
    ir::Dim difference = a.scalar.numerator - b.scalar.numerator;
    if (difference.is_constant()) return {ordered(op, double(difference.constant()), 0.0), true};
    return {false, false};
  }
  auto known_a = known_value(a), known_b = known_value(b);
  if (known_a && known_b) return {ordered(op, *known_a, *known_b), true};
  return {false, false};
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string str(const NumberVal& n) {
  if (n.is_int) return n.scalar.numerator.str();
  if (auto value = known_value(n)) return float_text(*value);
  std::string text = float_text(n.scalar.factor);
  if (!n.scalar.numerator.is_constant()) text += " * (" + n.scalar.numerator.str() + ")";
  if (!n.scalar.denominator.is_constant()) text += " / (" + n.scalar.denominator.str() + ")";
  return text;
}

}  // namespace netc::frontend
