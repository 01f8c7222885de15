// The keys of the train block, each with what it does to a run.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/safetensors.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

// Noise cannot be learned: the validation loss rises as the training loss falls.
const char* kProgram = R"(
dtype f64
model m {
  input  x: [batch, 8]
  input  y: [batch, 1]
  head = Linear(16, 1)
  output p = x |> Linear(8, 16) |> tanh |> head
  loss   mse(p, y)
}
data  random(n = 60, seed = 3)
train { epochs = 40; batch = 10; lr = 0.05; optimizer = adam(); valid = 0.2 }
)";

struct Model {
  Scratch s;
  Model() { s.write("m.net", kProgram); }

  ProcessResult train(const std::vector<std::string>& settings,
                      const std::vector<std::string>& options = {}) const {
    std::vector<std::string> arguments = {"train", "m.net", "-o", "run", "-q"};
    std::filesystem::remove_all(s.path("run"));
    for (const std::string& setting : settings) {
      arguments.push_back("--set");
      arguments.push_back("train." + setting);
    }
    arguments.insert(arguments.end(), options.begin(), options.end());
    return s.netc(arguments);
  }
  std::vector<json> events(const std::string& kind) const {
    std::vector<json> found;
    for (const std::string& line : lines(s.read("run/metrics.jsonl")))
      if (json event = json::parse(line); event["event"] == kind) found.push_back(event);
    return found;
  }
  std::vector<double> weights(const std::string& name,
                              const std::string& file = "run/last.safetensors") const {
    const auto read = runtime::read_safetensors(s.path(file));
    std::vector<double> out;
    if (const auto* tensor = read.find(name))
      for (size_t i = 0; i < tensor->bytes.size() / 8; ++i)
        out.push_back(
            runtime::load_number(runtime::ElementType::f64, tensor->bytes.data() + 8 * i));
    return out;
  }
};

std::vector<double> valid_losses(const std::vector<json>& epochs) {
  std::vector<double> losses;
  for (const json& epoch : epochs) losses.push_back(epoch["valid"]["loss"]);
  return losses;
}

TEST(Settings, PatienceStopsAfterThatManyEpochsWithoutProgress) {
  Model run;
  auto r = run.train({"patience=4"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto losses = valid_losses(run.events("epoch"));
  const json end = run.events("end").at(0);
  EXPECT_EQ(end["reason"], "patience");
  ASSERT_LT(losses.size(), 40u);
  const auto best = size_t(std::min_element(losses.begin(), losses.end()) - losses.begin());
  EXPECT_EQ(losses.size(), best + 1 + 4);
  EXPECT_EQ(end["best_epoch"], best + 1);
  auto eval = run.s.netc(
      {"eval", "run", "--weights", "run/best.safetensors", "--split", "valid", "--json"});
  EXPECT_EQ(json::parse(eval.out)["loss"], losses[best]) << eval.err;
  EXPECT_EQ(run.train({"patience=4", "valid=0"}).exit_code, 2);
}

TEST(Settings, PatienceAndPlateauResumeWhereTheyWere) {
  Model run;
  const std::vector<std::string> settings = {"patience=9",
                                             "lr=plateau(0.05, factor = 0.5, patience = 1)"};
  ASSERT_EQ(run.train(settings).exit_code, 0);
  const std::string whole = run.s.read("run/last.safetensors");
  std::vector<json> expected = run.events("epoch");
  ASSERT_LT(expected.size(), 40u);
  EXPECT_LT(expected.back()["lr"], 0.05 / 2 + 1e-12);
  for (const int steps : {7, 5 * 6 + 2, 5 * 11}) {
    ASSERT_EQ(run.train(settings, {"--steps", std::to_string(steps)}).exit_code, 0);
    auto r = run.s.netc({"train", "--resume", "run", "-q"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(run.s.read("run/last.safetensors"), whole) << steps;
    const auto epochs = run.events("epoch");
    ASSERT_EQ(epochs.size(), expected.size());
    for (size_t i = 0; i < epochs.size(); ++i) EXPECT_EQ(epochs[i]["lr"], expected[i]["lr"]) << i;
  }
}

TEST(Settings, SaveChoosesTheWeightFiles) {
  Model run;
  auto files = [&](const std::string& policy) {
    EXPECT_EQ(run.train({"save=" + policy, "epochs=3"}).exit_code, 0);
    std::string found;
    for (const char* file : {"last", "best", "epoch-1", "epoch-2", "epoch-3", "epoch-4"})
      if (run.s.exists(std::string("run/") + file + ".safetensors"))
        found += std::string(file) + " ";
    return found;
  };
  EXPECT_EQ(files("last"), "last ");
  EXPECT_EQ(files("best"), "last best ");
  EXPECT_EQ(files("all"), "last best epoch-1 epoch-2 epoch-3 ");
  EXPECT_EQ(run.weights("head.bias", "run/epoch-3.safetensors"), run.weights("head.bias"));
  EXPECT_NE(run.weights("head.bias", "run/epoch-2.safetensors"), run.weights("head.bias"));
}

TEST(Settings, LogEveryWritesStepEvents) {
  Model run;
  ASSERT_EQ(run.train({"log_every=3", "epochs=2"}).exit_code, 0);
  const auto steps = run.events("step");
  ASSERT_EQ(steps.size(), 3u);  // 5 steps an epoch
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(steps[i]["step"], 3 * (i + 1));
  EXPECT_EQ(steps[2]["epoch"], 2);
  for (const json& epoch : run.events("epoch")) {
    EXPECT_GT(epoch["samples_per_second"], 0);
    EXPECT_GE(epoch["data_seconds"], 0);
    EXPECT_GT(epoch["step_seconds"], 0);
    EXPECT_LE(epoch["data_seconds"].get<double>() + epoch["step_seconds"].get<double>(),
              epoch["seconds"].get<double>());
  }
}

TEST(Settings, FreezeKeepsParametersAsTheyAre) {
  Model run;
  ASSERT_EQ(run.train({"epochs=1"}, {"--steps", "0"}).exit_code, 0);
  const auto head = run.weights("head.weight"), first = run.weights("linear0.weight");
  ASSERT_EQ(run.train({"epochs=2", "freeze=[\"head.*\"]"}).exit_code, 0);
  EXPECT_EQ(run.weights("head.weight"), head);
  EXPECT_NE(run.weights("linear0.weight"), first);
  auto r = run.train({"freeze=[\"haed.*\"]"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("E0522"), std::string::npos) << r.err;
}

TEST(Settings, GroupsScaleTheRate) {
  Model run;
  auto moved = [&](const std::vector<std::string>& settings, const std::string& name) {
    EXPECT_EQ(run.train(settings, {"--steps", "0"}).exit_code, 0);
    const auto before = run.weights(name);
    EXPECT_EQ(run.train(settings, {"--steps", "1"}).exit_code, 0);
    const auto after = run.weights(name);
    std::vector<double> difference;
    for (size_t i = 0; i < before.size(); ++i) difference.push_back(after[i] - before[i]);
    return difference;
  };
  const std::vector<std::string> plain = {"optimizer=sgd()"},
                                 grouped = {
                                     "optimizer=sgd()",
                                     "groups=[group(\"head.*\", 10.0), group(\"*.bias\", 0.5)]"};
  for (const auto& [name, factor] : {std::pair{"head.weight", 10.0},
                                     {"head.bias", 5.0},
                                     {"linear0.weight", 1.0},
                                     {"linear0.bias", 0.5}}) {
    const auto one = moved(plain, name), other = moved(grouped, name);
    ASSERT_FALSE(one.empty());
    for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(other[i], factor * one[i], 1e-14) << name;
  }
}

TEST(Settings, SchedulesReachTheSteps) {
  Model run;
  // T = 20 steps; the figures are those of tests/runtime/schedule_test.cpp's formulas.
  ASSERT_EQ(run.train({"epochs=4", "log_every=1", "lr=one_cycle(0.1)"}).exit_code, 0);
  EXPECT_EQ(run.events("start")[0]["settings"]["lr"], 0.1);
  EXPECT_EQ(run.events("start")[0]["settings"]["schedule"], "one_cycle");
  auto steps = run.events("step");
  ASSERT_EQ(steps.size(), 20u);
  EXPECT_NEAR(steps[0]["lr"], 0.1 / 25, 1e-15);
  EXPECT_NEAR(steps[5]["lr"], 0.1, 1e-15);  // 0.3 * 20 - 1
  EXPECT_NEAR(steps[19]["lr"], 0.1 / 25 / 1e4, 1e-15);
  ASSERT_EQ(
      run.train({"epochs=4", "log_every=1", "lr=step(0.1, every = 2, gamma = 0.5)"}).exit_code, 0);
  steps = run.events("step");
  EXPECT_EQ(steps[9]["lr"], 0.1);
  EXPECT_EQ(steps[10]["lr"], 0.05);
  ASSERT_EQ(run.train({"epochs=4", "log_every=1", "lr=cosine(0.1, warmup = 5)"}).exit_code, 0);
  steps = run.events("step");
  EXPECT_NEAR(steps[0]["lr"], 0.02, 1e-15);
  EXPECT_NEAR(steps[4]["lr"], 0.1, 1e-15);
  EXPECT_NEAR(steps[19]["lr"], 0.05 * (1 + std::cos(M_PI * 14 / 15)), 1e-15);
}

TEST(Settings, TheOrderIsAFunctionOfSeedAndEpoch) {
  Model run;
  auto weights = [&](const std::vector<std::string>& settings) {
    EXPECT_EQ(run.train(settings).exit_code, 0);
    return run.s.read("run/last.safetensors");
  };
  const std::string first = weights({"epochs=2", "seed=5"});
  EXPECT_EQ(weights({"epochs=2", "seed=5"}), first);
  EXPECT_NE(weights({"epochs=2", "seed=6"}), first);
  EXPECT_NE(weights({"epochs=2", "seed=5", "shuffle=false"}), first);
}

TEST(Settings, AnOptimizerOfTheFileIsAsGoodAsStds) {
  Model run;
  ASSERT_EQ(run.train({"epochs=3", "optimizer=sgd(momentum = 0.9, weight_decay = 0.01)"}).exit_code,
            0);
  const auto expected = run.weights("linear0.weight");
  run.s.write("m.net", std::string(kProgram) + R"(
optimizer heavy_ball(friction = 0.5)(weight, slope, rate, t) {
  state speed = 0.0
  speed = (1 - friction) * speed + slope + 0.01 * weight
  return weight - rate * speed
}
)");
  auto r = run.train(
      {"epochs=3", "optimizer=heavy_ball(friction = 0.1)", "accumulate=2", "batch=5", "ema=0.9"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto found = run.weights("linear0.weight");
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-12);
}

TEST(Settings, InputsAreNotCalledAsTheNumbersOfAStep) {
  Model run;
  std::string program = kProgram;
  for (size_t at = 0; (at = program.find("y", at)) != std::string::npos && at < 200; at += 4)
    if (program[at - 1] == ' ' && !isalpha(program[at + 1])) program.replace(at, 1, "step");
  run.s.write("m.net", program);
  auto r = run.train({});
  EXPECT_EQ(r.exit_code, 1) << r.err;
  EXPECT_NE(r.err.find("error[E0203]: an input cannot be called `step`"), std::string::npos)
      << r.err;
}

}  // namespace
}  // namespace netc::test
