// The pool's protocol. A batch is published by a release store of `remaining_`; a claim is a
// compare-exchange that takes one off it, so whoever claims sees the batch it belongs to, and a
// thread that comes late claims from the batch that is current then, or nothing.
#include "runtime/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace netc::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kDefaultMxcsr = 0x1F80;
constexpr int64_t kSpinBeforeSleep = 75'000;  // ns: waking costs 7 us, a step's host work less
constexpr int64_t kSpinBeforeYield = 20'000;  // ns: a waiter that spins longer gives its core away
constexpr int kPausesPerClock = 64;           // a clock read costs about as much as these

unsigned floating_point_control() {
#if defined(__x86_64__)
  return _mm_getcsr();
#else
  return 0;
#endif
}

void set_floating_point_control(unsigned value) {
#if defined(__x86_64__)
  _mm_setcsr(value);
#else
  static_cast<void>(value);
#endif
}

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Spins until `ready()`; yields the core after kSpinBeforeYield. False after `limit` nanoseconds.
template <typename Ready>
bool spin_until(Ready ready, int64_t limit) {
  for (int i = 0; i < kPausesPerClock; ++i) {
    if (ready()) return true;
    pause();
  }
  const auto start = Clock::now();
  for (;;) {
    const int64_t elapsed =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
    if (elapsed >= limit) return ready();
    if (elapsed >= kSpinBeforeYield) sched_yield();
    for (int i = 0; i < kPausesPerClock; ++i) {
      if (ready()) return true;
      pause();
    }
  }
}

/// Threads started in this scope get no signals: the main thread handles them.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }

 private:
  sigset_t saved_;
};

}  // namespace

FloatingPointScope::FloatingPointScope() : saved_(floating_point_control()) {
  set_floating_point_control(kDefaultMxcsr);
}

FloatingPointScope::~FloatingPointScope() { set_floating_point_control(saved_); }

int available_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int threads) : requested_(std::max(1, threads)) {
  // More threads than cores: spinning would keep the ones with work from running.
  spin_nanoseconds_ = requested_ <= available_cpus() ? kSpinBeforeSleep : 0;
  const BlockSignals blocked;
  workers_.reserve(static_cast<size_t>(requested_ - 1));
  for (int i = 1; i < requested_; ++i) {
    try {
      workers_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error&) {
      break;
    }
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  wake_.fetch_add(1);
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(int64_t chunks, Body body, void* user) {
  if (chunks <= 0) return;
  if (chunks == 1 || workers_.empty()) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(user, chunk, 0);
    return;
  }
  body_ = body;
  user_ = user;
  publish(chunks);
  done_.fetch_add(claim_and_run(0), std::memory_order_acq_rel);
  spin_until([&] { return done_.load(std::memory_order_acquire) == chunks; }, INT64_MAX);
  if (failed_.load(std::memory_order_acquire)) {
    failed_.store(false);
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void ThreadPool::publish(int64_t chunks) {
  total_ = chunks;
  done_.store(0, std::memory_order_relaxed);
  // Sequentially consistent with the sleeper's "count me, then look": one of the two sees the
  // other.
  remaining_.store(chunks, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    wake_.fetch_add(1, std::memory_order_seq_cst);
    wake_.notify_all();
  }
}

int64_t ThreadPool::claim_and_run(int thread) {
  int64_t finished = 0;
  for (;;) {
    int64_t left = remaining_.load(std::memory_order_relaxed);
    do {
      if (left == 0) return finished;
    } while (!remaining_.compare_exchange_weak(left, left - 1, std::memory_order_acquire,
                                               std::memory_order_relaxed));
    try {
      body_(user_, total_ - left, thread);
    } catch (...) {
      const std::lock_guard lock(failure_mutex_);
      if (!failed_.load()) failure_ = std::current_exception();
      failed_.store(true);
    }
    ++finished;
  }
}

void ThreadPool::work(int thread) {
  set_floating_point_control(kDefaultMxcsr);
  while (wait_for_work()) {
    const int64_t finished = claim_and_run(thread);
    if (finished > 0) done_.fetch_add(finished, std::memory_order_release);
  }
}

bool ThreadPool::wait_for_work() {
  auto ready = [&] {
    return remaining_.load(std::memory_order_relaxed) > 0 || stop_.load(std::memory_order_relaxed);
  };
  while (!spin_until(ready, spin_nanoseconds_)) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    const uint32_t seen = wake_.load(std::memory_order_seq_cst);
    if (remaining_.load(std::memory_order_seq_cst) == 0 && !stop_.load(std::memory_order_seq_cst)) {
      wake_.wait(seen, std::memory_order_seq_cst);
    }
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }
  return !stop_.load(std::memory_order_relaxed);
}

}  // namespace netc::runtime
