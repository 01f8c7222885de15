// Views of values some of whose dims were moved to the end, where they lie side by side in memory.
#pragma once

#include <optional>

#include "ir/builder.h"

namespace netc::ir {

/// `value` is another value with its dims begin … end - 1 moved behind all others.
struct Moved {
  ValueId value;
  int64_t begin = 0, end = 0;
};

/// The order of dims by which a value of this rank becomes the moved one, and back.
std::vector<int64_t> moved_order(int rank, const Moved& moved);
std::vector<int64_t> order_back(int rank, const Moved& moved);

/// `view`, a view of one operand of type `from`, made from that operand with dims moved: a view
/// with the same elements moved to the end. Nothing when the view mixes them with other dims.
std::optional<Moved> view_of_moved(Builder& b, const Value& view, const Type& from,
                                   const Moved& operand);

}  // namespace netc::ir
