// Programs with mistakes: tests/errors/**.net. The expected error stands on the offending line,
//   x = 1 +   #! 8 E0102 expected an expression, found …
// as column, code and the whole message; `#!^` stands on the line below, for lines where no comment
// can stand, `#! <--set> 7 …` anywhere. A first line `# set: PATH=VALUE` gives an override. There
// must be no other findings.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "frontend/program.h"

namespace netc::frontend {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> error_files() {
  std::vector<std::string> files;
  const fs::path root = fs::path(NETC_SOURCE_DIR) / "tests" / "errors";
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".net" && entry.path().stem() != "used") {
      files.push_back(fs::relative(entry.path(), root).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Expectations {
  std::vector<std::string> lines;  // `3:8 E0102 message`
  std::vector<Override> overrides;
};

Expectations expectations(const std::string& path) {
  Expectations found;
  std::ifstream in(path);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.starts_with("# set: ")) found.overrides.push_back({line.substr(7)});
    for (size_t at = line.find("#!"); at != std::string::npos; at = line.find("#!", at + 2)) {
      std::string text = line.substr(at + 2, line.find(" #!", at) - (at + 2));
      int on = number;
      if (text.starts_with('^')) {
        --on;
        text.erase(0, 1);
      }
      text.erase(0, text.find_first_not_of(' '));
      std::string where = fmt::format("{}:", on);
      if (text.starts_with("<--set> ")) {
        text.erase(0, 8);
        where = "<--set>:1:";
      }
      found.lines.push_back(where + text);
    }
  }
  std::sort(found.lines.begin(), found.lines.end());
  return found;
}

class ErrorsTest : public testing::TestWithParam<std::string> {};

TEST_P(ErrorsTest, reports_exactly_what_the_file_says) {
  const std::string path = std::string(NETC_SOURCE_DIR) + "/tests/errors/" + GetParam();
  const Expectations expected = expectations(path);
  SourceSet sources;
  Diagnostics diagnostics;
  LoadOptions options;
  options.overrides = expected.overrides;
  load(path, options, sources, diagnostics);
  std::vector<std::string> found;
  for (const ir::Diagnostic& d : diagnostics.all()) {
    const bool in_set = sources[d.place.file].name == "<--set>";
    found.push_back(fmt::format("{}{}:{} {} {}", in_set ? "<--set>:" : "", d.place.line,
                                d.place.column, d.code, d.message));
  }
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, expected.lines) << render(diagnostics.all(), sources, {});
}

INSTANTIATE_TEST_SUITE_P(Files, ErrorsTest, testing::ValuesIn(error_files()), [](const auto& file) {
  std::string name = file.param;
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
});

}  // namespace
}  // namespace netc::frontend
