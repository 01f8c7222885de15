// How the elements of a view lie in the memory of the value that it reads.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace netc::ir {

/// A dim whose coordinate c counts as c / width * distance + c % width elements.
struct PanelledDim {
  size_t dim;
  int64_t width, distance;
};

/// Element [i0, i1, …] of a value is element offset + i0 * strides[0] + i1 * strides[1] + … of
/// `base`, all in elements. Repeated dims have stride 0. The stride of a dim in panels (1) holds
/// within a panel only.
struct Access {
  ValueId base;
  Dim offset;
  std::vector<Dim> strides;
  std::optional<PanelledDim> panels;
};

/// The access of a stored value itself, as its Storage says.
Access stored_access(const Function& function, ValueId v);
/// A tensor of this shape, row-major; its rows `leading_stride` elements apart, if given.
Access row_major_access(ValueId v, const Shape& shape, std::optional<int64_t> leading_stride = {});
/// Whether elements of a view of this op lie in its operand at fixed strides, as a rule.
bool is_affine_view(Op op);

/// `v` seen through reshape, permute, broadcast, slice, diagonal and windows down to the first
/// value that is none of these, or has storage, or is a view in a kernel of its own; nothing when a
/// reshape on the way joins dims that do not lie one behind the other, or a view cuts into panels.
std::optional<Access> affine_access(const Function& function, ValueId v);

/// The access of `view` (reshape, permute, broadcast, slice, diagonal, windows) from the access of
/// its operand, of type `from`; nothing for other ops and for reshapes as above.
std::optional<Access> through_view(const Value& view, const Type& from, const Access& operand);

}  // namespace netc::ir
