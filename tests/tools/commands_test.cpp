// The commands around training: exit codes, streams, JSON shapes, suggestions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

TEST(Commands, HelpAndVersion) {
  Scratch s;
  auto help = s.netc({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.out.find("usage: netc <command> <file.net> [options]"), std::string::npos);
  EXPECT_EQ(s.netc({"--version"}).out.rfind("netc ", 0), 0u);
  EXPECT_EQ(s.netc({"train", "--help"}).exit_code, 0);
}

TEST(Commands, BadUsageIsTwo) {
  Scratch s;
  s.example("neuron.net");
  EXPECT_EQ(s.netc({}).exit_code, 2);
  EXPECT_EQ(s.netc({"tain", "neuron.net"}).exit_code, 2);
  EXPECT_EQ(s.netc({"check"}).exit_code, 2);
  EXPECT_EQ(s.netc({"check", "absent.net"}).exit_code, 2);
  EXPECT_EQ(s.netc({"check", "."}).exit_code, 2);
  EXPECT_EQ(s.netc({"check", "neuron.net", "--no-such-flag"}).exit_code, 2);
  EXPECT_EQ(s.netc({"check", "neuron.net", "--cpu", "z80"}).exit_code, 2);
  EXPECT_EQ(s.netc({"check", "neuron.net", "--model", "neurn"}).exit_code, 2);
}

TEST(Commands, ProgramErrorsAreOne) {
  Scratch s;
  s.write("bad.net", "model m {\n  input x: [batch, 3]\n  output p = sofmax(x)\n}\n");
  auto r = s.netc({"check", "bad.net"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("error[E0201]"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("bad.net:3:14"), std::string::npos) << r.err;
  EXPECT_EQ(r.out, "");
  auto brief = s.netc({"check", "bad.net", "--diagnostics=short"});
  EXPECT_EQ(brief.err.rfind("bad.net:3:14: error[E0201]: ", 0), 0u) << brief.err;
}

TEST(Commands, MistypedSettingIsTwoWithACaretInTheArgument) {
  Scratch s;
  s.example("neuron.net");
  auto r = s.netc({"check", "neuron.net", "--set", "train.learning_rate=3e-4"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("error[E0501]"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("<--set>:1:7"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("train.lr"), std::string::npos) << r.err;
}

TEST(Commands, MissingDataIsThree) {
  Scratch s;
  s.example("mnist.net");
  std::filesystem::remove_all(s.path("data"));
  auto r = s.netc({"train", "mnist.net", "-o", "run"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("error[R06"), std::string::npos) << r.err;
  EXPECT_FALSE(s.exists("run"));
}

TEST(Commands, CheckPrintsParameters) {
  Scratch s;
  s.example("two_layer.net");
  auto r = s.netc({"check", "-v", "two_layer.net"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("dense0.weight   f32[100, 50]   xavier_uniform    5,000"), std::string::npos)
      << r.out;
  EXPECT_NE(r.out.find("total 5,101"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("predict(x: f32[batch, 100]) -> p: f32[batch, 1]"), std::string::npos)
      << r.out;
  EXPECT_NE(r.out.find("step(x: f32[batch, 100], y: f32[batch, 1]) -> (loss: f32, gradients)\n"),
            std::string::npos)
      << r.out;
  auto j = s.netc({"check", "--json", "two_layer.net"});
  auto rows = lines(j.out);
  ASSERT_EQ(rows.size(), 4u) << j.out;
  EXPECT_EQ(json::parse(rows[0])["name"], "dense0.weight");
  EXPECT_EQ(json::parse(rows[0])["count"], 5000);
}

/// The files of the cache that Scratch gives its processes.
std::vector<std::string> cached_code(const Scratch& s) {
  std::vector<std::string> list;
  for (const auto& file : std::filesystem::directory_iterator(s.path("cache/netc")))
    list.push_back("cache/netc/" + file.path().filename().string());
  return list;
}

TEST(Commands, CompiledCodeIsKeptBetweenProcesses) {
  Scratch s;
  s.example("two_layer.net");
  s.npy_f32("x.npy", {7, 100});
  const std::vector<std::string> command{"run",     "-v",    "two_layer.net", "--in",
                                         "x=x.npy", "--out", "p.safetensors"};
  const std::string compiled = "kernels compiled in", cached = "kernels from the cache in";
  auto run = [&](const std::string& expected) {
    auto r = s.netc(command);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_NE(r.err.find(expected), std::string::npos) << r.err;
    return s.read("p.safetensors");
  };
  const std::string first = run(compiled);
  EXPECT_EQ(run(cached), first);
  ASSERT_EQ(cached_code(s).size(), 1u);

  // An entry that another build of netc, or nobody, wrote; a cache that cannot be written.
  s.write(cached_code(s)[0], "an entry of another version");
  EXPECT_EQ(run("is damaged: compiled again"), first);
  EXPECT_EQ(run(cached), first);
  std::filesystem::remove_all(s.path("cache"));
  s.write("cache", "not a folder");
  EXPECT_EQ(run(compiled), first);
}

TEST(Commands, FormatChecksAndFilters) {
  Scratch s;
  s.write("a.net", "let   x=1\n");
  EXPECT_EQ(s.netc({"fmt", "--check", "a.net"}).exit_code, 4);
  auto filtered = s.netc({"fmt", "-"}, "let   x=1\n");
  EXPECT_EQ(filtered.out, "let x = 1\n");
  EXPECT_EQ(s.netc({"fmt", "a.net"}).exit_code, 0);
  EXPECT_EQ(s.read("a.net"), "let x = 1\n");
  EXPECT_EQ(s.netc({"fmt", "--check", "a.net"}).exit_code, 0);
}

TEST(Commands, ExamplesAreFormatted) {
  Scratch s;
  for (const std::string& name : example_names()) {
    s.example(name);
    EXPECT_EQ(s.netc({"check", name}).exit_code, 0) << name;
  }
}

TEST(Commands, GradcheckPassesOnEveryExample) {
  for (const std::string& name : example_names()) {
    if (name == "mnist_mlp.net") continue;       // takes long; mnist_modules has the same layers
    if (name == "xavier_kaiming.net") continue;  // its point is that gradients vanish
    Scratch s;
    s.example(name);
    auto r = s.netc({"gradcheck", name, "--samples", "12"});
    EXPECT_EQ(r.exit_code, 0) << name << "\n" << r.out << r.err;
  }
}

TEST(Commands, FiftyLayersKeepTheirSignalWithKaimingOnly) {
  Scratch s;
  s.example("xavier_kaiming.net");
  s.npy_f32("x.npy", {200, 100});
  std::map<std::string, double> found;
  for (const char* seed : {"1", "2", "3"}) {
    auto r = s.netc({"run", "xavier_kaiming.net", "--in", "x=x.npy", "--seed", seed, "--json"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    for (const std::string& line : lines(r.out)) {
      const json j = json::parse(line);
      found[j["name"]] += std::log2(j["values"].get<double>()) / 3;
    }
  }
  // In powers of two; the ratio of the first two is √2 a layer, exactly in expectation.
  EXPECT_NEAR(found["kaiming"], -1.5, 2.5);
  EXPECT_NEAR(found["orthogonal"], -1.5, 2.5);
  EXPECT_NEAR(found["xavier"], -26.5, 2.5);
}

TEST(Commands, GradcheckFindsAWrongGradient) {
  Scratch s;
  s.write("ops.net",
          "fn my_relu(x: [...s]) -> [...s] {\n  y = where(0 > x, 0, x)\n  return y\n} grad (dy) {\n"
          "  return where(y > 0, dy, 0)\n}\n"
          "fn scale(x: [...s], k: float) -> [...s] {\n  return x * k\n} grad (dy) {\n"
          "  return dy * k, 0.6 * sum(dy * x)\n}\n");
  auto r = s.netc({"gradcheck", "ops.net"});
  EXPECT_EQ(r.exit_code, 4) << r.err;
  EXPECT_NE(r.out.find("d/dk"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("FAILED"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("gradcheck: 1 of 3 failed, exit 4"), std::string::npos) << r.out;
  EXPECT_EQ(s.netc({"gradcheck", "ops.net", "--fn", "my_relu"}).exit_code, 0);
  EXPECT_EQ(s.netc({"gradcheck", "ops.net", "--fn", "my_rellu"}).exit_code, 2);
}

TEST(Commands, GradcheckTakesDumpsOfEveryStage) {
  Scratch s;
  s.write("net.net",
          "model net {\n  input x: [batch, 6]\n  input y: [batch, 1]\n"
          "  output p = x |> Linear(6, 5) |> BatchNorm(5) |> tanh |> Dropout(0.3) |> Linear(5, 1)\n"
          "  loss mse(p, y)\n}\ndata random(n = 64, seed = 1)\n"
          "train { epochs = 1; batch = 16; optimizer = sgd() }\n");
  for (const char* stage : {"forward", "backward", "optimised", "fused", "plan"}) {
    s.netc({"dump", "net.net", "--stage", stage, "-o", "dump.net"});
    auto r = s.netc({"gradcheck", "dump.net"});
    EXPECT_EQ(r.exit_code, 0) << stage << "\n" << r.out << r.err;
    EXPECT_NE(r.out.find("gradcheck: 6 of 6 ok"), std::string::npos) << stage << "\n" << r.out;
  }
}

TEST(Commands, AValueThatTwoBranchesReadHasGradient0WhereNeitherIsTaken) {
  Scratch s;
  s.write("m.net",
          "model m {\n  input x: [batch]\n  s = sqrt(x)\n"
          "  output o = where(x > 0, s, 0) + where(x > 1, 2 * s, 0)\n  loss sum(o)\n}\n");
  s.write("in.npy", std::string("\x93NUMPY\x01\x00", 8) + std::string("\x46\x00", 2) +
                        "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }            \n" +
                        std::string("\x00\x00\x00\x00\x00\x00\x80\xbf\x00\x00\x80\x3e"
                                    "\x00\x00\x80\x40",
                                    16));  // 0 -1 0.25 4
  for (const char* backend : {"jit", "interp"}) {
    auto r = s.netc({"run", "m.net", "--entry", "step", "--wrt", "x", "--in", "x=in.npy", "--json",
                     "--backend", backend});
    EXPECT_NE(r.out.find("[0,0,1,0.75]"), std::string::npos) << backend << r.out << r.err;
  }
}

TEST(Commands, SizesThatStayOpenCanBeRunButNotTrained) {
  Scratch s;
  const std::string model =
      "model m {\n  input x: [batch, n]\n  param w: [1] = zeros()\n  output o = x * w\n"
      "  loss sum(o)\n}\n";
  s.write("m.net", model);
  EXPECT_EQ(s.netc({"check", "m.net"}).exit_code, 0);
  s.write("m.net", model + "data random(n = 8, seed = 1)\ntrain { epochs = 1 }\n");
  auto r = s.netc({"check", "m.net"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("error[E0313]: more than one size is open: batch, n\n --> m.net:2:"),
            std::string::npos)
      << r.err;
}

TEST(Commands, ARunOfOneOfSeveralModelsIsOfThatModel) {
  Scratch s;
  const std::string body =
      " {\n  input x: [batch, 2]\n  output p = Linear(2, 1)(x)\n  loss mean(square(p))\n}\n";
  s.write("two.net", "model a" + body + "model b" + body +
                         "data random(n = 8, seed = 1)\ntrain { epochs = 1; batch = 4 }\n");
  ASSERT_EQ(s.netc({"train", "two.net", "--model", "b", "-o", "run"}).exit_code, 0);
  EXPECT_EQ(s.netc({"eval", "run", "--split", "train"}).exit_code, 0);
  EXPECT_EQ(s.netc({"train", "--resume", "run", "--epochs", "2"}).exit_code, 0);
  EXPECT_EQ(s.read("run/config.net").find("model a"), std::string::npos);
}

TEST(Commands, PathsInConstantsAndUsedFilesAreFoundFromARun) {
  Scratch s;
  std::filesystem::create_directories(s.path("lib"));
  std::filesystem::create_directories(s.path("deep"));
  s.npy_f32("lib/w.npy", {2, 1});
  s.npy_f32("v.npy", {1});
  s.write("lib/lib.net",
          "layer Q(n)(x: [..., n]) -> [..., 1] {\n  param w: [n, 1] = load(\"w.npy\")\n"
          "  return x @ w\n}\n");
  s.write("m.net",
          "use \"lib/lib.net\"\nlet start = \"v.npy\"\nmodel m {\n  input x: [batch, 2]\n"
          "  param v: [1] = load(start)\n  output p = Q(2)(x) + v\n  loss mean(square(p))\n}\n"
          "data random(n = 8, seed = 1)\ntrain { epochs = 1; batch = 4 }\n");
  ASSERT_EQ(s.netc({"train", "m.net", "-o", "deep/run"}).exit_code, 0);
  auto r = s.netc({"train", "--resume", "deep/run", "--epochs", "2"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  ASSERT_EQ(s.netc({"dump", "m.net", "--stage", "ast", "-o", "deep/b.net"}).exit_code, 0);
  r = s.netc({"train", "deep/b.net", "-o", "deep/again"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
}

TEST(Commands, GradcheckTakesFunctionsOfStdAndSkipsNone) {
  Scratch s;
  s.write("ops.net",
          "fn gate(x: [...s], y: [...s]) -> [...s] {\n  return x * y\n} grad (dy) {\n"
          "  return dy * y, None\n}\n"
          "fn both(x: [...s], y: [...s]) -> (p: [...s], q: [...s]) {\n  p = x * y\n  q = x + y\n"
          "  return p, q\n} grad (dp, dq) {\n  return dp * y + dq, dp * x + dq\n}\n");
  auto own = s.netc({"gradcheck", "ops.net"});
  EXPECT_EQ(own.exit_code, 0) << own.out << own.err;
  EXPECT_NE(own.out.find("gradcheck: 3 of 3 ok"), std::string::npos) << own.out;
  for (const char* name : {"softmax", "log_softmax", "sigmoid", "softplus", "gelu", "silu", "elu",
                           "leaky_relu", "relu", "mse", "huber", "bce_with_logits"}) {
    auto r = s.netc({"gradcheck", "ops.net", "--fn", name});
    EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
  }
}

TEST(Commands, RunWritesOutputsLossAndGradients) {
  Scratch s;
  s.example("two_layer.net");
  s.npy_f32("x.npy", {5, 100});
  s.npy_f32("y.npy", {5, 1}, 3);
  auto predict = s.netc({"run", "two_layer.net", "--in", "x=x.npy", "--json"});
  ASSERT_EQ(predict.exit_code, 0) << predict.err;
  json p = json::parse(predict.out);
  EXPECT_EQ(p["name"], "p");
  EXPECT_EQ(p["shape"], json::array({5, 1}));
  auto step = s.netc({"run", "two_layer.net", "--entry", "step", "--in", "x=x.npy", "--in",
                      "y=y.npy", "--wrt", "x", "--json"});
  ASSERT_EQ(step.exit_code, 0) << step.err;
  std::vector<std::string> names;
  for (const std::string& line : lines(step.out)) names.push_back(json::parse(line)["name"]);
  for (const char* name : {"p", "loss", "grad.dense0.weight", "grad.dense1.bias", "grad.x"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name << "\n" << step.out;
  EXPECT_EQ(s.netc({"run", "two_layer.net", "--entry", "step", "--in", "x=x.npy"}).exit_code, 2);
  EXPECT_EQ(s.netc({"run", "two_layer.net", "--in", "x=absent.npy"}).exit_code, 3);
}

TEST(Commands, RunNamesTheRecordOfAWrongLabel) {
  Scratch s;
  s.example("mnist.net");
  s.npy_u8("image.npy", {4, 28, 28}, 256);
  s.npy_u8("label.npy", {4}, 200);
  auto r = s.netc({"run", "mnist.net", "--entry", "loss", "--in", "image=image.npy", "--in",
                   "label=label.npy"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("label.npy: record "), std::string::npos) << r.err;
  // The label is declared: entry points that do not need it take it all the same.
  EXPECT_EQ(
      s.netc({"run", "mnist.net", "--in", "image=image.npy", "--in", "label=label.npy"}).exit_code,
      0);
}

TEST(Commands, BadValuesOnTheCommandLineAreTwo) {
  Scratch s;
  s.example("neuron.net");
  EXPECT_EQ(s.netc({"check", "neuron.net", "--seed", "99999999999999999999999"}).exit_code, 2);
  EXPECT_EQ(s.netc({"dump", "neuron.net", "--model", "nosuch"}).exit_code, 2);
  for (const auto& [option, value] : {std::pair{"--max-source", "-1"},
                                      {"--max-memory", "99999999999999999999"},
                                      {"--max-compile-time", "0"},
                                      {"--samples", "0"},
                                      {"--eps", "-1"}}) {
    auto r = s.netc({"gradcheck", "neuron.net", option, value});
    EXPECT_EQ(r.exit_code, 2) << option;
    EXPECT_NE(r.err.find(value), std::string::npos) << r.err;
    EXPECT_LT(r.err.size(), 200u) << r.err;
  }
  s.write("w.safetensors", "x");
  EXPECT_EQ(s.netc({"eval", "neuron.net", "--weights", "w.safetensors", "--data", "nosuch(\"x\")"})
                .exit_code,
            2);
}

TEST(Commands, PredictReadsJsonLines) {
  Scratch s;
  s.write("tiny.net",
          "model tiny {\n  input x: [batch, 2]\n  param w: [2, 1] = const(1.5)\n"
          "  output p = x @ w\n  loss mean(p)\n}\n"
          "data random(n = 8, seed = 1)\n"
          "train { epochs = 1; batch = 4; lr = 0.0; optimizer = sgd() }\n");
  ASSERT_EQ(s.netc({"train", "tiny.net", "-o", "run"}).exit_code, 0);
  auto r = s.netc({"predict", "run", "--in", "-"}, "{\"x\":[1,2]}\n{\"x\":[-1,0.5]}\n");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out, "{\"p\":[4.5]}\n{\"p\":[-0.75]}\n");
  EXPECT_EQ(s.netc({"predict", "run", "--in", "-"}, "{\"y\":[1,2]}\n").exit_code, 3);
}

TEST(Commands, PredictRefusesNumbersThatTheTypeCannotHold) {
  Scratch s;
  s.write("pixels.net",
          "model pixels {\n  input x: u8[batch, 2]\n  param w: [2] = ones()\n"
          "  output p = sum(float(x) * w, 1)\n  loss mean(p)\n}\n"
          "data random(n = 8, seed = 1)\n"
          "train { epochs = 1; batch = 4; lr = 0.0; optimizer = sgd() }\n");
  ASSERT_EQ(s.netc({"train", "pixels.net", "-o", "run"}).exit_code, 0);
  EXPECT_EQ(s.netc({"predict", "run", "--in", "-"}, "{\"x\":[0,255]}\n").out, "{\"p\":255}\n");
  for (const char* number : {"256", "-1", "1.5", "1e30"}) {
    auto r = s.netc({"predict", "run", "--in", "-"}, fmt::format("{{\"x\":[{},0]}}\n", number));
    EXPECT_EQ(r.exit_code, 3) << number;
    EXPECT_NE(r.err.find("is u8, which cannot be "), std::string::npos) << r.err;
  }
}

TEST(Commands, PlanWithAnOffsetBeyondAnyMemoryIsRefused) {
  Scratch s;
  s.write("tiny.net",
          "model tiny {\n  input x: [batch, 2]\n  param w: [2, 1] = ones()\n"
          "  output p = x @ w\n  loss mean(p)\n}\n");
  auto plan = s.netc({"dump", "tiny.net", "--stage=plan"});
  ASSERT_EQ(plan.exit_code, 0) << plan.err;
  s.npy_f32("x.npy", {4, 2});
  const size_t at = plan.out.find("@ arena + ") + 10;
  for (const char* offset : {"9223372036854775807", "140737488355328", "64 ld 140737488355328"}) {
    std::string edited = plan.out;
    edited.replace(at, edited.find_first_not_of("0123456789", at) - at, offset);
    s.write("edited.net", edited);
    for (const char* backend : {"jit", "interp"}) {
      auto r = s.netc({"run", "edited.net", "--in", "x=x.npy", "--backend", backend});
      EXPECT_TRUE(r.exit_code == 1 || r.exit_code == 3) << offset << ": " << r.err;
    }
  }
}

TEST(Commands, EvalExpectations) {
  Scratch s;
  s.example("mnist.net", 128, 32);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "run", "--epochs", "1"}).exit_code, 0);
  EXPECT_EQ(s.netc({"eval", "run", "--expect", "accuracy>=0"}).exit_code, 0);
  EXPECT_EQ(s.netc({"eval", "run", "--expect", "accuracy > 1"}).exit_code, 4);
  EXPECT_EQ(s.netc({"eval", "run", "--expect", "acuracy>=0"}).exit_code, 2);
  EXPECT_EQ(s.netc({"eval", "run", "--expect", "accuracy"}).exit_code, 2);
  EXPECT_EQ(s.netc({"eval", "mnist.net"}).exit_code, 2);
  EXPECT_EQ(s.netc({"eval", "mnist.net", "--weights", "run"}).out, s.netc({"eval", "run"}).out);
  std::filesystem::resize_file(s.path("run/last.safetensors"), 2000);
  const auto cut = s.netc({"eval", "run"});
  EXPECT_EQ(cut.exit_code, 3);
  EXPECT_NE(cut.err.find("run/last.safetensors: is truncated"), std::string::npos) << cut.err;
  EXPECT_EQ(s.netc({"eval", "mnist.net", "--weights", "absent.safetensors"}).exit_code, 3);
}

TEST(Commands, BenchReportsFigures) {
  Scratch s;
  s.example("two_layer.net");
  auto r = s.netc({"bench", "two_layer.net", "--min-time", "50ms", "--json", "--save", "f.json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  json j = json::parse(r.out);
  for (const char* key : {"model", "entry", "batch", "threads", "median_us", "mean_us", "min_us",
                          "runs", "gflops", "compile_ms", "arena_bytes"})
    EXPECT_TRUE(j.contains(key)) << key;
  EXPECT_EQ(j["entry"], "train");
  EXPECT_EQ(j["batch"], 200);
  s.write("fast.json", "{\"median_us\": 0.001}");
  EXPECT_EQ(
      s.netc({"bench", "two_layer.net", "--min-time", "10ms", "--compare", "fast.json"}).exit_code,
      4);
  EXPECT_EQ(s.netc({"bench", "two_layer.net", "--min-time", "soon"}).exit_code, 2);
  r = s.netc(
      {"bench", "two_layer.net", "--batch", "10", "--min-time", "10ms", "--compare", "f.json"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("`f.json` is of batch 200, this is of 10"), std::string::npos) << r.err;
}

TEST(Commands, BenchTimesEachKernelBesideTheLimitsOfTheMachine) {
  Scratch s;
  s.example("two_layer.net");
  auto r = s.netc({"bench", "two_layer.net", "--min-time", "0", "--per-kernel", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  std::vector<json> lines;
  std::istringstream text(r.out);
  for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
  ASSERT_GE(lines.size(), 5u);
  EXPECT_EQ(lines[0]["runs"], 1);
  EXPECT_GT(lines[1]["peak_gflops"], 0);
  EXPECT_GT(lines[1]["bandwidth_gbytes_per_s"], 0);
  bool has_product = false;
  std::set<std::string> names;
  for (size_t i = 2; i + 2 < lines.size(); ++i) {
    EXPECT_TRUE(names.insert(lines[i]["kernel"]).second) << lines[i]["kernel"];
    EXPECT_TRUE(lines[i].contains("phase") && lines[i].contains("stores")) << lines[i];
    EXPECT_TRUE(lines[i].contains("percent_of_peak") && lines[i].contains("percent_of_bandwidth"));
    has_product |= lines[i]["gflops"] > 0 && lines[i].contains("place") &&
                   lines[i].value("source", "").find("Dense(100, 50)") != std::string::npos;
  }
  EXPECT_TRUE(has_product);
  EXPECT_EQ(lines[lines.size() - 2]["kernel"], "between");
  EXPECT_EQ(lines.back()["kernel"], "total");

  auto table = s.netc({"bench", "two_layer.net", "--min-time", "10ms", "--per-kernel"});
  ASSERT_EQ(table.exit_code, 0) << table.err;
  for (const char* word : {"GFLOP/s", "% peak", "% memory", "memory bandwidth", "between", "total"})
    EXPECT_NE(table.out.find(word), std::string::npos) << word << "\n" << table.out;
  EXPECT_NE(table.out.find("output p = x |> Dense(100, 50)"), std::string::npos) << table.out;
}

}  // namespace
}  // namespace netc::test
