// Loss and metrics of a split.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/executor.h"
#include "runtime/trace.h"
#include "runtime/training_events.h"

namespace netc::runtime {

/// The slots of a plan that hold the loss and the metrics.
class ScoreSlots {
 public:
  /// `metrics` are names of results. The plan must have them and `loss`.
  ScoreSlots(const Plan& plan, std::span<const std::string> metrics);
  /// Adds the values of a step of `rows` rows to the sums; returns its loss.
  double add(const Arena& arena, int64_t rows, RunningSums& running) const;

 private:
  std::vector<const Slot*> slots_;  ///< loss first
};

/// Means as named scores.
Scores scores(const RunningSums& running, std::span<const std::string> metrics);

/// Writes the slot `name` of rank 0 (lr, step, seed) where the plan has it.
class ScalarInput {
 public:
  ScalarInput(const Plan& plan, std::string_view name);
  void set(Arena& arena, double value) const;
  void set(Arena& arena, int64_t value) const;

 private:
  const Slot* slot_ = nullptr;
};

/// Runs an eval plan over a split in order; means over its records, summed in f64 and weighted by
/// rows. No value when a signal asked to stop.
std::optional<Scores> evaluate(const Plan& plan, const Split& split,
                               std::span<const std::string> metrics, Executor& executor,
                               Arena& arena, Trace* trace = nullptr);

}  // namespace netc::runtime
