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

TEST(Mistakes, EveryErrorTakesTheFormThatIsAskedFor) {
  Scratch s;
  s.write("m.net",
          "model m {\n  input x: [batch, 3]\n  output p = sofmax(x)\n  output q = rleu(x)\n"
          "  output r = tahn(x)\n}\n");
  s.example("mnist.net");
  std::filesystem::remove_all(s.path("data"));
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"check", "m.net"}, "E0201"},                          // the program's
      {{"check", "m.net", "--set", "train.epoch=3"}, "E0"},   // a setting's
      {{"train", "mnist.net", "-o", "run"}, "R0602"},         // the data's
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
