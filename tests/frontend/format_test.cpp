// Canonical form: stable, complete, comments kept.
#include "frontend/format.h"

#include <gtest/gtest.h>

#include "frontend/parse.h"
#include "tests/frontend/programs.h"

namespace netc::frontend {
namespace {

std::string formatted(const std::string& text) {
  SourceSet sources;
  Diagnostics diagnostics;
  sources.add("t.net", "t.net", text);
  const File file = parse(sources, 0, diagnostics);
  EXPECT_TRUE(diagnostics.all().empty()) << text << render(diagnostics.all(), sources, {});
  return format(file, sources);
}

// Everything but white space, semicolons and commas before closing brackets.
std::string essence(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == ';') continue;
    if ((c == ')' || c == ']') && out.ends_with(',')) out.pop_back();
    out += c;
  }
  return out;
}

TEST(FormatTest, is_stable_and_loses_nothing) {
  for (const auto& [name, text] : program_texts()) {
    const std::string once = formatted(text);
    EXPECT_EQ(formatted(once), once) << name;
    EXPECT_EQ(essence(once), essence(text)) << name;
  }
}

TEST(FormatTest, leaves_the_examples_of_the_language_page_as_they_are) {
  const auto texts = program_texts();
  for (const char* name : {"neuron", "two_layer", "mnist_modules", "functions", "forward_dump"}) {
    const std::string& text = texts.at(std::string("tests/frontend/programs/") + name + ".net");
    EXPECT_EQ(formatted(text), text) << name;
  }
}

TEST(FormatTest, leaves_the_examples_as_they_are) {
  for (const auto& [name, text] : program_texts()) {
    if (name.starts_with("examples/")) {
      EXPECT_EQ(formatted(text), text) << name;
    }
  }
}

TEST(FormatTest, writes_one_statement_a_line_with_two_spaces) {
  EXPECT_EQ(formatted("fn f(x){a=x+1;b=-a**2;;return a,b}"),
            "fn f(x) {\n  a = x + 1\n  b = -a ** 2\n  return a, b\n}\n");
  EXPECT_EQ(formatted("model m{input x:[n,3];param w:[3]=zeros();loss sum(x*w);metric e=mean(x)}"),
            "model m {\n  input  x: [n, 3]\n  param  w: [3] = zeros()\n  loss   sum(x * w)\n"
            "  metric e = mean(x)\n}\n");
  EXPECT_EQ(
      formatted("layer L(n,)(x:[...s,n],)->[n]{param w:[n]=ones()\nreturn x[...,::2,None,1:]}"),
      "layer L(n)(x: [...s, n]) -> [n] {\n  param w: [n] = ones()\n"
      "  return x[..., ::2, None, 1:]\n}\n");
}

TEST(FormatTest, keeps_numbers_as_written_and_strings_escaped) {
  EXPECT_EQ(formatted("let a = 0x1F + 1_000 - 1e-04 * .5"), "let a = 0x1F + 1_000 - 1e-04 * .5\n");
  EXPECT_EQ(formatted("let a = \"\\\"\\n\\t\\\\\""), "let a = \"\\\"\\n\\t\\\\\"\n");
}

TEST(FormatTest, keeps_comments_where_they_stand) {
  const std::string text =
      "# top\n"
      "\n"
      "## doc\n"
      "fn f(  # list\n"
      "     # of\n"
      "     x,  # one\n"
      "     y) {  # body\n"
      "  # first\n"
      "  a = g(x,  # x\n"
      "        y)     # call\n"
      "\n"
      "  b = a +  # sum\n"
      "      1\n"
      "  return b\n"
      "  # last\n"
      "} grad (dy) {  # backward\n"
      "  return dy  # all\n"
      "}  # end\n"
      "# after\n"
      "train {  # settings\n"
      "  epochs = 3; batch = 4    # two\n"
      "  # between\n"
      "  seed = 5\n"
      "  # over\n"
      "}\n"
      "# eof\n";
  EXPECT_EQ(formatted(text), text);
}

TEST(FormatTest, gives_a_comment_to_what_stands_before_it) {
  EXPECT_EQ(formatted("fn f(x) { a = x; return a }  # f"),
            "fn f(x) {\n  a = x\n  return a\n}  # f\n");
  EXPECT_EQ(formatted("fn f(x) {\na = x; b = a # b\nreturn b }"),
            "fn f(x) {\n  a = x\n  b = a  # b\n  return b\n}\n");
}

TEST(FormatTest, keeps_single_blank_lines) {
  EXPECT_EQ(formatted("\n\n\nlet a = 1\n\n\n\nlet b = 2\nlet c = 3\n\n\n"),
            "let a = 1\n\nlet b = 2\nlet c = 3\n");
  EXPECT_EQ(formatted("fn f(x) {\n\n  a = x\n\n\n  # c\n\n  return a\n\n}"),
            "fn f(x) {\n  a = x\n\n  # c\n\n  return a\n}\n");
}

TEST(FormatTest, breaks_at_a_hundred_columns) {
  EXPECT_EQ(
      formatted("fn neuron.loss(input x: f32[batch, 784], input y: f32[batch, 1], param w: "
                "f32[784, 1] = kaiming_normal(), param b: f32[1] = zeros()) -> (loss: f32) {\n"
                "return loss }"),
      "fn neuron.loss(input x: f32[batch, 784], input y: f32[batch, 1],\n"
      "               param w: f32[784, 1] = kaiming_normal(), param b: f32[1] = zeros()) -> "
      "(loss: f32) {\n"
      "  return loss\n}\n");
  EXPECT_EQ(
      formatted("model m { output logits = flatten(float(image) / 255, 1) |> Linear(784, 1024) "
                "|> relu |> Linear(1024, 1024) |> relu |> Linear(1024, 10) }"),
      "model m {\n"
      "  output logits = flatten(float(image) / 255, 1) |> Linear(784, 1024) |> relu |> "
      "Linear(1024, 1024)\n"
      "           |> relu |> Linear(1024, 10)\n"
      "}\n");
  for (const auto& [name, text] : program_texts()) {
    std::istringstream lines(formatted(text));
    for (std::string line; std::getline(lines, line);) {
      if (line.find_first_of("#\"") != std::string::npos) continue;  // texts are not broken
      EXPECT_LE(line.size(), 100u) << name << ": " << line;
    }
  }
}

TEST(FormatTest, keeps_the_line_ends_before_pipes) {
  const std::string text =
      "model m {\n"
      "  output p = x\n"
      "           |> f |> g\n"
      "           # then\n"
      "           |> h  # last\n"
      "  y = x\n"
      "    |> f\n"
      "}\n";
  EXPECT_EQ(formatted(text), text);
}

TEST(FormatTest, writes_the_parentheses_a_tree_needs) {
  const auto expression = [](std::string text) {
    SourceSet sources;
    Diagnostics diagnostics;
    sources.add("t", "", std::move(text));
    ExprPtr e = parse_expression(sources, 0, 0, diagnostics);
    const std::function<void(Expr&)> strip = [&](Expr& at) {
      at.parenthesised = false;
      if (auto* b = std::get_if<Binary>(&at.node)) strip(*b->lhs), strip(*b->rhs);
      if (auto* p = std::get_if<Pipe>(&at.node)) strip(*p->lhs), strip(*p->rhs);
      if (auto* u = std::get_if<Unary>(&at.node)) strip(*u->operand);
      if (auto* m = std::get_if<Member>(&at.node)) strip(*m->base);
      if (auto* c = std::get_if<Call>(&at.node)) strip(*c->callee);
    };
    strip(*e);
    return format(*e);
  };
  for (const char* text :
       {"(a + b) * c", "a - (b - c)", "(-a) ** b", "-(-a)", "a ** b ** c", "(a ** b) ** c",
        "not (a and b)", "(a |> f).T", "x |> (y |> f)", "(a < b) == c", "(a + b)(c)", "-a ** b",
        "(a or b) and c", "a * -b", "(not a) == b", "(-a).f", "(-9223372036854775808) ** 2"}) {
    EXPECT_EQ(expression(text), text);
  }
  EXPECT_EQ(expression("(a * b) + (c ** d)"), "a * b + c ** d");
}

TEST(FormatTest, items_stand_alone) {
  SourceSet sources;
  Diagnostics diagnostics;
  sources.add("t", "", "data mnist( \"x\" )\ntrain {\n # c\n epochs = 3\n lr = cosine(1e-3) }");
  const File file = parse(sources, 0, diagnostics);
  EXPECT_EQ(format(file.items[0]), "data  mnist(\"x\")");
  EXPECT_EQ(format(file.items[1]), "train { epochs = 3; lr = cosine(1e-3) }");
}

TEST(FormatTest, empty_texts_stay_empty) {
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted("\n\n"), "");
  EXPECT_EQ(formatted("# only\n"), "# only\n");
  EXPECT_EQ(formatted("train { }"), "train { }\n");
  EXPECT_EQ(formatted("model m { }"), "model m {\n}\n");
}

}  // namespace
}  // namespace netc::frontend
