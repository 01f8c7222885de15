// The pages for users say what happens. A ```net or ```csv block goes into the file named in
// backticks in the line above it (one without a name is checked); each ```console block is a
// command and all that it prints. In blocks marked ```console figures, which are shown as a
// terminal shows them, numbers may differ: times do, and the data of tests are small.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "tests/tools/shell.h"

namespace netc::test {
namespace {

struct FencedBlock {
  std::string language, text, line_before;
};

std::vector<FencedBlock> fenced_blocks(const std::string& path) {
  std::ifstream in(path);
  EXPECT_TRUE(in.good()) << path;
  std::vector<FencedBlock> blocks;
  std::string line, before;
  bool inside = false;
  while (std::getline(in, line)) {
    if (line.rfind("```", 0) == 0) {
      if (!inside) blocks.push_back({line.substr(3), "", before});
      inside = !inside;
      before.clear();
    } else if (inside) {
      blocks.back().text += line + "\n";
    } else if (!line.empty()) {
      before = line;
    }
  }
  return blocks;
}

/// The word in backticks in the sentence above a block, empty when there is none.
std::string file_named_in(const std::string& line) {
  const size_t begin = line.rfind('`', line.rfind('`') - 1), end = line.rfind('`');
  if (begin == std::string::npos || end == std::string::npos || begin == end) return "";
  const std::string word = line.substr(begin + 1, end - begin - 1);
  return word.find('.') == std::string::npos || word.find(' ') != std::string::npos ? "" : word;
}

/// Words alone: numbers, and the spaces that line them up, are left out.
std::string without_figures(const std::string& text) {
  static const std::regex number("[0-9][0-9,.]*(e[-+][0-9]+)?"), spaces(" +");
  return std::regex_replace(std::regex_replace(text, number, "#"), spaces, " ");
}

class Page : public testing::TestWithParam<const char*> {};

TEST_P(Page, CommandsPrintWhatStandsBelowThem) {
  Scratch s;
  s.mnist(256, 64);
  int unnamed = 0, checked = 0;
  for (const FencedBlock& block : fenced_blocks(std::string(NETC_SOURCE_DIR "/") + GetParam())) {
    if (block.language == "net" || block.language == "csv") {
      std::string name = file_named_in(block.line_before);
      if (name.empty()) {
        name = "unnamed" + std::to_string(++unnamed) + ".net";
        s.write(name, block.text);
        const ProcessResult r = s.netc({"check", name});
        EXPECT_EQ(r.exit_code, 0) << block.text << r.err;
        ++checked;
      } else {
        s.write(name, block.text);
      }
    }
    if (block.language.rfind("console", 0) != 0) continue;
    ++checked;
    const size_t end = block.text.find('\n');
    ASSERT_EQ(block.text.substr(0, 2), "$ ");
    const std::string command = block.text.substr(2, end - 2), shown = block.text.substr(end + 1);
    if (block.language == "console figures")
      EXPECT_EQ(without_figures(terminal(s, command)), without_figures(shown)) << command;
    else
      EXPECT_EQ(shell(s, command), shown) << command;
  }
  EXPECT_GE(checked, 2);
}

INSTANTIATE_TEST_SUITE_P(Docs, Page,
                         testing::Values("README.md", "docs/tutorial.md", "docs/language.md",
                                         "docs/pytorch.md", "docs/how-it-works.md"),
                         [](const auto& test) {
                           std::string name = std::filesystem::path(test.param).stem();
                           std::erase_if(name, [](char c) { return c == '-'; });
                           return name;
                         });

}  // namespace
}  // namespace netc::test
