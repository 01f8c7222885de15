// One training step run op by op, so that every value of it can be looked at.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/elements.h"
#include "runtime/trainer.h"
#include "tools/netc/session.h"

namespace netc::tools {

class UnfusedStep {
 public:
  /// Compiles `train`, and `accumulate` where steps have micro-batches, of a session that has been
  /// loaded at -O0. Throws runtime::Error(Memory) when all values together need too much.
  UnfusedStep(Session& session, bool micro_batches);

  const ir::Module& module() const { return module_; }

  /// Runs the micro-batches of a step in order, until `look` is true. It sees all values of one,
  /// and the number of rows before it in the step.
  void run(const runtime::FailedStep& step, const runtime::Split& train, runtime::ThreadPool& pool,
           const std::function<bool(const ir::Elements&, int64_t first_row)>& look) const;

 private:
  struct Part {
    ir::FunctionId function;
    runtime::Plan plan;
  };
  ir::Module module_;
  int64_t batch_;
  Part train_;
  std::optional<Part> accumulate_;
};

}  // namespace netc::tools
