// The pool's protocol. A batch is published by release stores of the parts' words; a claim is a
// compare-exchange that takes a chunk off one of them, so whoever claims sees the batch it belongs
// to, and a thread that comes late claims from the batch that is current then, or nothing. The
// count of batches only tells waiting threads to look.
#include "runtime/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <stdexcept>
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
  parts_ = std::make_unique<Part[]>(static_cast<size_t>(requested_));
  const BlockSignals blocked;
  workers_.reserve(static_cast<size_t>(requested_ - 1));
  for (int i = 1; i < requested_; ++i) {
    try {
      workers_.emplace_back([this, i] { work(i); });
    } catch (const std::system_error&) {
      break;
    }
  }
  even_ends_.resize(static_cast<size_t>(this->threads()));
}

ThreadPool::~ThreadPool() {
  stop_.store(true);
  wake_.fetch_add(1);
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(std::span<const int64_t> ends, Body body, void* user) {
  const int64_t chunks = ends.back();
  if (ends.size() != static_cast<size_t>(threads()) || chunks > UINT32_MAX)
    throw std::logic_error("thread pool: parts that do not fit");
  if (chunks <= 0) return;
  if (chunks == 1 || workers_.empty()) {
    for (int64_t chunk = 0; chunk < chunks; ++chunk) body(user, chunk, 0);
    return;
  }
  body_ = body;
  user_ = user;
  publish(ends);
  done_.fetch_add(claim_and_run(0), std::memory_order_acq_rel);
  spin_until([&] { return done_.load(std::memory_order_acquire) == chunks; }, INT64_MAX);
  if (failed_.load(std::memory_order_acquire)) {
    failed_.store(false);
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void ThreadPool::publish(std::span<const int64_t> ends) {
  done_.store(0, std::memory_order_relaxed);
  int64_t first = 0;
  for (size_t part = 0; part < ends.size(); ++part) {
    const uint64_t word = static_cast<uint64_t>(first) << 32 | static_cast<uint64_t>(ends[part]);
    parts_[part].unclaimed.store(word, std::memory_order_release);
    first = ends[part];
  }
  // Sequentially consistent with the sleeper's "count me, then look": one of the two sees the
  // other.
  batches_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    wake_.fetch_add(1, std::memory_order_seq_cst);
    wake_.notify_all();
  }
}

int64_t ThreadPool::claim_and_run(int thread) {
  int64_t finished = 0;
  const int count = static_cast<int>(even_ends_.size());
  for (int i = 0; i < count; ++i) finished += run_part((thread + i) % count, thread);
  return finished;
}

/// Claims chunks of a part until none is left: the own ones from the front, others' from the back.
int64_t ThreadPool::run_part(int part, int thread) {
  std::atomic<uint64_t>& unclaimed = parts_[static_cast<size_t>(part)].unclaimed;
  int64_t finished = 0;
  for (;;) {
    uint64_t word = unclaimed.load(std::memory_order_relaxed);
    uint64_t first, end, rest;
    do {
      first = word >> 32;
      end = word & UINT32_MAX;
      if (first == end) return finished;
      rest = part == thread ? (first + 1) << 32 | end : first << 32 | (end - 1);
    } while (!unclaimed.compare_exchange_weak(word, rest, std::memory_order_acquire,
                                              std::memory_order_relaxed));
    call(static_cast<int64_t>(part == thread ? first : end - 1), thread);
    ++finished;
  }
}

void ThreadPool::call(int64_t chunk, int thread) {
  try {
    body_(user_, chunk, thread);
  } catch (...) {
    const std::lock_guard lock(failure_mutex_);
    if (!failed_.load()) failure_ = std::current_exception();
    failed_.store(true);
  }
}

void ThreadPool::work(int thread) {
  set_floating_point_control(kDefaultMxcsr);
  uint64_t seen = 0;
  while (wait_for_work(seen)) {
    const int64_t finished = claim_and_run(thread);
    if (finished > 0) done_.fetch_add(finished, std::memory_order_release);
  }
}

/// Waits for a batch after number `seen`; false when the pool ends.
bool ThreadPool::wait_for_work(uint64_t& seen) {
  auto ready = [&] {
    return batches_.load(std::memory_order_acquire) != seen ||
           stop_.load(std::memory_order_relaxed);
  };
  while (!spin_until(ready, spin_nanoseconds_)) {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    const uint32_t before = wake_.load(std::memory_order_seq_cst);
    if (batches_.load(std::memory_order_seq_cst) == seen && !stop_.load(std::memory_order_seq_cst))
      wake_.wait(before, std::memory_order_seq_cst);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }
  seen = batches_.load(std::memory_order_acquire);
  return !stop_.load(std::memory_order_relaxed);
}

}  // namespace netc::runtime
