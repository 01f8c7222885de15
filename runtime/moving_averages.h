// Moving averages of parameters: a parameter `w` has its average in the state `w._ema`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/arena.h"
#include "runtime/plan.h"

namespace netc::runtime {

/// Name of the state that holds the average of a parameter.
std::string average_name(const std::string& parameter);

class MovingAverages {
 public:
  explicit MovingAverages(const Plan& plan);
  bool any() const { return !pairs_.empty(); }
  /// Parameters and averages change places; a second call puts them back.
  void exchange(Arena& arena) const;

 private:
  std::vector<std::pair<const Slot*, const Slot*>> pairs_;
};

}  // namespace netc::runtime
