// A persistent pool whose threads claim chunks of work. Chunks are never assigned, so a thread that
// the system has taken off its core delays at most the chunk it has begun.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
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

  /// Runs all chunks and returns when they are done. Rethrows the first exception of a body.
  void run(int64_t chunks, Body body, void* user);

  /// The same with a callable `function(chunk, thread)`.
  template <typename Function>
  void parallel(int64_t chunks, Function&& function) {
    auto call = [](void* user, int64_t chunk, int thread) {
      (*static_cast<std::remove_reference_t<Function>*>(user))(chunk, thread);
    };
    run(chunks, call, const_cast<void*>(static_cast<const void*>(&function)));
  }

 private:
  void work(int thread);
  bool wait_for_work();
  int64_t claim_and_run(int thread);
  void publish(int64_t chunks);

  // A batch is these three; they are written before `remaining_` becomes positive and stay as they
  // are until every claimed chunk is done.
  Body body_ = nullptr;
  void* user_ = nullptr;
  int64_t total_ = 0;

  alignas(64) std::atomic<int64_t> remaining_{0};  ///< chunks not yet claimed
  alignas(64) std::atomic<int64_t> done_{0};       ///< chunks finished
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
