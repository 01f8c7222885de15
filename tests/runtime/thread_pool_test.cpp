// The pool and the executor: every chunk runs once, nothing is lost or late, and a thread that is
// held up delays one chunk only.
#include "runtime/thread_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "runtime/error.h"
#include "runtime/executor.h"
#include "tests/runtime/toy.h"

namespace netc::runtime {
namespace {

using namespace std::chrono_literals;

TEST(ThreadPool, RunsEveryChunkOnceInManyTinyBatches) {
  for (const int threads : {1, 2, 3, 5, 8, 16}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    std::vector<std::atomic<int>> counts(37);
    constexpr int kBatches = 3000;
    for (int batch = 0; batch < kBatches; ++batch) {
      const int64_t chunks = 1 + batch % 37;
      pool.parallel(chunks, [&](int64_t chunk, int thread) {
        EXPECT_LT(thread, threads);
        counts[static_cast<size_t>(chunk)].fetch_add(1, std::memory_order_relaxed);
      });
    }
    int total = 0;
    for (const auto& count : counts) total += count.load();
    int expected = 0;
    for (int batch = 0; batch < kBatches; ++batch) expected += 1 + batch % 37;
    EXPECT_EQ(total, expected) << threads;
  }
}

TEST(ThreadPool, WakesAfterEveryPause) {
  ThreadPool pool(3);
  std::atomic<int> total{0};
  for (int i = 0; i < 200; ++i) {
    // Around the time at which workers go to sleep, where a wake-up could be lost.
    std::this_thread::sleep_for(std::chrono::microseconds(i));
    pool.parallel(6, [&](int64_t, int) { ++total; });
  }
  EXPECT_EQ(total.load(), 1200);
}

TEST(ThreadPool, PlainMemoryWrittenByChunksIsSeenAfterRun) {
  ThreadPool pool(4);
  std::vector<int64_t> values(64);
  for (int64_t round = 1; round <= 2000; ++round) {
    pool.parallel(64, [&](int64_t chunk, int) { values[static_cast<size_t>(chunk)] += round; });
    ASSERT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}),
              64 * round * (round + 1) / 2);
  }
}

TEST(ThreadPool, AHeldUpThreadCostsItsChunkOnly) {
  ThreadPool pool(2);
  std::atomic<bool> held{false};
  std::atomic<int> others{0};
  bool all_done_meanwhile = false;
  pool.parallel(41, [&](int64_t, int) {
    if (held.exchange(true)) {
      ++others;
      return;
    }
    // Whoever comes first is off its core until all other chunks are done: had any been assigned
    // to it, this would end by the clock.
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (others < 40 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(1ms);
    }
    all_done_meanwhile = others == 40;
  });
  EXPECT_TRUE(all_done_meanwhile);
}

TEST(ThreadPool, EachThreadClaimsItsPartFirst) {
  ThreadPool pool(2);
  // Both are in a chunk of their own at the same time: neither has taken the other's.
  std::atomic<int> inside{0};
  std::array<std::atomic<int>, 2> claimed_by{-1, -1};
  const std::array<int64_t, 2> ends{1, 2};
  auto body = [&](int64_t chunk, int thread) {
    claimed_by[static_cast<size_t>(chunk)] = thread;
    ++inside;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (inside < 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  };
  using Body = decltype(body);
  pool.run(
      ends,
      [](void* user, int64_t chunk, int thread) { (*static_cast<Body*>(user))(chunk, thread); },
      &body);
  EXPECT_EQ(inside, 2);
  EXPECT_EQ(claimed_by[0], 0);
  EXPECT_EQ(claimed_by[1], 1);
}

TEST(ThreadPool, RethrowsTheFirstException) {
  ThreadPool pool(3);
  for (int i = 0; i < 50; ++i) {
    EXPECT_THROW(pool.parallel(20,
                               [&](int64_t chunk, int) {
                                 if (chunk == 7) throw std::runtime_error("chunk 7");
                               }),
                 std::runtime_error);
    std::atomic<int> count{0};
    pool.parallel(20, [&](int64_t, int) { ++count; });
    EXPECT_EQ(count.load(), 20);
  }
}

#if defined(__x86_64__)
TEST(ThreadPool, KernelsSeeTheDefaultFloatingPointControl) {
  ThreadPool pool(4);
  Executor executor(pool);
  static std::atomic<int> wrong{0};
  wrong = 0;
  Plan plan;
  plan.arena_bytes = 64;
  plan.phases.push_back({{{"k0",
                           [](const Context*, int64_t) {
                             if ((_mm_getcsr() & 0xFFC0) != 0x1F80) ++wrong;
                             std::this_thread::sleep_for(100us);
                           },
                           nullptr, 16, 0, 0}}});
  Arena arena(64);
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(0x1F80 | 0x8040 | 0x4000);  // flush to zero, denormals are zero, round up
  executor.run(plan, arena, 0);
  EXPECT_EQ(_mm_getcsr() & 0xFFC0, 0x1F80u | 0x8040 | 0x4000);
  _mm_setcsr(saved);
  EXPECT_EQ(wrong.load(), 0);
}
#endif

TEST(ThreadPool, GoesOnWithFewerThreadsWhenTheSystemRefuses) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer starts a thread of its own in the child";
#endif
  // In a child: the limit counts all threads of the user, and root has none unless it gives up its
  // rights.
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{1, 1};
    if (setrlimit(RLIMIT_NPROC, &limit) != 0 || setuid(65534) != 0) _exit(0);
    ThreadPool pool(4);
    std::atomic<int> count{0};
    pool.parallel(10, [&](int64_t, int) { ++count; });
    _exit(count == 10 && pool.threads() < 4 && pool.requested() == 4 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST(Executor, AllThreadCountsGiveTheSameBits) {
  const Plan plan = toy::plan(true);
  std::vector<std::byte> expected;
  for (int threads = 1; threads <= 16; ++threads) {
    ThreadPool pool(threads);
    Executor executor(pool);
    Arena arena(plan.arena_bytes);
    initialize(plan, arena, 1, "", pool);
    auto* x = reinterpret_cast<float*>(arena.data() + toy::Layout::x);
    for (int i = 0; i < 16 * 16; ++i) x[i] = static_cast<float>(i % 7) - 3.0f;
    write_scalar(*find_slot(plan, SlotRole::Input, "lr"), arena, 1e-3);
    for (int64_t step = 1; step <= 200; ++step) {
      write_scalar(*find_slot(plan, SlotRole::Input, "step"), arena, step);
      executor.run(plan, arena, 1 + step % 16);
    }
    const std::vector<std::byte> bytes(arena.bytes().begin(), arena.bytes().end());
    if (threads == 1) expected = bytes;
    EXPECT_EQ(bytes, expected) << threads;
  }
}

TEST(Executor, RaisesTheFaultWordOnceAndRecovers) {
  ThreadPool pool(2);
  Executor executor(pool);
  Arena arena(64);
  Plan plan;
  plan.name = "m.step";
  plan.phases.push_back({{{"k0",
                           [](const Context* context, int64_t chunk) {
                             if (context->batch == 1 && chunk == 3) context->fault->fetch_or(1);
                           },
                           nullptr, 8, 0, 0}}});
  try {
    executor.run(plan, arena, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(code(error.fault), "R0607");
    EXPECT_THAT(error.message, testing::HasSubstr("m.step"));
  }
  executor.run(plan, arena, 0);
}

TEST(Executor, MapsChunksToTasksAndTellsObservers) {
  struct Counter : ChunkObserver {
    bool starts(const Plan& plan, int64_t batch) override {
      EXPECT_EQ(plan.phases.size(), 2u);
      EXPECT_EQ(batch, 0);
      return ++runs == 1;
    }
    void finished(const ChunkTiming& timing) override {
      EXPECT_LE(timing.start, timing.end);
      counts[timing.phase][timing.task] += 1 + timing.chunk;
    }
    int runs = 0;
    std::atomic<int64_t> counts[2][3] = {};
  } counter;
  ThreadPool pool(3);
  Executor executor(pool);
  executor.observe(&counter);
  Arena arena(64);
  Plan plan;
  const KernelFunction nothing = [](const Context*, int64_t) {};
  plan.phases.push_back({{{"a", nothing, nullptr, 3, 0, 0},
                          {"b", nothing, nullptr, 1, 0, 0},
                          {"c", nothing, nullptr, 4, 0, 0}}});
  plan.phases.push_back({{{"d", nothing, nullptr, 2, 0, 0}}});
  executor.run(plan, arena, 0);
  executor.run(plan, arena, 0);  // of no interest
  EXPECT_EQ(counter.runs, 2);
  EXPECT_EQ(counter.counts[0][0], 6);
  EXPECT_EQ(counter.counts[0][1], 1);
  EXPECT_EQ(counter.counts[0][2], 10);
  EXPECT_EQ(counter.counts[1][0], 3);
}

TEST(Arena, IsZeroedAlignedAndLimited) {
  for (const int64_t bytes : {int64_t{0}, int64_t{1}, int64_t{100}, int64_t{5} << 20}) {
    Arena arena(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.data()) % 64, 0u);
    for (const std::byte b : arena.bytes()) ASSERT_EQ(b, std::byte{0});
  }
  EXPECT_THROW(Arena(int64_t{1} << 50), Error);
}

}  // namespace
}  // namespace netc::runtime
