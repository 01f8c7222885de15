// Which values are computed together and which are stored. In: a function of ops alone. Out: groups
// (the kernels to be), the home group of values that can only be computed in one place, and the set
// of stored values. Everything else is computed again wherever it is read.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "ir/access.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace netc::passes {

/// A kernel to be. `form` is what heads it: Contract, Reduce, Scatter, or Map for a plain loop.
struct Group {
  ir::Form form = ir::Form::Map;
  ir::Shape shape;               ///< of the loop: the contraction's result, the reductions' operand
  std::vector<int64_t> dims;     ///< that the reductions fold
  ir::Shape row;                 ///< shape without dims
  std::set<ir::ValueId> leaves;  ///< stored values that its loop reads
};

inline constexpr uint32_t kNoGroup = 0xffffffffu;

struct Grouping {
  std::vector<Group> groups;
  std::vector<uint32_t> home;  ///< by value; kNoGroup: floats, to be computed where it is read
  std::vector<bool> stored;    ///< by value: lies in memory
  std::vector<bool> again;     ///< by value: computed again by other groups that need it
};

/// Groups for the deepest fusion by the kernel contract.
Grouping group_values(const ir::Function& function);
/// One op a group.
Grouping single_groups(const ir::Function& function);

/// How elements of `view` lie in `base`, a dense array behind it; nothing when not affine.
std::optional<ir::Access> access_from(const ir::Function& function, ir::ValueId view,
                                      ir::ValueId base);
/// The value that the views in front of `v` look at, no further than to a stored one.
ir::ValueId root_of(const ir::Function& function, const std::vector<bool>& stored, ir::ValueId v);
/// A stored value, or an affine view of one.
bool is_readable(const ir::Function& function, const std::vector<bool>& stored, ir::ValueId v);

/// Whether a view of a row value, with the shape of the loop or of the rows, gives each row its own
/// element.
bool reads_own_row(const ir::Function& function, const Group& group, ir::ValueId view,
                   ir::ValueId row);

/// Whether a view of one operand shows elements of it more than once.
bool repeats_elements(const ir::Function& function, const ir::Value& view);

bool is_view(const ir::Value& value);
/// A constant or a counter: computed from nothing.
bool is_free_leaf(const ir::Function& function, ir::ValueId v);

}  // namespace netc::passes
