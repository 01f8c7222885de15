// Averages are found by name; parameters that are not trained have none.
#include "runtime/moving_averages.h"

#include "runtime/slots.h"

namespace netc::runtime {

std::string average_name(const std::string& parameter) { return parameter + "._ema"; }

MovingAverages::MovingAverages(const Plan& plan) {
  for (const Slot& slot : plan.slots) {
    if (slot.role != SlotRole::Param) continue;
    const Slot* average = find_slot(plan, SlotRole::State, average_name(slot.name));
    if (average) pairs_.emplace_back(&slot, average);
  }
}

void MovingAverages::exchange(Arena& arena) const {
  for (const auto& [parameter, average] : pairs_) {
    const Tensor weights = read_slot(*parameter, arena, 0);
    write_slot(*parameter, arena, 0, read_slot(*average, arena, 0).bytes.span());
    write_slot(*average, arena, 0, weights.bytes.span());
  }
}

}  // namespace netc::runtime
