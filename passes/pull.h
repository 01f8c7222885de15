// What groups compute and read: from the values that a group stores down to memory.
#pragma once

#include <vector>

#include "passes/grouping.h"

namespace netc::passes {

/// The values from which a group computes what it stores.
struct Pull {
  std::vector<ir::ValueId> members;    ///< in order, among them the stored values of the group
  std::vector<ir::ValueId> outside;    ///< what they read: stored values, views of these, constants
  std::vector<ir::ValueId> elsewhere;  ///< values with another home that are not stored
  std::vector<ir::ValueId> dense;      ///< operands of views that must lie in memory
};

/// Pulls the groups of one grouping, as it is at each call.
class Puller {
 public:
  Puller(const ir::Function& function, const Grouping& grouping);
  /// What group `g` has to compute and read.
  Pull pull(uint32_t g);
  /// Value `v`, until now not stored, is stored by its home.
  void store(ir::ValueId v);

 private:
  const ir::Function& function_;
  const Grouping& grouping_;
  std::vector<std::vector<ir::ValueId>> stored_;  ///< by group
  std::vector<uint32_t> seen_;                    ///< by value: the last walk that came here
  uint32_t walks_ = 0;
};

}  // namespace netc::passes
