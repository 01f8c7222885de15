// The programs of `netc explain CODE`: the wrong one is refused with that code, in the words of
// tests/errors/codes/CODE.txt, and the right one is taken without a word. A line `# NAME.net`
// starts a file (else it is m.net), `$ …` is a line of shell; without any it is `netc check m.net`.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>

#include "frontend/explain.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

namespace fs = std::filesystem;
using frontend::CodeInfo;

const fs::path kGoldens = fs::path(NETC_SOURCE_DIR) / "tests" / "errors" / "codes";

/// Codes that no program brings about: those of mistakes in netc.
bool has_no_program(const CodeInfo& info) { return info.code.starts_with("I"); }

/// Runs a line of shell in the folder of `s`, where `netc` is the binary.
ProcessResult shell(const Scratch& s, const std::string& line) {
  const std::string folder = s.path("").string();
  const std::string script = "cd '" + folder + "' && export XDG_CACHE_HOME='" + folder +
                             "cache' PATH='" + fs::path(NETC_BINARY).parent_path().string() +
                             "':\"$PATH\" && unset NO_COLOR CLICOLOR_FORCE && {\n" + line +
                             "\n} >stdout 2>stderr";
  const int status = std::system(script.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, s.read("stdout"), s.read("stderr")};
}

/// Writes the files of an example and runs its commands; the result is that of the last, and those
/// before it succeed.
ProcessResult run_example(const Scratch& s, const std::string& example) {
  std::string name = "m.net", text;
  std::vector<std::string> commands;
  const auto finish_file = [&] {
    if (text.empty()) return;
    fs::create_directories(s.path(name).parent_path());
    s.write(name, text);
    text.clear();
  };
  for (const std::string& line : lines(example)) {
    if (line.starts_with("$ ")) {
      commands.push_back(line.substr(2));
    } else if (line.starts_with("# ") && line.ends_with(".net")) {
      finish_file();
      name = line.substr(2);
    } else {
      text += line + "\n";
    }
  }
  finish_file();
  if (example.find("data/mnist") != std::string::npos) s.mnist(100, 20);
  if (commands.empty()) commands.push_back("netc check m.net");
  ProcessResult r;
  for (const std::string& command : commands) {
    r = shell(s, command);
    const bool is_last = &command == &commands.back();
    EXPECT_TRUE(is_last || r.exit_code == 0) << command << "\n" << r.err;
  }
  return r;
}

/// What was said, from the first finding on.
std::string findings(const ProcessResult& r) {
  const size_t begin = std::min(r.err.find("error"), r.err.find("warning"));
  const std::regex limit("the limit of [0-9.]+ MiB");  // of this machine
  const std::string said = begin == std::string::npos ? "" : r.err.substr(begin);
  return std::regex_replace(said, limit, "the limit of N MiB") + "exit " +
         std::to_string(r.exit_code) + "\n";
}

class ExplainedTest : public testing::TestWithParam<const CodeInfo*> {};

TEST_P(ExplainedTest, TheWrongProgramGivesTheCodeAndTheRightOneNothing) {
  const CodeInfo& info = *GetParam();
  if (has_no_program(info)) return;
  ASSERT_FALSE(info.wrong.empty() || info.right.empty()) << info.code << " needs two programs";
  Scratch wrong, right;
  const std::string said = findings(run_example(wrong, info.wrong));
  EXPECT_NE(said.find("[" + info.code + "]"), std::string::npos) << info.wrong << "\n" << said;
  const fs::path golden = kGoldens / (info.code + ".txt");
  if (std::getenv("NETC_BLESS") != nullptr) std::ofstream(golden) << said;
  std::ifstream in(golden);
  const std::string expected((std::istreambuf_iterator<char>(in)), {});
  EXPECT_EQ(said, expected) << "NETC_BLESS=1 writes " << golden;

  const ProcessResult r = run_example(right, info.right);
  EXPECT_EQ(findings(r), "exit 0\n") << info.right;
}

INSTANTIATE_TEST_SUITE_P(Codes, ExplainedTest, testing::ValuesIn(frontend::all_codes()),
                         [](const auto& code) { return code.param->code; });

TEST(Explained, NoGoldenIsLeftOver) {
  std::set<std::string> known;
  for (const CodeInfo* info : frontend::all_codes())
    if (!has_no_program(*info)) known.insert(info->code + ".txt");
  std::set<std::string> found;
  for (const auto& file : fs::directory_iterator(kGoldens)) found.insert(file.path().filename());
  EXPECT_EQ(found, known);
}

}  // namespace
}  // namespace netc::test
