// Files that cannot be written or read: the exit code, the place as it was given, the cure, and
// that nothing is left half-written.
#include <gmock/gmock.h>

#include "tests/tools/shell.h"

namespace netc::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const char* const kTiny =
    "model tiny {\n  input x: [batch, 4]\n  input y: [batch]\n  param w: [4] = ones()\n"
    "  output p = x @ w\n  loss mse(p, y)\n}\n"
    "data random(n = 32, seed = 1)\n"
    "train { epochs = 2; batch = 8; lr = 0.01; optimizer = sgd() }\n";

/// All files and folders of a scratch folder but the cache of compiled code.
std::vector<std::string> files_of(const Scratch& s) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(s.path("")))
    if (const std::string name = entry.path().string(); name.find("/cache") == std::string::npos)
      names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

class Paths : public testing::Test {
 protected:
  Scratch s;

  Paths() {
    s.write("tiny.net", kTiny);
    s.npy_f32("x.npy", {5, 4});
    s.npy_f32("y.npy", {5});
    EXPECT_EQ(s.netc({"train", "tiny.net", "-o", "run", "-q"}).exit_code, 0);
    std::filesystem::create_directory(s.path("folder"));
  }

  /// Runs a command that must fail, and compares what it says.
  void expect(std::vector<std::string> command, int exit_code, const std::string& said) {
    const auto before = files_of(s);
    const ProcessResult r = s.netc(command);
    EXPECT_EQ(r.exit_code, exit_code) << said;
    EXPECT_EQ(r.err, said);
    EXPECT_EQ(r.out, "") << said;
    EXPECT_EQ(files_of(s), before) << said;
  }
};

TEST_F(Paths, OutputsGoWhereTheyCanBeWritten) {
  const std::vector<std::vector<std::string>> commands = {
      {"train", "tiny.net", "-o", "other", "-q", "--trace"},
      {"run", "tiny.net", "--in", "x=x.npy", "--out"},
      {"predict", "run", "--in", "x=x.npy", "--out"},
      {"bench", "tiny.net", "--min-time", "0", "--save"},
      {"dump", "tiny.net", "-o"},
  };
  for (std::vector<std::string> command : commands) {
    const bool dumps = command[0] == "dump", trains = command[0] == "train";
    const std::string action = dumps || trains ? "create" : "write";
    command.push_back("missing/file");
    expect(command, 3,
           "error[R0608]: cannot " + action +
               " missing/file: No such file or directory\n"
               "  = help: `mkdir -p missing` makes the folder\n");
    command.back() = "tiny.net/file";
    expect(command, 3,
           "error[R0608]: cannot " + action +
               " tiny.net/file: Not a directory\n"
               "  = help: `tiny.net` is no folder\n");
    command.back() = "folder";
    expect(command, 3,
           "error[R0608]: cannot " + action +
               " folder: Is a directory\n"
               "  = help: it is a folder: name a file\n");
  }
  expect({"train", "tiny.net", "-o", "x.npy"}, 3,
         "error[R0608]: cannot open the directory x.npy: Not a directory\n"
         "  = help: it is a file: choose another name with `-o`\n");
  expect({"train", "tiny.net", "-o", "x.npy/run"}, 3,
         "error[R0608]: cannot create the directory x.npy/run: Not a directory\n");
}

TEST_F(Paths, OfTheWrongKindAreSaidToBe) {
  expect({"eval", "folder"}, 2,
         "error: `folder` is not a run directory: it has no config.net\n"
         "  = help: give a program, or a directory that `netc train` has written\n");
  expect({"eval", "run/last.safetensors"}, 2,
         "error: `run/last.safetensors` holds weights, not a program\n"
         "  = help: give the program or the run directory, and these with `--weights`\n");
  expect({"fmt", "folder"}, 2, "error: `folder` is a directory, not a program\n");
  expect({"fmt", "none.net"}, 2,
         "error: cannot read `none.net`\n  = help: there is no such file\n");
  expect({"run", "tiny.net", "--in", "x=folder"}, 3,
         "error[R0602]: folder is a folder, not a file\n");
  expect({"run", "tiny.net", "--in", "x=x.npy", "--weights", "tiny.net"}, 3,
         "error[R0604]: tiny.net: is not a safetensors file\n");
  expect({"run", "tiny.net", "--in", "x=x.npy", "--weights", "folder"}, 3,
         "error[R0604]: there are no weights in `folder`\n");
  expect({"predict", "tiny.net", "--dtype", "f64", "--weights", "run", "--in", "x=x.npy"}, 3,
         "error[R0604]: run/last.safetensors: tensor `w` is f32[4], the model has f64[4]\n"
         "  = help: `--dtype f32` makes the model one of f32\n");
  expect({"bench", "tiny.net", "--min-time", "0", "--compare", "tiny.net"}, 3,
         "error[R0602]: `tiny.net` was not written by bench --save\n");
  expect({"train", "--resume", "none"}, 3,
         "error[R0605]: there is no run directory `none`\n"
         "  = help: it is what `netc train` has written: the DIR of its `-o`\n");
  expect({"train", "--resume", "run", "--init", "run"}, 2,
         "error: --resume goes on with the weights of the run\n  = help: leave --init out\n");
}

TEST_F(Paths, ACheckpointThatDoesNotServeLeavesTheWeights) {
  const ProcessResult r =
      s.netc({"train", "--resume", "run", "--epochs", "3", "--set", "train.optimizer=adam()"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_THAT(r.err, HasSubstr("run/last.state has no tensor `w.m`"));
  EXPECT_THAT(r.err, HasSubstr("`--init` starts a new run from its weights"));
  for (const char* file : {"run/last.state", "run/last.state.1"})
    std::filesystem::remove(s.path(file));
  expect({"train", "--resume", "run"}, 3,
         "error[R0605]: run holds no checkpoint (no last.state)\n"
         "  = help: its weights can start a new run: `netc train PROGRAM --init run`\n");
  EXPECT_EQ(s.netc({"train", "run/config.net", "--init", "run", "-o", "new"}).exit_code, 0);
}

TEST_F(Paths, AComparisonIsWithTheFiguresFromBefore) {
  const auto bench = [&](const std::string& options) {
    return s.netc({"bench", "tiny.net", "--min-time", "0", options, "f.json"}).exit_code;
  };
  ASSERT_EQ(bench("--save"), 0);
  s.write("f.json", "{\"median_us\": 1e-9}");
  const ProcessResult r =
      s.netc({"bench", "tiny.net", "--min-time", "0", "--save", "f.json", "--compare", "f.json"});
  EXPECT_EQ(r.exit_code, 4) << r.out;
}

TEST_F(Paths, ClosedStreamsAreNotTakenByFiles) {
  // Files of the run would get the numbers of the streams.
  const std::pair<const char*, const char*> cases[] = {
      {">&-", "3\n"}, {"2>&-", "0\n"}, {"<&- >&- 2>&-", "3\n"}};
  for (const auto& [closed, code] : cases) {
    EXPECT_EQ(shell(s, "(netc train tiny.net -o a " + std::string(closed) +
                           ") >out 2>err; echo $?; netc eval a --split train -q >out; echo $?; "
                           "netc train --resume a --epochs 3 -q >out; echo $?"),
              std::string(code) + "0\n0\n")
        << closed;
    for (const std::string& line : lines(s.read("a/metrics.jsonl")))
      EXPECT_EQ(line[0], '{') << line;
  }
}

}  // namespace
}  // namespace netc::test
