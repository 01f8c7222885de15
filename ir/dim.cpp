// Arithmetic of sizes in normal form: sums of products of atoms with integer coefficients, where an
// atom is a name or the text of a division that did not fold. Opaque atoms are read back from their
// text when they are evaluated or substituted.
#include "ir/dim.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <numeric>
#include <set>

namespace netc::ir {
namespace {

bool is_opaque(const std::string& atom) { return atom.find(' ') != std::string::npos; }

int64_t floor_quotient(int64_t a, int64_t b) {
  int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

int64_t floor_remainder(int64_t a, int64_t b) {
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/// Recursive descent over the text that Dim::str writes, computing in any ring-like type `T`.
template <class T>
class TextReader {
 public:
  struct Ops {
    std::function<T(const std::string&)> name;
    std::function<T(int64_t)> number;
    std::function<T(char, const T&, const T&)> apply;  // + - * / (floor) % ^ (power)
  };
  TextReader(std::string_view text, const Ops& ops) : text_(text), ops_(ops) {}
  T read() { return sum(); }

 private:
  std::string_view text_;
  const Ops& ops_;
  size_t at_ = 0;

  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(std::string_view token) {
    skip();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  T sum() {
    T value = product();
    for (;;) {
      if (take("+"))
        value = ops_.apply('+', value, product());
      else if (take("-"))
        value = ops_.apply('-', value, product());
      else
        return value;
    }
  }
  bool times() {
    skip();
    return text_.substr(at_, 2) != "**" && take("*");
  }
  T product() {
    T value = negation();
    for (;;) {
      if (times())
        value = ops_.apply('*', value, negation());
      else if (take("//"))
        value = ops_.apply('/', value, negation());
      else if (take("%"))
        value = ops_.apply('%', value, negation());
      else
        return value;
    }
  }
  T negation() {
    if (take("-")) return ops_.apply('-', ops_.number(0), power());
    return power();
  }
  T power() {
    T value = atom();
    if (take("**")) value = ops_.apply('^', value, atom());
    return value;
  }
  T atom() {
    if (take("(")) {
      T value = sum();
      take(")");
      return value;
    }
    skip();
    size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  text_[at_] == '_' || text_[at_] == '.'))
      ++at_;
    std::string token(text_.substr(begin, at_ - begin));
    if (token.empty() || std::isdigit(static_cast<unsigned char>(token[0])))
      return ops_.number(token.empty() ? 0 : std::stoll(token));
    return ops_.name(token);
  }
};

Dim apply_dim(char op, const Dim& a, const Dim& b) {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return floor_div(a, b);
    case '%':
      return floor_mod(a, b);
    default:
      return pow(a, b.is_constant() ? b.constant() : 1);
  }
}

using Number = std::optional<int64_t>;

Number apply_number(char op, const Number& a, const Number& b) {
  if (!a || !b) return {};
  int64_t out = 0;
  switch (op) {
    case '+':
      return __builtin_add_overflow(*a, *b, &out) ? Number{} : Number{out};
    case '-':
      return __builtin_sub_overflow(*a, *b, &out) ? Number{} : Number{out};
    case '*':
      return __builtin_mul_overflow(*a, *b, &out) ? Number{} : Number{out};
    default:
      break;
  }
  if (op == '^') {
    out = 1;
    for (int64_t i = 0; i < *b; ++i)
      if (__builtin_mul_overflow(out, *a, &out)) return {};
    return out;
  }
  if (*b == 0 || (*b == -1 && *a == INT64_MIN)) return {};
  return op == '/' ? floor_quotient(*a, *b) : floor_remainder(*a, *b);
}

}  // namespace

Dim Dim::of(Terms terms) {
  if (terms.empty()) return 0;
  if (terms.size() == 1 && terms.begin()->first.empty()) return terms.begin()->second;
  Dim d;
  d.terms_ = std::make_shared<const Terms>(std::move(terms));
  return d;
}

Dim::Terms Dim::terms() const {
  if (terms_) return *terms_;
  return constant_ == 0 ? Terms() : Terms{{Monomial(), constant_}};
}

Dim Dim::symbol(std::string_view name) { return of({{{std::string(name)}, 1}}); }

Dim Dim::poison() {
  static const auto none = std::make_shared<const Terms>();
  Dim d;
  d.terms_ = none;
  return d;
}

std::strong_ordering Dim::operator<=>(const Dim& other) const {
  if (terms_ == other.terms_) return constant_ <=> other.constant_;
  if (!terms_ || !other.terms_) return bool(terms_) <=> bool(other.terms_);
  return *terms_ <=> *other.terms_;
}

/// False when the coefficients leave 64 bits.
bool Dim::add_term(Terms& terms, const Monomial& monomial, int64_t coefficient) {
  const auto it = terms.try_emplace(monomial, 0).first;
  if (__builtin_add_overflow(it->second, coefficient, &it->second)) return false;
  if (it->second == 0) terms.erase(it);
  return true;
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.overflowed() || b.overflowed()) return Dim::poison();
  if (a.is_constant() && b.is_constant()) {
    int64_t sum = 0;
    return __builtin_add_overflow(a.constant_, b.constant_, &sum) ? Dim::poison() : Dim(sum);
  }
  Dim::Terms sum = a.terms();
  for (const auto& [monomial, coefficient] : b.terms())
    if (!Dim::add_term(sum, monomial, coefficient)) return Dim::poison();
  return Dim::of(std::move(sum));
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  if (a.overflowed() || b.overflowed()) return Dim::poison();
  int64_t coefficient = 0;
  if (a.is_constant() && b.is_constant())
    return __builtin_mul_overflow(a.constant_, b.constant_, &coefficient) ? Dim::poison()
                                                                          : Dim(coefficient);
  Dim::Terms product;
  const Dim::Terms lefts = a.terms(), rights = b.terms();
  for (const auto& [left, p] : lefts) {
    for (const auto& [right, q] : rights) {
      if (__builtin_mul_overflow(p, q, &coefficient)) return Dim::poison();
      Dim::Monomial monomial = left;
      monomial.insert(monomial.end(), right.begin(), right.end());
      std::sort(monomial.begin(), monomial.end());
      if (!Dim::add_term(product, monomial, coefficient)) return Dim::poison();
    }
  }
  return Dim::of(std::move(product));
}

Dim Dim::opaque(const char* op, const Dim& a, const Dim& b) {
  auto wrap = [](const Dim& d) {
    bool plain = !d.is_sum() && d.str().find(' ') == std::string::npos;
    return plain ? d.str() : fmt::format("({})", d.str());
  };
  return symbol(wrap(a) + " " + op + " " + wrap(b));
}

std::optional<Dim> exact_div(const Dim& a, const Dim& b) {
  if (a.overflowed() || b.overflowed() || b == Dim(0)) return {};
  if (a == b) return Dim(1);
  if (a.is_constant() && b.is_constant()) {
    const int64_t p = a.constant(), q = b.constant();
    if ((q == -1 && p == INT64_MIN) || p % q != 0) return {};
    return Dim(p / q);
  }
  // Long division; of monomials the longer leads, then the later: an order that products keep.
  const auto leading = [](const Dim::Terms& terms) {
    return std::max_element(terms.begin(), terms.end(), [](const auto& x, const auto& y) {
      return std::pair(x.first.size(), x.first) < std::pair(y.first.size(), y.first);
    });
  };
  const Dim::Terms divisors = b.terms();
  const auto& [divisor, factor] = *leading(divisors);
  constexpr int kMostSteps = 100;
  Dim quotient, remainder = a;
  for (int step = 0; remainder != Dim(0); ++step) {
    if (step == kMostSteps || remainder.overflowed() || quotient.overflowed()) return {};
    const Dim::Terms left = remainder.terms();
    const auto& [monomial, coefficient] = *leading(left);
    if (factor == -1 && coefficient == INT64_MIN) return {};
    if (coefficient % factor != 0) return {};
    if (!std::includes(monomial.begin(), monomial.end(), divisor.begin(), divisor.end())) return {};
    Dim::Monomial rest;
    std::set_difference(monomial.begin(), monomial.end(), divisor.begin(), divisor.end(),
                        std::back_inserter(rest));
    const Dim term = Dim::of({{rest, coefficient / factor}});
    quotient = quotient + term;
    remainder = remainder - term * b;
  }
  return quotient;
}

Dim floor_div(const Dim& a, const Dim& b) {
  if (a.overflowed() || b.overflowed() || b == Dim(0)) return Dim::poison();
  if (a.is_constant() && b.is_constant()) {
    if (a.constant() == INT64_MIN && b.constant() == -1) return Dim::poison();
    return floor_quotient(a.constant(), b.constant());
  }
  if (auto exact = exact_div(a, b)) return *exact;
  return Dim::opaque("//", a, b);
}

Dim floor_mod(const Dim& a, const Dim& b) {
  if (a.overflowed() || b.overflowed() || b == Dim(0)) return Dim::poison();
  if (a.is_constant() && b.is_constant()) {
    return b.constant() == -1 ? 0 : floor_remainder(a.constant(), b.constant());
  }
  if (exact_div(a, b)) return 0;
  return Dim::opaque("%", a, b);
}

Dim pow(const Dim& a, int64_t exponent) {
  if (a.is_constant() && (a.constant() == 0 || a.constant() == 1)) return exponent == 0 ? 1 : a;
  if (a == Dim(-1)) return exponent % 2 == 0 ? 1 : -1;
  constexpr int64_t kLargest = 64;  // beyond it any other constant overflows
  if (exponent > kLargest || exponent < 0) return Dim::poison();
  Dim power = 1;
  for (int64_t i = 0; i < exponent; ++i) power = power * a;
  return power;
}

std::optional<int64_t> Dim::evaluate(const std::map<std::string, int64_t>& sizes) const {
  if (is_constant()) return constant_;
  if (overflowed()) return {};
  std::function<Number(const std::string&)> atom_value = [&](const std::string& atom) -> Number {
    if (is_opaque(atom)) {
      TextReader<Number>::Ops ops{atom_value, [](int64_t n) { return Number(n); }, apply_number};
      return TextReader<Number>(atom, ops).read();
    }
    auto it = sizes.find(atom);
    return it == sizes.end() ? Number{} : Number(it->second);
  };
  Number sum = 0;
  for (const auto& [monomial, coefficient] : *terms_) {
    Number product = coefficient;
    for (const std::string& atom : monomial) product = apply_number('*', product, atom_value(atom));
    sum = apply_number('+', sum, product);
  }
  return sum;
}

Dim Dim::substitute(const std::map<std::string, Dim>& sizes) const {
  if (overflowed() || is_constant()) return *this;
  std::function<Dim(const std::string&)> atom_value = [&](const std::string& atom) {
    if (is_opaque(atom)) {
      TextReader<Dim>::Ops ops{atom_value, [](int64_t n) { return Dim(n); }, apply_dim};
      return TextReader<Dim>(atom, ops).read();
    }
    auto it = sizes.find(atom);
    return it == sizes.end() ? symbol(atom) : it->second;
  };
  Dim sum = 0;
  for (const auto& [monomial, coefficient] : *terms_) {
    Dim product = coefficient;
    for (const std::string& atom : monomial) product = product * atom_value(atom);
    sum = sum + product;
  }
  return sum;
}

std::vector<std::string> Dim::symbols() const {
  if (is_constant()) return {};
  std::set<std::string> names;
  std::function<int(const std::string&)> visit = [&](const std::string& atom) {
    if (!is_opaque(atom)) {
      names.insert(atom);
      return 0;
    }
    TextReader<int>::Ops ops{visit, [](int64_t) { return 0; }, [](char, int, int) { return 0; }};
    return TextReader<int>(atom, ops).read();
  };
  for (const auto& [monomial, coefficient] : *terms_)
    for (const std::string& atom : monomial) visit(atom);
  return {names.begin(), names.end()};
}

std::optional<std::vector<int64_t>> Dim::coefficients(std::string_view name) const {
  if (is_constant()) return std::vector{constant_};
  if (overflowed()) return {};
  std::vector<int64_t> list;
  for (const auto& [monomial, coefficient] : *terms_) {
    for (const std::string& atom : monomial)
      if (atom != name) return {};
    if (list.size() <= monomial.size()) list.resize(monomial.size() + 1, 0);
    list[monomial.size()] = coefficient;
  }
  return list;
}

std::vector<int64_t> Dim::values(const std::string& name, int64_t last) const {
  std::vector<int64_t> list;
  for (int64_t n = 0; n <= last; ++n) list.push_back(evaluate({{name, n}}).value_or(0));
  return list;
}

int64_t Dim::content() const {
  const Terms all = terms();
  uint64_t divisor = 0;
  for (const auto& [monomial, coefficient] : all)
    divisor =
        std::gcd(divisor, coefficient < 0 ? 0 - uint64_t(coefficient) : uint64_t(coefficient));
  if (divisor == 0 || divisor > uint64_t(INT64_MAX)) return 1;
  bool negative = all.rbegin()->second < 0;
  return negative ? -int64_t(divisor) : int64_t(divisor);
}

bool always_differ(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return a.constant_ != b.constant_;
  const Dim::Terms difference = (a - b).terms();
  if (difference.empty()) return false;
  const bool negative = difference.begin()->second < 0;
  return std::all_of(difference.begin(), difference.end(), [&](const auto& term) {
    return (term.second < 0) == negative &&
           std::none_of(term.first.begin(), term.first.end(), is_opaque);
  });
}

bool Dim::is_sum() const { return terms_ && terms_->size() > 1; }

bool Dim::is_atom() const {
  if (is_constant()) return constant_ >= 0;
  if (terms_->size() != 1) return terms_->empty();
  const auto& [monomial, coefficient] = *terms_->begin();
  return coefficient == 1 && monomial.size() == 1 && !is_opaque(monomial[0]);
}

namespace {

/// `n ** 2 * (m // 2)`: equal neighbours as powers; an opaque atom bare only when it stands alone.
std::string product_text(const Dim::Monomial& monomial, bool alone) {
  std::string text;
  for (size_t i = 0; i < monomial.size();) {
    size_t end = i;
    while (end < monomial.size() && monomial[end] == monomial[i]) ++end;
    bool bare = !is_opaque(monomial[i]) || (alone && monomial.size() == 1);
    if (!text.empty()) text += " * ";
    text += bare ? monomial[i] : "(" + monomial[i] + ")";
    if (end - i > 1) text += fmt::format(" ** {}", end - i);
    i = end;
  }
  return text;
}

}  // namespace

std::string Dim::str() const {
  if (is_constant()) return fmt::format("{}", constant_);
  if (overflowed()) return "overflow";
  std::vector<std::pair<Monomial, int64_t>> order(terms_->begin(), terms_->end());
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first.size() != b.first.size() ? a.first.size() > b.first.size() : a.first < b.first;
  });
  auto positive = std::find_if(order.begin(), order.end(), [](auto& t) { return t.second > 0; });
  if (positive != order.end()) std::rotate(order.begin(), positive, positive + 1);

  std::string text;
  for (const auto& [monomial, coefficient] : order) {
    bool first = text.empty();
    uint64_t magnitude = coefficient < 0 ? 0 - uint64_t(coefficient) : uint64_t(coefficient);
    text += first ? (coefficient < 0 ? "-" : "") : (coefficient < 0 ? " - " : " + ");
    bool alone = magnitude == 1 && coefficient > 0;
    if (monomial.empty())
      text += fmt::format("{}", magnitude);
    else if (magnitude == 1)
      text += product_text(monomial, alone);
    else
      text += fmt::format("{} * {}", magnitude, product_text(monomial, false));
  }
  return text;
}

}  // namespace netc::ir
