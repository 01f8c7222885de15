// How the elements of a view lie in the memory of the value that it reads.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace netc::ir {

/// Element [i0, i1, …] of a value is element offset + i0 * strides[0] + i1 * strides[1] + … of
/// `base`, all in elements. Repeated dims have stride 0.
struct Access {
  ValueId base;
  Dim offset;
  std::vector<Dim> strides;
};

/// The access of a stored value itself: row-major, rows `leading_stride` apart where that is set.
Access stored_access(const Function& function, ValueId v);

/// `v` seen through reshape, permute, broadcast, slice, diagonal and windows down to the first
/// value that is none of these, or has storage, or is a view in a kernel of its own; nothing when a
/// reshape on the way joins dims that do not lie one behind the other.
std::optional<Access> affine_access(const Function& function, ValueId v);

/// The access of `view` (reshape, permute, broadcast, slice, diagonal, windows) from the access of
/// its operand, of type `from`; nothing for other ops and for reshapes as above.
std::optional<Access> through_view(const Value& view, const Type& from, const Access& operand);

}  // namespace netc::ir
