// Mistakes on the command line, the forms of diagnostics, and warnings.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

TEST(Mistakes, MistypedCommandsAndOptionsAreNamed) {
  Scratch s;
  s.example("neuron.net");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"tran", "neuron.net"}, "error: `tran` is not a command\n  = help: did you mean `train`?\n"},
      {{"train", "neuron.net", "--epoch", "3"},
       "error: `netc train` has no option `--epoch`\n  = help: did you mean `--epochs`?\n"},
      {{"train", "neuron.net", "--lr=0.1"},
       "error: `netc train` has no option `--lr`\n"
       "  = help: settings are changed with `--set train.lr=VALUE`\n"},
      {{"train", "neuron.net", "--batch-size", "3"},
       "error: `netc train` has no option `--batch-size`\n"
       "  = help: settings are changed with `--set train.batch=VALUE`\n"},
      {{"check", "neuron.net", "two.net"},
       "error: `netc check` takes one file, and `two.net` is one more argument\n"
       "  = help: `netc check --help` lists what it takes\n"}};
  for (const auto& [arguments, expected] : cases) {
    const auto r = s.netc(arguments);
    EXPECT_EQ(r.exit_code, 2) << expected;
    EXPECT_EQ(r.err, expected);
    EXPECT_EQ(r.out, "");
  }
}

TEST(Mistakes, WhatWasMeantIsSaid) {
  const std::string head = "model m {\n  input x: [batch, 4]\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {head + "  output p = x |> Linear(2, 4)\n}\n",
       "perhaps the sizes stand the wrong way round: `Linear(4, 2)`"},
      {head + "  output p = x |> dropout(0.5)\n}\n", "as a layer it is `|> Dropout(0.5)`"},
      {head + "  parm w: [4] = zeros()\n}\n", "did you mean `param`?"},
      {"model m:\n  input x: [batch, 4]\n", "bodies stand in braces: `model m { … }`"},
      {head + "  output p = Linear(4, 1)(x)\n  loss mean(p)\n}\ntrain { optimizer = SGD }\n",
       "write `optimizer = sgd()`"},
      {head + "  output p = x\n}\ndata csv(points.csv, x = col(0))\n", "write `\"points.csv\"`"},
      {head + "  output p = x\n}\ndata csv(\"points.csv\", x = \"weight\")\n",
       "write `x = col(\"weight\")`"}};
  Scratch s;
  for (const auto& [program, help] : cases) {
    s.write("m.net", program);
    const auto r = s.netc({"check", "m.net"});
    EXPECT_EQ(r.exit_code, 1) << program;
    EXPECT_NE(r.err.find("= help: " + help), std::string::npos) << program << r.err;
  }
}

TEST(Mistakes, ExplainKnowsForeignNamesAndWords) {
  Scratch s;
  EXPECT_NE(s.netc({"explain", "view"}).err.find("`view` is called `reshape`"), std::string::npos);
  EXPECT_NE(s.netc({"explain", "param"}).out.find("param w: [784, 10]"), std::string::npos);
  EXPECT_EQ(s.netc({"explain", "nonsense"}).exit_code, 2);
  EXPECT_EQ(s.netc({"help", "train"}).out, s.netc({"train", "--help"}).out);
  EXPECT_EQ(s.netc({"help"}).out, s.netc({"--help"}).out);
}

TEST(Mistakes, CodeForAnotherCpuIsNotRun) {
  if (__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "this CPU runs every level";
  Scratch s;
  s.example("neuron.net");
  const auto r = s.netc({"train", "neuron.net", "--cpu", "avx512", "-o", "run"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("this CPU does not run avx512 code"), std::string::npos) << r.err;
  EXPECT_FALSE(std::filesystem::exists(s.path("run")));
  EXPECT_EQ(s.netc({"dump", "neuron.net", "--stage=asm", "--cpu", "avx512"}).exit_code, 0);
}

TEST(Mistakes, EveryErrorTakesTheFormThatIsAskedFor) {
  Scratch s;
  s.write("m.net",
          "model m {\n  input x: [batch, 3]\n  output p = sofmax(x)\n  output q = rleu(x)\n"
          "  output r = tahn(x)\n}\n");
  s.example("mnist.net");
  std::filesystem::remove_all(s.path("data"));
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"check", "m.net"}, "E0201"},                         // the program's
      {{"check", "m.net", "--set", "train.epoch=3"}, "E0"},  // a setting's
      {{"train", "mnist.net", "-o", "run"}, "R0602"},        // the data's
      {{"check", "mnist.net", "--max-compile-time", "1e-6"}, "E0311"},
      {{"check", "m.net", "--no-such-option"}, ""},           // the command line's
      {{"eval", "mnist.net", "--weights", "none.st"}, "R06"}  // a file's
  };
  for (const auto& [arguments, code] : cases) {
    std::vector<std::string> command = arguments;
    command.insert(command.end(), {"--diagnostics=json", "--json"});
    const auto r = s.netc(command);
    EXPECT_NE(r.exit_code, 0);
    EXPECT_EQ(r.out, "");
    for (const std::string& line : lines(r.err)) {
      const json j = json::parse(line, nullptr, false);
      ASSERT_TRUE(j.is_object()) << arguments[0] << ": " << r.err;
      EXPECT_EQ(j["severity"], "error");
      EXPECT_EQ(j["code"].get<std::string>().rfind(code, 0), 0u) << line;
    }
    command[command.size() - 2] = "--diagnostics=short";
    for (const std::string& line : lines(s.netc(command).err))
      EXPECT_NE(line.find("error"), std::string::npos) << line;
  }
  auto r = s.netc({"check", "m.net", "--diagnostics=short", "--max-errors", "2"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_EQ(lines(r.err).size(), 3u) << r.err;
  EXPECT_NE(r.err.find("1 more error not shown (`--max-errors N` shows more)"), std::string::npos);
}

TEST(Mistakes, ATestFractionIsToldOfWhatThereIs) {
  Scratch s;
  s.write("m.net", "train { test = 0.3 }\n");
  const auto r = s.netc({"check", "m.net"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("`valid = 0.1` keeps records"), std::string::npos) << r.err;
}

TEST(Mistakes, WarningsChangeNoExitCode) {
  Scratch s;
  s.write("m.net",
          "model m {\n  input image: u8[batch, 4]\n  input label: u8[batch]\n"
          "  param unused: [3] = zeros()\n  output p = softmax(Linear(4, 3)(float(image)))\n"
          "  loss cross_entropy(p, label)\n}\n");
  auto r = s.netc({"check", "m.net", "--diagnostics=short"});
  EXPECT_EQ(r.exit_code, 0);
  for (const char* code : {"W0210", "W0312", "W0401", "W0407"})
    EXPECT_NE(r.err.find("warning[" + std::string(code) + "]"), std::string::npos) << r.err;
  EXPECT_EQ(s.netc({"check", "m.net", "-q"}).err, "");
}

TEST(Mistakes, ExamplesAreCheckedWithoutAWord) {
  for (const std::string& name : example_names()) {
    Scratch s;
    s.example(name, 20, 10);
    auto r = s.netc({"check", name});
    EXPECT_EQ(r.exit_code, 0) << name;
    EXPECT_EQ(r.err, "") << name;
  }
}

}  // namespace
}  // namespace netc::test
