// Steps of kernels -> phases: what may run side by side, from the bytes each step touches.
#pragma once

#include <vector>

#include "runtime/plan.h"

namespace netc::backend {

/// Bytes [begin, end) of the arena.
struct Range {
  int64_t begin, end;
};

struct ScheduledTask {
  runtime::Task task;
  std::vector<Range> reads, writes;
};

/// Each task goes to the first phase after all earlier tasks that it conflicts with.
std::vector<runtime::Phase> phases_of(const std::vector<ScheduledTask>& tasks);

}  // namespace netc::backend
