// Micro-batches, moving averages, gradient statistics and norms, as a run shows them.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/safetensors.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

// Dropout of a matrix and of one of rank 3, and a parameter of rank 0.
const char* kProgram = R"(
dtype f64
model m {
  input  x: [batch, 4, 3]
  input  y: [batch, 2]
  param  gain: [] = ones()
  h = x |> Dropout(0.2) |> Flatten(1) |> Linear(12, 16) |> relu |> Dropout(0.4)
  output p = gain * Linear(16, 2)(h)
  loss   mse(p, y)
  metric distance = mean(abs(p - y))
}
data  random(n = 100, seed = 3)
train {
  epochs = 2; batch = 24; lr = 0.01; optimizer = adam(); clip = norm(0.5); log_every = 1
  valid = 0.1
}
)";

// A layer with a state: the mean of what it has seen.
const char* kCentre = R"(
layer Centre(n)(x: [..., n]) -> [..., n] {
  state mean: [n] = 0.0
  mean = 0.9 * mean + 0.1 * x[0]
  return x - mean
}
)";

std::vector<json> events(const Scratch& s, const std::string& run, const std::string& kind) {
  std::vector<json> found;
  for (const std::string& line : lines(s.read(run + "/metrics.jsonl")))
    if (json event = json::parse(line); event["event"] == kind) found.push_back(event);
  return found;
}

void train(const Scratch& s, const std::string& run, std::vector<std::string> options) {
  options.insert(options.begin(), {"train", "m.net", "-o", run, "-q"});
  const ProcessResult r = s.netc(options);
  ASSERT_EQ(r.exit_code, 0) << r.err;
}

std::vector<double> numbers(const Scratch& s, const std::string& file, const std::string& name) {
  const auto read = runtime::read_safetensors(s.path(file));
  const runtime::TensorView* tensor = read.find(name);
  EXPECT_NE(tensor, nullptr) << file << " " << name;
  std::vector<double> out;
  for (size_t i = 0; tensor && i < tensor->bytes.size() / 8; ++i)
    out.push_back(runtime::load_number(runtime::ElementType::f64, tensor->bytes.data() + 8 * i));
  return out;
}

struct Parts {
  const char* level;
  int batch, count;
};

// 90 records: with 28 a step, the last step has 6 and one micro-batch.
class MicroBatches : public testing::TestWithParam<Parts> {};

TEST_P(MicroBatches, TrainAsTheWholeBatch) {
  const auto& [level, batch, count] = GetParam();
  Scratch s;
  s.write("m.net", kProgram);
  train(s, "whole", {level, "--set", "train.batch=" + std::to_string(batch * count)});
  train(s, "parts",
        {level, "--set", "train.batch=" + std::to_string(batch), "--set",
         "train.accumulate=" + std::to_string(count)});
  const auto whole = events(s, "whole", "step"), parts = events(s, "parts", "step");
  ASSERT_EQ(whole.size(), parts.size());
  for (size_t i = 0; i < whole.size(); ++i)
    for (const char* number : {"loss", "grad_norm"})
      EXPECT_NEAR(whole[i][number], parts[i][number].get<double>(), 1e-13) << i;
  const json a = events(s, "whole", "epoch").back(), b = events(s, "parts", "epoch").back();
  EXPECT_NEAR(a["train"]["distance"], b["train"]["distance"].get<double>(), 1e-13);
  EXPECT_NEAR(a["valid"]["loss"], b["valid"]["loss"].get<double>(), 1e-13);
}

INSTANTIATE_TEST_SUITE_P(All, MicroBatches,
                         testing::Values(Parts{"-O0", 6, 4}, Parts{"-O1", 6, 4}, Parts{"-O2", 6, 4},
                                         Parts{"-O2", 7, 4}, Parts{"-O2", 1, 24}),
                         [](const auto& test) { return "o" + std::to_string(test.index); });

TEST(Accumulate, ResumesToTheBitAndForAnyThreads) {
  Scratch s;
  std::string program = kProgram;
  program.insert(program.find("|> Linear(12, 16)"), "|> Centre(12) ");
  s.write("m.net", program + kCentre);
  const std::vector<std::string> settings = {
      "--set", "train.batch=6", "--set", "train.accumulate=4", "--set", "train.ema=0.9"};
  auto with = [&](std::vector<std::string> options) {
    options.insert(options.end(), settings.begin(), settings.end());
    return options;
  };
  train(s, "whole", with({"--threads", "1"}));
  train(s, "threads", with({"--threads", "3"}));
  EXPECT_EQ(s.read("whole/last.safetensors"), s.read("threads/last.safetensors"));
  for (const char* steps : {"1", "3", "4", "5"}) {
    train(s, "parts", with({"--steps", steps}));
    ASSERT_EQ(s.netc({"train", "--resume", "parts"}).exit_code, 0);
    EXPECT_EQ(s.read("parts/last.safetensors"), s.read("whole/last.safetensors")) << steps;
    EXPECT_EQ(s.read("parts/ema.safetensors"), s.read("whole/ema.safetensors")) << steps;
    const json a = events(s, "whole", "epoch").back(), b = events(s, "parts", "epoch").back();
    for (const char* part : {"train", "valid", "ema", "grad_norm"}) EXPECT_EQ(a[part], b[part]);
  }
}

TEST(Accumulate, ADumpTrainsToTheSameBits) {
  Scratch s;
  s.write("m.net", kProgram);
  const std::vector<std::string> settings = {
      "--set", "train.batch=6", "--set", "train.accumulate=4", "--set", "train.ema=0.9"};
  auto with = [&](std::vector<std::string> options) {
    options.insert(options.end(), settings.begin(), settings.end());
    return options;
  };
  train(s, "source", with({}));
  for (const char* stage : {"forward", "backward", "optimised", "fused", "plan"}) {
    auto dump = s.netc(with({"dump", "m.net", "--stage", stage, "-o", "dump.net"}));
    ASSERT_EQ(dump.exit_code, 0) << dump.err;
    auto r = s.netc({"train", "dump.net", "-o", "dumped", "-q"});
    ASSERT_EQ(r.exit_code, 0) << stage << r.err;
    EXPECT_EQ(s.read("dumped/last.safetensors"), s.read("source/last.safetensors")) << stage;
    EXPECT_EQ(s.read("dumped/ema.safetensors"), s.read("source/ema.safetensors")) << stage;
  }
  auto fixed = s.netc({"train", "dump.net", "--set", "train.accumulate=2"});
  EXPECT_EQ(fixed.exit_code, 2);
  EXPECT_NE(fixed.err.find("E0508"), std::string::npos) << fixed.err;
}

TEST(Accumulate, DropLastLeavesOutAShortStep) {
  Scratch s;
  s.write("m.net", kProgram);
  train(
      s, "run",
      {"--set", "train.batch=10", "--set", "train.accumulate=4", "--set", "train.drop_last=true"});
  EXPECT_EQ(events(s, "run", "step").size(), 2u * 2u);  // 90 records, 40 a step
  auto r = s.netc({"train", "m.net", "-o", "run", "--set", "train.accumulate=4", "--set",
                   "train.drop_last=true"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("leaves no step: 90 records, 96 a step"), std::string::npos) << r.err;
}

TEST(Accumulate, RandomNumbersNeedTheBatchInFront) {
  Scratch s;
  std::string program = kProgram;
  const std::string was = "x |> Dropout(0.2) |> Flatten(1)";
  program.replace(program.find(was), was.size(),
                  "permute(dropout(permute(Flatten(1)(x), 1, 0), 0.2), 1, 0)");
  s.write("m.net", program);
  EXPECT_EQ(s.netc({"check", "m.net"}).exit_code, 0);
  auto r = s.netc({"check", "m.net", "--set", "train.accumulate=2"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("E0524"), std::string::npos) << r.err;
}

TEST(Ema, IsTheAverageOfTheWeightsAfterEachStep) {
  Scratch s;
  s.write("m.net", kProgram);
  const std::vector<std::string> parameters = {"gain", "linear0.weight", "linear1.bias"};
  std::vector<std::vector<double>> average(parameters.size());
  for (int steps = 1; steps <= 5; ++steps) {
    train(s, "run", {"--steps", std::to_string(steps), "--set", "train.ema=0.75"});
    for (size_t k = 0; k < parameters.size(); ++k) {
      const auto weights = numbers(s, "run/last.safetensors", parameters[k]);
      const auto found = numbers(s, "run/ema.safetensors", parameters[k]);
      ASSERT_EQ(found.size(), weights.size());
      if (steps == 1) average[k] = weights;
      for (size_t i = 0; i < weights.size(); ++i) {
        if (steps > 1) average[k][i] = 0.75 * average[k][i] + 0.25 * weights[i];
        EXPECT_NEAR(found[i], average[k][i], 1e-15) << parameters[k] << " step " << steps;
      }
    }
  }
}

TEST(Ema, IsEvaluatedBesideTheWeights) {
  Scratch s;
  s.write("m.net", kProgram);
  train(s, "plain", {});
  train(s, "run", {"--set", "train.ema=0.9", "--set", "train.freeze=[\"linear1.*\"]"});
  const json last = events(s, "run", "epoch").back();
  EXPECT_NE(last["ema"]["valid"]["loss"], last["valid"]["loss"]);
  auto r =
      s.netc({"eval", "run", "--weights", "run/ema.safetensors", "--split", "valid", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(json::parse(r.out)["loss"], last["ema"]["valid"]["loss"]);
  r = s.netc({"eval", "run", "--split", "valid", "--json"});
  EXPECT_EQ(json::parse(r.out)["loss"], last["valid"]["loss"]);
  // What is not trained is in the file as it is; without `ema` there is no file.
  EXPECT_EQ(numbers(s, "run/ema.safetensors", "linear1.weight"),
            numbers(s, "run/last.safetensors", "linear1.weight"));
  EXPECT_FALSE(s.exists("plain/ema.safetensors"));
}

TEST(GradStats, DescribeTheGradientsOfTheStep) {
  Scratch s;
  s.write("m.net", kProgram);
  train(s, "run", {"--grad-stats", "--steps", "1"});
  const auto found = events(s, "run", "gradients");
  ASSERT_EQ(found.size(), 1u);
  const json step = events(s, "run", "step").at(0);
  double squares = 0;
  for (const auto& [name, stats] : found[0]["parameters"].items()) {
    const double norm = stats["norm"], mean = stats["mean"], deviation = stats["std"];
    squares += norm * norm;
    int64_t count = 0;
    for (const json& bin : stats["histogram"]) count += bin.get<int64_t>();
    const auto weights = numbers(s, "run/last.safetensors", name);
    EXPECT_EQ(count, int64_t(weights.size())) << name;
    EXPECT_NEAR(norm * norm, double(count) * (deviation * deviation + mean * mean), 1e-12) << name;
    EXPECT_LE(stats["min"], stats["max"].get<double>());
  }
  EXPECT_EQ(found[0]["parameters"].size(), 5u);
  EXPECT_NEAR(std::sqrt(squares), step["grad_norm"], 1e-13);  // before clipping
}

TEST(GradStats, ComeOnceAnEpochWithoutLogEveryAndChangeNoBits) {
  Scratch s;
  s.write("m.net", kProgram);
  train(s, "plain", {"--set", "train.log_every=0"});
  train(s, "run", {"--set", "train.log_every=0", "--grad-stats"});
  EXPECT_EQ(s.read("plain/last.safetensors"), s.read("run/last.safetensors"));
  const auto found = events(s, "run", "gradients");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1]["step"], 8);
  EXPECT_TRUE(events(s, "plain", "gradients").empty());
}

}  // namespace
}  // namespace netc::test
