// One pool batch a phase; a chunk number of the batch is mapped to (task, chunk of the task). Each
// thread's part of the batch holds the same share of every task: kernels cut their results in the
// same order, so a thread meets in one phase what it wrote in an earlier one.
#include "runtime/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <stdexcept>

#include "runtime/error.h"

namespace netc::runtime {
namespace {

struct PhaseRun {
  const Phase* phase;
  int number;
  std::span<const int64_t> ends;  ///< of the threads' parts
  std::byte* arena;
  int64_t batch;
  std::atomic<uint32_t>* fault;
  ChunkObserver* observer;
};

/// The first chunk of a task that part `part` of `parts` does not hold yet; `before` is the number
/// of chunks of the tasks before it, so that tasks of one chunk go to the parts in turn.
int64_t share(const Task& task, int64_t before, size_t part, size_t parts) {
  const auto count = static_cast<int64_t>(parts);
  return (task.chunks * static_cast<int64_t>(part) + before % count) / count;
}

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void run_chunk(void* user, int64_t chunk, int thread) {
  const PhaseRun& run = *static_cast<const PhaseRun*>(user);
  size_t part = 0;
  while (chunk >= run.ends[part]) ++part;
  if (part > 0) chunk -= run.ends[part - 1];
  size_t number = 0;
  for (int64_t before = 0;; before += run.phase->tasks[number++].chunks) {
    const Task& candidate = run.phase->tasks[number];
    const int64_t first = share(candidate, before, part, run.ends.size());
    const int64_t count = share(candidate, before, part + 1, run.ends.size()) - first;
    if (chunk < count) {
      chunk += first;
      break;
    }
    chunk -= count;
  }
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
  if (pool_.threads() > 1) {
    Pace& pace = paces_[&plan];
    const int64_t start = now();
    run_phases(plan, arena, batch, pace.on_all());
    if (batch == plan.batch_capacity) pace.took(now() - start);
  } else {
    run_phases(plan, arena, batch, false);
  }
  if (fault_.load(std::memory_order_relaxed) != 0) {
    throw Error(Fault::IndexRun, fmt::format("an index computed in `{}` left its range", plan.name))
        .note("it was clamped to keep memory safe, so the results of this step are not valid");
  }
}

void Executor::run_phases(const Plan& plan, Arena& arena, int64_t batch, bool on_all) {
  ends_.resize(static_cast<size_t>(pool_.threads()));
  ChunkObserver* observer = observer_ && observer_->starts(plan, batch) ? observer_ : nullptr;
  int number = 0;
  for (const Phase& phase : plan.phases) {
    PhaseRun run{&phase, number++, ends_, arena.data(), batch, &fault_, observer};
    std::fill(ends_.begin(), ends_.end(), 0);
    int64_t chunks = 0;
    for (const Task& task : phase.tasks) {
      for (size_t part = 0; part < ends_.size(); ++part)
        ends_[part] += share(task, chunks, part + 1, ends_.size());
      chunks += task.chunks;
    }
    if (phase.alone || !on_all)
      for (int64_t chunk = 0; chunk < chunks; ++chunk) run_chunk(&run, chunk, 0);
    else
      pool_.run(ends_, run_chunk, &run);
  }
}

}  // namespace netc::runtime
