// A persistent pool whose threads claim chunks of work. Chunks are never assigned, so a thread that
// the system has taken off its core delays at most the chunk it has begun. Each thread claims from
// a part of its own first, so that what it wrote in one batch is still in its cache in the next.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace netc::runtime {

/// Runs batches of independent chunks. The calling thread works too, and is the only one that may
/// call run(). Workers spin for a while after each batch before they sleep, since waking costs 7
/// us.
class ThreadPool {
 public:
  /// Body of a batch: called once for each chunk in [0, chunks), by `thread` in [0, threads()).
  using Body = void (*)(void* user, int64_t chunk, int thread);

  /// Starts threads - 1 workers; where the system refuses, goes on with fewer.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }
  int requested() const { return requested_; }

  /// Runs the chunks [0, ends.back()) and returns when they are done. Thread t claims those below
  /// ends[t] that are not below ends[t - 1], in order, and then the last ones left to the others.
  /// One end a thread, ascending, at most 2^32 - 1. Rethrows the first exception of a body.
  void run(std::span<const int64_t> ends, Body body, void* user);

  /// Runs `chunks` chunks, as many in each thread's part, with a callable `function(chunk,
  /// thread)`.
  template <typename Function>
  void parallel(int64_t chunks, Function&& function) {
    auto call = [](void* user, int64_t chunk, int thread) {
      (*static_cast<std::remove_reference_t<Function>*>(user))(chunk, thread);
    };
    for (int t = 0; t < threads(); ++t)
      even_ends_[static_cast<size_t>(t)] = chunks * (t + 1) / threads();
    run(even_ends_, call, const_cast<void*>(static_cast<const void*>(&function)));
  }

 private:
  void work(int thread);
  bool wait_for_work(uint64_t& seen);
  int64_t claim_and_run(int thread);
  int64_t run_part(int part, int thread);
  void call(int64_t chunk, int thread);
  void publish(std::span<const int64_t> ends);

  /// Chunks of one thread's part that nobody has claimed: the first in the upper half of the word,
  /// the one behind the last in the lower.
  struct alignas(64) Part {
    std::atomic<uint64_t> unclaimed{0};
  };

  // A batch is these two; they are written before chunks can be claimed and stay as they are until
  // every claimed chunk is done.
  Body body_ = nullptr;
  void* user_ = nullptr;

  std::unique_ptr<Part[]> parts_;  ///< one a thread
  std::vector<int64_t> even_ends_;
  alignas(64) std::atomic<uint64_t> batches_{0};  ///< published so far
  alignas(64) std::atomic<int64_t> done_{0};      ///< chunks finished
  alignas(64) std::atomic<int32_t> sleepers_{0};
  std::atomic<uint32_t> wake_{0};  ///< changes when sleepers have to look again
  std::atomic<bool> stop_{false};
  std::atomic<bool> failed_{false};
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  int requested_ = 1;
  int64_t spin_nanoseconds_ = 0;
  std::vector<std::thread> workers_;
};

/// CPUs that this process may use.
int available_cpus();

/// Sets the floating-point environment that kernels rely on (round to nearest, subnormals kept, no
/// traps) and restores the caller's at the end of the scope.
class FloatingPointScope {
 public:
  FloatingPointScope();
  ~FloatingPointScope();
  FloatingPointScope(const FloatingPointScope&) = delete;
  FloatingPointScope& operator=(const FloatingPointScope&) = delete;

 private:
  unsigned saved_;
};

}  // namespace netc::runtime
