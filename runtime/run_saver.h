// When and what a training run saves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/arena.h"
#include "runtime/checkpoint.h"
#include "runtime/plan.h"
#include "runtime/weights.h"

namespace netc::runtime {

enum class SavePolicy : uint8_t {
  Last,  ///< last.safetensors, and ema.safetensors where there are moving averages
  Best,  ///< and best.safetensors, where there is validation
  All,   ///< and epoch-N.safetensors each epoch
};

/// Saves checkpoints and exports of one run. After short epochs it keeps a copy in memory instead
/// and writes it when it is due, so that saving takes at most about a tenth of the time; flush()
/// writes what is held back.
class RunSaver {
 public:
  /// Empty `directory`: nothing is saved. Exports carry `metadata` beside their own.
  RunSaver(std::string directory, SavePolicy policy, const Plan& plan, const Arena& arena,
           Metadata metadata = {});

  /// An epoch is over. `improved`: its weights are the best so far.
  void epoch_ended(const TrainingState& state, bool improved);
  /// True when the last save, or the start, is more than `seconds` ago.
  bool overdue(double seconds) const;
  /// Saves the state of this moment, in the middle of an epoch.
  void save_now(const TrainingState& state);
  /// Writes a checkpoint that was held back.
  void flush();
  /// The same at the end of a run; one that never saved (no epochs asked for) saves `state`.
  void finish(const TrainingState& state);
  /// The last.state that is there is damaged: the next save must not take it for the previous one.
  void newest_is_damaged() { keep_previous_ = false; }
  /// Writes the exports again from a state that was loaded, in case it was saved without them.
  void export_loaded(const TrainingState& state);

  /// Path of last.safetensors; empty: it has not been written.
  std::string weights_path() const;
  /// Epochs of the last state that was saved or is held back; none yet: no value.
  std::optional<int64_t> last_good_epoch() const { return last_good_epoch_; }

 private:
  struct Snapshot {
    TrainingState state;
    std::vector<TensorView> tensors;
    std::vector<Buffer> storage;
  };

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  void write(const TrainingState& state, const std::vector<TensorView>& tensors);
  void write_weights(const std::string& name, const TrainingState& state,
                     const std::vector<TensorView>& tensors);
  void write_latest(const TrainingState& state, const std::vector<TensorView>& tensors);
  std::vector<TensorView> weights_of(const std::vector<TensorView>& tensors) const;

  std::string directory_;
  SavePolicy policy_;
  const Arena& arena_;
  Metadata metadata_;
  std::vector<const Slot*> slots_;
  std::vector<const Slot*> weights_;
  bool keep_previous_ = true;
  std::optional<Snapshot> held_, held_best_;
  std::optional<int64_t> last_good_epoch_;
  int64_t last_save_;          ///< ns of steady_clock; at first the start
  int64_t save_duration_ = 0;  ///< ns; 0: never saved
  bool has_weights_ = false;   ///< last.safetensors is there
};

}  // namespace netc::runtime
