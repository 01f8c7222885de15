// Rendered diagnostics, letter by letter as the diagnostics page shows them.
#include "frontend/diagnostics.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "frontend/foreign.h"

namespace netc::frontend {
namespace {

using ir::Diagnostic;
using ir::Place;

// A source whose line `n` is the text given for it.
uint32_t source(SourceSet& set, const std::string& name,
                const std::vector<std::pair<uint32_t, std::string>>& lines) {
  std::string text;
  uint32_t at = 1;
  for (const auto& [number, line] : lines) {
    for (; at < number; ++at) text += '\n';
    text += line;
  }
  return set.add(name, name, text);
}

std::string full(const SourceSet& set, const Diagnostic& d) { return render({d}, set, {}); }

TEST(RenderTest, marks_several_lines_with_a_wide_gutter) {
  SourceSet set;
  source(set, "mlp.net",
         {{8, "  fc1 = Linear(784, 1024)"},
          {9, "  fc2 = Linear(512, 10)"},
          {10, "  output logits = x |> fc1 |> relu |> fc2"}});
  Diagnostic d;
  d.code = "E0301";
  d.message = "`fc2` expects 512 features but gets 1024";
  d.place = {0, 10, 39, 3};
  d.label = "this argument is f32[batch, 1024]";
  d.others = {{{0, 8, 21, 4}, "`fc1` produces f32[batch, 1024] here"},
              {{0, 9, 16, 3}, "so `x` must be [..., 512]"}};
  d.helps = {"write `Linear(1024, 10)`, or `Linear(_, 10)` to infer it"};
  EXPECT_EQ(full(set, d), R"(error[E0301]: `fc2` expects 512 features but gets 1024
  --> mlp.net:10:39
 8 |   fc1 = Linear(784, 1024)
   |                     ---- `fc1` produces f32[batch, 1024] here
 9 |   fc2 = Linear(512, 10)
   |                --- so `x` must be [..., 512]
10 |   output logits = x |> fc1 |> relu |> fc2
   |                                       ^^^ this argument is f32[batch, 1024]
   = help: write `Linear(1024, 10)`, or `Linear(_, 10)` to infer it
)");
}

TEST(RenderTest, puts_the_rightmost_label_on_the_row_of_marks_and_others_below) {
  SourceSet set;
  source(set, "net.net", {{12, "  h = x @ w + b"}});
  Diagnostic d;
  d.code = "E0302";
  d.message = "`+`: f32[batch, 64] and f32[32] do not broadcast";
  d.place = {0, 12, 13, 1};
  d.others = {{{0, 12, 7, 5}, "f32[batch, 64]"}, {{0, 12, 15, 1}, "f32[32], declared at 5:9"}};
  d.notes = {
      "shapes align from the right:   batch  64\n"
      "                                      32   64 is not 32, and neither is 1"};
  EXPECT_EQ(full(set, d), R"(error[E0302]: `+`: f32[batch, 64] and f32[32] do not broadcast
  --> net.net:12:13
12 |   h = x @ w + b
   |       ----- ^ - f32[32], declared at 5:9
   |       f32[batch, 64]
   = note: shapes align from the right:   batch  64
                                                 32   64 is not 32, and neither is 1
)");
}

TEST(RenderTest, shows_warnings_and_helps_before_notes) {
  SourceSet set;
  source(set, "net.net", {{7, "  s = sum(x, axis = 1)"}});
  Diagnostic d;
  d.severity = ir::Severity::Warning;
  d.code = "E0204";
  d.message = "`sum` has no argument `axis`";
  d.place = {0, 7, 14, 4};
  d.label = "unknown argument";
  d.helps = {"NumPy's `axis` is called `dim` here: `sum(x, dim = 1)`"};
  d.notes = {"signature: sum(x: [...s], dim: int | list = all, keepdim: bool = false)"};
  EXPECT_EQ(full(set, d), R"(warning[E0204]: `sum` has no argument `axis`
 --> net.net:7:14
7 |   s = sum(x, axis = 1)
  |              ^^^^ unknown argument
  = help: NumPy's `axis` is called `dim` here: `sum(x, dim = 1)`
  = note: signature: sum(x: [...s], dim: int | list = all, keepdim: bool = false)
)");
}

TEST(RenderTest, separates_lines_that_do_not_follow_each_other) {
  SourceSet set;
  source(set, "ops.net",
         {{1, "fn scale(x: [...s], k: float) -> [...s] {"}, {4, "  return dy * k"}});
  Diagnostic d;
  d.code = "E0402";
  d.message = "`grad` of `scale` returns 1 gradient, but 2 inputs need one";
  d.place = {0, 4, 10, 6};
  d.label = "gradient for `x` only";
  d.others = {{{0, 1, 10, 1}, ""}, {{0, 1, 21, 1}, "both inputs are floating point"}};
  d.helps = {"return one per float input, in order: `return dy * k, sum(dy * x)`"};
  d.notes = {"use `None` for an input that gets no gradient"};
  EXPECT_EQ(full(set, d),
            R"(error[E0402]: `grad` of `scale` returns 1 gradient, but 2 inputs need one
 --> ops.net:4:10
1 | fn scale(x: [...s], k: float) -> [...s] {
  |          -          - both inputs are floating point
...
4 |   return dy * k
  |          ^^^^^^ gradient for `x` only
  = help: return one per float input, in order: `return dy * k, sum(dy * x)`
  = note: use `None` for an input that gets no gradient
)");
}

TEST(RenderTest, continues_a_help_under_its_text) {
  SourceSet set;
  source(set, "mlp.net", {{3, "  input image: [batch, 784]"}, {9, "data mnist(\"data/mnist\")"}});
  Diagnostic d;
  d.code = "R0601";
  d.message = "dataset field `image` is u8[28, 28] per sample, the model wants f32[784]";
  d.place = {0, 3, 16, 12};
  d.label = "declared here";
  d.others = {{{0, 9, 6, 5}, "fields: image u8[28, 28], label u8"}};
  d.helps = {
      "declare `input image: u8[batch, 28, 28]` and convert in the graph:\n"
      "`flatten(float(image) / 255, 1)`, so `predict` does it too"};
  EXPECT_EQ(
      full(set, d),
      R"(error[R0601]: dataset field `image` is u8[28, 28] per sample, the model wants f32[784]
 --> mlp.net:3:16
3 |   input image: [batch, 784]
  |                ^^^^^^^^^^^^ declared here
...
9 | data mnist("data/mnist")
  |      ----- fields: image u8[28, 28], label u8
  = help: declare `input image: u8[batch, 28, 28]` and convert in the graph:
          `flatten(float(image) / 255, 1)`, so `predict` does it too
)");
}

TEST(RenderTest, writes_ascii_where_asked_to_but_for_what_is_the_users) {
  SourceSet set;
  source(set, "m.net", {{1, "x = \"…é\" × y"}});
  Diagnostic d;
  d.message = "unexpected `×` — in \"é\" …";
  d.place = {0, 1, 10, 1};
  d.label = "1 ≤ 2 …";
  d.helps = {"write `f(…)`"};
  RenderOptions options;
  options.ascii = true;
  EXPECT_EQ(render({d}, set, options), R"(error: unexpected `×` - in "é" ...
 --> m.net:1:10
1 | x = "…é" × y
  |          ^ 1 <= 2 ...
  = help: write `f(...)`
)");
  options.format = DiagnosticFormat::Short;
  EXPECT_EQ(render({d}, set, options), "m.net:1:10: error: unexpected `×` - in \"é\" ...\n");
}

TEST(RenderTest, wraps_notes_and_helps_but_not_what_is_to_be_typed_or_aligned) {
  SourceSet set;
  source(set, "m.net", {{1, "aa"}});
  Diagnostic d;
  d.message = "a message of more than forty columns is not wrapped";
  d.place = {0, 1, 1, 2};
  d.helps = {"a loss is one number, so write the mean `loss mean(square(p - y))`, or the sum"};
  d.notes = {"shapes align from the right:   batch  64\n                              32",
             "one line\nand a second one, which is longer than the first"};
  RenderOptions options;
  options.width = 40;
  EXPECT_EQ(render({d}, set, options), R"(error: a message of more than forty columns is not wrapped
 --> m.net:1:1
1 | aa
  | ^^
  = help: a loss is one number, so write
          the mean
          `loss mean(square(p - y))`, or
          the sum
  = note: shapes align from the right:   batch  64
                                        32
  = note: one line
          and a second one, which is
          longer than the first
)");
}

TEST(RenderTest, joins_labels_that_wait_with_a_bar) {
  SourceSet set;
  source(set, "m.net", {{1, "aa bb cc"}});
  Diagnostic d;
  d.message = "m";
  d.place = {0, 1, 1, 2};
  d.label = "first";
  d.others = {{{0, 1, 4, 2}, "second"}, {{0, 1, 7, 2}, "third"}};
  EXPECT_EQ(full(set, d), R"(error: m
 --> m.net:1:1
1 | aa bb cc
  | ^^ -- -- third
  | |  second
  | first
)");
}

TEST(RenderTest, names_the_other_file) {
  SourceSet set;
  source(set, "m.net", {{1, "aa"}});
  source(set, "std/nn.net", {{5, "bb"}});
  Diagnostic d;
  d.code = "E0301";
  d.message = "m";
  d.place = {0, 1, 1, 2};
  d.others = {{{1, 5, 1, 2}, "there"}};
  EXPECT_EQ(full(set, d), R"(error[E0301]: m
 --> m.net:1:1
1 | aa
  | ^^
 ::: std/nn.net:5:1
5 | bb
  | -- there
)");
}

TEST(RenderTest, escapes_what_a_terminal_would_act_on) {
  SourceSet set;
  source(set, "a\x1b.net", {{1, "\tx\x1b[31m\xE2\x80\xAE = \xFFy é z"}});
  Diagnostic d;
  d.message = "bad `\x1b[2J`";
  d.place = {0, 1, 14, 1};
  d.label = "here";
  const std::string text = full(set, d);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("bad `\\x1b[2J`"), std::string::npos);
  EXPECT_NE(text.find("1 |     x\\x1b[31m\\u202e = \\xffy é z\n"), std::string::npos) << text;
}

TEST(RenderTest, counts_tabs_and_wide_letters_as_the_screen_does) {
  SourceSet set;
  source(set, "m.net", {{1, "\tx = \"日本\" + y"}});
  Diagnostic d;
  d.message = "m";
  d.place = {0, 1, 13, 1};
  EXPECT_EQ(full(set, d), R"(error: m
 --> m.net:1:13
1 |     x = "日本" + y
  |                  ^
)");
}

TEST(RenderTest, cuts_a_line_of_a_megabyte) {
  SourceSet set;
  source(set, "m.net", {{1, std::string(1'000'000, 'x') + " ! " + std::string(1000, 'y')}});
  Diagnostic d;
  d.message = "m";
  d.place = {0, 1, 1'000'002, 1};
  d.label = "here";
  const std::string text = full(set, d);
  EXPECT_LT(text.size(), 500u);
  const size_t bang = text.find(" ! ");
  ASSERT_NE(bang, std::string::npos);
  const size_t row = text.find("\n", bang) + 1;
  EXPECT_EQ(text.substr(row + (bang + 1 - (text.rfind('\n', bang) + 1)), 6), "^ here");
}

TEST(RenderTest, cuts_names_of_a_megabyte) {
  SourceSet set;
  const std::string name(1'000'000, 'n');
  source(set, "m.net", {{1, "y = " + name}});
  Diagnostic d;
  d.message = "unknown name `" + name + "`";
  d.label = name;
  d.helps = {name};
  d.place = {0, 1, 5, 1'000'000};
  EXPECT_LT(full(set, d).size(), 3000u);
}

TEST(RenderTest, one_line_each_in_short_form) {
  SourceSet set;
  source(set, "m.net", {{1, "aa"}});
  Diagnostic d;
  d.code = "E0301";
  d.message = "no";
  d.place = {0, 1, 2, 1};
  RenderOptions options;
  options.format = DiagnosticFormat::Short;
  EXPECT_EQ(render({d}, set, options), "m.net:1:2: error[E0301]: no\n");
}

TEST(RenderTest, one_object_a_line_in_json_even_with_bad_bytes) {
  SourceSet set;
  source(set, "m.net", {{1, "aa"}});
  Diagnostic d;
  d.code = "E0301";
  d.message = "no \xFF";
  d.place = {0, 1, 2, 1};
  d.helps = {"try"};
  RenderOptions options;
  options.format = DiagnosticFormat::Json;
  const auto json = nlohmann::json::parse(render({d}, set, options));
  EXPECT_EQ(json["file"], "m.net");
  EXPECT_EQ(json["line"], 1);
  EXPECT_EQ(json["column"], 2);
  EXPECT_EQ(json["code"], "E0301");
  EXPECT_EQ(json["helps"][0], "try");
}

TEST(RenderTest, sorts_by_place_and_counts_what_is_left_out) {
  SourceSet set;
  source(set, "m.net", {{1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}});
  std::vector<Diagnostic> list;
  for (uint32_t i = 25; i > 0; --i) {
    Diagnostic d;
    d.message = fmt::format("number {}", i);
    d.place = {0, 1, i, 1};
    list.push_back(d);
  }
  RenderOptions options;
  options.format = DiagnosticFormat::Short;
  const std::string text = render(list, set, options);
  EXPECT_TRUE(text.starts_with("m.net:1:1: error: number 1\nm.net:1:2:"));
  EXPECT_TRUE(text.ends_with("number 20\n5 more errors not shown (`--max-errors N` shows more)\n"));
}

TEST(RenderTest, colours_on_request_only) {
  SourceSet set;
  source(set, "m.net", {{1, "aa"}});
  Diagnostic d;
  d.code = "E0301";
  d.message = "no";
  d.place = {0, 1, 2, 1};
  RenderOptions options;
  options.colour = true;
  EXPECT_TRUE(render({d}, set, options).starts_with("\x1b[1;31merror[E0301]\x1b[0m"));
  EXPECT_EQ(render({d}, set, {}).find('\x1b'), std::string::npos);
}

TEST(RenderTest, survives_places_that_do_not_exist) {
  SourceSet set;
  source(set, "m.net", {{1, "aa"}});
  for (const Place place : {Place{0, 0, 0, 1}, Place{7, 1, 1, 1}, Place{0, 99, 1, 1},
                            Place{0, 1, 99, 99}, Place{0, 1, 1, UINT32_MAX}}) {
    Diagnostic d;
    d.message = "no";
    d.place = place;
    d.helps = {"help"};
    EXPECT_FALSE(full(set, d).empty());
  }
}

TEST(DiagnosticsTest, keeps_identical_ones_once) {
  Diagnostics list;
  Diagnostic d;
  d.message = "no";
  list.add(d);
  list.add(d);
  d.severity = ir::Severity::Warning;
  list.add(d);
  EXPECT_EQ(list.all().size(), 2u);
  EXPECT_EQ(list.error_count(), 1u);
}

TEST(SuggestionTest, takes_the_nearest_word_within_a_third) {
  EXPECT_EQ(nearest("sofmax", {"softmax", "sigmoid"}), "softmax");
  EXPECT_EQ(nearest("rleu", {"relu", "elu"}), "relu");
  EXPECT_EQ(nearest("ab", {"xy", "abc"}), "abc");
  EXPECT_EQ(nearest("x", {"y"}), "");
  EXPECT_EQ(nearest("learning", {"lr", "epochs"}), "");
}

TEST(SuggestionTest, knows_the_words_of_other_libraries) {
  const std::vector<std::string> known = {"reshape", "concat", "clip",   "stop_gradient", "Linear",
                                          "relu",    "dim",    "k",      "MaxPool2d",     "padding",
                                          "softmax", "mse",    "permute"};
  const std::map<std::string, std::string> expected = {
      {"axis", "NumPy's `axis` is called `dim` here"},
      {"view", "PyTorch's `view` is called `reshape` here"},
      {"torch.cat", "PyTorch's `torch.cat` is called `concat` here"},
      {"pad", "PyTorch's `pad` is called `padding` here"},
      {"clamp", "PyTorch's `clamp` is called `clip` here"},
      {"detach", "PyTorch's `detach` is called `stop_gradient` here"},
      {"np.newaxis", "NumPy's `np.newaxis` is called `None` here"},
      {"True", "Python's `True` is called `true` here"},
      {"nn.MSELoss", "PyTorch's `nn.MSELoss` is called `mse` here"},
      {"Dense", "Keras's `Dense` is called `Linear` here"},
      {"nn.Linear", "names have no prefix here: write `Linear`"},
      {"torch.nn.functional.softmax", "names have no prefix here: write `softmax`"},
      {"torch.matmul", "write `a @ b`"},
      {"np.zeros", "a number broadcasts: write `0.0` (`zeros()` is an initialiser of `param`)"},
      {"nn.LSTM", "the library has no `LSTM`: write it as a `layer` or `fn` of your own"},
      {"maxpool2d", "did you mean `MaxPool2d`?"},
      {"F.sofmax", "did you mean `softmax`?"},
      {"banana", ""}};
  for (const auto& [word, help] : expected) EXPECT_EQ(suggestion(word, known), help) << word;
}

}  // namespace
}  // namespace netc::frontend
