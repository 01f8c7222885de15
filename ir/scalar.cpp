// Folding and printing of constants; relies on Dim for everything that involves a size.
#include "ir/scalar.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <utility>

#include "ir/array.h"

namespace netc::ir {
namespace {

/// Cancels what numerator and denominator share, as far as single terms show it.
void reduce(Scalar& s) {
  if (s.denominator == Dim(1)) return;
  if (auto quotient = exact_div(s.numerator, s.denominator)) {
    s.numerator = *quotient;
    s.denominator = 1;
    return;
  }
  for (bool again = true; again;) {
    again = false;
    for (const std::string& name : s.denominator.symbols()) {
      auto top = exact_div(s.numerator, Dim::symbol(name));
      auto bottom = exact_div(s.denominator, Dim::symbol(name));
      if (!top || !bottom || s.numerator == Dim(0)) continue;
      s.numerator = *top;
      s.denominator = *bottom;
      again = true;
    }
  }
}

}  // namespace

bool Scalar::operator==(const Scalar& o) const {
  return std::bit_cast<uint64_t>(factor) == std::bit_cast<uint64_t>(o.factor) &&
         numerator == o.numerator && denominator == o.denominator;
}

Scalar scalar(double number) { return Scalar{number, 1, 1}; }
Scalar scalar(Dim size) { return Scalar{1, std::move(size), 1}; }

std::optional<Scalar> normalise(const Scalar& s, DType dtype) {
  Scalar n = s;
  reduce(n);
  if (is_float(dtype)) {
    if (n.numerator.overflowed() || n.denominator.overflowed()) return {};
    int64_t content = n.numerator == Dim(0) ? 0 : n.numerator.content();
    n.factor *= double(content);
    n.numerator = content == 0 ? Dim(1) : exact_div(n.numerator, Dim(content)).value_or(1);
    if (n.denominator.is_constant()) {
      n.factor /= double(n.denominator.constant());
      n.denominator = 1;
    }
    return n;
  }
  if (!(n.denominator == Dim(1)) || std::floor(n.factor) != n.factor) return {};
  if (std::fabs(n.factor) >= 9223372036854775808.0) return {};
  n.numerator = n.numerator * Dim(int64_t(n.factor));
  n.factor = 1;
  if (n.numerator.overflowed()) return {};
  if (n.numerator.is_constant()) n.numerator = wrap(dtype, n.numerator.constant());
  return n;
}

Scalar multiply(const Scalar& a, const Scalar& b) {
  Scalar product{a.factor * b.factor, a.numerator * b.numerator, a.denominator * b.denominator};
  reduce(product);
  return product;
}

Scalar divide(const Scalar& a, const Scalar& b) {
  Scalar quotient{a.factor / b.factor, a.numerator * b.denominator, a.denominator * b.numerator};
  reduce(quotient);
  return quotient;
}

bool is_number(const Scalar& s) { return s.numerator.is_constant() && s.denominator.is_constant(); }

std::optional<double> evaluate(const Scalar& s, const std::map<std::string, int64_t>& sizes) {
  auto top = s.numerator.evaluate(sizes);
  auto bottom = s.denominator.evaluate(sizes);
  if (!top || !bottom) return {};
  if (*bottom == 1) return *top == 1 ? s.factor : s.factor * double(*top);
  return s.factor * double(*top) / double(*bottom);
}

std::optional<int64_t> evaluate_integer(const Scalar& s,
                                        const std::map<std::string, int64_t>& sizes) {
  auto top = s.numerator.evaluate(sizes);
  if (!top) return {};
  return s.factor == 1 ? *top : to_integer(s.factor * double(*top));
}

Scalar substitute(const Scalar& s, const std::map<std::string, Dim>& sizes) {
  return {s.factor, s.numerator.substitute(sizes), s.denominator.substitute(sizes)};
}

std::string number_text(double number) {
  if (std::isnan(number)) return "nan";
  if (number == 0) return std::signbit(number) ? "-0.0" : "0";
  return fmt::format("{}", number);
}

ScalarText scalar_text(const Scalar& s, DType dtype) {
  auto dim_text = [](const Dim& d, bool tight) -> std::string {
    std::string text = d.str();
    return tight && !d.is_atom() ? "(" + text + ")" : text;
  };
  auto number_level = [](const std::string& text) {
    return text[0] == '-' ? Precedence::kNegation : Precedence::kAtom;
  };
  if (dtype == DType::boolean) {
    bool set = s.numerator != Dim(0) && s.factor != 0;
    return {set ? "true" : "false", Precedence::kAtom};
  }
  std::string number = number_text(s.factor);
  bool plain = s.denominator == Dim(1);
  if (s.numerator == Dim(1) && plain) return {number, number_level(number)};
  if (s.factor == 1 && plain) {
    std::string text = dim_text(s.numerator, false);
    if (s.numerator.is_constant()) return {text, number_level(text)};
    int level = s.numerator.is_atom()  ? Precedence::kAtom
                : s.numerator.is_sum() ? Precedence::kSum
                                       : Precedence::kProduct;
    return {text, level};
  }
  std::string text;
  if (s.factor == 1 && s.numerator != Dim(1))
    text = dim_text(s.numerator, true);
  else
    text = s.numerator == Dim(1) ? number : number + " * " + dim_text(s.numerator, true);
  if (!plain) text += " / " + dim_text(s.denominator, true);
  return {text, Precedence::kProduct};
}

}  // namespace netc::ir
