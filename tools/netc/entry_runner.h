// One compiled entry point with memory of its own: tensors in, run, tensors out.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "runtime/arena.h"
#include "runtime/batches.h"
#include "runtime/executor.h"
#include "runtime/plan.h"
#include "runtime/slots.h"
#include "runtime/tensor.h"
#include "tools/netc/session.h"

namespace netc::tools {

class EntryRunner {
 public:
  EntryRunner(CompiledEntry compiled, runtime::ThreadPool& pool)
      : compiled_(std::move(compiled)), arena_(compiled_.plan.arena_bytes), executor_(pool) {}

  const runtime::Plan& plan() const { return compiled_.plan; }
  runtime::Plan& plan() { return compiled_.plan; }
  const backend::CompileReport& report() const { return compiled_.report; }
  runtime::Arena& arena() { return arena_; }
  runtime::Executor& executor() { return executor_; }

  /// Slots of one role, in the plan's order.
  std::vector<const runtime::Slot*> slots(runtime::SlotRole role) const;
  const runtime::Slot* find(runtime::SlotRole role, const std::string& name) const {
    return runtime::find_slot(plan(), role, name);
  }

  /// Every parameter and state to its start value, drawn from `seed`.
  void initialise(uint64_t seed, const std::string& directory);
  void run(int64_t batch) { executor_.run(compiled_.plan, arena_, batch); }
  /// Runs on all records of a split in order; `each(first, rows)` is called after every batch.
  template <typename Each>
  void run_over(const runtime::Split& split, const Each& each) {
    const runtime::BatchSource source(split, plan());
    for (int64_t first = 0; first < split.records; first += plan().batch_capacity) {
      const int64_t rows = std::min(plan().batch_capacity, split.records - first);
      source.copy(first, rows, arena_);
      run(rows);
      each(first, rows);
    }
  }
  runtime::Tensor read(const runtime::Slot& slot, int64_t batch) const {
    return runtime::read_slot(slot, arena_, batch);
  }
  void write(const runtime::Slot& slot, int64_t batch, const runtime::Tensor& tensor) {
    runtime::write_slot(slot, arena_, batch, tensor.bytes.span());
  }

 private:
  CompiledEntry compiled_;
  runtime::Arena arena_;
  runtime::Executor executor_;
};

}  // namespace netc::tools
