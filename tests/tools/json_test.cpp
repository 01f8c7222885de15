// `--json`: stdout is JSON lines whatever the command, and a training that has started ends.
#include <gmock/gmock.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/tools/shell.h"

namespace netc::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const char* const kTiny =
    "model tiny {\n  input x: [batch, 4]\n  input y: [batch]\n  param w: [4] = ones()\n"
    "  output p = x @ w\n  loss mse(p, y)\n}\n"
    "data random(n = 32, seed = 1)\n"
    "train { epochs = 4; batch = 8; lr = 0.01; optimizer = sgd() }\n";

/// Every line of stdout as an object; the test fails where one is none.
std::vector<json> objects(const std::string& out) {
  std::vector<json> list;
  for (const std::string& line : lines(out)) {
    list.push_back(json::parse(line, nullptr, false));
    EXPECT_TRUE(list.back().is_object()) << line;
  }
  return list;
}

TEST(Json, EveryCommandPrintsObjects) {
  Scratch s;
  s.write("tiny.net", kTiny);
  s.write("loose.net", "let  n=3\n");
  s.npy_f32("x.npy", {5, 4});
  const std::vector<std::vector<std::string>> commands = {
      {"train", "tiny.net", "-o", "run"},
      {"train", "tiny.net", "--print-config"},
      {"check", "tiny.net"},
      {"check", "-v", "tiny.net"},
      {"eval", "run", "--split", "train"},
      {"predict", "run", "--in", "x=x.npy"},
      {"run", "tiny.net", "--in", "x=x.npy"},
      {"bench", "tiny.net", "--min-time", "0"},
      {"gradcheck", "tiny.net", "--samples", "4"},
      {"diff", "tiny.net"},
      {"dump", "tiny.net"},
      {"dump", "tiny.net", "--stage=ast"},
      {"dump", "tiny.net", "--stage=asm"},
      {"dump", "tiny.net", "--stage=dot"},
      {"dump", "tiny.net", "--passes", "differentiate"},
      {"dump", "tiny.net", "--after", "differentiate"},
      {"dump", "tiny.net", "--after", "all"},
      {"dump", "tiny.net", "--after", "all", "--diff"},
      {"fmt", "tiny.net"},
      {"fmt", "loose.net"},
  };
  for (std::vector<std::string> command : commands) {
    command.push_back("--json");
    const ProcessResult r = s.netc(command);
    EXPECT_EQ(r.exit_code, 0) << command[0] << r.err;
    EXPECT_FALSE(objects(r.out).empty()) << command[0] << " " << command[2];
  }
}

TEST(Json, TextOfAStageIsTheTextThatIsPrintedWithoutIt) {
  Scratch s;
  s.write("tiny.net", kTiny);
  for (std::vector<std::string> command :
       std::vector<std::vector<std::string>>{{"dump", "tiny.net", "--stage=fused"},
                                             {"diff", "tiny.net"},
                                             {"train", "tiny.net", "--print-config"}}) {
    const std::string text = s.netc(command).out;
    command.push_back("--json");
    const json object = objects(s.netc(command).out).at(0);
    EXPECT_EQ(object["text"], text);
    EXPECT_EQ(object["stage"], command[0] == "dump"   ? "fused"
                               : command[0] == "diff" ? "backward"
                                                      : "ast");
  }
  // A file is what it is without --json, so that it can be read again.
  ASSERT_EQ(s.netc({"dump", "tiny.net", "-o", "d.net", "--json"}).out, "");
  EXPECT_EQ(s.netc({"check", "d.net"}).exit_code, 0);
}

TEST(Json, FormattingSaysWhatChanged) {
  Scratch s;
  s.write("m.net", "let  n=3\n");
  ProcessResult r = s.netc({"fmt", "--check", "m.net", "--json"});
  EXPECT_EQ(r.exit_code, 4);
  EXPECT_EQ(objects(r.out).at(0), json({{"file", "m.net"}, {"changed", true}}));
  r = s.netc({"fmt", "-", "--json"}, "let  n=3\n");
  EXPECT_EQ(r.exit_code, 0);
  EXPECT_EQ(objects(r.out).at(0),
            json({{"file", "<stdin>"}, {"changed", true}, {"text", "let n = 3\n"}}));
  EXPECT_EQ(objects(s.netc({"fmt", "m.net", "--json"}).out).at(0)["changed"], true);
  EXPECT_EQ(objects(s.netc({"fmt", "m.net", "--json"}).out).at(0)["changed"], false);
}

TEST(Json, ARunThatFailsEnds) {
  Scratch s;
  s.write("tiny.net", kTiny);
  // The loss grows until it is not finite, epochs after the first.
  ProcessResult r = s.netc({"train", "tiny.net", "-o", "run", "--json", "--set", "train.lr=1e7"});
  EXPECT_EQ(r.exit_code, 3);
  json end = objects(r.out).back();
  EXPECT_EQ(end["event"], "end") << r.out;
  EXPECT_EQ(end["reason"], "nonfinite");
  EXPECT_THAT(end["error"].get<std::string>(), HasSubstr("at step "));
  EXPECT_GT(end["steps"], 0);
  EXPECT_EQ(end["weights"].is_null(), !s.exists("run/last.safetensors"));
  EXPECT_EQ(json::parse(lines(s.read("run/metrics.jsonl")).back())["reason"], "nonfinite");

  r = s.netc({"train", "tiny.net", "-o", "early", "--json", "--set", "train.lr=1e38"});
  end = objects(r.out).back();
  EXPECT_EQ(end["reason"], "nonfinite");
  EXPECT_TRUE(end["weights"].is_null()) << end;
  EXPECT_FALSE(s.exists("early/last.safetensors"));
}

TEST(Json, ARunThatCannotSaveEnds) {
  Scratch s;
  s.example("mnist.net", 200, 50);
  const std::string out =
      shell(s, "ulimit -f 8; netc train mnist.net -o run --json -q 2>err; echo $?");
  const std::vector<std::string> text = lines(out);
  ASSERT_GE(text.size(), 2u) << out;
  EXPECT_EQ(text.back(), "3");
  const json end = json::parse(text[text.size() - 2], nullptr, false);
  ASSERT_TRUE(end.is_object()) << out;
  EXPECT_EQ(end["event"], "end");
  EXPECT_EQ(end["reason"], "error");
  EXPECT_THAT(end["error"].get<std::string>(), HasSubstr("run/last.state"));
  EXPECT_TRUE(end["weights"].is_null());
}

TEST(Json, AnInterruptedRunEnds) {
  Scratch s;
  s.example("mnist.net", 400, 50);
  const ProcessResult r = s.netc_interrupted(
      {"train", "mnist.net", "-o", "run", "--epochs", "100000", "--json"}, "\"epoch\":2,");
  EXPECT_EQ(r.exit_code, 130) << r.err;
  const json end = objects(r.out).back();
  EXPECT_EQ(end["event"], "end");
  EXPECT_EQ(end["reason"], "signal");
  EXPECT_EQ(end["weights"], "run/last.safetensors");
}

TEST(Json, ARunThatASecondSignalEndsSaysWhatIsKept) {
  Scratch s;
  s.example("mnist.net", 400, 50);
  // Both signals come before the program can go on with the step that the first lets it finish.
  const auto stopped = [&](const std::string& options, const std::string& when) {
    s.write("out", "");  // there for `grep` before the shell has begun the program
    return shell(s, "netc train mnist.net --epochs 100000 " + options +
                        " >out 2>err & p=$!; while ! grep -q '" + when +
                        "' out; do sleep 0.02; done; kill -STOP $p; kill -INT $p; kill -TERM $p; "
                        "kill -CONT $p; wait $p; echo $?");
  };
  EXPECT_THAT(stopped("-o run --json", "\"epoch\":3,"), testing::AnyOf("130\n", "143\n"));
  const json end = objects(s.read("out")).back();
  EXPECT_EQ(end,
            json({{"event", "end"}, {"reason", "killed"}, {"weights", "run/last.safetensors"}}));
  EXPECT_THAT(s.read("err"),
              HasSubstr("`netc train --resume run` goes on from the last checkpoint"));
  EXPECT_EQ(s.netc({"train", "--resume", "run", "--steps", "1"}).exit_code, 0);
  EXPECT_THAT(stopped("-o quiet -q", "epoch 3/"), testing::AnyOf("130\n", "143\n"));
  EXPECT_EQ(s.read("err"), "");
}

}  // namespace
}  // namespace netc::test
