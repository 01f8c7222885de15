// List scheduling by conflicts of byte ranges; the order of the kernels decides who comes first.
#include "backend/schedule.h"

#include <algorithm>

namespace netc::backend {
namespace {

bool overlap(const std::vector<Range>& a, const std::vector<Range>& b) {
  for (const Range& x : a)
    for (const Range& y : b)
      if (x.begin < y.end && y.begin < x.end) return true;
  return false;
}

bool conflict(const ScheduledTask& first, const ScheduledTask& second) {
  return overlap(first.writes, second.reads) || overlap(first.reads, second.writes) ||
         overlap(first.writes, second.writes);
}

}  // namespace

std::vector<runtime::Phase> phases_of(const std::vector<ScheduledTask>& tasks) {
  std::vector<runtime::Phase> phases;
  std::vector<size_t> phase(tasks.size(), 0);
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (size_t j = 0; j < i; ++j)
      if (phase[j] >= phase[i] && conflict(tasks[j], tasks[i])) phase[i] = phase[j] + 1;
    if (phase[i] >= phases.size()) phases.resize(phase[i] + 1);
    phases[phase[i]].tasks.push_back(tasks[i].task);
  }
  return phases;
}

}  // namespace netc::backend
