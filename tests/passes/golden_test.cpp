// Golden files: tests/golden/*.net holds a program, a header and the text that passes make of it.
//
//   # why: one line, compulsory
//   # run: differentiate inline simplify        names of passes
//   # entry: m.step                             only this function is printed and counted
//   # large: 1024                              bytes from which operands are streamed
//   # structure: kernel 2, einsum 3             how many kernels and ops of a kind there are
//   #> …                                        the blessed text, written with NETC_BLESS=1
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "frontend/program.h"
#include "tests/passes/graphs.h"

namespace netc::passes::test {
namespace {

namespace fs = std::filesystem;

struct Golden {
  std::vector<std::string> input;  ///< everything but the blessed text
  std::map<std::string, std::string> header;
  std::string blessed;
};

Golden read_golden(const fs::path& path) {
  Golden golden;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#>")) {
      golden.blessed += (line.size() > 3 ? line.substr(3) : "") + "\n";
      continue;
    }
    golden.input.push_back(line);
    for (const char* key : {"why", "run", "entry", "large", "structure"}) {
      const std::string start = std::string("# ") + key + ": ";
      if (line.starts_with(start)) golden.header[key] = line.substr(start.size());
    }
  }
  while (!golden.input.empty() && golden.input.back().empty()) golden.input.pop_back();
  return golden;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> list;
  for (std::string word; stream >> word;) {
    if (word.back() == ',') word.pop_back();
    list.push_back(word);
  }
  return list;
}

void write_golden(const fs::path& path, const Golden& golden, const std::string& text) {
  std::ofstream file(path);
  for (const std::string& line : golden.input) file << line << "\n";
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    file << (line.empty() ? "#>" : "#> " + line) << "\n";
}

int64_t count(const ir::Function& f, const std::string& what) {
  if (what == "kernel") return int64_t(f.kernels.size());
  const auto op = ir::find_op(what);
  if (!op) ADD_FAILURE() << "no op " << what;
  return std::count_if(f.values.begin(), f.values.end(),
                       [&](const ir::Value& v) { return op && v.op == *op; });
}

void check_structure(const ir::Module& module, const Golden& golden) {
  const auto list = words(golden.header.at("structure"));
  for (size_t i = 0; i + 1 < list.size(); i += 2) {
    int64_t found = 0;
    for (const ir::Function& f : module.functions)
      if (!golden.header.contains("entry") || f.name == golden.header.at("entry"))
        found += count(f, list[i]);
    EXPECT_EQ(found, std::stoll(list[i + 1])) << list[i];
  }
}

/// The lines that differ, with a little of what surrounds them.
std::string difference_of(const std::string& expected, const std::string& got) {
  std::istringstream a(expected), b(got);
  std::string out, x, y;
  for (int line = 1, shown = 0; shown < 12; ++line) {
    const bool has_a = bool(std::getline(a, x)), has_b = bool(std::getline(b, y));
    if (!has_a && !has_b) break;
    if (has_a && has_b && x == y) continue;
    ++shown;
    if (has_a) out += std::to_string(line) + " - " + x + "\n";
    if (has_b) out += std::to_string(line) + " + " + y + "\n";
  }
  return out;
}

class GoldenFiles : public testing::TestWithParam<std::string> {};

TEST_P(GoldenFiles, PassesWriteTheBlessedText) {
  fs::current_path(fs::path(NETC_SOURCE_DIR) / "tests/golden");  // messages name the file only
  const fs::path path = GetParam();
  Golden golden = read_golden(path);
  ASSERT_TRUE(golden.header.contains("why")) << "every golden file says why it is there";
  frontend::SourceSet sources;
  frontend::Diagnostics diagnostics;
  frontend::Program program = frontend::load(path.string(), {}, sources, diagnostics);
  ASSERT_FALSE(diagnostics.has_errors()) << frontend::render(diagnostics.all(), sources, {});
  PassContext context;
  context.batch_capacity = 32;
  if (golden.header.contains("large")) context.target.large = std::stoll(golden.header["large"]);
  const ir::Module module =
      run_passes(std::move(program.module), words(golden.header["run"]), context);
  std::string text = frontend::render(context.diagnostics, sources, {});
  ir::PrintOptions options;
  if (golden.header.contains("entry")) options.entry = golden.header["entry"];
  options.loc = ir::LocStyle::Line;
  text += ir::print(module, options);
  while (text.ends_with("\n\n")) text.pop_back();
  if (golden.header.contains("structure")) check_structure(module, golden);
  if (!text.ends_with("\n")) text += "\n";
  if (const char* bless = std::getenv("NETC_BLESS"); bless && std::string(bless) == "1") {
    write_golden(path, golden, text);
    return;
  }
  EXPECT_EQ(golden.blessed, text) << difference_of(golden.blessed, text)
                                  << "if this is as it should be: NETC_BLESS=1 passes_tests "
                                     "--gtest_filter='*Golden*'";
}

std::vector<std::string> golden_files() {
  std::vector<std::string> names;
  const fs::path folder = fs::path(NETC_SOURCE_DIR) / "tests/golden";
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".net") names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(0, info.param.size() - 4);
  std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, GoldenFiles, testing::ValuesIn(golden_files()), test_name);

}  // namespace
}  // namespace netc::passes::test
