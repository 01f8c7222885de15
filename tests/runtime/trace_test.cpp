// A trace stays small, and says what it left out.
#include "runtime/trace.h"

#include <gtest/gtest.h>

namespace netc::runtime {
namespace {

Plan plan_of(int64_t chunks) {
  Plan plan;
  plan.name = "m.train";
  const KernelFunction nothing = [](const Context*, int64_t) {};
  plan.phases.push_back({{{"k0", nothing, nullptr, chunks, 0, 0}}});
  return plan;
}

size_t chunks_in(const Trace& trace) {
  size_t count = 0;
  for (const auto& thread : trace.chunks()) count += thread.size();
  return count;
}

TEST(Trace, KeepsWholeRunsUntilAPlanHasEnough) {
  ThreadPool pool(2);
  Executor executor(pool);
  Trace trace(pool.threads());
  executor.observe(&trace);
  Arena arena(64);
  const auto third = static_cast<int64_t>(Trace::kMostChunks / 3);
  const Plan plan = plan_of(third), other = plan_of(10);
  for (int i = 0; i < 5; ++i) executor.run(plan, arena, 0);
  executor.run(other, arena, 0);
  ASSERT_EQ(trace.plans().size(), 2u);
  EXPECT_EQ(trace.plans()[0].runs, 5);
  EXPECT_EQ(trace.plans()[0].kept, 3);
  EXPECT_GT(trace.plans()[0].left_out, trace.origin());
  EXPECT_EQ(trace.plans()[1].kept, 1);
  EXPECT_EQ(trace.plans()[1].left_out, 0);
  EXPECT_EQ(chunks_in(trace), size_t(3 * third + 10));
}

TEST(Trace, KeepsTheFirstRunWhateverItsSize) {
  ThreadPool pool(1);
  Executor executor(pool);
  Trace trace(pool.threads());
  executor.observe(&trace);
  Arena arena(64);
  const Plan plan = plan_of(int64_t(Trace::kMostChunks) + 1);
  for (int i = 0; i < 2; ++i) executor.run(plan, arena, 0);
  EXPECT_EQ(trace.plans()[0].kept, 1);
}

TEST(Trace, StagesHaveRoomWhenDetailsHaveNone) {
  Trace trace(1);
  for (size_t i = 0; i < Trace::kMostActivities + 7; ++i)
    const Activity step(&trace, Activity::Kind::Detail, "step");
  {
    const Activity outer(&trace, Activity::Kind::Stage, "epoch", "epoch", 3);
    const Activity inner(&trace, Activity::Kind::Stage, "evaluate", "records", 9, "test");
  }
  EXPECT_EQ(trace.spans_left_out(), 7);
  ASSERT_EQ(trace.spans().size(), Trace::kMostActivities + 2);
  const Trace::Span &outer = *(trace.spans().end() - 2), &inner = trace.spans().back();
  EXPECT_EQ(outer.number, 3);
  EXPECT_EQ(inner.of, "test");
  EXPECT_LE(outer.start, inner.start);
  EXPECT_LE(inner.end, outer.end);
}

TEST(Trace, NoneCostsNothing) { const Activity nothing(nullptr, Activity::Kind::Stage, "epoch"); }

}  // namespace
}  // namespace netc::runtime
