// Saving: the checkpoint first, then the exports made from it. A best export that is older than the
// state goes before it, so that no crash leaves a state whose best weights are lost.
#include "runtime/run_saver.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "runtime/moving_averages.h"

namespace netc::runtime {
namespace {

constexpr int64_t kShareOfTime = 10;  // at most one part in this many goes into saving

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

RunSaver::RunSaver(std::string directory, SavePolicy policy, const Plan& plan, const Arena& arena,
                   Metadata metadata)
    : directory_(std::move(directory)),
      policy_(policy),
      arena_(arena),
      metadata_(std::move(metadata)),
      slots_(persistent_slots(plan)),
      weights_(weight_slots(plan)),
      last_save_(now()) {}

bool RunSaver::overdue(double seconds) const {
  return !directory_.empty() && static_cast<double>(now() - last_save_) > seconds * 1e9;
}

std::string RunSaver::weights_path() const { return has_weights_ ? path(kWeightsFile) : ""; }

std::vector<TensorView> RunSaver::weights_of(const std::vector<TensorView>& tensors) const {
  std::vector<TensorView> result;
  for (const TensorView& tensor : tensors) {
    const bool weight = std::any_of(weights_.begin(), weights_.end(),
                                    [&](const Slot* slot) { return slot->name == tensor.name; });
    if (weight) result.push_back(tensor);
  }
  return result;
}

void RunSaver::write_weights(const std::string& name, const TrainingState& state,
                             const std::vector<TensorView>& tensors) {
  Metadata metadata = metadata_;
  metadata["format"] = "netc";
  metadata["model"] = state.model;
  metadata["epoch"] = fmt::format("{}", state.epoch);
  metadata["step"] = fmt::format("{}", state.step);
  write_safetensors(path(name), weights_of(tensors), metadata);
}

void RunSaver::write_latest(const TrainingState& state, const std::vector<TensorView>& tensors) {
  write_weights(kWeightsFile, state, tensors);
  has_weights_ = true;
  std::vector<TensorView> averaged = tensors;
  bool any = false;
  for (TensorView& tensor : averaged) {
    const std::string wanted = average_name(tensor.name);
    const auto average = std::find_if(tensors.begin(), tensors.end(),
                                      [&](const TensorView& t) { return t.name == wanted; });
    if (average == tensors.end()) continue;
    tensor.bytes = average->bytes;
    any = true;
  }
  if (any) write_weights("ema.safetensors", state, averaged);
}

void RunSaver::write(const TrainingState& state, const std::vector<TensorView>& tensors) {
  const int64_t start = now();
  if (held_best_) {
    write_weights("best.safetensors", held_best_->state, held_best_->tensors);
    held_best_.reset();
  }
  save_checkpoint(directory_, state, tensors, keep_previous_);
  keep_previous_ = true;
  held_.reset();
  write_latest(state, tensors);
  last_save_ = now();
  save_duration_ = last_save_ - start;
}

void RunSaver::epoch_ended(const TrainingState& state, bool improved) {
  last_good_epoch_ = state.epoch;
  if (directory_.empty()) return;
  const bool best = improved && policy_ != SavePolicy::Last;
  const bool due = save_duration_ == 0 || now() - last_save_ >= kShareOfTime * save_duration_;
  if (policy_ == SavePolicy::All || due) {
    if (best) held_best_.reset();
    std::vector<Buffer> storage;
    const std::vector<TensorView> tensors = view_slots(slots_, arena_, false, storage);
    write(state, tensors);
    if (best) write_weights("best.safetensors", state, tensors);
    if (policy_ == SavePolicy::All) {
      write_weights(fmt::format("epoch-{}.safetensors", state.epoch), state, tensors);
    }
    return;
  }
  auto capture = [&](const std::vector<const Slot*>& slots) {
    Snapshot snapshot{state, {}, {}};
    snapshot.tensors = view_slots(slots, arena_, true, snapshot.storage);
    return snapshot;
  };
  held_ = capture(slots_);
  if (best) held_best_ = capture(weights_);
}

void RunSaver::save_now(const TrainingState& state) {
  if (directory_.empty()) return;
  std::vector<Buffer> storage;
  write(state, view_slots(slots_, arena_, false, storage));
}

void RunSaver::flush() {
  if (!held_) return;
  const Snapshot snapshot = std::move(*held_);
  write(snapshot.state, snapshot.tensors);
}

void RunSaver::finish(const TrainingState& state) {
  flush();
  if (save_duration_ == 0 && !last_good_epoch_) save_now(state);
}

void RunSaver::export_loaded(const TrainingState& state) {
  last_good_epoch_ = state.epoch;
  if (directory_.empty()) return;
  std::vector<Buffer> storage;
  const std::vector<TensorView> tensors = view_slots(slots_, arena_, false, storage);
  write_latest(state, tensors);
  const bool is_best = state.best_epoch == state.epoch && state.best_epoch > 0 && state.sample == 0;
  if (is_best && policy_ != SavePolicy::Last) write_weights("best.safetensors", state, tensors);
}

}  // namespace netc::runtime
