// Programs as editors, disks and typing fingers leave them: cut off, with bytes changed, with other
// line ends. Reading one ends, throws nothing, and every finding can be shown.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <regex>

#include "frontend/program.h"

namespace netc::frontend {
namespace {

namespace fs = std::filesystem;

const fs::path kExamples = fs::path(NETC_SOURCE_DIR) / "examples";

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// All that is said about a program.
std::string findings(const std::string& text) {
  const fs::path file = fs::temp_directory_path() / fmt::format("netc-damage-{}.net", getpid());
  std::ofstream(file, std::ios::binary) << text;
  SourceSet sources;
  Diagnostics diagnostics;
  load(file.string(), {}, sources, diagnostics);
  fs::remove(file);
  for (const auto format : {DiagnosticFormat::Short, DiagnosticFormat::Json})
    render(diagnostics.all(), sources, {format, false, true, 0, 1000});
  return render(diagnostics.all(), sources, {DiagnosticFormat::Full, false, true, 30, 1000});
}

class DamageTest : public testing::TestWithParam<std::string> {};

TEST_P(DamageTest, IsReadToItsEnd) {
  const std::string text = text_of(kExamples / GetParam());
  std::mt19937 random(1);
  for (int k = 1; k <= 12; ++k) EXPECT_NO_THROW(findings(text.substr(0, text.size() * k / 13)));
  for (int k = 0; k < 12; ++k) {
    std::string changed = text;
    for (int n = 0; n < 4; ++n) {
      const size_t at = random() % changed.size();
      switch (random() % 3) {
        case 0:
          changed[at] = char(random());
          break;
        case 1:
          changed.erase(at, 1 + random() % 8);
          break;
        default:
          changed.insert(at, changed.substr(random() % changed.size(), 1 + random() % 8));
      }
    }
    EXPECT_NO_THROW(findings(changed)) << changed;
  }
}

std::vector<std::string> examples() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kExamples))
    if (entry.path().extension() == ".net") names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Examples, DamageTest, testing::ValuesIn(examples()),
                         [](const auto& file) { return fs::path(file.param).stem().string(); });

TEST(Damage, LineEndsAndTheByteOrderMarkMoveNothing) {
  const std::string text =
      "model m {\n  input x: [batch, 4]\n\toutput ȳ = sofmax(x)\n  output z = x @ Linear(3, "
      "2)(x)\n}\n";
  const std::string plain = findings(text);
  EXPECT_NE(plain.find("error["), std::string::npos);
  EXPECT_EQ(findings(std::regex_replace(text, std::regex("\n"), "\r\n")), plain);
  EXPECT_EQ(findings("\xEF\xBB\xBF" + text), plain);
}

TEST(Damage, RandomBytesAreNoProgramAndNoCrash) {
  std::mt19937 random(2);
  for (int k = 0; k < 40; ++k) {
    std::string bytes(random() % 3000, ' ');
    const bool printable = k % 2 == 0;
    for (char& c : bytes) c = printable ? char(0x20 + random() % 0x5f) : char(random());
    EXPECT_NO_THROW(findings(bytes));
    EXPECT_NO_THROW(findings("model m {\n" + bytes + "\n}\n"));
  }
  EXPECT_NO_THROW(findings(std::string(1 << 20, '(')));
  EXPECT_NO_THROW(findings("let a = " + std::string(1 << 20, 'x')));
  EXPECT_NO_THROW(findings("fn f(x) = x" + std::string(1 << 16, '+') + "1"));
}

}  // namespace
}  // namespace netc::frontend
