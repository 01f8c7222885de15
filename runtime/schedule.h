// The learning rate as a function of step and epoch (language.md, section 9), in f64.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>

namespace netc::runtime {

/// `name` is constant step exponential linear cosine one_cycle plateau; `args` its parameters.
struct ScheduleSpec {
  std::string name = "constant";
  std::map<std::string, double> args;
};

/// What `plateau` remembers between epochs.
struct PlateauState {
  double best = std::numeric_limits<double>::infinity();
  int64_t bad_epochs = 0;
  double factor = 1;
};

class Schedule {
 public:
  /// `total_steps` is T: all steps of the run.
  Schedule(ScheduleSpec spec, int64_t total_steps)
      : spec_(std::move(spec)), total_steps_(total_steps) {}

  /// The `lr` that the schedule varies: of those that rise, the highest.
  double base() const { return argument("lr", 0.01); }
  /// Rate of step `step` (from 0) in epoch `epoch` (from 0).
  double rate(int64_t step, int64_t epoch) const;
  bool needs_validation() const { return spec_.name == "plateau"; }
  /// Tells `plateau` the validation loss of an epoch.
  void epoch_ended(double validation_loss);
  PlateauState plateau;

 private:
  double argument(const char* name, double otherwise) const;
  double one_cycle(double peak, double step) const;

  ScheduleSpec spec_;
  int64_t total_steps_;
};

}  // namespace netc::runtime
