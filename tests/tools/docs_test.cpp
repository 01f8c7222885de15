// The commands of README.md give what stands below them. A ```net block goes into the file named in
// backticks above it, and each ```console block is a command and all that it prints.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

struct FencedBlock {
  std::string language, text, line_before;
};

std::vector<FencedBlock> fenced_blocks(const std::string& path) {
  std::ifstream in(path);
  std::vector<FencedBlock> blocks;
  std::string line, before;
  bool inside = false;
  while (std::getline(in, line)) {
    if (line.rfind("```", 0) == 0) {
      if (!inside) blocks.push_back({line.substr(3), "", before});
      inside = !inside;
    } else if (inside) {
      blocks.back().text += line + "\n";
    } else if (!line.empty()) {
      before = line;
    }
  }
  return blocks;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> list;
  for (std::string word; in >> word;) list.push_back(word);
  return list;
}

/// The word in backticks in the sentence above a block, empty when there is none.
std::string file_named_in(const std::string& line) {
  const size_t begin = line.find('`'), end = line.find('`', begin + 1);
  if (begin == std::string::npos || end == std::string::npos) return "";
  return line.substr(begin + 1, end - begin - 1);
}

TEST(Readme, CommandsPrintWhatStandsBelowThem) {
  Scratch s;
  int checked = 0;
  for (const FencedBlock& block : fenced_blocks(NETC_SOURCE_DIR "/README.md")) {
    if (block.language == "net") s.write(file_named_in(block.line_before), block.text);
    if (block.language != "console") continue;
    const size_t end = block.text.find('\n');
    std::vector<std::string> command = words(block.text.substr(0, end));
    ASSERT_GE(command.size(), 3u) << block.text;
    ASSERT_EQ(command[0] + command[1], "$netc");
    command.erase(command.begin(), command.begin() + 2);
    const ProcessResult r = s.netc(command);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(r.out, block.text.substr(end + 1)) << block.text.substr(0, end);
    ++checked;
  }
  EXPECT_GE(checked, 3);
}

}  // namespace
}  // namespace netc::test
