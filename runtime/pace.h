// Whether a short plan runs faster on one thread than on all.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

namespace netc::runtime {

/// Measures the runs of one plan and says how the next one goes: on all threads or on one. Steps of
/// some ten microseconds may lose more at the barriers than they gain, by how much depends on the
/// machine and on who else uses it; so some runs of either kind are compared, again after a
/// while, and as soon as runs take longer than those of the other kind did. Results are the same
/// either way.
class Pace {
 public:
  bool on_all() const {
    // Not in turns: while one thread works the others fall asleep, and waking them takes time.
    return number_ < kProbes ? number_ < kOnAll : on_all_;
  }

  /// The last run took so many nanoseconds.
  void took(int64_t nanoseconds) {
    Runs& runs = number_ < kProbes ? probed_[on_all()] : recent_;
    runs.add(nanoseconds);
    ++number_;
    if (number_ == kWarmUp) {
      const bool is_long = probed_[true].least > kLong;
      probed_ = {};
      if (is_long) number_ = kProbes, on_all_ = true;
    } else if (number_ == kProbes) {
      const bool before = on_all_;
      on_all_ = probed_[true].typical() <= probed_[false].typical();
      // What all threads would take is not seen from one: it is asked sooner, then less often.
      period_ = on_all_ ? kPeriod : before ? kFirstPeriod : std::min(2 * period_, kPeriod);
    } else if (recent_.count == kRecent) {
      if (recent_.typical() > probed_[!on_all_].typical()) number_ = 0;
      recent_ = {};
    }
    if (number_ == kProbes + period_) number_ = 0;
    if (number_ == 0) probed_ = {};
  }

 private:
  static constexpr int kWarmUp = 4, kOnAll = 12, kProbes = 20, kRecent = 32;
  static constexpr int kFirstPeriod = 100, kPeriod = 6400;  ///< runs between probes
  static constexpr int64_t kLong = 1'000'000;               ///< ns; a run that is worth all threads
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  struct Runs {
    int count = 0;
    int64_t sum = 0, least = kNever, most = 0;  ///< ns

    void add(int64_t nanoseconds) {
      ++count;
      sum += nanoseconds;
      least = std::min(least, nanoseconds);
      most = std::max(most, nanoseconds);
    }
    /// The mean without the slowest, which may have been interrupted.
    int64_t typical() const { return count < 2 ? kNever : (sum - most) / (count - 1); }
  };

  int number_ = 0;  ///< of the run since the last probe began
  int period_ = kFirstPeriod;
  bool on_all_ = true;
  std::array<Runs, 2> probed_;  ///< on one thread, on all
  Runs recent_;
};

}  // namespace netc::runtime
