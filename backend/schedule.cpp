// List scheduling by conflicts of byte ranges; the order of the kernels decides who comes first.
#include "backend/schedule.h"

#include <algorithm>
#include <limits>
#include <map>

namespace netc::backend {
namespace {

/// For every byte of the arena the first phases in which it may be read and written.
class ByteTable {
 public:
  /// The first phase in which a task may run after all that were noted.
  size_t earliest(const ScheduledTask& task) const {
    size_t phase = 0;
    for (const Range& r : task.reads)
      visit(r, [&](const Free& free) { phase = std::max(phase, free.to_read); });
    for (const Range& r : task.writes)
      visit(r, [&](const Free& free) { phase = std::max(phase, free.to_write); });
    return phase;
  }

  void note(const ScheduledTask& task, size_t phase) {
    for (const Range& r : task.reads) {
      if (r.begin >= r.end) continue;
      const auto end = cut(r.end);
      for (auto at = cut(r.begin); at != end; ++at)
        at->second.to_write = std::max(at->second.to_write, phase + 1);
    }
    for (const Range& r : task.writes) {
      if (r.begin >= r.end) continue;
      const auto end = cut(r.end), begin = cut(r.begin);
      begin->second = {phase + 1, phase + 1};
      free_.erase(std::next(begin), end);
    }
  }

 private:
  struct Free {
    size_t to_read = 0, to_write = 0;
  };
  using Stretches = std::map<int64_t, Free>;  ///< by their first bytes
  Stretches free_{{std::numeric_limits<int64_t>::min(), {}}};

  template <class Visitor>
  void visit(const Range& r, Visitor visitor) const {
    if (r.begin >= r.end) return;
    for (auto at = std::prev(free_.upper_bound(r.begin)); at != free_.end() && at->first < r.end;
         ++at)
      visitor(at->second);
  }

  /// The stretch that begins at `byte`.
  Stretches::iterator cut(int64_t byte) {
    const auto next = free_.upper_bound(byte);
    const auto around = std::prev(next);
    return around->first == byte ? around : free_.emplace_hint(next, byte, around->second);
  }
};

constexpr double kFlops = 50e9, kBytes = 50e9;  ///< a second, of one thread from its own cache
constexpr double kWorthSharing = 1e-6;          ///< seconds that a second thread has to take over

/// Whether no kernel of a phase was cut into chunks, and what could run beside the longest is not
/// worth a barrier (0.3 us to 0.7 us) and data that another core wrote.
bool is_short(const runtime::Phase& phase) {
  double sum = 0, longest = 0;
  for (const runtime::Task& task : phase.tasks) {
    if (task.chunks > 1) return false;
    const double seconds = task.flops / kFlops + task.bytes / kBytes;
    sum += seconds;
    longest = std::max(longest, seconds);
  }
  return sum - longest < kWorthSharing;
}

}  // namespace

std::vector<runtime::Phase> phases_of(const std::vector<ScheduledTask>& tasks) {
  std::vector<runtime::Phase> phases;
  ByteTable bytes;
  for (const ScheduledTask& task : tasks) {
    const size_t phase = bytes.earliest(task);
    bytes.note(task, phase);
    if (phase >= phases.size()) phases.resize(phase + 1);
    phases[phase].tasks.push_back(task.task);
  }
  for (runtime::Phase& p : phases) p.alone = is_short(p);
  return phases;
}

}  // namespace netc::backend
