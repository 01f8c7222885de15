// Training again what led to a loss that is not finite. Steps are deterministic to the bit, so the
// step at fault is found without a copy of the weights ever having been kept for it.
#include <cmath>

#include "runtime/interrupt.h"
#include "runtime/slots.h"
#include "runtime/trainer.h"

namespace netc::runtime {

std::optional<FailedStep> Trainer::replay(int64_t last_step, const std::string& state) {
  const InterruptScope interrupts;
  const Slot* watched = state.empty() ? nullptr : find_slot(parts_.train, SlotRole::State, state);
  const std::vector<const Slot*> slots = persistent_slots(parts_.train);
  auto ruined = [&] { return watched ? nonfinite_values(*watched) : nonfinite_weights(); };
  const int64_t ruined_before = ruined();
  FailedStep failed;
  failed.epoch = state_.epoch + 1;
  failed.first_step = state_.step + 1;
  if (state_.sample == 0) state_.running.reset(running_sums());
  order_epoch();
  while (state_.sample < epoch_records() && state_.step < last_step && requested_signal() == 0) {
    const auto first = order_.begin() + state_.sample;
    const int64_t rows = next_rows();
    failed.storage.clear();
    failed.before = view_slots(slots, parts_.arena, true, failed.storage);
    const double loss = step(rows);
    if ((!watched && !std::isfinite(loss)) || ruined() > ruined_before) {
      failed.records.assign(first, first + rows);
      failed.numbers = {last_rate_, state_.step, settings_.seed};
      return failed;
    }
    failed.losses.push_back(loss);
  }
  return {};
}

}  // namespace netc::runtime
