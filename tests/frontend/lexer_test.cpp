// Tokens, comments and the values of numbers and strings.
#include "frontend/lexer.h"

#include <gtest/gtest.h>

namespace netc::frontend {
namespace {

struct Lexed {
  SourceSet sources;
  Diagnostics diagnostics;
  Tokens tokens;
};

Lexed lexed(const std::string& text) {
  Lexed out;
  out.sources.add("t.net", "t.net", text);
  out.tokens = lex(out.sources, 0, 0, out.diagnostics);
  return out;
}

std::vector<std::string> words(const std::string& text) {
  const Lexed out = lexed(text);
  std::vector<std::string> list;
  for (const Token& t : out.tokens.tokens) {
    if (t.kind != Tok::End) list.emplace_back(out.sources.text({0, t.begin, t.end}));
  }
  return list;
}

TEST(LexerTest, takes_the_longest_operator) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words("a**b//c|>d->e...f"),
            (Words{"a", "**", "b", "//", "c", "|>", "d", "->", "e", "...", "f"}));
  EXPECT_EQ(words("x<=y==z!=w>=v"), (Words{"x", "<=", "y", "==", "z", "!=", "w", ">=", "v"}));
  EXPECT_EQ(words("x[1:...]"), (Words{"x", "[", "1", ":", "...", "]"}));
  EXPECT_EQ(words("1e-4-2.5"), (Words{"1e-4", "-", "2.5"}));
  EXPECT_EQ(words("a.b 1. .5"), (Words{"a", ".", "b", "1.", ".5"}));
}

TEST(LexerTest, knows_where_lines_start) {
  const Lexed out = lexed("a # c\n\n  # d\nb |> c\n|> d\n");
  const auto& t = out.tokens.tokens;
  ASSERT_EQ(t.size(), 7u);
  EXPECT_TRUE(t[1].newline_before);   // b
  EXPECT_FALSE(t[2].newline_before);  // |>
  EXPECT_FALSE(t[4].newline_before);  // |> at a line's start
  EXPECT_TRUE(t[6].newline_before);   // the end
}

TEST(LexerTest, keeps_comments_with_their_kind) {
  const Lexed out = lexed("#@ stage fused\n## doc  \nx = 1 #@ 7:21\n# plain");
  const auto& c = out.tokens.comments;
  ASSERT_EQ(c.size(), 4u);
  EXPECT_EQ(c[0].kind, Comment::Kind::Note);
  EXPECT_EQ(c[1].kind, Comment::Kind::Doc);
  EXPECT_EQ(out.sources.text({0, c[1].begin, c[1].end}), "## doc");
  EXPECT_FALSE(c[2].own_line);
  EXPECT_EQ(c[2].next_token, 3u);
  EXPECT_TRUE(c[3].own_line);
}

TEST(LexerTest, reads_numbers_exactly_in_any_locale) {
  EXPECT_EQ(number_value("1_000").integer, 1000);
  EXPECT_EQ(number_value("0x1F").integer, 31);
  EXPECT_EQ(number_value("0xff_ff").integer, 65535);
  EXPECT_EQ(number_value("9223372036854775807").integer, INT64_MAX);
  EXPECT_EQ(number_value("1e-4").real, 1e-4);
  EXPECT_EQ(number_value("0.1").real, 0.1);
  EXPECT_EQ(number_value("1.").real, 1.0);
  EXPECT_EQ(number_value("5e-324").real, 5e-324);
  EXPECT_FALSE(number_value("3.0").is_int);
  EXPECT_FALSE(number_value("1e3").is_int);
  EXPECT_TRUE(number_value("3").is_int);
}

TEST(LexerTest, strings_survive_quoting) {
  EXPECT_EQ(string_value(R"("a\n\t\"\\b")"), "a\n\t\"\\b");
  for (const std::string text : {"", "a\"b", "back\\slash", "tab\tline\n", "ü"}) {
    EXPECT_EQ(string_value(quote(text)), text);
  }
}

TEST(LexerTest, columns_count_code_points_without_the_byte_order_mark) {
  SourceSet sources;
  sources.add("t.net", "t.net", "\xEF\xBB\xBFäöü = x\r\nzz");
  EXPECT_EQ(sources.place({0, 7, 8}).column, 5u);
  EXPECT_EQ(sources.place({0, 0, 6}).length, 3u);
  EXPECT_EQ(sources.line(0, 1), "äöü = x");
  EXPECT_EQ(sources.place({0, 12, 13}).line, 2u);
  // A span over several lines is cut at the end of its first.
  EXPECT_EQ(sources.place({0, 0, 14}).length, 7u);
}

TEST(LexerTest, columns_are_right_far_into_a_long_line) {
  SourceSet sources;
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "é";
  sources.add("t.net", "t.net", text + "x");
  EXPECT_EQ(sources.place({0, 10000, 10001}).column, 5001u);
  EXPECT_EQ(sources.place({0, 2046, 2048}).column, 1024u);
  EXPECT_EQ(sources.place({0, 99999, 99999}).column, 5002u);
}

TEST(LexerTest, one_error_a_line_of_bad_bytes_and_none_for_their_tokens) {
  EXPECT_EQ(lexed("a = \xFF\xFE\xFD\n# \xC0\x80\n").diagnostics.all().size(), 2u);
  EXPECT_EQ(lexed("a = 1 ??? 2").diagnostics.all().size(), 3u);
}

TEST(LexerTest, a_file_that_is_no_text_is_one_error) {
  const std::string utf16("\xFF\xFEm\0\n\0m\0\n\0", 10);
  ASSERT_EQ(lexed(utf16).diagnostics.all().size(), 1u);
  EXPECT_EQ(lexed(utf16).diagnostics.all()[0].message, "this file is UTF-16");
  const std::string binary(
      "\x7F"
      "ELF\0\0\n\0\xFF\n\0",
      11);
  ASSERT_EQ(lexed(binary).diagnostics.all().size(), 1u);
  EXPECT_EQ(lexed(binary).diagnostics.all()[0].message, "a NUL byte: this is no text file");
}

}  // namespace
}  // namespace netc::frontend
