// Training as a user runs it: reproducible to the bit, resumable, interruptible, evaluated alike.
#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "runtime/data/loaders.h"
#include "runtime/safetensors.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

json last_event(const ProcessResult& r, const std::string& event) {
  json found;
  for (const std::string& line : lines(r.out)) {
    json j = json::parse(line, nullptr, false);
    if (!j.is_discarded() && j.value("event", "") == event) found = j;
  }
  return found;
}

TEST(Train, AnyNumberOfThreadsGivesTheSameBits) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  std::string first;
  for (int threads = 1; threads <= 4; ++threads) {
    std::string run = "run" + std::to_string(threads);
    auto r = s.netc(
        {"train", "mnist.net", "-o", run, "--epochs", "2", "--threads", std::to_string(threads)});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    std::string weights = s.read(run + "/last.safetensors");
    ASSERT_FALSE(weights.empty());
    if (first.empty()) first = weights;
    EXPECT_EQ(weights, first) << threads << " threads";
  }
}

TEST(Train, TheBatchMayHaveAnyName) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  const std::string text = s.read("mnist.net");
  s.write("rows.net", std::regex_replace(text, std::regex("\\[batch"), "[rows"));
  for (const char* name : {"mnist", "rows"}) {
    const auto r = s.netc({"train", std::string(name) + ".net", "-o", name, "--epochs", "1"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
  }
  EXPECT_EQ(s.read("rows/last.safetensors"), s.read("mnist/last.safetensors"));
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"gradcheck", "rows.net", "--samples", "4"},
        {"bench", "rows.net", "--min-time", "0s"},
        {"eval", "rows"}}) {
    const auto r = s.netc(command);
    EXPECT_EQ(r.exit_code, 0) << command[0] << r.err;
  }
  // What people read has the name that they wrote.
  EXPECT_THAT(s.netc({"dump", "rows.net", "--stage=backward"}).out, testing::HasSubstr("[rows"));
}

TEST(Train, ResumedEqualsUninterrupted) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "whole", "--epochs", "3"}).exit_code, 0);
  // 5 steps an epoch: stopped in the middle of the second.
  auto part = s.netc({"train", "mnist.net", "-o", "parts", "--epochs", "3", "--steps", "7"});
  ASSERT_EQ(part.exit_code, 0) << part.err;
  // The figures of the test records are not those of the weights in the middle of the second epoch.
  const std::string summary = lines(part.out).back();
  EXPECT_THAT(summary, testing::MatchesRegex("test  loss [0-9.]+  accuracy [0-9.]+  of epoch 1   "
                                             "train  loss [0-9.]+  accuracy [0-9.]+  so far in "
                                             "epoch 2   1 epoch, .* stopped after step 7"));
  EXPECT_THAT(part.err, testing::HasSubstr("go on with `netc train --resume parts`\n"));
  EXPECT_NE(s.read("parts/last.safetensors"), s.read("whole/last.safetensors"));
  auto rest = s.netc({"train", "mnist.net", "--resume", "parts"});
  ASSERT_EQ(rest.exit_code, 0) << rest.err;
  EXPECT_EQ(s.read("parts/last.safetensors"), s.read("whole/last.safetensors"));
}

TEST(Train, EqualRunsLeaveEqualCheckpoints) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  for (const char* run : {"a", "b"}) {
    // 5 steps an epoch: stopped in the middle of the second.
    const auto r = s.netc({"train", "mnist.net", "-o", run, "--epochs", "3", "--steps", "7"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
  }
  EXPECT_EQ(s.read("a/last.state"), s.read("b/last.state"));
  // The rate of the rest of the epoch is of what was trained on in its time.
  ASSERT_EQ(s.netc({"train", "--resume", "a"}).exit_code, 0);
  json epoch;
  for (const std::string& line : lines(s.read("a/metrics.jsonl")))
    if (const json j = json::parse(line); j["event"] == "epoch" && j["epoch"] == 2) epoch = j;
  ASSERT_TRUE(epoch.is_object());
  EXPECT_LE(epoch["samples_per_second"].get<double>() * epoch["step_seconds"].get<double>(), 172);
}

TEST(Train, WeightsThatWereNotWrittenYetComeFromTheCheckpoint) {
  Scratch s;
  s.example("mnist.net", 200, 50);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "run/", "--epochs", "1"}).exit_code, 0);
  const std::string weights = s.read("run/last.safetensors");
  std::filesystem::remove(s.path("run/last.safetensors"));
  s.npy_u8("x.npy", {1, 28, 28}, 255);
  for (const std::vector<std::string>& command : {std::vector<std::string>{"eval", "run/"},
                                                  {"predict", "run", "--in", "image=x.npy"},
                                                  {"eval", "mnist.net", "--weights", "run"}}) {
    const auto r = s.netc(command);
    EXPECT_EQ(r.exit_code, 3);
    EXPECT_THAT(r.err, testing::StartsWith("error[R0604]: there are no weights in `run`\n"));
    EXPECT_THAT(r.err, testing::HasSubstr("`netc train --resume run --steps 0` writes it\n"));
  }
  // What a killed process left goes as well.
  s.write("run/last.state.1.tmp.123", "half");
  ASSERT_EQ(s.netc({"train", "--resume", "run", "--steps", "0"}).exit_code, 0);
  EXPECT_EQ(s.read("run/last.safetensors"), weights);
  EXPECT_FALSE(s.exists("run/last.state.1.tmp.123"));
  EXPECT_EQ(s.netc({"eval", "run"}).exit_code, 0);
}

TEST(Train, PathsAreShownWithOneSlash) {
  Scratch s;
  s.example("two_layer.net");
  auto r = s.netc({"train", "two_layer.net", "-o", "fit//", "--epochs", "1"});
  EXPECT_THAT(r.out, testing::HasSubstr("saved fit/last.safetensors"));
  r = s.netc({"train", "two_layer.net", "-o", "fit/", "--steps", "1"});
  EXPECT_THAT(r.err, testing::HasSubstr("the run that was in fit is now in fit.1\n"));
  EXPECT_THAT(r.err, testing::HasSubstr("go on with `netc train --resume fit`\n"));
  r = s.netc({"train", "--resume", "fit/", "--steps", "1"});
  EXPECT_THAT(r.err, testing::HasSubstr("go on with `netc train --resume fit`\n"));
}

TEST(Train, ResumeRefusesAnotherModel) {
  Scratch s;
  s.example("mnist.net", 100, 30);
  s.example("two_layer.net");
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "run", "--epochs", "1"}).exit_code, 0);
  auto r = s.netc({"train", "two_layer.net", "--resume", "run", "--epochs", "2"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("`mnist`"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("`two_layer`"), std::string::npos) << r.err;
  std::string wider = s.read("mnist.net");
  const size_t at = wider.find("Linear(784, 128)");
  ASSERT_NE(at, std::string::npos);
  wider.replace(at, 16, "Linear(784, 64)");
  wider.replace(wider.find("Linear(128, 10)"), 15, "Linear(64, 10)");
  s.write("wider.net", wider);
  r = s.netc({"train", "wider.net", "--resume", "run", "--epochs", "2"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("other parameters"), std::string::npos) << r.err;
  EXPECT_EQ(s.netc({"train", "mnist.net", "--resume", "run", "--epochs", "2"}).exit_code, 0);
}

TEST(Train, EpochsIsTheTotalWhenResuming) {
  Scratch s;
  s.example("mnist.net", 200, 50);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "whole", "--epochs", "4"}).exit_code, 0);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "parts", "--epochs", "2"}).exit_code, 0);
  auto more = s.netc({"train", "mnist.net", "--resume", "parts", "--epochs", "4"});
  ASSERT_EQ(more.exit_code, 0) << more.err;
  EXPECT_EQ(s.read("parts/last.safetensors"), s.read("whole/last.safetensors"));
}

TEST(Train, AFinishedRunIsLeftAsItIs) {
  Scratch s;
  s.example("two_layer.net");
  ASSERT_EQ(s.netc({"train", "two_layer.net", "-o", "run", "--epochs", "2"}).exit_code, 0);
  std::map<std::string, std::string> before;
  for (const char* file : {"config.net", "metrics.jsonl", "metrics.csv", "last.state",
                           "last.state.1", "last.safetensors"})
    before[file] = s.read(std::string("run/") + file);
  for (const char* epochs : {"2", "1"}) {
    const auto r = s.netc({"train", "--resume", "run", "--epochs", epochs});
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(r.out, "already finished: 2 epochs   saved run/last.safetensors\n");
    EXPECT_THAT(r.err, testing::HasSubstr("`netc train --resume run --epochs N`, N more than 2\n"));
    EXPECT_THAT(r.err, testing::Not(testing::HasSubstr("resuming")));
    for (const auto& [file, text] : before) EXPECT_EQ(s.read("run/" + file), text) << file;
  }
  // A run directory in place of a program.
  const auto r = s.netc({"train", "run"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_THAT(r.err, testing::HasSubstr("`netc train --resume run` goes on with it"));
}

TEST(Train, LearnsAndEvalSaysTheSame) {
  Scratch s;
  s.example("mnist.net", 640, 100);
  auto r = s.netc({"train", "mnist.net", "-o", "run", "--epochs", "6", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  json epoch = last_event(r, "epoch");
  EXPECT_EQ(epoch["epoch"], 6);
  EXPECT_GT(epoch["test"]["accuracy"].get<double>(), 0.9);
  EXPECT_TRUE(epoch["train"].contains("loss"));
  EXPECT_TRUE(epoch.contains("lr"));
  EXPECT_TRUE(epoch.contains("seconds"));
  EXPECT_FALSE(last_event(r, "start").is_null());
  EXPECT_EQ(last_event(r, "end")["train"], epoch["train"]);
  EXPECT_EQ(last_event(r, "end")["test"], epoch["test"]);

  auto eval = s.netc({"eval", "run", "--json"});
  ASSERT_EQ(eval.exit_code, 0) << eval.err;
  EXPECT_EQ(json::parse(eval.out)["accuracy"], epoch["test"]["accuracy"]);
  EXPECT_EQ(json::parse(eval.out)["loss"], epoch["test"]["loss"]);
  auto named = s.netc({"eval", "mnist.net", "--weights", "run/last.safetensors", "--json"});
  EXPECT_EQ(named.out, eval.out);
}

TEST(Train, PlainOutputIsOneLineAnEpoch) {
  Scratch s;
  s.example("mnist.net", 128, 32);
  auto r = s.netc({"train", "mnist.net", "-o", "run", "--epochs", "2"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  auto out = lines(r.out);
  ASSERT_EQ(out.size(), 3u) << r.out;
  EXPECT_EQ(out[0].rfind("epoch 1/2 loss ", 0), 0u) << out[0];
  EXPECT_NE(out[1].find(" test_accuracy "), std::string::npos) << out[1];
  EXPECT_EQ(out[2].rfind("test  loss ", 0), 0u) << out[2];
  EXPECT_EQ((r.out + r.err).find('\r'), std::string::npos);
  for (char c : r.out + r.err) EXPECT_GE(c, 0) << "not ASCII: " << r.out + r.err;
}

TEST(Train, QuietWritesNothingOnStderr) {
  Scratch s;
  s.example("mnist.net", 128, 32);
  auto r = s.netc({"train", "mnist.net", "-o", "run", "--epochs", "1", "-q"});
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_EQ(r.err, "");
}

TEST(Train, RunDirectoryHoldsWhatItShould) {
  Scratch s;
  s.example("mnist_modules.net", 200, 50);
  auto r = s.netc({"train", "mnist_modules.net", "--epochs", "2", "--set", "hidden=16"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  for (const char* file : {"config.net", "metrics.jsonl", "metrics.csv", "last.state",
                           "last.safetensors", "best.safetensors"}) {
    EXPECT_TRUE(s.exists(std::string("runs/digits-1/") + file)) << file;
  }
  EXPECT_NE(s.read("runs/digits-1/config.net").find("let hidden = 16"), std::string::npos);
  // Its paths are rewritten for its folder: it is a program of its own.
  EXPECT_EQ(s.netc({"train", "runs/digits-1/config.net", "-o", "again"}).exit_code, 0);
  EXPECT_EQ(s.read("again/last.safetensors"), s.read("runs/digits-1/last.safetensors"));
  EXPECT_EQ(s.netc({"train", "mnist_modules.net", "--epochs", "1", "--set", "hidden=16"}).exit_code,
            0);
  EXPECT_TRUE(s.exists("runs/digits-2/last.state"));
}

TEST(Train, ANewRunNeverReplacesAnother) {
  Scratch s;
  s.example("two_layer.net");
  ASSERT_EQ(s.netc({"train", "two_layer.net", "-o", "run", "--epochs", "1"}).exit_code, 0);
  const std::string weights = s.read("run/last.safetensors");
  auto r = s.netc({"train", "two_layer.net", "-o", "run", "--epochs", "2"});
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_THAT(r.err, testing::HasSubstr("the run that was in run is now in run.1\n"));
  EXPECT_EQ(s.read("run.1/last.safetensors"), weights);
  EXPECT_NE(s.read("run/last.safetensors"), weights);
  EXPECT_EQ(s.netc({"train", "--resume", "run.1", "--epochs", "2"}).exit_code, 0);
  EXPECT_EQ(s.read("run.1/last.safetensors"), s.read("run/last.safetensors"));
  // Nor a file of the user's that has the name of one of a run's.
  std::filesystem::create_directory(s.path("mine"));
  s.write("mine/config.net", s.read("two_layer.net"));
  r = s.netc({"train", "two_layer.net", "-o", "mine", "--epochs", "1"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_THAT(r.err, testing::HasSubstr("mine holds config.net, which no run has written"));
  EXPECT_EQ(s.read("mine/config.net"), s.read("two_layer.net"));
  // What stopped before there was anything to keep is tried again in the same place.
  EXPECT_EQ(s.netc({"train", "two_layer.net", "-o", "again", "--set", "train.batch=20", "--set",
                    "train.lr=1e30"})
                .exit_code,
            3);
  ASSERT_TRUE(s.exists("again/config.net"));
  ASSERT_FALSE(s.exists("again/last.state"));
  EXPECT_EQ(s.netc({"train", "two_layer.net", "-o", "again", "--epochs", "1"}).exit_code, 0);
  EXPECT_FALSE(s.exists("again.1"));
}

TEST(Train, LossThatIsNotFiniteStopsWithThree) {
  Scratch s;
  s.example("two_layer.net");
  auto r = s.netc({"train", "two_layer.net", "-o", "run", "--set", "train.lr=1e30"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("error[R06"), std::string::npos) << r.err;
}

TEST(Train, InterruptSavesAndExits130) {
  Scratch s;
  s.example("mnist.net", 400, 50);
  auto r =
      s.netc_interrupted({"train", "mnist.net", "-o", "run", "--epochs", "100000"}, "epoch 2/");
  EXPECT_EQ(r.exit_code, 130) << r.err;
  EXPECT_TRUE(s.exists("run/last.state"));
  EXPECT_THAT(
      lines(r.out).back(),
      testing::ContainsRegex("saved run/last.safetensors   interrupted after step [0-9]+$"));
  EXPECT_THAT(r.err, testing::HasSubstr("go on with `netc train --resume run`\n"));
  EXPECT_EQ(s.netc({"eval", "run"}).exit_code, 0);
}

TEST(Train, DamagedCheckpointFallsBackToTheOneBefore) {
  Scratch s;
  s.example("mnist.net", 200, 50);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "run", "--epochs", "2"}).exit_code, 0);
  ASSERT_EQ(s.netc({"train", "mnist.net", "--resume", "run", "--epochs", "3"}).exit_code, 0);
  ASSERT_TRUE(s.exists("run/last.state.1"));
  std::string state = s.read("run/last.state");
  state[state.size() / 2] = char(state[state.size() / 2] ^ 1);
  s.write("run/last.state", state);
  auto r = s.netc({"train", "mnist.net", "--resume", "run", "--epochs", "4"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.err.find("last.state"), std::string::npos) << r.err;
  s.write("run/last.state", "x");
  s.write("run/last.state.1", "y");
  EXPECT_EQ(s.netc({"train", "mnist.net", "--resume", "run", "--epochs", "5"}).exit_code, 3);
}

TEST(Train, StatesOfLayersAreCarriedAlong) {
  Scratch s;
  s.write("norm.net",
          "model norm {\n  input x: [batch, 3]\n  input y: [batch, 2]\n"
          "  output p = x |> BatchNorm(3) |> Linear(3, 2)\n  loss mse(p, y)\n}\n"
          "data random(n = 100, seed = 1)\n"
          "train { epochs = 3; batch = 33; lr = 0.1; optimizer = sgd() }\n");
  // The last batch of an epoch has one row.
  ASSERT_EQ(s.netc({"train", "norm.net", "-o", "whole"}).exit_code, 0);
  ASSERT_EQ(s.netc({"train", "norm.net", "-o", "parts", "--steps", "6"}).exit_code, 0);
  ASSERT_EQ(s.netc({"train", "norm.net", "--resume", "parts"}).exit_code, 0);
  EXPECT_EQ(s.read("whole/last.safetensors"), s.read("parts/last.safetensors"));
  const auto weights = runtime::read_safetensors(s.path("whole/last.safetensors"));
  ASSERT_NE(weights.find("batchnorm0.running_var"), nullptr);

  s.npy_f32("x.npy", {5, 3});
  s.npy_f32("y.npy", {5, 2}, 2);
  std::map<std::string, json> of_loss, of_step;
  for (auto& [entry, found] : {std::pair{"loss", &of_loss}, std::pair{"step", &of_step}}) {
    auto r = s.netc({"run", "norm.net", "--entry", entry, "--weights", "whole/last.safetensors",
                     "--in", "x=x.npy", "--in", "y=y.npy", "--json"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    for (const std::string& line : lines(r.out)) {
      const json j = json::parse(line);
      (*found)[j["name"]] = j["values"];
    }
  }
  // Training uses the batch's own mean and variance and gives the next running ones.
  EXPECT_NE(of_loss["loss"], of_step["loss"]);
  EXPECT_EQ(of_loss["p"], of_step["p"]);
  const json& mean = of_step["new_batchnorm0.running_mean"];
  const auto* before = weights.find("batchnorm0.running_mean");
  for (int c = 0; c < 3; ++c) {
    double sum = 0;
    const runtime::Tensor x = runtime::read_npy(s.path("x.npy"));
    for (int row = 0; row < 5; ++row) sum += x.number(3 * row + c);
    const double old = runtime::load_number(before->type, before->bytes.data() + 4 * c);
    EXPECT_NEAR(mean[size_t(c)].get<double>(), 0.9 * old + 0.1 * sum / 5, 1e-6);
  }
}

TEST(Train, EveryExampleTrainsAsPrinted) {
  for (const std::string& name : example_names()) {
    Scratch s;
    s.example(name, 600, 50);
    if (s.read(name).find("\ntrain ") == std::string::npos) continue;  // not for training
    auto r = s.netc({"train", name, "-o", "run", "--steps", "3"});
    EXPECT_EQ(r.exit_code, 0) << name << "\n" << r.err;
  }
}

}  // namespace
}  // namespace netc::test
