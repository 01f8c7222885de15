// The checkpoint of a run: `last.state`, one safetensors file with weights, optimizer state,
// position and a checksum of all of it; the one before is kept as `last.state.1`.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "runtime/safetensors.h"
#include "runtime/schedule.h"

namespace netc::runtime {

/// Sums over the records of an epoch so far: of the loss first, then of each metric.
struct RunningSums {
  int64_t rows = 0;
  std::vector<double> sums;

  void reset(size_t count) {
    rows = 0;
    sums.assign(count, 0.0);
  }
  double mean(size_t index) const { return rows > 0 ? sums[index] / static_cast<double>(rows) : 0; }
};

/// Everything of a run that is not a tensor. Random numbers are counter-based, so seed, step and
/// position are all their state. No times: runs that are alike leave files that are alike.
struct TrainingState {
  std::string model;
  std::string program_hash;
  uint64_t seed = 0;
  int64_t batch = 0;
  int64_t records = 0;  ///< of the train split
  int64_t epoch = 0;    ///< epochs finished
  int64_t step = 0;     ///< steps done
  int64_t sample = 0;   ///< records of the epoch under way that were trained on
  RunningSums running;
  double best_loss = std::numeric_limits<double>::infinity();
  int64_t best_epoch = 0;    ///< number of the epoch (from 1) with the best validation loss
  int64_t stale_epochs = 0;  ///< epochs since then
  PlateauState plateau;
};

struct Checkpoint {
  TrainingState state;
  TensorFile file;
  std::string note;  ///< which file was skipped and why; empty: the newest was whole
};

constexpr const char* kStateFile = "last.state";
constexpr const char* kPreviousStateFile = "last.state.1";
constexpr const char* kWeightsFile = "last.safetensors";  ///< an export of its weights

/// Writes DIR/last.state by the protocol of replace_file. With `keep_previous` false the file that
/// is there (known to be damaged) is replaced and the previous one stays.
void save_checkpoint(const std::string& directory, const TrainingState& state,
                     std::span<const TensorView> tensors, bool keep_previous);

/// Reads one checkpoint file and verifies its checksum. Throws Error(Checkpoint).
Checkpoint read_checkpoint(const std::string& path);

/// The newest whole checkpoint of a run directory. Throws Error(Checkpoint) when none is whole.
Checkpoint newest_checkpoint(const std::string& directory);

}  // namespace netc::runtime
