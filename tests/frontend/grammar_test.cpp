// The TextMate grammar that editors colour by knows the words of the language, and no others.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "frontend/lexer.h"
#include "frontend/signature.h"

namespace netc::frontend {
namespace {

/// The words of `\b(a|b|c)\b` patterns with their scopes.
std::set<std::string> words(const nlohmann::json& rule) {
  std::set<std::string> found;
  for (const auto& pattern : rule["patterns"]) {
    const std::string match = pattern["match"];
    std::istringstream list(match.substr(3, match.rfind(')') - 3));
    for (std::string word; std::getline(list, word, '|');) found.insert(word);
  }
  return found;
}

TEST(GrammarTest, has_the_keywords_of_the_lexer) {
  std::ifstream in(NETC_SOURCE_DIR "/tools/editors/vscode/syntaxes/netc.tmLanguage.json");
  const nlohmann::json grammar = nlohmann::json::parse(in);
  std::set<std::string> lexed;
  for (std::string_view word : keyword_names()) lexed.emplace(word);
  EXPECT_EQ(words(grammar["repository"]["keyword"]), lexed);
  const std::string types = grammar["repository"]["type"]["match"];
  std::istringstream list(types.substr(3, types.rfind(')') - 3));
  int count = 0;
  for (std::string word; std::getline(list, word, '|'); ++count)
    EXPECT_TRUE(is_dtype_name(word)) << word;
  EXPECT_EQ(count, 7);
}

TEST(GrammarTest, the_extension_is_whole) {
  const std::string folder = NETC_SOURCE_DIR "/tools/editors/vscode/";
  auto read = [&](const std::string& name) {
    std::ifstream in(folder + name);
    EXPECT_TRUE(in) << name;
    return nlohmann::json::parse(in);
  };
  const nlohmann::json package = read("package.json");
  const auto& contributes = package["contributes"];
  EXPECT_TRUE(read(contributes["languages"][0]["configuration"]).contains("comments"));
  EXPECT_EQ(read(contributes["grammars"][0]["path"])["scopeName"],
            contributes["grammars"][0]["scopeName"]);
  EXPECT_TRUE(std::ifstream(folder + std::string(package["main"])));
}

}  // namespace
}  // namespace netc::frontend
