// Arithmetic on the numbers that a program writes or that sizes give (`0.5`, `batch`, `2 / batch`):
// normal form, value under sizes, folding. Integer numbers stay exact.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "ir/graph.h"

namespace netc::ir {

/// A plain number.
Scalar scalar(double number);
/// An integer size.
Scalar scalar(Dim size);
/// `s` in the normal form of constants of type `dtype` (see Scalar); integers: a bare Dim. Nothing
/// when an integer type would lose a fraction or a quotient.
std::optional<Scalar> normalise(const Scalar& s, DType dtype);
/// Product and quotient before rounding, common factors cancelled.
Scalar multiply(const Scalar& a, const Scalar& b);
Scalar divide(const Scalar& a, const Scalar& b);
/// True when no size is involved.
bool is_number(const Scalar& s);
/// The number in f64 under `sizes`; nothing when a size is missing.
std::optional<double> evaluate(const Scalar& s, const std::map<std::string, int64_t>& sizes = {});
/// The number exactly, for integer types.
std::optional<int64_t> evaluate_integer(const Scalar& s,
                                        const std::map<std::string, int64_t>& sizes = {});
Scalar substitute(const Scalar& s, const std::map<std::string, Dim>& sizes);

/// Shortest text that reads back to the same double: `2`, `0.1`, `1e-08`, `-0.0`, `inf`, `nan`.
std::string number_text(double number);

/// Text and how tightly it binds (levels of the grammar, see Precedence).
struct ScalarText {
  std::string text;
  int level;
};
ScalarText scalar_text(const Scalar& s, DType dtype);

/// Levels of the language's operators, loosest first.
struct Precedence {
  static constexpr int kOr = 1, kAnd = 2, kNot = 3, kCompare = 4, kSum = 5, kProduct = 6,
                       kNegation = 7, kPower = 8, kAtom = 9;
};

}  // namespace netc::ir
