// Runs plans: phases in order, the chunks of a phase in any order on any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "runtime/arena.h"
#include "runtime/pace.h"
#include "runtime/plan.h"
#include "runtime/thread_pool.h"

namespace netc::runtime {

/// What an observer learns about one chunk; times are steady_clock nanoseconds.
struct ChunkTiming {
  int phase;
  int task;
  int64_t chunk;
  int thread;
  int64_t start;
  int64_t end;
};

/// Watches chunks as they finish, on the thread that ran them. Used for traces and per-kernel
/// times.
class ChunkObserver {
 public:
  virtual ~ChunkObserver() = default;
  /// Before a run of `plan` with `batch` rows, on the thread that called for it. False: its chunks
  /// are of no interest.
  virtual bool starts(const Plan& plan, int64_t batch) = 0;
  virtual void finished(const ChunkTiming& timing) = 0;
};

/// Executes plans on a pool. A step after the first allocates nothing.
class Executor {
 public:
  explicit Executor(ThreadPool& pool) : pool_(pool) {}

  /// Runs `plan` on `arena` with `batch` rows. Throws Error(IndexRun) when a kernel raised the
  /// fault word, and rethrows exceptions of kernels.
  void run(const Plan& plan, Arena& arena, int64_t batch);

  void observe(ChunkObserver* observer) { observer_ = observer; }
  ThreadPool& pool() { return pool_; }

 private:
  void run_phases(const Plan& plan, Arena& arena, int64_t batch, bool on_all);

  ThreadPool& pool_;
  ChunkObserver* observer_ = nullptr;
  std::unordered_map<const Plan*, Pace> paces_;
  std::vector<int64_t> ends_;  ///< of the threads' parts of a phase
  std::atomic<uint32_t> fault_{0};
};

}  // namespace netc::runtime
