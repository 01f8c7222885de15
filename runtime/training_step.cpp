// Micro-batches in order. Each is told its share of the step's rows, by which its gradients count,
// and the number of rows before it, by which its random numbers are those of the whole batch.
#include "runtime/training_step.h"

#include <algorithm>

#include "runtime/slots.h"
#include "runtime/stopwatch.h"

namespace netc::runtime {

TrainingStep::Part::Part(const Plan& plan_, const Split& split,
                         std::span<const std::string> metrics)
    : plan(plan_),
      batches(split, plan_),
      scores(plan_, metrics),
      rate(plan_, "lr"),
      step(plan_, "step"),
      seed(plan_, "seed"),
      share(plan_, "_share"),
      row(plan_, "_row") {}

TrainingStep::TrainingStep(const Plan& train, const Plan* accumulate, const Split& split,
                           std::span<const std::string> metrics, int64_t batch, Trace* trace)
    : norm_(find_slot(train, SlotRole::Result, "_grad_norm")), batch_(batch), trace_(trace) {
  parts_.emplace_back(train, split, metrics);
  if (accumulate) parts_.emplace_back(*accumulate, split, metrics);
}

double TrainingStep::run_part(const Part& part, const MicroBatch& micro, const StepNumbers& numbers,
                              Arena& arena, Executor& executor, RunningSums& running) {
  const auto rows = static_cast<int64_t>(micro.records.size());
  {
    const Activity activity(trace_, Activity::Kind::Detail, "gather batch", "rows", rows);
    const Stopwatch gathering;
    part.batches.gather(micro.records, arena, executor.pool());
    part.batches.prefetch(micro.next.first(std::min(micro.next.size(), size_t(batch_))));
    seconds_.data += gathering.seconds();
  }
  part.rate.set(arena, numbers.rate);
  part.step.set(arena, numbers.step);
  part.seed.set(arena, static_cast<int64_t>(numbers.seed));
  part.share.set(arena, micro.share);
  part.row.set(arena, micro.first);
  const Activity activity(trace_, Activity::Kind::Detail, "run", "rows", rows, part.plan.name);
  const Stopwatch computing;
  executor.run(part.plan, arena, rows);
  seconds_.compute += computing.seconds();
  return part.scores.add(arena, rows, running);
}

double TrainingStep::run(std::span<const uint32_t> records, std::span<const uint32_t> next,
                         const StepNumbers& numbers, Arena& arena, Executor& executor,
                         RunningSums& running) {
  const auto total = static_cast<int64_t>(records.size());
  double loss = 0;
  for (int64_t first = 0; first < total; first += batch_) {
    const int64_t rows = std::min(batch_, total - first);
    const bool last = first + rows == total;
    const auto at = static_cast<size_t>(first), count = static_cast<size_t>(rows);
    const MicroBatch micro{records.subspan(at, count), last ? next : records.subspan(at + count),
                           first, static_cast<double>(rows) / static_cast<double>(total)};
    const Part& part = last ? parts_.front() : parts_.back();
    loss += micro.share * run_part(part, micro, numbers, arena, executor, running);
  }
  if (norm_) {
    last_norm_ = read_scalar(*norm_, arena);
    running.sums.back() += last_norm_ * static_cast<double>(total);
  }
  return loss;
}

}  // namespace netc::runtime
