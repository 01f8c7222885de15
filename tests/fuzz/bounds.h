// Bounds of rounding errors, and the rules of reductions: what a fold of tracked elements is known
// to be.
#pragma once

#include <limits>
#include <vector>

#include "tests/fuzz/oracle.h"

namespace netc::fuzz {

constexpr double kUnknown = std::numeric_limits<double>::infinity();

/// `bound`, or kUnknown where it says nothing (NaN too).
double known(double bound);

/// What rounding `v` to its type, after `ulps` of error and with operands that are exact or not,
/// adds to the bound.
double rounding(ir::DType dtype, double v, double ulps, bool exact_operands);

/// The error of a sum of n terms in any order, from the sum of their magnitudes.
double sum_error(ir::DType dtype, double n, double magnitude);

/// Multiples of 1/16: sums of them below kShort, and sums of their products, are exact in f32.
bool is_short(const Tracked& t);
constexpr double kShort = 0x1p15;

/// Folds the elements of x with the numbers in `group` into element g of `out`, whose value is
/// there already: its bound, its tangent; `at_kink` is set where an extreme has no margin.
void fold(ir::ReduceKind kind, const Tracked& x, const std::vector<int64_t>& group, size_t g,
          Tracked& out, bool& at_kink);

}  // namespace netc::fuzz
