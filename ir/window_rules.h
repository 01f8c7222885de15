// Equalities of contractions over windows, by which compiled code needs neither a matrix of columns
// nor the sum of overlapping windows.
#pragma once

#include "ir/builder.h"

namespace netc::ir {

/// A value equal to `v`, which was just appended:
///   - windows that do not overlap, folded: the same elements in another order, zeros between;
///   - a folded contraction whose one operand holds the places and whose other the windows' own
///     elements: a contraction of the windows of the first, bordered by zeros, with the second
///     flipped; where the second is inf or NaN, places at the border become NaN;
///   - a contraction of an operand whose dims were joined so that it is no affine view of memory:
///     a contraction over the single dims.
/// Else `v`.
ValueId without_columns(Builder& b, ValueId v);

}  // namespace netc::ir
