// Phases against the definition: after every earlier task with conflicting bytes.
#include "backend/schedule.h"

#include <gtest/gtest.h>

#include <random>

namespace netc::backend {
namespace {

bool overlap(const std::vector<Range>& a, const std::vector<Range>& b) {
  for (const Range& x : a)
    for (const Range& y : b)
      if (std::max(x.begin, y.begin) < std::min(x.end, y.end)) return true;
  return false;
}

bool conflict(const ScheduledTask& a, const ScheduledTask& b) {
  return overlap(a.writes, b.reads) || overlap(a.reads, b.writes) || overlap(a.writes, b.writes);
}

TEST(Schedule, AgreesWithTheDefinition) {
  std::mt19937 random(1);
  const auto some_ranges = [&](size_t most) {
    std::vector<Range> ranges(random() % (most + 1));
    for (Range& r : ranges) {
      r.begin = int64_t(random() % 60);
      r.end = r.begin + int64_t(random() % 12);
    }
    return ranges;
  };
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<ScheduledTask> tasks(random() % 40);
    std::vector<size_t> expected(tasks.size(), 0);
    for (size_t i = 0; i < tasks.size(); ++i) {
      tasks[i].task.name = std::to_string(i);
      tasks[i].reads = some_ranges(3), tasks[i].writes = some_ranges(2);
      for (size_t j = 0; j < i; ++j)
        if (conflict(tasks[j], tasks[i])) expected[i] = std::max(expected[i], expected[j] + 1);
    }
    std::vector<size_t> got(tasks.size(), SIZE_MAX);
    const auto phases = phases_of(tasks);
    for (size_t p = 0; p < phases.size(); ++p)
      for (const runtime::Task& task : phases[p].tasks) got[size_t(std::stoi(task.name))] = p;
    EXPECT_EQ(got, expected) << trial;
  }
}

}  // namespace
}  // namespace netc::backend
