// Mistakes that people make, each put into one of the shipped examples:
// tests/errors/examples/*.txt.
//   ## what was done wrong
//   - old text            (`- ` and `+ ` lines may repeat, for texts of several lines and for
//   + new text            several edits)
//   $ command             (without one: netc check EXAMPLE)
// `(seen later)` in the first line: the mistake shows only where something is used.
// and then all that netc says, and its exit code.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(NETC_SOURCE_DIR) / "tests" / "errors" / "examples";

struct Edit {
  std::string before, after;
};

struct Variant {
  std::string example, head, command, expected;  ///< head: its lines up to the expected text
  std::vector<Edit> edits;
};

std::string file_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Variant> variants_of(const fs::path& file) {
  std::vector<Variant> list;
  const std::string example = file.stem().string() + ".net";
  bool in_head = false;
  char last = ' ';
  for (const std::string& line : lines(file_text(file))) {
    const char kind = line.size() > 1 && line[1] == ' ' ? line[0] : ' ';
    if (line.starts_with("## ")) {
      list.push_back({example, "", "netc check " + example, "", {}});
      in_head = true;
    } else if (in_head && kind == '$') {
      list.back().command = line.substr(2);
    } else if (in_head && (kind == '-' || kind == '+')) {
      std::vector<Edit>& edits = list.back().edits;
      if (kind == '-' && last != '-') edits.emplace_back();
      std::string& side = kind == '-' ? edits.back().before : edits.back().after;
      if (kind == last) side += '\n';
      side += line.substr(2);
    } else {
      in_head = false;
    }
    (in_head ? list.back().head : list.back().expected) += line + "\n";
    last = kind;
  }
  return list;
}

std::vector<fs::path> variant_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(kFolder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

/// The program with the mistake; `edited` gets the numbers of the lines that it changed.
std::string broken(const Variant& v, std::string program, std::set<int>& edited) {
  for (const Edit& e : v.edits) {
    const size_t at = program.find(e.before);
    EXPECT_NE(at, std::string::npos) << v.head << "not in " << v.example << ": " << e.before;
    if (at == std::string::npos) return program;
    program.replace(at, e.before.size(), e.after);
    const size_t same = size_t(
        std::mismatch(e.before.begin(), e.before.end(), e.after.begin(), e.after.end()).second -
        e.after.begin());
    const auto line_of = [&](size_t offset) {
      return 1 + int(std::count(program.begin(), program.begin() + std::ptrdiff_t(offset), '\n'));
    };
    for (int line = line_of(at + same); line <= line_of(at + e.after.size()); ++line)
      edited.insert(line);
  }
  return program;
}

class BrokenExamplesTest : public testing::TestWithParam<fs::path> {};

TEST_P(BrokenExamplesTest, SaysWhatIsWrongAtThePlaceOfTheMistake) {
  std::string blessed;
  for (Variant& v : variants_of(GetParam())) {
    Scratch s;
    s.example(v.example, 40, 20);
    std::set<int> edited;
    s.write(v.example, broken(v, s.read(v.example), edited));
    std::istringstream in(v.command.substr(v.command.find(' ')));  // behind `netc`
    const ProcessResult r = s.netc({std::istream_iterator<std::string>(in), {}});
    EXPECT_NE(r.exit_code, 0) << v.head;
    const size_t begin = std::min(r.err.find("error"), r.err.find("warning"));
    ASSERT_NE(begin, std::string::npos) << v.head << r.err;
    const std::string said = r.err.substr(begin) + "exit " + std::to_string(r.exit_code) + "\n";
    blessed += v.head + said;
    if (std::getenv("NETC_BLESS") != nullptr) continue;
    EXPECT_EQ(said, v.expected) << v.head << "NETC_BLESS=1 writes " << GetParam();
    // The edited line is among those that are shown or named, but where the mistake shows only
    // where something is used.
    if (v.head.find("(seen later)") != std::string::npos) continue;
    bool shown = false;
    const std::regex source_line("\n *([0-9]+) \\||(?:declared at|from) ([0-9]+):");
    for (std::sregex_iterator m(said.begin(), said.end(), source_line), end; m != end; ++m)
      shown = shown || edited.contains(std::stoi((*m)[1].matched ? (*m)[1] : (*m)[2]));
    EXPECT_TRUE(shown) << v.head << said;
  }
  if (std::getenv("NETC_BLESS") != nullptr) std::ofstream(GetParam()) << blessed;
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenExamplesTest, testing::ValuesIn(variant_files()),
                         [](const auto& file) { return file.param.stem().string(); });

}  // namespace
}  // namespace netc::test
