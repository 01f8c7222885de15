// One tensor after the other, on the thread that trains.
#include "runtime/gradient_stats.h"

#include "runtime/slots.h"

namespace netc::runtime {
namespace {
constexpr std::string_view kPrefix = "_grad.";
}

GradientStats::GradientStats(const Plan& train) {
  for (const Slot& slot : train.slots) {
    if (slot.role == SlotRole::Result && slot.name.starts_with(kPrefix)) slots_.push_back(&slot);
  }
}

GradientEvent GradientStats::measure(const Arena& arena, int64_t epoch, int64_t step) const {
  GradientEvent event{epoch, step, {}};
  for (const Slot* slot : slots_) {
    const Tensor values = read_slot(*slot, arena, 0);
    event.parameters.emplace_back(slot->name.substr(kPrefix.size()),
                                  slot->type == ElementType::f32 ? statistics(values.as<float>())
                                                                 : statistics(values.as<double>()));
  }
  return event;
}

}  // namespace netc::runtime
