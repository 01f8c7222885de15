// Evaluation in batches of the plan's capacity; the last one may be short.
#include "runtime/evaluate.h"

#include <algorithm>
#include <stdexcept>

#include "runtime/batches.h"
#include "runtime/interrupt.h"
#include "runtime/slots.h"

namespace netc::runtime {

ScoreSlots::ScoreSlots(const Plan& plan, std::span<const std::string> metrics) {
  auto add = [&](const std::string& name) {
    const Slot* slot = find_slot(plan, SlotRole::Result, name);
    if (!slot) throw std::logic_error("plan " + plan.name + " has no result " + name);
    slots_.push_back(slot);
  };
  add("loss");
  for (const std::string& name : metrics) add(name);
}

double ScoreSlots::add(const Arena& arena, int64_t rows, RunningSums& running) const {
  double loss = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const double value = read_scalar(*slots_[i], arena);
    if (i == 0) loss = value;
    running.sums[i] += value * static_cast<double>(rows);
  }
  running.rows += rows;
  return loss;
}

Scores scores(const RunningSums& running, std::span<const std::string> metrics) {
  Scores result{running.mean(0), {}, running.rows};
  for (size_t i = 0; i < metrics.size(); ++i) {
    result.metrics.emplace_back(metrics[i], running.mean(i + 1));
  }
  return result;
}

ScalarInput::ScalarInput(const Plan& plan, std::string_view name)
    : slot_(find_slot(plan, SlotRole::Input, name)) {
  if (slot_ && !slot_->shape.empty()) slot_ = nullptr;
}

void ScalarInput::set(Arena& arena, double value) const {
  if (slot_) write_scalar(*slot_, arena, value);
}

void ScalarInput::set(Arena& arena, int64_t value) const {
  if (slot_) write_scalar(*slot_, arena, value);
}

std::optional<Scores> evaluate(const Plan& plan, const Split& split,
                               std::span<const std::string> metrics, Executor& executor,
                               Arena& arena, Trace* trace) {
  const Activity evaluating(trace, Activity::Kind::Stage, "evaluate", "records", split.records,
                            split.name);
  const BatchSource source(split, plan);
  const ScoreSlots slots(plan, metrics);
  RunningSums running;
  running.reset(metrics.size() + 1);
  for (int64_t first = 0; first < split.records; first += plan.batch_capacity) {
    if (requested_signal() != 0) return std::nullopt;
    const int64_t rows = std::min(plan.batch_capacity, split.records - first);
    {
      const Activity activity(trace, Activity::Kind::Detail, "gather batch", "rows", rows);
      source.copy(first, rows, arena);
    }
    const Activity activity(trace, Activity::Kind::Detail, "run", "rows", rows, plan.name);
    executor.run(plan, arena, rows);
    slots.add(arena, rows, running);
  }
  return scores(running, metrics);
}

}  // namespace netc::runtime
