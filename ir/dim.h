// Sizes: integer polynomials over named sizes (`batch`, `n`), in a normal form, so that two sizes
// are proven equal exactly when their normal forms are the same.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace netc::ir {

/// A size, or any integer computed from sizes. `//` and `%` that do not fold are opaque atoms.
/// Arithmetic that leaves 64 bits yields a poisoned Dim (`overflowed()`), never a wrapped one.
class Dim {
 public:
  /// One product of atoms; atoms are names or printed opaque terms, sorted, with multiplicity.
  using Monomial = std::vector<std::string>;

  Dim(int64_t constant = 0)  // NOLINT: a size is usually written as a plain integer
      : constant_(constant) {}
  /// The size called `name`.
  static Dim symbol(std::string_view name);

  bool is_constant() const { return !terms_; }
  /// The value of a constant size. Precondition: `is_constant()`.
  int64_t constant() const { return constant_; }
  bool overflowed() const { return terms_ && terms_->empty(); }

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  /// Floor division; exact when every coefficient divides, else an opaque atom. By 0: poisoned.
  friend Dim floor_div(const Dim& a, const Dim& b);
  /// Floor modulo (sign of the divisor). By 0: poisoned.
  friend Dim floor_mod(const Dim& a, const Dim& b);
  /// a ** exponent, exponent >= 0.
  friend Dim pow(const Dim& a, int64_t exponent);
  /// The exact quotient when `b` divides `a` as polynomials, else nothing.
  friend std::optional<Dim> exact_div(const Dim& a, const Dim& b);

  /// Equality of normal forms: a proof. `false` means "not proven equal".
  bool operator==(const Dim& other) const { return (*this <=> other) == 0; }
  /// Whether the two differ whatever their names stand for, as long as that is 1 or more.
  friend bool always_differ(const Dim& a, const Dim& b);
  /// Total order for use as a key, constants first; it has no meaning as a size.
  std::strong_ordering operator<=>(const Dim& other) const;

  /// The value under `sizes`; nothing when a name is missing or arithmetic overflows.
  std::optional<int64_t> evaluate(const std::map<std::string, int64_t>& sizes) const;
  /// Replaces names by sizes, inside opaque atoms too.
  Dim substitute(const std::map<std::string, Dim>& sizes) const;
  /// Names it depends on, sorted, without repetition.
  std::vector<std::string> symbols() const;
  /// Coefficients c_k of name^k when the size is a polynomial in `name` alone.
  std::optional<std::vector<int64_t>> coefficients(std::string_view name) const;
  /// Its values where `name` is 0, 1, … `last`; 0 where it has none.
  std::vector<int64_t> values(const std::string& name, int64_t last) const;
  /// Greatest common divisor of the coefficients, with the sign of the last term; 1 for zero.
  int64_t content() const;
  /// True when the text is a sum of several terms, or a single name or unsigned number.
  bool is_sum() const;
  bool is_atom() const;
  /// Text that the language parses back to the same size: `2 * batch + 1`.
  std::string str() const;

 private:
  /// Coefficients by products; none is 0, and the constant has the empty product.
  using Terms = std::map<Monomial, int64_t>;

  // Almost every size is a constant: it has no terms. Others share theirs; no terms at all when
  // arithmetic overflowed.
  int64_t constant_ = 0;
  std::shared_ptr<const Terms> terms_;

  static Dim of(Terms terms);
  Terms terms() const;
  static bool add_term(Terms& terms, const Monomial& monomial, int64_t coefficient);
  static Dim poison();
  static Dim opaque(const char* op, const Dim& a, const Dim& b);
};

}  // namespace netc::ir
