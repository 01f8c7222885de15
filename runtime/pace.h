// Whether a short plan runs faster on one thread than on all.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace netc::runtime {

/// Measures the runs of one plan and says how the next one goes: on all threads or on one. Steps of
/// some ten microseconds may lose more at the barriers than they gain, by how much depends on the
/// machine and on who else uses it; so some runs of either kind are compared, and again after a
/// while. Results are the same either way.
class Pace {
 public:
  bool on_all() const {
    if (number_ < kWarmUp) return true;
    return number_ < kProbes ? number_ % 2 == 0 : on_all_;
  }

  /// The last run took so many nanoseconds.
  void took(int64_t nanoseconds) {
    int64_t& best = best_[on_all()];
    best = std::min(best, nanoseconds);
    ++number_;
    if (number_ == kWarmUp && best > kLong) number_ = kProbes;
    if (number_ == kProbes) on_all_ = best_[true] <= best_[false];
    if (number_ == kPeriod) number_ = 0, best_ = {kNever, kNever};
  }

 private:
  static constexpr int kWarmUp = 4, kProbes = 20, kPeriod = 5000;
  static constexpr int64_t kLong = 1'000'000;  ///< ns; a run that is worth all threads
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  int number_ = 0;  ///< of the run in its period
  bool on_all_ = true;
  std::array<int64_t, 2> best_ = {kNever, kNever};  ///< ns, on one thread and on all
};

}  // namespace netc::runtime
