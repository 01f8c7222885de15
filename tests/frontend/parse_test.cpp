// The parser on whole programs, single forms, extremes, and programs with random damage.
#include "frontend/parse.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "frontend/format.h"
#include "tests/frontend/programs.h"

namespace netc::frontend {
namespace {

struct Parsed {
  SourceSet sources;
  Diagnostics diagnostics;
  File file;
};

Parsed parsed(const std::string& text, const ParseLimits& limits = {}) {
  Parsed out;
  out.sources.add("t.net", "t.net", text);
  out.file = parse(out.sources, 0, out.diagnostics, limits);
  return out;
}

std::string errors(const Parsed& p) { return render(p.diagnostics.all(), p.sources, {}); }

// `expr` with all parentheses written that its tree has.
std::string tree(const Expr& e) {
  if (const auto* b = std::get_if<Binary>(&e.node)) {
    return fmt::format("({} {} {})", tree(*b->lhs), spelling(b->op), tree(*b->rhs));
  }
  if (const auto* p = std::get_if<Pipe>(&e.node)) {
    return fmt::format("({} |> {})", tree(*p->lhs), tree(*p->rhs));
  }
  if (const auto* u = std::get_if<Unary>(&e.node)) {
    return fmt::format("({} {})", u->is_not ? "not" : "-", tree(*u->operand));
  }
  return format(e);
}

std::string tree(const std::string& text) {
  SourceSet sources;
  Diagnostics diagnostics;
  sources.add("t", "", text);
  const ExprPtr e = parse_expression(sources, 0, 0, diagnostics);
  return e ? tree(*e) : render(diagnostics.all(), sources, {});
}

TEST(ParseTest, reads_every_program) {
  for (const auto& [name, text] : program_texts()) {
    const Parsed p = parsed(text);
    EXPECT_TRUE(p.diagnostics.all().empty()) << name << '\n' << errors(p);
    EXPECT_FALSE(p.file.items.empty()) << name;
  }
}

TEST(ParseTest, binds_operators_as_python_does) {
  EXPECT_EQ(tree("a + b * c - d"), "((a + (b * c)) - d)");
  EXPECT_EQ(tree("a // b % c @ d"), "(((a // b) % c) @ d)");
  EXPECT_EQ(tree("-a ** b"), "(- (a ** b))");
  EXPECT_EQ(tree("a ** -b ** c"), "(a ** (- (b ** c)))");
  EXPECT_EQ(tree("2 ** 3 ** 4"), "(2 ** (3 ** 4))");
  EXPECT_EQ(tree("-a * -b"), "((- a) * (- b))");
  EXPECT_EQ(tree("not a < b and c or d"), "(((not (a < b)) and c) or d)");
  EXPECT_EQ(tree("a or b |> f |> g"), "(((a or b) |> f) |> g)");
  EXPECT_EQ(tree("a and not b == c"), "(a and (not (b == c)))");
  EXPECT_EQ(tree("a + b < c * d"), "((a + b) < (c * d))");
  EXPECT_EQ(tree("x.f(a)[0].T"), "x.f(a)[0].T");
  EXPECT_EQ(tree("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(tree("-1 ** 2"), "(- (1 ** 2))");
}

TEST(ParseTest, a_statement_goes_on_after_operators_commas_equals_and_before_pipes) {
  const Parsed p = parsed(
      "fn f(x) {\n  a =\n    x +\n    1\n  b, c =\n  g(a,\n  x\n  )\n  d = a\n\n  # note\n  |> h\n"
      "  return a and\n  b,\n  c\n}\n\ngrad (dy) { return dy }\n");
  ASSERT_TRUE(p.diagnostics.all().empty()) << errors(p);
  const auto& fn = std::get<FnItem>(p.file.items[0].node);
  EXPECT_EQ(fn.body.size(), 4u);
  EXPECT_TRUE(fn.grad.has_value());
}

TEST(ParseTest, semicolons_end_statements) {
  const Parsed p = parsed("fn f(x) { a = 1; b = 2;; return a; } ; let c = 3;");
  ASSERT_TRUE(p.diagnostics.all().empty()) << errors(p);
  EXPECT_EQ(std::get<FnItem>(p.file.items[0].node).body.size(), 3u);
  EXPECT_EQ(p.file.items.size(), 2u);
}

TEST(ParseTest, notes_belong_to_the_statement_of_their_line) {
  const auto texts = program_texts();
  const Parsed p = parsed(texts.at("tests/frontend/programs/plan_dump.net"));
  EXPECT_EQ(p.file.stage, "plan");
  const Block& body = std::get<FnItem>(p.file.items[0].node).body;
  EXPECT_EQ(body[0].note, "batch streamed: x is read once");
  const auto& kernel = std::get<KernelBlock>(body[0].node);
  EXPECT_EQ(kernel.body[0].note, "7:21");
  EXPECT_EQ(kernel.body[1].note, "8:10; vjp _4");
  EXPECT_EQ(kernel.body[2].note, "");
  ASSERT_EQ(kernel.yields.size(), 2u);
  EXPECT_EQ(body[1].note, "std/nn.net:12:3 < 7:14");
  const auto& target = std::get<Bind>(kernel.body[0].node).targets[0];
  ASSERT_TRUE(target.storage);
  EXPECT_EQ(target.storage->offset, 4096);
  EXPECT_EQ(target.storage->leading_stride, 1040);
  EXPECT_EQ(target.storage->panel, 1);
  EXPECT_EQ(std::get<FnItem>(p.file.items[0].node).params[4].path.str(), "w.v");
}

TEST(ParseTest, docstrings_stand_above_items) {
  const Parsed p =
      parsed("## One\n##   two\n\n# no\nlet a = 1\nlet b = 2 ## no\n## three\nlet c = 3");
  EXPECT_EQ(p.file.items[0].docstring, "One\n  two");
  EXPECT_EQ(p.file.items[1].docstring, "");
  EXPECT_EQ(p.file.items[2].docstring, "three");
}

TEST(ParseTest, places_are_those_of_operators_and_callees) {
  const auto texts = program_texts();
  const Parsed p = parsed(texts.at("tests/frontend/programs/neuron.net"));
  const auto& model = std::get<ModelItem>(p.file.items[0].node);
  const auto& output = std::get<Output>(model.body[4].node);
  const auto at = [&](const Expr& e) {
    const ir::Place place = p.sources.place(e.at);
    return fmt::format("{}:{}+{}", place.line, place.column, place.length);
  };
  EXPECT_EQ(at(*output.bind.value), "7:14+4");
  const auto& sum = *std::get<Call>(output.bind.value->node).args[0].value;
  EXPECT_EQ(at(sum), "7:25+1");
  EXPECT_EQ(at(*std::get<Binary>(sum.node).lhs), "7:21+1");
  EXPECT_EQ(at(*std::get<Loss>(model.body[5].node).value), "8:10+3");
  const auto place_in = [&](const std::string& text) {
    SourceSet sources;
    Diagnostics diagnostics;
    sources.add("t", "", text);
    return sources.place(parse_expression(sources, 0, 0, diagnostics)->at).column;
  };
  EXPECT_EQ(place_in("x |> Linear(3, 4)"), 6u);
  EXPECT_EQ(place_in("nn.Linear(3, 4)(x)"), 4u);
  EXPECT_EQ(place_in("x.T"), 3u);
  EXPECT_EQ(place_in("x[0]"), 2u);
  EXPECT_EQ(place_in("(a + b)"), 4u);
}

TEST(ParseTest, words_are_names_where_they_mean_nothing) {
  const auto texts = program_texts();
  const Parsed p = parsed(texts.at("tests/frontend/programs/words.net"));
  ASSERT_TRUE(p.diagnostics.all().empty()) << errors(p);
  const auto& fn = std::get<FnItem>(p.file.items[2].node);
  EXPECT_EQ(fn.params[0].kind, ParamKind::Plain);
  EXPECT_EQ(fn.params[5].type->dtype, "fn");
  const auto& model = std::get<ModelItem>(p.file.items[3].node);
  EXPECT_TRUE(std::holds_alternative<Bind>(model.body[2].node));
  EXPECT_TRUE(std::holds_alternative<Loss>(model.body[3].node));
  EXPECT_EQ(std::get<Metric>(model.body[4].node).name, "");
  EXPECT_EQ(std::get<Metric>(model.body[5].node).name, "x");
}

std::string repeat(const std::string& text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

TEST(ParseTest, shows_where_a_bracket_was_opened_and_a_statement_starts) {
  SourceSet sources;
  Diagnostics diagnostics;
  sources.add("net.net", "net.net",
              "fn net(x) {\n  fc1 = Linear(3, 4)\n  h = relu(fc1(x)\n  return fc2(h)\n}\n");
  parse(sources, 0, diagnostics);
  EXPECT_EQ(render(diagnostics.all(), sources, {}),
            R"x(error[E0101]: expected `)` to close `relu(`, found `return`
 --> net.net:3:11
3 |   h = relu(fc1(x)
  |           ^ this `(` is never closed
4 |   return fc2(h)
  |   ------ a new statement starts here
  = help: add `)` at the end of line 3
)x");
}

TEST(ParseTest, nesting_has_a_limit_that_the_message_names) {
  EXPECT_TRUE(
      parsed("let a = " + repeat("(", 256) + "1" + repeat(")", 256)).diagnostics.all().empty());
  for (const std::string open : {"(", "[", "f(", "x[", "-(", "not (", "1 + (", "2 ** "}) {
    const Parsed p = parsed("let a = " + repeat(open, 1'000'000) + "\nlet b = 1 ! 2\n");
    ASSERT_FALSE(p.diagnostics.all().empty()) << open;
    const ir::Diagnostic& d = p.diagnostics.all()[1];
    EXPECT_EQ(d.code, "E0111") << open << errors(p);
    EXPECT_EQ(d.message, "nested more than 256 levels deep");
    EXPECT_EQ(p.diagnostics.all().size(), 2u) << open << errors(p);
  }
  const Parsed deeper =
      parsed("let a = " + repeat("(", 300) + "1" + repeat(")", 300), {1 << 20, 400});
  EXPECT_TRUE(deeper.diagnostics.all().empty());
}

TEST(ParseTest, long_chains_have_a_limit) {
  for (const std::string link : {" + 1", " |> f", ".f", "(1)", "[0]", " and 1"}) {
    EXPECT_TRUE(parsed("let a = x" + repeat(link, 1000)).diagnostics.all().empty()) << link;
    const Parsed p = parsed("let a = x" + repeat(link, 200'000));
    ASSERT_EQ(p.diagnostics.all().size(), 1u) << link;
    EXPECT_EQ(p.diagnostics.all()[0].code, "E0111");
  }
}

TEST(ParseTest, kernels_nest_no_deeper_than_anything_else) {
  const Parsed p = parsed("fn f(x) {\n" + repeat("kernel k {\n", 100'000));
  EXPECT_FALSE(p.diagnostics.all().empty());
}

TEST(ParseTest, size_has_a_limit) {
  const Parsed p = parsed("let a = 1\n", {5, 256});
  ASSERT_EQ(p.diagnostics.all().size(), 1u);
  EXPECT_EQ(p.diagnostics.all()[0].code, "E0112");
}

TEST(ParseTest, time_grows_with_the_size_only) {
  for (const std::string unit : {"let a = f(1, 2)\n", "x ", "(", ")", "]", "([", "{", "}", "f(\n",
                                 "\"", "fn f(x) {\n", "a b\n", "# c\n", "\xFF\n", "|> ", "= "}) {
    const auto seconds = [&](int n) {
      const std::string text = repeat(unit, n);
      const auto start = std::chrono::steady_clock::now();
      parsed(text);
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    EXPECT_LT(seconds(300'000), 5.0) << unit;
  }
}

// Deletes, doubles, swaps and inserts at random places.
std::string damaged(std::string text, std::mt19937& random) {
  static const std::vector<std::string> pieces = {
      "(",   ")",       "[",         "]",          "{",      "}",
      "\n",  ";",       ",",         "=",          ":",      "|>",
      "...", "fn ",     "model m {", "\"",         "#",      "##",
      "#@ ", "return ", "grad ",     "kernel k {", "yield ", "1e999",
      "-",   "**",      "not ",      "@ arena + ", "\xFF",   std::string(1, '\0'),
      "\r",  "é",       "train {",   "param ",     "0x",     "_",
      "."};
  const int edits = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < edits && !text.empty(); ++i) {
    const size_t at = random() % text.size();
    const size_t length = std::min<size_t>(random() % 12, text.size() - at);
    switch (random() % 4) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(random() % text.size(), length));
        break;
      case 2:
        text.insert(at, pieces[random() % pieces.size()]);
        break;
      default:
        text[at] = static_cast<char>(random());
        break;
    }
  }
  return text;
}

TEST(ParseTest, survives_damage) {
  std::mt19937 random(7);
  const auto texts = program_texts();
  int accepted = 0;
  for (int round = 0; round < 200; ++round) {
    for (const auto& [name, text] : texts) {
      const std::string broken = damaged(text, random);
      const Parsed p = parsed(broken);
      EXPECT_FALSE(render(p.diagnostics.all(), p.sources, {}).empty() &&
                   p.diagnostics.has_errors());
      if (p.diagnostics.has_errors()) continue;
      ++accepted;
      const std::string once = format(p.file, p.sources);
      const Parsed again = parsed(once);
      ASSERT_FALSE(again.diagnostics.has_errors()) << broken << "\n---\n" << once << errors(again);
      EXPECT_EQ(format(again.file, again.sources), once) << broken;
    }
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace netc::frontend
