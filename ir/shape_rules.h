// Shape rules that several ops and the frontend share, with their errors in the user's terms.
//
// Codes: E0301 sizes that differ, E0302 shapes that do not broadcast, E0304 sizes that cannot be
// proven equal, E0305 element types, E0306 no such dim, E0307 index or slice outside its dim, E0308
// a reduction of nothing, E0309 a reshape that changes the number of elements, E0310 a size that is
// negative or too large, E0320 einsum.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace netc::ir {

/// What two shapes become together.
struct Broadcasted {
  Shape shape;
  bool expands_lhs = false;  ///< the left operand is repeated along some dim
  bool expands_rhs = false;
};

/// NumPy's rule, dims aligned from the right: equal, or one of them 1. Sizes are equal when proven
/// so; a name is never 1. `operation` (`+`) starts the message; throws OpError E0302.
Broadcasted broadcast_shapes(const std::string& operation, const Type& lhs, const Type& rhs);

/// `dim` in 0 … rank - 1 from an index that may count from the end; throws OpError E0306.
int64_t normalise_dim(const std::string& operation, int64_t dim, int rank);

/// Throws OpError E0310 for sizes that are negative or do not fit 64 bits.
void check_sizes(const std::string& operation, const Shape& shape);

/// `shape` without the dims in `dims` (ascending).
Shape drop_dims(const Shape& shape, const std::vector<int64_t>& dims);
/// `shape` with size 1 at `dims`.
Shape keep_dims(const Shape& shape, const std::vector<int64_t>& dims);
/// 0, 1, …, rank - 1.
std::vector<int64_t> all_dims(int rank);

/// Sizes of windows over the last dims of a value, one entry a dim.
struct WindowSizes {
  Shape k, stride, dilation;
};

/// How many windows of `w` fit into dims of these sizes: floor((n - dilation * (k - 1) - 1) /
/// stride) + 1. Throws OpError E0310 for a window that is larger than its dim, and for sizes below
/// 1.
Shape window_counts(const Shape& sizes, const WindowSizes& w);

/// The labels of an einsum's operands and result, one letter a dim.
struct EinsumLabels {
  std::string lhs, rhs, result;
};

/// Takes `ij,jk->ik` apart; throws OpError E0320 when it is not of this form.
EinsumLabels einsum_labels(const std::string& spec);

}  // namespace netc::ir
