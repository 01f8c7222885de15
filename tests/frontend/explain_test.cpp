// Every code that the source can report is explained, and every explained code is reported.
#include "frontend/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "frontend/elaborate.h"
#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

namespace fs = std::filesystem;

std::set<std::string> codes_in_source() {
  const std::regex literal("[\"\\[](E0[0-9]{3}|W0[0-9]{3}|R06[0-9]{2}|I99[0-9]{2})[\"\\]]");
  std::set<std::string> found;
  for (const char* folder : {"frontend", "ir", "passes", "backend", "runtime", "tools"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(NETC_SOURCE_DIR) / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".cpp" && extension != ".h") continue;
      if (entry.path().filename().string().starts_with("explain")) continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      const std::string source = text.str();
      for (auto m = std::sregex_iterator(source.begin(), source.end(), literal);
           m != std::sregex_iterator(); ++m) {
        found.insert((*m)[1]);
      }
    }
  }
  return found;
}

TEST(ExplainTest, knows_every_code_of_the_source_once) {
  std::set<std::string> explained;
  for (const CodeInfo* info : all_codes()) {
    EXPECT_TRUE(explained.insert(info->code).second) << info->code << " is explained twice";
    EXPECT_FALSE(info->title.empty() || info->cause.empty()) << info->code;
  }
  const std::set<std::string> used = codes_in_source();
  EXPECT_GT(used.size(), 60u);
  for (const std::string& code : used) {
    EXPECT_TRUE(explained.contains(code)) << code << " needs an entry in frontend/explain_*.cpp";
  }
  for (const std::string& code : explained) {
    EXPECT_TRUE(used.contains(code)) << code << " is explained but never reported";
  }
}

TEST(ExplainTest, shows_codes_with_a_wrong_and_a_right_program) {
  const std::string text = explain("E0301");
  EXPECT_TRUE(text.starts_with("E0301: "));
  EXPECT_NE(text.find("\nwrong:\n    "), std::string::npos);
  EXPECT_NE(text.find("\nright:\n    "), std::string::npos);
}

TEST(ExplainTest, prints_the_source_of_std) {
  const std::string text = explain("rmsprop");
  EXPECT_NE(text.find("optimizer rmsprop(momentum = 0.0"), std::string::npos);
  EXPECT_NE(text.find("return p - lr * m"), std::string::npos);
  EXPECT_NE(explain("Linear").find("layer Linear(n_in, n_out"), std::string::npos);
  EXPECT_NE(explain("relu").find("grad (dy)"), std::string::npos);
}

TEST(ExplainTest, lists_settings_schedules_and_loaders) {
  const std::string train = explain("train");
  for (const char* key : {"epochs", "lr", "optimizer", "clip", "freeze", "cosine", "plateau"}) {
    EXPECT_NE(train.find(key), std::string::npos) << key;
  }
  EXPECT_EQ(explain("train.batch"), explain("batch"));
  EXPECT_NE(explain("lr").find("one_cycle"), std::string::npos);
  EXPECT_NE(explain("cosine").find("warmup"), std::string::npos);
  EXPECT_NE(explain("data").find("mnist(\"data/mnist\")"), std::string::npos);
  for (const char* text : {"col(\"price\")", "header", "`;`", "numbered from 0", "valid = 0.2",
                           "netc eval DIR --data"}) {
    EXPECT_NE(explain("csv").find(text), std::string::npos) << text;
  }
  EXPECT_EQ(explain("banana"), "");
}

TEST(ExplainTest, has_text_for_every_name_it_offers) {
  const std::vector<std::string> names = explainable_names();
  EXPECT_NE(std::find(names.begin(), names.end(), "einsum"), names.end());
  for (const std::string& name : names) EXPECT_FALSE(explain(name).empty()) << name;
}

TEST(ExplainTest, every_item_and_function_has_an_example_that_works) {
  std::set<std::string> with_example;
  for (const ReferenceExample& e : reference_examples()) {
    EXPECT_FALSE(e.result.empty()) << e.name << ": " << e.expression;
    with_example.insert(e.name);
  }
  for (const std::string& name : builtin_names())
    EXPECT_TRUE(with_example.contains(name)) << name << " needs an entry in explain_builtins.cpp";
  for (const StdFile& file : std_files()) {
    const std::regex documented("##[^\n]*\n(?:fn|layer) (\\w+)\\(");
    const std::string text(file.text);
    for (auto m = std::sregex_iterator(text.begin(), text.end(), documented);
         m != std::sregex_iterator(); ++m)
      EXPECT_TRUE(with_example.contains((*m)[1])) << (*m)[1] << " needs a line `## Example: …`";
  }
}

TEST(ExplainTest, the_reference_page_is_up_to_date) {
  std::ifstream in(NETC_SOURCE_DIR "/docs/reference.md");
  std::stringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), reference_page())
      << "write it again: netc explain --all >docs/reference.md";
}

}  // namespace
}  // namespace netc::frontend
