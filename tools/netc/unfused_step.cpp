// Parameters and states come from the step's record and go on from one micro-batch to the next by
// name; nothing is updated in place.
#include "tools/netc/unfused_step.h"

#include <algorithm>

#include "passes/unfused.h"
#include "runtime/batches.h"
#include "runtime/evaluate.h"
#include "runtime/slots.h"
#include "runtime/weights.h"

namespace netc::tools {

namespace {
using runtime::Slot;

/// Bytes of tensors by name.
using Carried = std::map<std::string, std::vector<std::byte>>;

void load(const Carried& carried, const runtime::Plan& plan, runtime::Arena& arena) {
  for (const Slot* slot : runtime::persistent_slots(plan))
    runtime::write_slot(*slot, arena, 0, carried.at(slot->name));
}

void store(Carried& carried, const runtime::Plan& plan, const runtime::Arena& arena) {
  for (const Slot* slot : runtime::persistent_slots(plan)) {
    const Slot* next = runtime::find_slot(plan, runtime::SlotRole::Result, "new_" + slot->name);
    if (next) runtime::read_slot(*next, arena, 0, carried.at(slot->name));
  }
}
}  // namespace

UnfusedStep::UnfusedStep(Session& session, bool micro_batches) : batch_(session.default_batch()) {
  Lowering lowering;
  lowering.to = ir::Stage::Optimised;
  lowering.entries = {"train"};
  if (micro_batches) lowering.entries.push_back("accumulate");
  lowering.batch_capacity = batch_;
  module_ = passes::unfused(session.lower(lowering), batch_);
  auto compile = [&](const std::string& entry) {
    return Part{module_.find(session.entry_name(entry)),
                session.compile(module_, entry, batch_).plan};
  };
  train_ = compile("train");
  if (micro_batches) accumulate_ = compile("accumulate");
}

void UnfusedStep::run(const runtime::FailedStep& step, const runtime::Split& train,
                      runtime::ThreadPool& pool,
                      const std::function<bool(const ir::Elements&, int64_t)>& look) const {
  Carried carried;
  for (const runtime::TensorView& tensor : step.before)
    carried[tensor.name].assign(tensor.bytes.begin(), tensor.bytes.end());
  runtime::Executor executor(pool);
  runtime::Arena arena(
      std::max(train_.plan.arena_bytes, accumulate_ ? accumulate_->plan.arena_bytes : 0));
  const auto total = static_cast<int64_t>(step.records.size());
  for (int64_t first = 0; first < total; first += batch_) {
    const int64_t rows = std::min(batch_, total - first);
    const Part& part = first + rows < total ? *accumulate_ : train_;
    load(carried, part.plan, arena);
    runtime::BatchSource(train, part.plan)
        .gather(std::span(step.records).subspan(size_t(first), size_t(rows)), arena, pool);
    runtime::ScalarInput(part.plan, "lr").set(arena, step.numbers.rate);
    runtime::ScalarInput(part.plan, "step").set(arena, step.numbers.step);
    runtime::ScalarInput(part.plan, "seed").set(arena, static_cast<int64_t>(step.numbers.seed));
    runtime::ScalarInput(part.plan, "_share").set(arena, double(rows) / double(total));
    runtime::ScalarInput(part.plan, "_row").set(arena, first);
    executor.run(part.plan, arena, rows);
    if (look(ir::Elements(module_[part.function], arena.data(), rows), first)) return;
    store(carried, part.plan, arena);
  }
}

}  // namespace netc::tools
