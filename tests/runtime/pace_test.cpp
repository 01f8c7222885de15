#include "runtime/pace.h"

#include <gtest/gtest.h>

namespace netc::runtime {
namespace {

/// Runs of a plan that takes so many nanoseconds on one thread and on all; how often it ran on one.
int runs_alone(Pace& pace, int runs, int64_t alone, int64_t on_all) {
  int count = 0;
  for (int i = 0; i < runs; ++i) {
    const bool all = pace.on_all();
    count += !all;
    pace.took(all ? on_all : alone);
  }
  return count;
}

TEST(Pace, KeepsToTheFasterWay) {
  Pace gains, loses;
  EXPECT_LT(runs_alone(gains, 4000, 40'000, 25'000), 20);
  EXPECT_TRUE(gains.on_all());
  EXPECT_GT(runs_alone(loses, 4000, 12'000, 25'000), 3900);
  EXPECT_FALSE(loses.on_all());
}

TEST(Pace, LooksAgainAfterAWhile) {
  Pace pace;
  runs_alone(pace, 4000, 12'000, 25'000);
  runs_alone(pace, 4000, 40'000, 25'000);
  EXPECT_TRUE(pace.on_all());
}

TEST(Pace, LooksAgainAtOnceWhereAllThreadsBecomeSlow) {
  Pace pace;
  runs_alone(pace, 1000, 40'000, 25'000);
  EXPECT_TRUE(pace.on_all());
  EXPECT_GT(runs_alone(pace, 1000, 40'000, 80'000), 850);
}

TEST(Pace, GoesByWhatRunsTakeMostly) {
  // On all threads every third run is fast, the others wait for a processor.
  Pace pace;
  int alone = 0;
  for (int i = 0; i < 3000; ++i) {
    alone += !pace.on_all();
    pace.took(!pace.on_all() ? 46'000 : i % 3 == 0 ? 28'000 : 80'000);
  }
  EXPECT_GT(alone, 2900);
}

TEST(Pace, OneInterruptedRunDecidesNothing) {
  Pace pace;
  for (int i = 0; i < 4000; ++i)
    pace.took(i % 40 == 13 ? 4'000'000 : pace.on_all() ? 25'000 : 40'000);
  EXPECT_TRUE(pace.on_all());
}

TEST(Pace, NeverTriesALongPlanOnOneThread) {
  Pace pace;
  EXPECT_EQ(runs_alone(pace, 20'000, 9'000'000, 5'000'000), 0);
}

TEST(Pace, ASlowFirstRunDoesNotMakeAPlanLong) {
  Pace pace;
  pace.took(50'000'000);
  EXPECT_GT(runs_alone(pace, 4000, 12'000, 25'000), 3900);
}

}  // namespace
}  // namespace netc::runtime
