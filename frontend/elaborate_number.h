// Arithmetic among compile-time numbers: exact on integers and sizes, f64 on the rest.
#pragma once

#include <optional>
#include <string>

#include "frontend/ast.h"
#include "frontend/elaborate_value.h"

namespace netc::frontend {

NumberVal int_number(ir::Dim value);
NumberVal float_number(double value);

/// The number when it hangs on no open size.
std::optional<double> known_value(const NumberVal& n);
/// `a op b` for the arithmetic operators; nothing when the result is no factor * size / size.
std::optional<NumberVal> arithmetic(BinaryOp op, const NumberVal& a, const NumberVal& b);
NumberVal negate(const NumberVal& a);
/// `a op b` for comparisons.
BoolVal compare(BinaryOp op, const NumberVal& a, const NumberVal& b);
/// Text that the language reads back as the same number.
std::string str(const NumberVal& n);
/// A double in shortest round-trip form that reads back as a float: `0.5`, `1.0`, `1e-08`, `inf`.
std::string float_text(double value);

}  // namespace netc::frontend
