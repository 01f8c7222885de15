// Blocks, statements, targets and types.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/foreign.h"
#include "frontend/parser.h"

namespace netc::frontend {

// -- Words and tokens ---------------------------------------------------------------------------

Tok Parser::kind() const {
  const Token& t = token();
  return t.newline_before && brackets_.empty() && !joined_ && t.kind != Tok::End ? Tok::Newline
                                                                                 : t.kind;
}

Tok Parser::kind_after(size_t n) const {
  return tokens_.tokens[std::min(pos_ + n, tokens_.tokens.size() - 1)].kind;
}

std::string_view Parser::text(size_t token) const { return sources_.text(span_at(token)); }

Span Parser::span_at(size_t token) const {
  return {file_, tokens_.tokens[token].begin, tokens_.tokens[token].end};
}

Span Parser::since(uint32_t begin) const {
  const uint32_t end = pos_ > 0 ? tokens_.tokens[pos_ - 1].end : begin;
  return {file_, begin, std::max(begin, end)};
}

void Parser::advance() {
  if (token().kind != Tok::End) ++pos_;
  joined_ = false;
}

bool Parser::accept(Tok wanted) {
  if (kind() != wanted) return false;
  advance();
  if (wanted == Tok::Comma || wanted == Tok::Assign) join();
  return true;
}

void Parser::expect(Tok wanted, std::string_view what) {
  if (!accept(wanted)) fail_expected(what);
}

void Parser::open(std::string head) {
  brackets_.push_back({pos_, std::move(head)});
  enter(here());
  leave();
  advance();
}

// Closes the innermost bracket; `after_item`: a comma could have gone on.
void Parser::close(Tok closer, bool after_item) {
  const char* text = closer == Tok::RParen ? "`)`" : "`]`";
  if (token().kind != closer && after_item)
    fail_expected(fmt::format("`,` or {}", text), item_end_help());
  if (token().kind != closer) fail_expected(text);
  brackets_.pop_back();
  advance();
}

// Help where an item of a list should end.
std::string Parser::item_end_help() const {
  const std::string_view before = text(pos_ - 1);
  if (token().kind == Tok::Assign && tokens_.tokens[pos_ - 1].kind != Tok::Name)
    return "`==` compares; the name of an argument stands alone before its `=`";
  if (token().kind == Tok::String && tokens_.tokens[pos_ - 1].end == token().begin)
    return fmt::format("strings have no prefix: write `{}`", text());
  if (std::string help = foreign_word_help(before); !help.empty()) return help;
  const bool goes_on = token().kind == Tok::Name || token().kind == Tok::Number ||
                       token().kind == Tok::String || token().kind == Tok::KwNone ||
                       token().kind == Tok::KwTrue || token().kind == Tok::KwFalse;
  return goes_on ? fmt::format("perhaps a comma is missing: `{}, {}`", before, text()) : "";
}

// Words like `loss` mean something where a statement or parameter starts, unless they are a name
// there: `loss = …`, `state: [n]`, `param, x = …`, `input.x = …`, `(data)`.
bool Parser::word_has_meaning(size_t token) const {
  const size_t next = std::min(token + 1, tokens_.tokens.size() - 1);
  switch (tokens_.tokens[next].kind) {
    case Tok::Colon:
    case Tok::Assign:
    case Tok::Comma:
    case Tok::Dot:
    case Tok::RParen:
      return false;
    default:
      return true;
  }
}

bool Parser::at_word(std::string_view word) const {
  return kind() == Tok::Name && text() == word && word_has_meaning(pos_);
}

std::string Parser::name(std::string_view what) {
  if (kind() != Tok::Name) {
    std::string help;
    if (is_word(kind()) && kind() != Tok::Reserved) {
      help = fmt::format("`{}` is a keyword; choose another name", text());
    }
    fail_expected(what, std::move(help));
  }
  std::string word(text());
  advance();
  return word;
}

Path Parser::path(std::string_view what) {
  Path path;
  const uint32_t begin = here().begin;
  path.parts.push_back(name(what));
  while (kind() == Tok::Dot) {
    advance();
    if (!is_word(kind())) fail_expected("a name after `.`");
    path.parts.emplace_back(text());
    advance();
  }
  path.span = since(begin);
  return path;
}

// -- Blocks -------------------------------------------------------------------------------------

Block Parser::block(BlockKind kind_of_block, const std::string& head, std::vector<Path>* yields) {
  const Span brace = here();
  if (kind() == Tok::Colon)
    fail_expected("`{`", fmt::format("bodies stand in braces: `{} {{ … }}`", head));
  expect(Tok::LBrace, "`{`");
  Block out;
  statements(out, kind_of_block, yields);
  end_of_block(brace, head);
  return out;
}

void Parser::end_of_block(Span brace, const std::string& head) {
  if (token().kind == Tok::RBrace) return advance();
  ir::Diagnostic d = error(
      "E0101", brace,
      fmt::format("expected `}}` to close `{} {{`, found {}", head, describe(token().kind, text())),
      "this `{` is never closed");
  if (token().kind != Tok::End) {
    d.others.emplace_back(sources_.place(here()), "a new item starts here");
    d.helps.push_back(
        token().kind == Tok::KwLet
            ? "add `}` before it; inside a block a value needs no `let`: `h = relu(x)`"
            : "add `}` before it");
  } else {
    d.helps.push_back("add `}` at the end of the block");
  }
  add(std::move(d));
  joined_ = false;  // the item's line ends the one that was not closed
}

void Parser::separators() {
  join();
  while (token().kind == Tok::Semicolon) {
    advance();
    join();
  }
}

// Statements up to the `}` of the block, each with recovery of its own.
void Parser::statements(Block& out, BlockKind kind_of_block, std::vector<Path>* yields) {
  const int nesting = nesting_;
  while (true) {
    separators();
    if (token().kind == Tok::RBrace || token().kind == Tok::End) return;
    if (starts_item(pos_)) return;
    const size_t start = pos_;
    try {
      if (yields != nullptr && at_word("yield")) {
        advance();
        do {
          yields->push_back(path("a name to yield"));
        } while (accept(Tok::Comma));
      } else {
        out.push_back(statement(kind_of_block));
      }
      end_of_statement();
    } catch (const SyntaxFailure&) {
      nesting_ = nesting;
      synchronise(start, 0);
    }
  }
}

bool Parser::at_end_of_statement() const {
  const Tok k = kind();
  return k == Tok::Newline || k == Tok::Semicolon || k == Tok::RBrace || k == Tok::End;
}

void Parser::end_of_statement() {
  if (at_end_of_statement()) return;
  if (brackets_.empty() && (kind() == Tok::RParen || kind() == Tok::RBracket)) {
    fail("E0102", here(), fmt::format("expected the end of the statement, found {}", found()),
         "closes no bracket", "take it out, or open a bracket before");
  }
  std::string help = foreign_operator_help();
  if (help.empty() && pos_ > 0) help = foreign_word_help(text(pos_ - 1));
  if (help.empty()) help = "statements are separated by a new line or `;`";
  fail_expected("the end of the statement", std::move(help));
}

// The `#@` notes that end lines after token `after_token` and before token `before_token`.
std::string Parser::notes_between(size_t after_token, size_t before_token) const {
  const auto& comments = tokens_.comments;
  auto comment = std::upper_bound(comments.begin(), comments.end(), after_token,
                                  [](size_t t, const Comment& c) { return t < c.next_token; });
  std::string note;
  for (; comment != comments.end() && comment->next_token <= before_token; ++comment) {
    if (comment->kind != Comment::Kind::Note || comment->own_line) continue;
    std::string_view text = sources_.text({file_, comment->begin + 2, comment->end});
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    if (!note.empty()) note += "; ";
    note += text;
  }
  return note;
}

Stmt Parser::statement(BlockKind kind_of_block) {
  Stmt stmt;
  const size_t first = pos_;
  statement_node(stmt, kind_of_block);
  stmt.span = since(tokens_.tokens[first].begin);
  if (!std::holds_alternative<KernelBlock>(stmt.node)) stmt.note = notes_between(first, pos_);
  return stmt;
}

void Parser::statement_node(Stmt& stmt, BlockKind kind_of_block) {
  if (kind() == Tok::KwReturn) {
    stmt.node = return_statement();
  } else if (at_word("param") || at_word("state")) {
    stmt.node = var_decl();
  } else if (at_word("kernel")) {
    kernel(stmt);
  } else if (!model_statement(stmt, kind_of_block)) {
    stmt.node = bind(kind_of_block);
  }
}

bool Parser::model_statement(Stmt& stmt, BlockKind kind_of_block) {
  const bool is_input = at_word("input");
  const bool is_output = at_word("output");
  const bool is_loss = at_word("loss");
  if (!is_input && !is_output && !is_loss && !at_word("metric")) return false;
  if (kind_of_block != BlockKind::Model) {
    if (kind_after(1) != Tok::Name) return false;
    fail("E0113", here(), fmt::format("`{}` belongs in a model", text()), "not allowed here",
         is_input ? "tensors that come in stand in the parameter list"
                  : "give the value back with `return`");
  }
  advance();
  if (is_input) {
    InputDecl decl;
    const Span at = here();
    decl.name.parts.push_back(name("the name of an input"));
    decl.name.span = at;
    if (kind() != Tok::Colon)
      fail_expected("`:` and the type of the input",
                    fmt::format("write `input {}: [batch, 784]`", decl.name.str()));
    advance();
    decl.type = type();
    if (kind() == Tok::LParen) {
      fail_expected("the end of the statement", "sizes stand in brackets: `f32[batch, 784]`");
    }
    stmt.node = std::move(decl);
  } else if (is_output) {
    stmt.node = Output{bind(kind_of_block)};
  } else if (is_loss) {
    stmt.node = Loss{expression()};
  } else {
    Metric metric;
    if (kind() == Tok::Name && kind_after(1) == Tok::Assign) {
      metric.name_span = here();
      metric.name = name("a name");
      accept(Tok::Assign);
    }
    metric.value = expression();
    stmt.node = std::move(metric);
  }
  return true;
}

VarDecl Parser::var_decl() {
  VarDecl decl;
  decl.is_state = text() == "state";
  const char* what = decl.is_state ? "the name of a state" : "the name of a parameter";
  advance();
  const Span at = here();
  decl.name.parts.push_back(name(what));
  decl.name.span = at;
  if (accept(Tok::Colon)) decl.type = type();
  if (kind() != Tok::Assign) {
    fail_expected(decl.is_state ? "`=` and a start value" : "`=` and an initialiser",
                  "for example `= zeros()` or `= xavier_uniform()`");
  }
  accept(Tok::Assign);
  decl.value = expression();
  return decl;
}

Return Parser::return_statement() {
  advance();
  Return result;
  if (at_end_of_statement()) fail_expected("a value to return");
  do {
    result.values.push_back(expression());
  } while (accept(Tok::Comma) && !at_end_of_statement());
  return result;
}

void Parser::kernel(Stmt& stmt) {
  advance();
  KernelBlock region;
  region.name_span = here();
  region.name = name("the name of a kernel");
  enter(here());
  stmt.note = notes_between(pos_, pos_ + 1);
  region.body = block(BlockKind::Kernel, "kernel " + region.name, &region.yields);
  leave();
  stmt.node = std::move(region);
}

// -- Bindings -----------------------------------------------------------------------------------

// Does a path lead to `=`, `:` or `,` here, so that a binding starts?
bool Parser::starts_bind() const {
  size_t i = 1;
  while (kind_after(i) == Tok::Dot && is_word(kind_after(i + 1))) i += 2;
  const Tok next = kind_after(i);
  return next == Tok::Assign || next == Tok::Colon || next == Tok::Comma;
}

Bind Parser::bind(BlockKind kind_of_block) {
  if (kind() != Tok::Name || !starts_bind()) fail_no_statement(kind_of_block);
  Bind bind;
  do {
    bind.targets.push_back(target());
  } while (accept(Tok::Comma) && kind() != Tok::Assign);
  if (kind() != Tok::Assign && bind.targets.back().type) {
    fail_expected("`=`", "inputs are declared with `input x: …`, parameters with `param w: … = …`");
  }
  expect(Tok::Assign, "`=` or `:`");
  bind.value = expression();
  return bind;
}

Target Parser::target() {
  Target target;
  if (kind() == Tok::Name && is_dtype_name(text())) {
    fail("E0109", here(), fmt::format("`{}` is a type", text()), "cannot be used as a name");
  }
  target.path = path("a name");
  if (accept(Tok::Colon)) {
    target.type = type();
    if (kind() == Tok::At) target.storage = storage();
  }
  return target;
}

Storage Parser::storage() {
  advance();
  if (kind() != Tok::Name || text() != "arena") fail_expected("`arena` after `@`");
  advance();
  if (kind() != Tok::Plus) fail_expected("`+` and an offset");
  advance();
  Storage storage;
  storage.offset = plain_integer("an offset in bytes, at most 2^47");
  if (kind() == Tok::Name && text() == "ld") {
    advance();
    storage.leading_stride = plain_integer("a row stride, at most 2^47");
    if (kind() == Tok::Name && text() == "panel") {
      advance();
      storage.panel = plain_integer("a number of columns, at most 2^47");
    }
  }
  return storage;
}

int64_t Parser::plain_integer(const char* what) {
  constexpr int64_t kAddressSpace = int64_t{1} << 47;
  const Number n = kind() == Tok::Number ? number_value(text()) : Number{};
  if (!n.is_int || n.integer < 0 || n.integer > kAddressSpace) fail_expected(what);
  advance();
  return n.integer;
}

// Something that is no statement: an expression whose value goes nowhere, an assignment to an
// element, or no start of anything.
void Parser::fail_no_statement(BlockKind kind_of_block) {
  const size_t first = pos_;
  if (kind() == Tok::Name && kind_after(1) >= Tok::Plus && kind_after(1) <= Tok::At &&
      kind_after(2) == Tok::Assign) {
    const std::string op(text(pos_ + 1));
    fail("E0113", {file_, span_at(pos_ + 1).begin, span_at(pos_ + 2).end},
         fmt::format("there is no `{}=`", op), "not an operator",
         fmt::format("write `{} = {} {} …`", text(), text(), op));
  }
  std::string foreign = foreign_word_help(text());
  if (foreign.empty() && kind_after(1) == Tok::Name) {
    const std::string near =
        nearest(text(), {"input", "output", "param", "state", "loss", "metric", "return"});
    if (!near.empty()) foreign = fmt::format("did you mean `{}`?", near);
  }
  if ((kind() != Tok::Name && kind() != Tok::Number && kind() != Tok::LParen) ||
      (!foreign.empty() && kind_after(1) == Tok::Name)) {
    fail_expected("a statement", foreign);
  }
  const ExprPtr value = expression();
  if (kind() == Tok::Assign && !std::holds_alternative<Call>(value->node)) {
    fail("E0114", value->span, "only a name can be assigned", "not a name",
         std::holds_alternative<Subscript>(value->node)
             ? "values never change: build a new one with `where`, `concat` or `pad`"
             : "write `name = …`");
  }
  if (!at_end_of_statement()) fail_expected("`=` after a name");
  std::string_view shown = sources_.text(value->span);
  if (shown.size() > 40 || shown.find('\n') != std::string_view::npos) shown = text(first);
  const auto* equality = std::get_if<Binary>(&value->node);
  if (equality && equality->op == BinaryOp::Eq &&
      std::holds_alternative<Name>(equality->lhs->node)) {
    fail("E0113", value->span, fmt::format("`{}` is not a statement", shown),
         "this compares, and nothing uses the answer",
         fmt::format("a name is given with `=`: `{} = …`", sources_.text(equality->lhs->span)));
  }
  const bool last = token().kind == Tok::RBrace && kind_of_block == BlockKind::Function;
  const auto* call = std::get_if<Call>(&value->node);
  const auto* callee = call ? std::get_if<Name>(&call->callee->node) : nullptr;
  fail("E0113", value->span, fmt::format("`{}` is not a statement", shown),
       "this value is not used",
       callee && callee->name == "print"
           ? "programs print nothing: `netc run` shows what is an `output`"
       : last ? fmt::format("give it back: `return {}`", shown)
              : fmt::format("give it a name: `y = {}`", shown));
}

// -- Types --------------------------------------------------------------------------------------

TypeSyntax Parser::type() {
  TypeSyntax type;
  const uint32_t begin = here().begin;
  if (kind() == Tok::KwFn || (kind() == Tok::Name && (text() == "int" || text() == "str"))) {
    type.dtype = text();
    advance();
  } else {
    if (kind() == Tok::Name && is_dtype_name(text())) {
      type.dtype = text();
      advance();
    } else if (kind() != Tok::LBracket) {
      std::string help =
          kind() == Tok::Name
              ? suggestion(text(), {"f32", "f64", "i32", "i64", "u8", "bool", "float"})
              : std::string();
      if (!help.empty()) fail_expected("a type", std::move(help));
      fail_expected("a type",
                    "types look like `f32[batch, 784]`, `[n, m]`, `float`, `int`, `str`, "
                    "`fn`; dtypes are f32 f64 i32 i64 u8 bool float");
    }
    if (kind() == Tok::LBracket) type.dims = dims(type.dtype + "[");
  }
  type.span = since(begin);
  return type;
}

std::vector<DimSyntax> Parser::dims(std::string head) {
  open(std::move(head));
  std::vector<DimSyntax> dims;
  bool has_run = false;
  while (!closes(Tok::RBracket)) {
    DimSyntax dim;
    const Span at = here();
    if (accept(Tok::Ellipsis)) {
      dim.ellipsis = true;
      if (kind() == Tok::Name) dim.ellipsis_name = name("a name");
      if (has_run) {
        fail("E0117", since(at.begin), "`...` stands twice in a type", "second run of dims");
      }
      has_run = true;
    } else {
      dim.size = expression();
    }
    dim.span = since(at.begin);
    dims.push_back(std::move(dim));
    if (!accept(Tok::Comma)) break;
  }
  close(Tok::RBracket, true);
  return dims;
}

}  // namespace netc::frontend
