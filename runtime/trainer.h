// The training loop: epochs over the train split, evaluations, schedules, early stopping, saving.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/batches.h"
#include "runtime/checkpoint.h"
#include "runtime/data/dataset.h"
#include "runtime/evaluate.h"
#include "runtime/executor.h"
#include "runtime/gradient_stats.h"
#include "runtime/metrics_log.h"
#include "runtime/moving_averages.h"
#include "runtime/run_saver.h"
#include "runtime/schedule.h"
#include "runtime/training_events.h"
#include "runtime/training_step.h"

namespace netc::runtime {

/// The `train` block and the command line's additions, checked by the frontend.
struct TrainerSettings {
  std::string model;
  int64_t epochs = 1;      ///< in total, also when resuming
  int64_t batch = 32;      ///< records that run together
  int64_t accumulate = 1;  ///< batches that make up a step
  uint64_t seed = 0;
  bool shuffle = true;
  bool drop_last = false;
  ScheduleSpec lr;
  double valid_fraction = 0;
  std::string valid_split;  ///< name of a split instead of a fraction
  int64_t patience = 0;     ///< 0: no early stopping
  SavePolicy save = SavePolicy::Best;
  double save_interval = 300;  ///< seconds after which a long epoch is saved in its middle
  int64_t log_every = 0;
  int64_t step_limit = -1;           ///< steps that this command may do; -1: any number
  std::vector<std::string> metrics;  ///< names of results, in order
  std::vector<std::pair<std::string, std::string>> shown;  ///< settings for the start event
  std::string config_text;                                 ///< goes to config.net
  std::string directory;  ///< run directory, locked by the caller; empty: save nothing
};

/// What a trainer works on. The plans' persistent slots have the same offsets in both, and hold
/// their start values (or those of a resumed run) when training begins.
struct TrainerParts {
  const Plan& train;
  const Plan& eval;
  Arena& arena;
  Executor& executor;
  const Dataset& data;
  const Plan* accumulate = nullptr;  ///< for all micro-batches of a step but the last
  Trace* trace = nullptr;            ///< the executor's observer, where there is one
};

/// The train and validation parts of a dataset by the settings: a fraction takes the last
/// floor(n * fraction) records. Throws Error(Split).
struct TrainingSplits {
  Split train;
  std::optional<Split> valid;
  const Split* test = nullptr;
};
TrainingSplits training_splits(const Dataset& data, double valid_fraction,
                               const std::string& valid_split);

/// A step that left something behind that is not finite, as it can be run again.
struct FailedStep {
  int64_t epoch = 0;  ///< from 1
  StepNumbers numbers;
  std::vector<uint32_t> records;   ///< of the train split
  std::vector<TensorView> before;  ///< parameters and states before it
  std::vector<Buffer> storage;     ///< of `before`
  int64_t first_step = 0;          ///< the step, from 1, that losses[0] is of
  std::vector<double> losses;      ///< of the steps run again before it
};

/// Time spent on the epoch under way by this command.
struct EpochClock {
  int64_t earlier_rows = 0;  ///< of the epoch, from before
  double seconds = 0;
  StepSeconds steps;  ///< of `seconds`
};

class Trainer {
 public:
  Trainer(const TrainerParts& parts, TrainerSettings settings, TrainingListener& listener);

  /// Goes on from a checkpoint: fills the slots and takes its position. Throws Error(Checkpoint)
  /// before anything is changed when it does not fit. Showing the checkpoint's note is the
  /// caller's.
  void resume(const Checkpoint& checkpoint);

  /// Trains until done, stopped by patience or the step limit, or asked to by a signal (then the
  /// step is finished and everything saved). Throws Error(NonFinite) with the last good checkpoint
  /// kept, and Error(Output) when saving fails. The listener is told of the end in any case.
  EndEvent run();

  /// Runs the epoch under way again from the present state, up to step `last_step`, without saving
  /// or telling, and returns the first step whose loss, or a parameter after it, is not finite;
  /// with `state`, the first after which that slot is not. Nothing when there is none, or a signal
  /// asked to stop.
  std::optional<FailedStep> replay(int64_t last_step, const std::string& state = "");

  const TrainingState& state() const { return state_; }

 private:
  enum class EpochOutcome : uint8_t { Ended, Stopped };

  /// A resumed run that has all its epochs: nothing is trained, logged or configured anew.
  bool resumed_at_end() const { return resumed_ && state_.epoch >= settings_.epochs; }
  void begin(MetricsLog& log);
  void train(MetricsLog& log);
  void describe_end(double seconds);
  void describe_failure(const std::exception& failure, double seconds);
  void write_config() const;
  void order_epoch();
  EpochOutcome train_epoch(MetricsLog& log);
  int64_t next_rows() const;
  double step(int64_t rows);
  bool evaluate_all(EpochEvent& event);
  void log_gradients(MetricsLog& log);
  bool end_epoch(MetricsLog& log);
  bool must_stop() const;
  void check_loss(double loss);
  void check_weights();
  int64_t nonfinite_values(const Slot& slot) const;
  int64_t nonfinite_weights() const;
  [[noreturn]] void stop_nonfinite(const std::string& what);
  Activity stage(const char* name, const char* counts = nullptr, int64_t number = 0) const {
    return Activity(parts_.trace, Activity::Kind::Stage, name, counts, number);
  }
  int64_t epoch_records() const;
  int64_t steps_per_epoch() const;
  int64_t step_records() const { return settings_.batch * settings_.accumulate; }
  size_t running_sums() const;

  TrainerParts parts_;
  TrainerSettings settings_;
  TrainingListener& listener_;
  TrainingSplits splits_;
  TrainingStep training_step_;
  MovingAverages averages_;
  GradientStats gradient_stats_;
  RunSaver saver_;
  Schedule schedule_;
  TrainingState state_;
  std::vector<uint32_t> order_;
  EndEvent end_;
  EpochClock clock_;
  bool resumed_ = false;
  bool stop_for_patience_ = false;
  int64_t steps_here_ = 0;       ///< by this command
  int64_t start_nonfinite_ = 0;  ///< values that were not finite when training began
  double last_rate_ = 0;
};

}  // namespace netc::runtime
