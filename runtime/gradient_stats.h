// What `--grad-stats` tells: how the gradients of each parameter are distributed.
#pragma once

#include <vector>

#include "runtime/arena.h"
#include "runtime/plan.h"
#include "runtime/training_events.h"

namespace netc::runtime {

/// Reads the results `_grad.NAME` of a train plan that was compiled to give them.
class GradientStats {
 public:
  explicit GradientStats(const Plan& train);
  bool any() const { return !slots_.empty(); }
  /// The gradients of the step that ran last, as the optimizer got them but before clipping.
  GradientEvent measure(const Arena& arena, int64_t epoch, int64_t step) const;

 private:
  std::vector<const Slot*> slots_;
};

}  // namespace netc::runtime
