// A run's chunks are kept all or not at all: half a step would look like an idle machine.
#include "runtime/trace.h"

#include <algorithm>
#include <chrono>

namespace netc::runtime {

int64_t Trace::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool Trace::starts(const Plan& plan, int64_t batch) {
  auto of = std::find_if(plans_.begin(), plans_.end(),
                         [&](const PlanRuns& p) { return p.plan == &plan; });
  if (of == plans_.end()) of = plans_.insert(of, PlanRuns{&plan});
  ++of->runs;
  size_t count = 0;
  for (const Phase& phase : plan.phases)
    for (const Task& task : phase.tasks) count += static_cast<size_t>(task.chunks);
  // The first run is always kept, so that every kernel occurs; the others are the ones after it.
  if (of->kept > 0 && of->chunks + count > kMostChunks) {
    if (of->left_out == 0) of->left_out = now();
    return false;
  }
  ++of->kept;
  of->chunks += count;
  runs_.push_back({&plan, batch});
  return true;
}

void Trace::finished(const ChunkTiming& timing) {
  chunks_[static_cast<size_t>(timing.thread)].push_back({timing, runs_.size() - 1});
}

size_t Trace::open(const char* name, const char* counts, int64_t number, std::string_view of,
                   bool is_stage) {
  const size_t details = spans_.size() - stages_;
  if (is_stage ? stages_ >= kMostStages : details >= kMostActivities) {
    ++spans_left_out_;
    return kLeftOut;
  }
  stages_ += is_stage ? 1 : 0;
  const int64_t start = now();
  spans_.push_back({name, std::string(of), counts, number, start, start});
  return spans_.size() - 1;
}

}  // namespace netc::runtime
