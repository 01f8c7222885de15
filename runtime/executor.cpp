// One pool batch a phase; a chunk number of the batch is mapped to (task, chunk of the task).
#include "runtime/executor.h"

#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "runtime/error.h"

namespace netc::runtime {
namespace {

struct PhaseRun {
  const Phase* phase;
  int number;
  std::byte* arena;
  int64_t batch;
  std::atomic<uint32_t>* fault;
  ChunkObserver* observer;
};

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void run_chunk(void* user, int64_t chunk, int thread) {
  const PhaseRun& run = *static_cast<const PhaseRun*>(user);
  size_t number = 0;
  while (chunk >= run.phase->tasks[number].chunks) chunk -= run.phase->tasks[number++].chunks;
  const Task& task = run.phase->tasks[number];
  const Context context{run.arena, run.batch, task.user, run.fault};
  if (!run.observer) {
    task.function(&context, chunk);
    return;
  }
  const int64_t start = now();
  task.function(&context, chunk);
  run.observer->finished({run.number, static_cast<int>(number), chunk, thread, start, now()});
}

}  // namespace

void Executor::run(const Plan& plan, Arena& arena, int64_t batch) {
  if (batch < 0 || batch > plan.batch_capacity || arena.size() < plan.arena_bytes) {
    throw std::logic_error(fmt::format("plan {}: batch {} of {}, arena {} of {}", plan.name, batch,
                                       plan.batch_capacity, arena.size(), plan.arena_bytes));
  }
  const FloatingPointScope environment;
  fault_.store(0, std::memory_order_relaxed);
  int number = 0;
  for (const Phase& phase : plan.phases) {
    PhaseRun run{&phase, number++, arena.data(), batch, &fault_, observer_};
    int64_t chunks = 0;
    for (const Task& task : phase.tasks) chunks += task.chunks;
    pool_.run(chunks, run_chunk, &run);
  }
  if (fault_.load(std::memory_order_relaxed) != 0) {
    throw Error(Fault::IndexRun, fmt::format("an index computed in `{}` left its range", plan.name))
        .note("it was clamped to keep memory safe, so the results of this step are not valid");
  }
}

}  // namespace netc::runtime
