// Syntax errors: what they say, and where parsing goes on after them so that no error is the echo
// of another.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/parser.h"

namespace netc::frontend {
namespace {

constexpr uint32_t kUnmatched = UINT32_MAX;
constexpr size_t kMaxReports = 200;

bool is_opener(Tok kind) { return kind == Tok::LParen || kind == Tok::LBracket; }
bool is_closer(Tok kind) { return kind == Tok::RParen || kind == Tok::RBracket; }
Tok closer_of(Tok opener) { return opener == Tok::LParen ? Tok::RParen : Tok::RBracket; }

// May an expression end with this token?
bool ends_expression(Tok kind) {
  return kind == Tok::Name || kind == Tok::Number || kind == Tok::String || is_closer(kind) ||
         kind == Tok::KwTrue || kind == Tok::KwFalse || kind == Tok::KwNone;
}

}  // namespace

std::string describe(Tok kind, std::string_view text) {
  if (kind == Tok::End) return "the end of the file";
  if (kind == Tok::Newline) return "the end of the line";
  if (kind == Tok::String) return text.size() <= 30 ? std::string(text) : "a string";
  return fmt::format("`{}`", text);
}

std::string Parser::found() const {
  if (!is_file_ && token().kind == Tok::End) return "the end of the text";
  return describe(kind(), text());
}

ir::Diagnostic Parser::error(const char* code, Span span, std::string message,
                             std::string label) const {
  ir::Diagnostic d;
  d.code = code;
  d.message = std::move(message);
  d.place = sources_.place(span);
  d.label = std::move(label);
  return d;
}

// Gives up on a file with very many errors.
void Parser::add(ir::Diagnostic d) {
  if (++reports_ <= kMaxReports)
    diagnostics_.add(std::move(d));
  else
    pos_ = tokens_.tokens.size() - 1;
}

void Parser::fail(const char* code, Span span, std::string message, std::string label,
                  std::string help) {
  ir::Diagnostic d = error(code, span, std::move(message), std::move(label));
  if (!help.empty()) d.helps.push_back(std::move(help));
  add(std::move(d));
  throw SyntaxFailure{};
}

void Parser::fail_expected(std::string_view what, std::string help) {
  const Tok raw = token().kind;
  if (raw == Tok::Error) throw SyntaxFailure{};
  if (!brackets_.empty()) {
    const bool breaks = raw == Tok::End || raw == Tok::RBrace || raw == Tok::LBrace ||
                        raw == Tok::Semicolon || token().newline_before;
    const bool mismatch =
        is_closer(raw) && raw != closer_of(tokens_.tokens[brackets_.back().token].kind);
    if (mismatch || (breaks && is_unclosed(brackets_.back()))) fail_unclosed_bracket();
  }
  if (raw == Tok::Reserved && kind() != Tok::Newline) {
    fail("E0109", here(), fmt::format("`{}` is reserved for later", text()),
         "cannot be used as a name",
         text() == "for" || text() == "while" ? "there are no loops: write the layers out, or put "
                                                "them in a `layer`"
         : text() == "if" || text() == "else" ? "choose with `where(condition, a, b)`"
         : text() == "test" && what == "a setting"
             ? "`valid = 0.1` keeps records from training; a test on "
               "another file is `netc eval --data`"
             : "choose another name");
  }
  if (help.empty()) help = foreign_operator_help();
  const bool breaks_off =
      kind() == Tok::Newline || (brackets_.empty() && pos_ > 0 && token().newline_before &&
                                 continues_line(tokens_.tokens[pos_ - 1].kind));
  if (!breaks_off) {
    fail("E0102", here(), fmt::format("expected {}, found {}", what, found()),
         raw == Tok::End ? "the statement is not complete" : "unexpected", std::move(help));
  }
  Span span = span_at(pos_ - 1);  // mark the end of the line that broke off
  span.begin = span.end;
  ++span.end;
  fail("E0102", span, fmt::format("expected {}, found the end of the line", what),
       "the statement is not complete", std::move(help));
}

// Help for operators of other languages that are made of ours: `+=`, `++`.
std::string Parser::foreign_operator_help() const {
  if (token().kind == Tok::Assign && pos_ > 0 && token().begin == tokens_.tokens[pos_ - 1].end) {
    const std::string_view before = text(pos_ - 1);
    if (before.size() == 1 && std::string_view("+-*/%@").find(before) != std::string_view::npos) {
      return fmt::format("there is no `{}=`: values do not change, write `x = x {} …`", before,
                         before);
    }
  }
  return {};
}

// The last token of an unclosed bracket: before the first line that nothing inside leads to.
size_t Parser::last_of_bracket(size_t opener) const {
  for (size_t i = opener + 1; i < pos_; ++i) {
    if (continues_line(tokens_.tokens[i - 1].kind) || is_opener(tokens_.tokens[i - 1].kind))
      continue;
    if (sources_.place(span_at(i)).line != sources_.place(span_at(i - 1)).line) return i - 1;
  }
  return pos_ - 1;
}

void Parser::fail_unclosed_bracket() {
  const Bracket& bracket = brackets_.back();
  const Token& opener = tokens_.tokens[bracket.token];
  const std::string closer = opener.kind == Tok::LParen ? ")" : "]";
  const std::string found_text =
      token().kind == Tok::End ? found() : describe(token().kind, text());
  ir::Diagnostic d =
      error("E0101", span_at(bracket.token),
            fmt::format("expected `{}` to close `{}`, found {}", closer, bracket.head, found_text),
            fmt::format("this `{}` is never closed", text(bracket.token)));
  std::string closers;
  for (auto b = brackets_.rbegin(); b != brackets_.rend() && closers.size() < 8; ++b) {
    if (!is_unclosed(*b)) break;
    closers += tokens_.tokens[b->token].kind == Tok::LParen ? ')' : ']';
  }
  if (closers.empty()) closers = closer;
  const ir::Place last = sources_.place(span_at(last_of_bracket(bracket.token)));
  const Tok raw = token().kind;
  if (is_closer(raw)) {
    d.others.emplace_back(sources_.place(here()),
                          fmt::format("this {} does not match", found_text));
    d.helps.push_back(fmt::format("add `{}` before the {}", closer, found_text));
  } else {
    if (raw != Tok::End) {
      d.others.emplace_back(sources_.place(here()), raw == Tok::RBrace   ? "the block ends here"
                                                    : raw == Tok::LBrace ? "a block starts here"
                                                    : raw == Tok::Semicolon
                                                        ? "the statement ends here"
                                                        : "a new statement starts here");
    }
    const bool same_line = raw != Tok::End && sources_.place(here()).line == last.line;
    d.helps.push_back(same_line
                          ? fmt::format("add `{}` before the {}", closers, found_text)
                          : fmt::format("add `{}` at the end of line {}", closers, last.line));
  }
  add(std::move(d));
  throw SyntaxFailure{};
}

// Pairs of brackets, as far as blocks and statements that surely start on a line leave them whole.
void Parser::match_brackets() const {
  const std::vector<Token>& tokens = tokens_.tokens;
  matches_.assign(tokens.size(), kUnmatched);
  std::vector<uint32_t> stack;
  size_t round = 0;  // how many of the stack are `(`
  for (uint32_t i = 0; i < tokens.size(); ++i) {
    const Tok kind = tokens[i].kind;
    if (is_opener(kind)) {
      stack.push_back(i);
      round += kind == Tok::LParen ? 1 : 0;
    } else if (is_closer(kind)) {
      const size_t partners = kind == Tok::RParen ? round : stack.size() - round;
      while (partners > 0) {
        const uint32_t opener = stack.back();
        stack.pop_back();
        round -= tokens[opener].kind == Tok::LParen ? 1 : 0;
        if (closer_of(tokens[opener].kind) != kind) continue;
        matches_[opener] = i;
        break;
      }
    } else if (kind == Tok::LBrace || kind == Tok::RBrace || starts_item(i) ||
               (kind == Tok::KwReturn && tokens[i].newline_before)) {
      stack.clear();
      round = 0;
    }
  }
}

size_t Parser::matching(size_t opener) const {
  if (matches_.empty()) match_brackets();
  return matches_[opener];
}

bool Parser::is_unclosed(const Bracket& bracket) const {
  return matching(bracket.token) == kUnmatched;
}

// Does a line start here with a word that only an item starts with?
bool Parser::starts_item(size_t token) const {
  if (!tokens_.tokens[token].newline_before && token > 0) return false;
  switch (tokens_.tokens[token].kind) {
    case Tok::KwFn:
    case Tok::KwLayer:
    case Tok::KwModel:
    case Tok::KwUse:
    case Tok::KwDType:
    case Tok::KwLet:
      return word_has_meaning(token);
    case Tok::KwOptimizer: {  // in `train` it is a key
      const Tok next = tokens_.tokens[std::min(token + 1, tokens_.tokens.size() - 1)].kind;
      return next == Tok::Name;
    }
    case Tok::KwTrain: {
      const Tok next = tokens_.tokens[std::min(token + 1, tokens_.tokens.size() - 1)].kind;
      return next == Tok::LBrace;
    }
    case Tok::Name:
      return text(token) == "data" && word_has_meaning(token);
    default:
      return false;
  }
}

// Does a line start here with what looks like a statement?
bool Parser::starts_statement(size_t token) const {
  if (starts_item(token) || tokens_.tokens[token].kind == Tok::KwReturn) return true;
  return tokens_.tokens[token].newline_before && token > 0 &&
         ends_expression(tokens_.tokens[token - 1].kind) && tokens_.tokens[token].kind == Tok::Name;
}

// Skips to the start of the next statement: past the brackets that were open and do close, past
// blocks in braces, to a line's start, a `;` or the `}` of this block.
void Parser::synchronise(size_t start, size_t open_brackets) {
  const std::vector<Token>& tokens = tokens_.tokens;
  if (brackets_.size() > open_brackets) {
    const size_t end = matching(brackets_[open_brackets].token);
    if (end != kUnmatched && end >= pos_) pos_ = end + 1;
    brackets_.resize(open_brackets);
  }
  joined_ = false;
  int braces = 0;
  for (; tokens[pos_].kind != Tok::End; ++pos_) {
    const Tok kind = tokens[pos_].kind;
    const bool first = pos_ == start;
    if (braces == 0 && !first) {
      const bool new_line = tokens[pos_].newline_before && !continues_line(tokens[pos_ - 1].kind);
      if (new_line || kind == Tok::Semicolon) return;
    }
    if (starts_item(pos_) && !first) return;
    if (kind == Tok::RBrace && braces-- == 0) return;
    if (kind == Tok::LBrace) ++braces;
    if (is_opener(kind)) {
      const size_t end = matching(pos_);
      if (end != kUnmatched) pos_ = end;
    }
  }
}

// Skips to the next item: a word at a line's start that only items start with.
void Parser::synchronise_item(size_t start) {
  brackets_.clear();
  joined_ = true;
  nesting_ = 0;
  if (pos_ == start && token().kind != Tok::End) ++pos_;
  while (token().kind != Tok::End && !starts_item(pos_)) ++pos_;
}

void Parser::enter(Span span) {
  if (++nesting_ <= limits_.max_nesting + 1) return;
  fail("E0111", span, fmt::format("nested more than {} levels deep", limits_.max_nesting),
       "one level too many",
       "name the inner parts with statements of their own, or raise the limit "
       "with `--max-nesting N`");
}

void Parser::check_height(const Expr& expr) {
  if (expr.height <= max_height_) return;
  fail("E0111", expr.at, fmt::format("an expression of more than {} steps in a row", max_height_),
       "one step too many",
       "name the first parts with statements of their own, or raise the limit "
       "with `--max-nesting N`");
}

}  // namespace netc::frontend
