// Learning-rate schedules against numbers from torch.optim.lr_scheduler 2.13 (peak or start 0.1).
#include "runtime/schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace netc::runtime {
namespace {

void expect_rates(const Schedule& schedule, const std::vector<double>& expected,
                  int64_t steps_per_epoch = 1) {
  for (size_t t = 0; t < expected.size(); ++t) {
    const auto step = static_cast<int64_t>(t);
    EXPECT_NEAR(schedule.rate(step, step / steps_per_epoch), expected[t], 1e-15) << t;
  }
}

TEST(Schedule, OneCycleIsPyTorchs) {
  const std::map<std::string, double> peak{{"lr", 0.1}};
  expect_rates({{"one_cycle", peak}, 1}, {4e-07});
  expect_rates({{"one_cycle", peak}, 2}, {0.0811745653949763, 4e-07});
  expect_rates({{"one_cycle", peak}, 3}, {0.09944154354509119, 0.046263710266697504, 4e-07});
  expect_rates(
      {{"one_cycle", peak}, 10},
      {0.0040000000000000036, 0.052000000000000005, 0.1, 0.09504846320134738, 0.0811745653949763,
       0.06112620219362893, 0.03887419780637107, 0.0188258346050237, 0.004951936798652629, 4e-07});
  expect_rates({{"one_cycle", peak}, 25},
               {0.0040000000000000036, 0.009498110768645929, 0.024732892156904523,
                0.046214239347744504, 0.06902103457804172, 0.08792851591221286, 0.0986052072364505,
                0.09979871550490317, 0.09819815024222053});
}

TEST(Schedule, ByEpoch) {
  expect_rates({{"step", {{"lr", 0.1}, {"every", 3}, {"gamma", 0.5}}}, 10},
               {0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125});
  expect_rates({{"exponential", {{"lr", 0.1}, {"gamma", 0.9}}}, 6},
               {0.1, 0.09000000000000001, 0.08100000000000002, 0.07290000000000002,
                0.06561000000000002, 0.05904900000000002});
  const Schedule stepped({"step", {{"lr", 0.1}, {"every", 2}, {"gamma", 0.1}}}, 40);
  EXPECT_EQ(stepped.rate(19, 1), 0.1);
  EXPECT_NEAR(stepped.rate(20, 2), 0.01, 1e-17);
}

TEST(Schedule, ByStep) {
  expect_rates({{"constant", {{"lr", 0.25}}}, 5}, {0.25, 0.25, 0.25});
  expect_rates({{"linear", {{"lr", 1.0}, {"end", 0.5}}}, 4}, {1.0, 0.875, 0.75, 0.625});
  expect_rates({{"cosine", {{"lr", 0.1}}}, 8},
               {0.1, 0.09619397662556434, 0.08535533905932738, 0.0691341716182545, 0.05,
                0.030865828381745515, 0.014644660940672627, 0.0038060233744356634});
  // Warm-up of 4 steps, then the same cosine over the other 8.
  expect_rates({{"cosine", {{"lr", 0.1}, {"warmup", 4}}}, 12},
               {0.025, 0.05, 0.075, 0.1, 0.1, 0.09619397662556434, 0.08535533905932738});
  expect_rates({{"cosine", {{"lr", 0.1}, {"warmup", 4}}}, 4}, {0.025, 0.05, 0.075, 0.1});
}

TEST(Schedule, PlateauIsPyTorchs) {
  Schedule schedule({"plateau", {{"lr", 0.1}, {"factor", 0.1}, {"patience", 2}}}, 14);
  const std::vector<double> losses{1.0, 0.9, 0.90001, 0.89995, 0.95, 0.96, 0.97,
                                   0.5, 0.6, 0.6,     0.6,     0.6,  0.6,  0.6};
  const std::vector<double> expected{0.1,  0.1,  0.1,  0.1,  0.1,   0.01,  0.01,
                                     0.01, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001};
  for (size_t epoch = 0; epoch < losses.size(); ++epoch) {
    EXPECT_NEAR(schedule.rate(0, static_cast<int64_t>(epoch)), expected[epoch], 1e-16) << epoch;
    schedule.epoch_ended(losses[epoch]);
  }
}

}  // namespace
}  // namespace netc::runtime
