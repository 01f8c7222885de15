// One optimizer step: the micro-batches it consists of, and what they take and give beside tensors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/batches.h"
#include "runtime/checkpoint.h"
#include "runtime/data/dataset.h"
#include "runtime/evaluate.h"
#include "runtime/executor.h"
#include "runtime/trace.h"

namespace netc::runtime {

/// Seconds spent on gathering batches, and on running plans.
struct StepSeconds {
  double data = 0, compute = 0;
};

/// What a step is given besides its records.
struct StepNumbers {
  double rate = 0;
  int64_t step = 0;  ///< from 1
  uint64_t seed = 0;
};

class TrainingStep {
 public:
  /// `accumulate` runs all micro-batches of a step but the last, which runs `train`; null when
  /// steps have one. A micro-batch has at most `batch` rows.
  TrainingStep(const Plan& train, const Plan* accumulate, const Split& split,
               std::span<const std::string> metrics, int64_t batch, Trace* trace = nullptr);

  /// Trains on `records` of the split and adds loss, metrics and gradient norm to `running`.
  /// `next` are the records after them. Returns the mean loss.
  double run(std::span<const uint32_t> records, std::span<const uint32_t> next,
             const StepNumbers& numbers, Arena& arena, Executor& executor, RunningSums& running);

  /// Whether steps give the norm of the gradients: its sum stands last in `running`.
  bool has_norm() const { return norm_ != nullptr; }
  /// That norm, before clipping, in the last step.
  double norm() const { return last_norm_; }
  const StepSeconds& seconds() const { return seconds_; }

 private:
  /// A plan with the places of what goes in and out.
  struct Part {
    Part(const Plan& plan, const Split& split, std::span<const std::string> metrics);
    const Plan& plan;
    BatchSource batches;
    ScoreSlots scores;
    ScalarInput rate, step, seed, share, row;
  };

  /// Rows [first, first + count) of a step.
  struct MicroBatch {
    std::span<const uint32_t> records, next;
    int64_t first = 0;
    double share = 1;  ///< of the step's rows
  };
  double run_part(const Part& part, const MicroBatch& micro, const StepNumbers& numbers,
                  Arena& arena, Executor& executor, RunningSums& running);

  std::vector<Part> parts_;  ///< train first
  const Slot* norm_;
  int64_t batch_;
  Trace* trace_;
  double last_norm_ = 0;
  StepSeconds seconds_;
};

}  // namespace netc::runtime
