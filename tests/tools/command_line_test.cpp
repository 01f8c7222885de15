// What the page on the command line promises of all commands: help, suggestions, limits, colour,
// streams, events as JSON, the documents that netc writes about itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>

#include "tests/tools/shell.h"

namespace netc::test {
namespace {

using nlohmann::json;

const char* const kTiny =
    "model tiny {\n  input x: [batch, 4]\n  input y: [batch]\n  param w: [4] = ones()\n"
    "  output p = x @ w\n  loss mse(p, y)\n  metric worst = max(abs(p - y))\n}\n"
    "data random(n = 32, seed = 1)\n"
    "train { epochs = 2; batch = 8; lr = 0.01; optimizer = sgd() }\n";

std::string repository_file(const std::string& name) {
  std::ifstream in(std::string(NETC_SOURCE_DIR "/") + name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(CommandLine, HelpListsEveryCommandAndEveryCommandItsOptions) {
  Scratch s;
  const std::string help = s.netc({"--help"}).out;
  for (const char* command : {"train", "eval", "predict", "run", "bench", "diff", "check",
                              "gradcheck", "dump", "fmt", "explain", "completions"}) {
    EXPECT_NE(help.find(std::string("  ") + command + " "), std::string::npos) << command;
    const ProcessResult own = s.netc({command, "--help"});
    EXPECT_EQ(own.exit_code, 0) << command;
    EXPECT_EQ(own.out.rfind(std::string("netc ") + command + ": ", 0), 0u) << own.out;
  }
  const std::string train = s.netc({"train", "--help"}).out;
  for (const char* text : {"-o, --output DIR", "--save best|last|all", "--set PATH=VALUE",
                           "--cpu sse2|avx2|avx512|native", "-O0|1|2", "Common options:"})
    EXPECT_NE(train.find(text), std::string::npos) << text << "\n" << train;
  for (const std::string& text : {help, train})
    for (const std::string& line : lines(text)) EXPECT_LE(line.size(), 80u) << line;
}

TEST(CommandLine, MistypedWordsAreMetWithTheNearest) {
  Scratch s;
  s.write("tiny.net", kTiny);
  const auto error = [&](const std::vector<std::string>& command) {
    const ProcessResult r = s.netc(command);
    EXPECT_EQ(r.exit_code, 2);
    EXPECT_EQ(r.out, "");
    return r.err;
  };
  EXPECT_NE(error({"tain", "tiny.net"}).find("did you mean `train`?"), std::string::npos);
  EXPECT_NE(error({"train", "tiny.net", "--epoch", "3"}).find("did you mean `--epochs`?"),
            std::string::npos);
  EXPECT_NE(error({"check", "tiny.net", "--dtpe=f64"}).find("did you mean `--dtype`?"),
            std::string::npos);
  EXPECT_NE(error({"dump", "tiny.net", "--after", "simplfy"}).find("did you mean `simplify`?"),
            std::string::npos);
  const auto dump = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"dump", "tiny.net"});
    return error(options);
  };
  EXPECT_NE(dump({"--stage=fused", "--kernel", "K0"}).find("did you mean `k0`?"),
            std::string::npos);
  EXPECT_NE(dump({"--stage=asm", "--kernel", "kernel"}).find("kernels are: k0"), std::string::npos);
  EXPECT_NE(dump({"--kernel", "k0"}).find("they are made at `--stage=fused`"), std::string::npos);
  EXPECT_EQ(s.netc({"dump", "tiny.net", "--stage=fused", "--kernel", "k0"}).exit_code, 0);
  EXPECT_NE(error({"diff", "tiny.net", "--wrt", "z"}).find("inputs are: x, y"), std::string::npos);
  EXPECT_NE(dump({"--stage=backward", "--wrt", "x,image"}).find("no input `image`"),
            std::string::npos);
  EXPECT_EQ(s.netc({"diff", "tiny.net", "--wrt", "y"}).exit_code, 0);
  EXPECT_EQ(dump({"--stage=backward", "--wrt", "w", "--set", "train.accumulate=2"}),
            "error: --wrt: there is no input `w`\n  = help: inputs are: x, y\n");
  EXPECT_EQ(error({"tain", "tiny.net"}),
            "error: `tain` is not a command\n  = help: did you mean `train`?\n");
  EXPECT_EQ(error({"check", "tiny.net", "--jsn"}),
            "error: `netc check` has no option `--jsn`\n  = help: did you mean `--json`?\n");
  EXPECT_NE(error({"check", "tiny.net", "--zzz"}).find("netc check --help"), std::string::npos);
}

TEST(CommandLine, ValuesThatAnOptionDoesNotTakeLeadToItsPage) {
  Scratch s;
  s.write("tiny.net", kTiny);
  const auto error = [&](const std::vector<std::string>& command) {
    const ProcessResult r = s.netc(command);
    EXPECT_EQ(r.exit_code, 2);
    return r.err;
  };
  EXPECT_EQ(error({"eval", "tiny.net", "--split", "val"}),
            "error: --split: `val` is not one of test, valid, train\n"
            "  = help: did you mean `valid`?\n");
  EXPECT_NE(error({"dump", "tiny.net", "--stage=fusd"}).find("did you mean `fused`?"),
            std::string::npos);
  EXPECT_EQ(error({"train", "tiny.net", "--dtype", "f16"}),
            "error: --dtype: `f16` is not one of f32, f64\n"
            "  = help: `netc train --help` lists its options\n");
  EXPECT_NE(error({"check", "tiny.net", "--threads", "0"}).find("`netc check --help`"),
            std::string::npos);
  EXPECT_NE(error({"completions", "tcsh"}).find("`netc completions --help`"), std::string::npos);
}

TEST(CommandLine, ALimitOfAProgramIsOne) {
  Scratch s;
  s.write("tiny.net", kTiny);
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"check", "tiny.net", "--max-source", "10"}, "the limit is 10"},
      {{"check", "tiny.net", "--max-nesting", "1"}, "nested more than 1 levels deep"},
      {{"check", "tiny.net", "--max-ops", "3"}, "more than 3 ops"},
      {{"check", "tiny.net", "--max-rank", "1"}, "a tensor of 2 dims: 1 is the limit"},
      {{"check", "tiny.net", "--max-elements", "3"}, "a tensor of more than 3 elements: f32[4]"},
      {{"check", "tiny.net", "--max-compile-time", "0.000001"}, "compiling takes longer"},
  };
  for (const auto& [command, text] : cases) {
    const ProcessResult r = s.netc(command);
    EXPECT_EQ(r.exit_code, 1) << text;
    EXPECT_NE(r.err.find(text), std::string::npos) << text << "\n" << r.err;
    EXPECT_NE(r.err.find("--max-"), std::string::npos) << r.err;
    EXPECT_EQ(s.netc({command[0], command[1], command[2], "many"}).exit_code, 2);
  }
}

TEST(CommandLine, ALimitOfAFileIsThree) {
  Scratch s;
  s.write("tiny.net", kTiny);
  s.npy_f32("x.npy", {2, 4});
  EXPECT_EQ(s.netc({"run", "tiny.net", "--in", "x=x.npy"}).exit_code, 0);
  const ProcessResult r = s.netc({"run", "tiny.net", "--in", "x=x.npy", "--max-header", "16"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("x.npy"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("`--max-header` raises the limit"), std::string::npos) << r.err;
}

TEST(CommandLine, AModelThatDoesNotFitIsRefusedBeforeTraining) {
  Scratch s;
  s.write("wide.net",
          "model wide {\n  input x: [batch, 64]\n  input y: [batch, 1]\n"
          "  h = x |> Linear(64, 4096) |> relu\n  output p = h |> Linear(4096, 1)\n"
          "  loss mse(p, y)\n}\ndata random(n = 8, seed = 1)\n"
          "train { epochs = 1; batch = 1024; lr = 0.01; optimizer = sgd() }\n");
  const ProcessResult r = s.netc({"train", "wide.net", "--max-memory", "8M", "-o", "run"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("`wide.train` needs "), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("the limit is 8.0 MiB"), std::string::npos) << r.err;
  // What holds most is the hidden layer, of 1024 x 4096 numbers.
  EXPECT_NE(r.err.find("wide.net:4:"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("f32[batch, 4096], is the largest tensor: 16.0 MiB"), std::string::npos)
      << r.err;
  EXPECT_FALSE(s.exists("run"));
  EXPECT_EQ(s.netc({"train", "wide.net", "--set", "train.batch=8", "--max-memory", "8M", "-o",
                    "run", "-q"})
                .exit_code,
            0);
}

TEST(CommandLine, CheckSaysWhatHoldsTheMemory) {
  Scratch s;
  s.example("two_layer.net");
  const ProcessResult r = s.netc({"check", "-v", "two_layer.net"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const ProcessResult j = s.netc({"bench", "two_layer.net", "--min-time", "0", "--json"});
  ASSERT_EQ(j.exit_code, 0) << j.err;
  // The total is that of the compiled program; the rows add up to it.
  const double arena = json::parse(j.out)["arena_bytes"].get<double>();
  const size_t at = r.out.find("memory of train at batch 200: ");
  ASSERT_NE(at, std::string::npos) << r.out;
  EXPECT_NEAR(std::atof(r.out.c_str() + at + 30), arena / 1024, 0.06) << r.out;
  double sum = 0;
  int rows = 0;
  for (const std::string& line : lines(r.out.substr(at))) {
    std::istringstream words(line);
    double number = 0;
    std::string unit;
    if (!(words >> number >> unit) || line[0] != ' ') continue;
    sum += number * (unit == "KiB" ? 1 : unit == "B" ? 1.0 / 1024 : 1024);
    ++rows;
  }
  EXPECT_GE(rows, 4) << r.out;
  EXPECT_NEAR(sum, arena / 1024, 0.06 * rows) << r.out;
  EXPECT_NE(r.out.find("two_layer.net:"), std::string::npos) << r.out;
}

TEST(CommandLine, ColourComesWithATerminalOrWhenForced) {
  Scratch s;
  s.write("bad.net", "let x = \n");
  const std::string escape = "\x1b[";
  const auto has_colour = [&](const std::string& line) {
    return shell(s, line).find(escape) != std::string::npos;
  };
  EXPECT_FALSE(has_colour("netc check bad.net"));
  EXPECT_TRUE(has_colour("CLICOLOR_FORCE=1 netc check bad.net"));
  EXPECT_FALSE(has_colour("NO_COLOR=1 CLICOLOR_FORCE=1 netc check bad.net"));
  EXPECT_TRUE(has_colour("NO_COLOR=1 netc check bad.net --color always"));
  EXPECT_FALSE(has_colour("CLICOLOR_FORCE=1 netc check bad.net --color never"));
}

TEST(CommandLine, WithoutATerminalTrainingIsPlainAscii) {
  Scratch s;
  s.write("tiny.net", kTiny);
  const std::string text = shell(s, "LC_ALL=C.UTF-8 netc train tiny.net -o run");
  EXPECT_NE(text.find("epoch 2/2 loss "), std::string::npos) << text;
  for (char c : text) ASSERT_TRUE(c == '\n' || (c >= ' ' && c <= '~')) << text;
}

TEST(CommandLine, WhatNetcSaysOfItselfIsAsciiWithoutATerminal) {
  Scratch s;
  std::vector<std::vector<std::string>> commands = {{"--help"}};
  for (const char* command : {"train", "run", "explain", "dump"})
    commands.push_back({command, "--help"});
  const std::string reference = s.netc({"explain", "--all"}).out;
  static const std::regex heading("\n### ([A-Za-z0-9_.]+)");
  for (std::sregex_iterator at(reference.begin(), reference.end(), heading), end; at != end; ++at)
    commands.push_back({"explain", (*at)[1]});
  EXPECT_GT(commands.size(), 20u);
  for (const auto& command : commands) {
    const ProcessResult r = s.netc(command);
    EXPECT_EQ(r.exit_code, 0) << command.back();
    const std::string text = r.out + r.err;
    for (char c : text) ASSERT_GE(c, 0) << command.back() << "\n" << text;
  }
  EXPECT_NE(terminal(s, "netc --help").find("netc — compile"), std::string::npos);
}

TEST(CommandLine, TrainingFitsTheTerminal) {
  Scratch s;
  s.example("mnist.net", 100, 40);
  for (const int columns : {45, 80}) {
    const std::string text =
        terminal(s, "netc train mnist.net --epochs 1 -o run" + std::to_string(columns), columns);
    for (const std::string& line : lines(text)) {
      const auto width =
          std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
      EXPECT_LE(width, columns) << line;
    }
    // Values keep their units, paths their ends.
    for (const char* whole : {"/last.safetensors\n", "batch 64\n"})
      EXPECT_NE(text.find(whole), std::string::npos) << whole << "\n" << text;
    EXPECT_TRUE(std::regex_search(text, std::regex("arena [0-9.]+ [KM]iB\n"))) << text;
    // The column that one waits for stands in the narrowest table.
    const size_t heading = text.find("test loss");
    ASSERT_NE(heading, std::string::npos) << text;
    EXPECT_NE(text.substr(heading, text.find('\n', heading) - heading).find("accuracy"),
              std::string::npos)
        << text;
  }
}

TEST(CommandLine, HelpFitsTheTerminal) {
  Scratch s;
  for (const int columns : {45, 60, 120})
    for (const char* command : {"netc --help", "netc train --help", "netc dump --help", "netc"}) {
      const std::string text = terminal(s, command, columns);
      EXPECT_GT(lines(text).size(), 10u) << text;
      for (const std::string& line : lines(text)) {
        const auto width =
            std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
        EXPECT_LE(width, std::min(columns, 80)) << command << ": " << line;
      }
    }
}

TEST(CommandLine, OutputThatIsLostIsAFailure) {
  Scratch s;
  s.write("tiny.net", kTiny);
  s.npy_f32("x.npy", {5, 4});
  for (const char* command :
       {"train tiny.net -q -o run", "predict run --in x=x.npy", "eval run --split train", "--help",
        "dump tiny.net", "check -v tiny.net", "train tiny.net -q -o other --json"}) {
    EXPECT_EQ(shell(s, "netc " + std::string(command) + " >/dev/full; echo $?"),
              "error[R0608]: cannot write to stdout: No space left on device\n3\n")
        << command;
  }
  // The training itself was kept.
  EXPECT_TRUE(s.exists("run/last.safetensors"));
  // Who stops reading has what was wanted.
  EXPECT_EQ(shell(s, "{ netc dump tiny.net; echo $? >&2; } | true"), "0\n");
}

TEST(CommandLine, TrainingAsJsonIsThreeKindsOfEvents) {
  Scratch s;
  s.write("tiny.net", kTiny);
  const ProcessResult r = s.netc({"train", "tiny.net", "-o", "run", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto events = lines(r.out);
  ASSERT_EQ(events.size(), 4u) << r.out;
  const json start = json::parse(events.front()), end = json::parse(events.back());
  EXPECT_EQ(start["event"], "start");
  EXPECT_EQ(start["parameters"], 4);
  EXPECT_EQ(start["settings"]["lr"], 0.01);
  EXPECT_FALSE(start["settings"].contains("schedule"));
  EXPECT_EQ(end["event"], "end");
  EXPECT_EQ(end["train"], json::parse(events[2])["train"]);
  for (int e : {1, 2}) {
    const json epoch = json::parse(events[size_t(e)]);
    EXPECT_EQ(epoch["event"], "epoch");
    EXPECT_EQ(epoch["epoch"], e);
    EXPECT_TRUE(epoch["train"].contains("loss") && epoch["train"].contains("worst")) << epoch;
    EXPECT_TRUE(epoch.contains("lr") && epoch.contains("seconds")) << epoch;
  }
}

TEST(CommandLine, FilesThatAreMissingAreTwoOrThreeByWhatTheyAre) {
  Scratch s;
  s.write("tiny.net", kTiny);
  s.write("uses.net", "use \"absent.net\"\n" + std::string(kTiny));
  EXPECT_EQ(s.netc({"check", "absent.net"}).exit_code, 2);
  EXPECT_EQ(s.netc({"check", "uses.net"}).exit_code, 1);
  EXPECT_EQ(s.netc({"run", "tiny.net", "--in", "x=absent.npy"}).exit_code, 3);
  EXPECT_EQ(s.netc({"train", "tiny.net", "--init", "absent.safetensors", "-o", "run"}).exit_code,
            3);
  EXPECT_EQ(s.netc({"train", "--resume", "absent"}).exit_code, 3);
  EXPECT_EQ(s.netc({"dump", "tiny.net", "-o", "absent/dump.net"}).exit_code, 3);
  // A setting that is wrong in the file is the program's error, on the command line it is usage.
  s.write("wrong.net", std::string(kTiny) + "let n = 1\n");
  EXPECT_EQ(s.netc({"check", "wrong.net", "--set", "train.epochs=-1"}).exit_code, 2);
  std::string text = kTiny;
  text.replace(text.find("epochs = 2"), 10, "epochs = 0");
  s.write("wrong.net", text);
  EXPECT_EQ(s.netc({"check", "wrong.net"}).exit_code, 1);
}

TEST(CommandLine, PredictTakesArraysAndWritesThem) {
  Scratch s;
  s.write("tiny.net", kTiny);
  s.npy_f32("x.npy", {5, 4});
  ASSERT_EQ(s.netc({"train", "tiny.net", "-o", "run", "-q"}).exit_code, 0);
  ASSERT_EQ(s.netc({"predict", "run", "--in", "x=x.npy", "--out", "p.npy"}).exit_code, 0);
  EXPECT_EQ(s.read("p.npy").substr(1, 5), "NUMPY");
  EXPECT_NE(s.read("p.npy").find("'shape': (5,)"), std::string::npos);
  ASSERT_EQ(s.netc({"predict", "run", "--in", "x=x.npy", "--out", "p.safetensors"}).exit_code, 0);
  EXPECT_NE(s.read("p.safetensors").find("\"p\""), std::string::npos);
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes = {
      {{"predict", "run"},
       "error: predict needs input `x`\n"
       "  = help: add --in x=FILE, or --in - for JSON lines on stdin\n"},
      {{"predict", "run", "--in", "x=x.npy", "--in", "x=y.npy"},
       "error: --in gives input `x` twice\n  = help: one file may hold any number of records\n"},
      {{"predict", "run", "--in", "picture=x.npy"},
       "error: model `tiny` has no input `picture`\n  = help: there is: x\n"},
      {{"predict", "run", "--in", "x=x.npy", "--out", "p.json"},
       "error: --out writes .npy or .safetensors files, not `p.json`\n"
       "  = help: without --out, JSON lines go to stdout\n"}};
  for (const auto& [arguments, expected] : mistakes) {
    const ProcessResult r = s.netc(arguments);
    EXPECT_EQ(r.exit_code, 2);
    EXPECT_EQ(r.err, expected);
    EXPECT_EQ(r.out, "");
  }
  EXPECT_FALSE(s.exists("p.json"));
  s.write("two.net",
          "model two {\n  input x: [batch, 4]\n  output p = x + 1\n  output q = x * 2\n}\n");
  s.write("none.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  const ProcessResult r = s.netc(
      {"predict", "two.net", "--weights", "none.safetensors", "--in", "x=x.npy", "--out", "q.npy"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("a .npy file holds one output, `two` has 2"), std::string::npos) << r.err;
}

TEST(CommandLine, PredictTakesPgmAndTopKOfTheClasses) {
  Scratch s;
  s.write("shade.net",
          "model shade {\n  input image: u8[batch, 2, 3]\n"
          "  output scores = flatten(float(image), 1)[:, 0:4]\n}\n");
  s.write("w.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  s.write("a.pgm", std::string("P5\n# grey\n3 2\n255\n\x05\x63\x07\x50\x01\x02"));
  const ProcessResult r = s.netc(
      {"predict", "shade.net", "--weights", "w.safetensors", "--in", "image=a.pgm", "--top", "2"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out, "{\"scores\":[[1,99],[3,80]]}\n");
  // The same digits as without --top.
  s.write("third.net", "model third {\n  input x: [batch, 2]\n  output y = x / 3\n}\n");
  const std::vector<std::string> third{"predict",       "third.net", "--weights",
                                       "w.safetensors", "--in",      "-"};
  EXPECT_EQ(s.netc(third, "{\"x\": [1, 0]}").out, "{\"y\":[0.33333334,0]}\n");
  std::vector<std::string> top = third;
  top.insert(top.end(), {"--top", "1"});
  EXPECT_EQ(s.netc(top, "{\"x\": [1, 0]}").out, "{\"y\":[[0,0.33333334]]}\n");
  EXPECT_EQ(s.netc({"predict", "shade.net", "--weights", "w.safetensors", "--top", "0"}).exit_code,
            2);
}

TEST(CommandLine, InputsThatDoNotFitComeWithTheCure) {
  Scratch s;
  s.write("shade.net",
          "model shade {\n  input image: u8[batch, 2, 3]\n"
          "  output scores = flatten(float(image), 1)[:, 0:4]\n}\n");
  s.write("w.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  s.write("small.pgm", "P5 2 2 255\n1234");
  s.write("colour.ppm", "P6 3 2 255\n" + std::string(18, 'x'));
  s.npy_f32("fractions.npy", {2, 3});
  const std::vector<std::pair<std::string, std::string>> files = {
      {"small.pgm", "= help: make it 3 x 2 pixels"},
      {"colour.ppm", "= help: make it greyscale, 3 x 2 pixels"},
      {"fractions.npy", "`(255 * x).round().astype(np.uint8)`"}};
  for (const auto& [file, help] : files) {
    const ProcessResult r =
        s.netc({"predict", "shade.net", "--weights", "w.safetensors", "--in", "image=" + file});
    EXPECT_EQ(r.exit_code, 3);
    EXPECT_NE(r.err.find(help), std::string::npos) << r.err;
  }
  const ProcessResult r =
      s.netc({"predict", "shade.net", "--weights", "w.safetensors", "--in", "-"},
             "{\"image\": [[1, 2, 3], [4, 5, 6]]}\n{\"image\": [[1, 2], [4, 5]]}\n");
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(
      r.err.find("<stdin>: line 2: input `image`: expected an array of 3, found an array of 2"),
      std::string::npos)
      << r.err;
}

TEST(CommandLine, TheReferenceIsWhatTheOptionTableSays) {
  Scratch s;
  EXPECT_EQ(s.netc({"__document", "markdown"}).out, repository_file("docs/cli.md"))
      << "write it again: build/release/netc __document markdown > docs/cli.md";
}

TEST(CommandLine, TheManualHasEveryOption) {
  Scratch s;
  const std::string manual = s.netc({"__document", "man"}).out;
  EXPECT_EQ(manual.rfind(".TH NETC 1", 0), 0u);
  for (const char* text : {".SS netc train FILE [options]", ".B \\-o, \\-\\-output DIR",
                           ".B \\-\\-max\\-memory BYTES", ".SH EXIT STATUS", ".SH FILES"})
    EXPECT_NE(manual.find(text), std::string::npos) << text;
  if (std::system("command -v man >/dev/null 2>&1") != 0) return;
  s.write("netc.1", manual);
  EXPECT_EQ(shell(s, "LC_ALL=C.UTF-8 man --warnings -l netc.1 2>&1 >/dev/null"), "");
}

TEST(CommandLine, FormattingTwiceChangesNothing) {
  for (const auto& entry : std::filesystem::directory_iterator(NETC_SOURCE_DIR "/frontend/std")) {
    Scratch s;
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    const ProcessResult once = s.netc({"fmt", "-"}, text.str());
    ASSERT_EQ(once.exit_code, 0) << entry.path() << once.err;
    EXPECT_EQ(s.netc({"fmt", "-"}, once.out).out, once.out) << entry.path();
  }
  for (const std::string& name : example_names()) {
    Scratch s;
    s.example(name);
    EXPECT_EQ(s.netc({"fmt", "--check", name}).exit_code, 0) << name;
  }
}

}  // namespace
}  // namespace netc::test
