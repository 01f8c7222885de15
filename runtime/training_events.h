// What a training run tells while it goes: to the command line, which renders it, and to the
// metrics files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/checkpoint.h"
#include "runtime/simd/statistics.h"

namespace netc::runtime {

/// Mean loss and metrics of a split.
struct Scores {
  double loss = 0;
  std::vector<std::pair<std::string, double>> metrics;
  int64_t rows = 0;
};

struct StartEvent {
  std::string model;
  int64_t parameters = 0;  ///< numbers in them
  int64_t parameter_bytes = 0;
  std::string loader;
  std::vector<std::pair<std::string, int64_t>> splits;  ///< name, records; after `valid`
  std::vector<std::pair<std::string, std::vector<std::string>>> classes;  ///< by field, as numbered
  std::vector<std::pair<std::string, std::string>> settings;  ///< as the command line gave them
  std::string directory;
  int64_t epochs = 0, batch = 0, steps_per_epoch = 0;
  uint64_t seed = 0;
  double lr = 0;         ///< of the `train` block: a schedule's highest
  std::string schedule;  ///< its name
  int threads = 1;
  int64_t resumed_epoch = 0, resumed_step = 0;  ///< 0, 0: from the start
};

struct StepEvent {
  int64_t epoch = 0;  ///< from 1
  int64_t epochs = 0;
  int64_t step = 0;  ///< from 1, over the whole run
  int64_t step_in_epoch = 0, steps_in_epoch = 0;
  double lr = 0;
  double loss = 0;                                    ///< of this step
  std::optional<double> grad_norm;                    ///< of this step, before clipping
  const RunningSums* running = nullptr;               ///< of the epoch so far
  const std::vector<std::string>* metrics = nullptr;  ///< names of its sums after the loss
  double seconds = 0;                                 ///< since this command began the epoch
  int64_t earlier_rows = 0;  ///< of the epoch, trained on by an earlier command: not in `seconds`
};

struct EpochEvent {
  int64_t epoch = 0;  ///< from 1
  int64_t epochs = 0;
  double lr = 0;             ///< of its last step
  double seconds = 0;        ///< with its evaluations
  int64_t earlier_rows = 0;  ///< trained on by an earlier command: not in any of the seconds
  double training_seconds = 0;
  double data_seconds = 0;  ///< of training_seconds: gathering batches
  double step_seconds = 0;  ///< of training_seconds: running the compiled steps
  Scores train;
  std::optional<Scores> valid, test;
  std::optional<Scores> average_valid, average_test;  ///< with the moving average of the weights
  std::optional<double> grad_norm;                    ///< mean over its records, before clipping
  bool improved = false;                              ///< best validation loss so far

  /// Records trained on a second, evaluations not counted; 0 when no time has passed.
  double samples_per_second() const {
    const auto rows = static_cast<double>(train.rows - earlier_rows);
    return training_seconds > 0 ? rows / training_seconds : 0;
  }
};

/// Gradients of one step, by parameter.
struct GradientEvent {
  int64_t epoch = 0;  ///< from 1
  int64_t step = 0;   ///< from 1, over the whole run
  std::vector<std::pair<std::string, Statistics>> parameters;
};

/// Killed: by a second signal, of which only the reason and the weights are known.
enum class StopReason : uint8_t {
  Finished,
  Patience,
  StepLimit,
  Signal,
  NonFinite,
  Failed,
  Killed
};

struct EndEvent {
  StopReason reason = StopReason::Finished;
  std::string error;  ///< message of what ended it; NonFinite and Failed only
  int signal = 0;
  int64_t epochs = 0;           ///< finished, over all commands of the run
  bool resumed_at_end = false;  ///< they were all finished before this command
  int64_t steps = 0;
  double seconds = 0;              ///< of this command
  std::optional<EpochEvent> last;  ///< of this command
  std::optional<Scores> so_far;    ///< of an epoch under way: the weights are of its middle
  std::string directory;
  std::string weights;     ///< path of last.safetensors; empty: none was written
  int64_t best_epoch = 0;  ///< 0: no validation
};

/// Receives events on the thread that trains. A run that has started ends, with an error too.
class TrainingListener {
 public:
  virtual ~TrainingListener() = default;
  virtual void start(const StartEvent&) {}
  /// Called after each step; nothing in it allocates unless the listener does.
  virtual void step(const StepEvent&) {}
  virtual void epoch(const EpochEvent&) {}
  virtual void end(const EndEvent&) {}
  /// Something the user should know that is no error: a skipped checkpoint, an unused tensor.
  virtual void notice(const std::string&) {}
};

/// One line of JSON without the newline, as `--json` and metrics.jsonl have it. Numbers are in
/// shortest round-trip form, values that are not finite are null.
std::string to_json(const Scores& scores);
std::string to_json(const StartEvent& event);
std::string to_json(const StepEvent& event);
std::string to_json(const EpochEvent& event);
std::string to_json(const GradientEvent& event);
std::string to_json(const EndEvent& event);

}  // namespace netc::runtime
