// Expressions: precedence climbing for the infix operators, then unary, power and postfix forms.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "frontend/parser.h"

namespace netc::frontend {
namespace {

// Binding strength of the infix operators that associate to the left; comparisons stand between
// `not` and sums and do not chain.
enum Level { kPipe, kOr, kAnd, kNot, kComparison, kSum, kProduct, kUnary };

struct Infix {
  Level level;
  BinaryOp op;
};

std::optional<Infix> infix(Tok kind) {
  switch (kind) {
    case Tok::KwOr:
      return Infix{kOr, BinaryOp::Or};
    case Tok::KwAnd:
      return Infix{kAnd, BinaryOp::And};
    case Tok::Lt:
      return Infix{kComparison, BinaryOp::Lt};
    case Tok::Le:
      return Infix{kComparison, BinaryOp::Le};
    case Tok::Gt:
      return Infix{kComparison, BinaryOp::Gt};
    case Tok::Ge:
      return Infix{kComparison, BinaryOp::Ge};
    case Tok::EqEq:
      return Infix{kComparison, BinaryOp::Eq};
    case Tok::NotEq:
      return Infix{kComparison, BinaryOp::Ne};
    case Tok::Plus:
      return Infix{kSum, BinaryOp::Add};
    case Tok::Minus:
      return Infix{kSum, BinaryOp::Sub};
    case Tok::Star:
      return Infix{kProduct, BinaryOp::Mul};
    case Tok::Slash:
      return Infix{kProduct, BinaryOp::Div};
    case Tok::SlashSlash:
      return Infix{kProduct, BinaryOp::FloorDiv};
    case Tok::Percent:
      return Infix{kProduct, BinaryOp::Mod};
    case Tok::At:
      return Infix{kProduct, BinaryOp::MatMul};
    default:
      return std::nullopt;
  }
}

int height_of(const ExprPtr& expr) { return expr ? expr->height : 0; }

}  // namespace

ExprPtr Parser::make(decltype(Expr::node) node, Span span, Span at, int height) {
  auto expr = std::make_unique<Expr>();
  expr->node = std::move(node);
  expr->span = span;
  expr->at = at;
  expr->height = static_cast<uint16_t>(height);
  check_height(*expr);
  return expr;
}

ExprPtr Parser::binary(BinaryOp op, Span at, ExprPtr lhs, ExprPtr rhs) {
  const Span span{file_, lhs->span.begin, rhs->span.end};
  const int height = 1 + std::max(height_of(lhs), height_of(rhs));
  return make(Binary{op, std::move(lhs), std::move(rhs)}, span, at, height);
}

ExprPtr Parser::expression() {
  enter(here());
  ExprPtr lhs = binary_expression(kOr);
  while (kind() == Tok::Pipe) {
    advance();
    join();
    ExprPtr rhs = binary_expression(kOr);
    const Span span{file_, lhs->span.begin, rhs->span.end};
    const Span at = rhs->at;
    const int height = 1 + std::max(height_of(lhs), height_of(rhs));
    lhs = make(Pipe{std::move(lhs), std::move(rhs)}, span, at, height);
  }
  leave();
  return lhs;
}

// Operators of at least `min_level`, by precedence climbing.
ExprPtr Parser::binary_expression(int min_level) {
  ExprPtr lhs = operand(min_level);
  for (auto op = infix(kind()); op && op->level >= min_level; op = infix(kind())) {
    const Span at = here();
    advance();
    join();
    ExprPtr rhs = binary_expression(op->level + 1);
    lhs = binary(op->op, at, std::move(lhs), std::move(rhs));
    const auto again = infix(kind());
    if (op->level == kComparison && again && again->level == kComparison) {
      const auto& first = std::get<Binary>(lhs->node);
      const std::string middle(sources_.text(first.rhs->span));
      fail("E0110", here(), "comparisons do not chain", "second comparison",
           fmt::format("write `{} and {} {} …`", sources_.text(lhs->span), middle, text()));
    }
  }
  return lhs;
}

// What an operator of `level` may have on a side: `not` binds weaker than comparisons.
ExprPtr Parser::operand(int level) {
  if (kind() != Tok::KwNot) return unary();
  const Span at = here();
  if (level > kNot) fail_expected("an expression", "put `not …` in parentheses here");
  advance();
  if (kind() == Tok::KwNot) fail_expected("an expression", "`not not x` is `x`");
  enter(at);
  ExprPtr value = binary_expression(kComparison);
  leave();
  const int height = 1 + height_of(value);
  const Span span{file_, at.begin, value->span.end};
  return make(Unary{true, std::move(value)}, span, at, height);
}

ExprPtr Parser::unary() {
  if (kind() != Tok::Minus) return power();
  const Span at = here();
  advance();
  if (kind() == Tok::Minus) fail_expected("an expression", "`--x` is `x`; else write `-(-x)`");
  if (kind() == Tok::Number && text() == "9223372036854775808") {
    const Tok next = kind_after(1);
    if (next != Tok::StarStar && next != Tok::Dot && next != Tok::LBracket) {
      Number least{"-9223372036854775808", true, INT64_MIN, -9223372036854775808.0};
      const Span span{file_, at.begin, here().end};
      advance();
      return make(std::move(least), span, span, 1);
    }
  }
  ExprPtr value = power();
  const int height = 1 + height_of(value);
  const Span span{file_, at.begin, value->span.end};
  return make(Unary{false, std::move(value)}, span, at, height);
}

ExprPtr Parser::power() {
  ExprPtr base = postfix();
  if (kind() != Tok::StarStar) return base;
  const Span at = here();
  advance();
  join();
  enter(at);
  ExprPtr exponent = unary();
  leave();
  return binary(BinaryOp::Pow, at, std::move(base), std::move(exponent));
}

ExprPtr Parser::postfix() {
  ExprPtr expr = atom();
  while (true) {
    switch (kind()) {
      case Tok::LParen:
        expr = call(std::move(expr));
        break;
      case Tok::LBracket:
        expr = subscript(std::move(expr));
        break;
      case Tok::Dot:
        expr = member(std::move(expr));
        break;
      default:
        return expr;
    }
  }
}

ExprPtr Parser::call(ExprPtr callee) {
  open(head_of(*callee, "("));
  std::vector<Arg> arguments = args();
  close(Tok::RParen, true);
  int height = callee->height;
  for (const Arg& arg : arguments) height = std::max(height, height_of(arg.value));
  const Span span = since(callee->span.begin);
  const Span at = callee->at;
  return make(Call{std::move(callee), std::move(arguments)}, span, at, height + 1);
}

std::vector<Arg> Parser::args() {
  std::vector<Arg> arguments;
  while (!closes(Tok::RParen)) {
    Arg arg;
    if (is_word(token().kind) && kind_after(1) == Tok::Assign) {
      if (token().kind != Tok::Name) fail_expected("the name of an argument");
      arg.name = text();
      arg.name_span = here();
      advance();
      advance();
    }
    arg.value = expression();
    arguments.push_back(std::move(arg));
    if (!accept(Tok::Comma)) break;
  }
  return arguments;
}

ExprPtr Parser::subscript(ExprPtr base) {
  const Span at = here();
  open(head_of(*base, "["));
  Subscript node;
  int height = base->height;
  while (!closes(Tok::RBracket)) {
    node.indices.push_back(index());
    const Index& last = node.indices.back();
    height = std::max({height, height_of(last.value), height_of(last.start), height_of(last.stop),
                       height_of(last.step)});
    if (!accept(Tok::Comma)) break;
  }
  if (node.indices.empty()) fail_expected("an index");
  close(Tok::RBracket, true);
  const Span span = since(base->span.begin);
  node.base = std::move(base);
  return make(std::move(node), span, at, height + 1);
}

Index Parser::index() {
  Index index;
  const uint32_t begin = here().begin;
  const auto at_part = [&] {
    return kind() != Tok::Colon && kind() != Tok::Comma && kind() != Tok::RBracket;
  };
  if (accept(Tok::Ellipsis)) {
    index.kind = Index::Kind::Ellipsis;
  } else {
    if (kind() != Tok::Colon) index.value = expression();
    if (accept(Tok::Colon)) {
      index.kind = Index::Kind::Slice;
      index.start = std::move(index.value);
      if (at_part()) index.stop = expression();
      if (accept(Tok::Colon) && at_part()) index.step = expression();
    }
  }
  index.span = since(begin);
  return index;
}

ExprPtr Parser::member(ExprPtr base) {
  advance();
  const Span name_span = here();
  if (!is_word(kind())) fail_expected("a name after `.`");
  std::string word(text());
  advance();
  const Span span{file_, base->span.begin, name_span.end};
  const int height = base->height + 1;
  return make(Member{std::move(base), std::move(word), name_span}, span, name_span, height);
}

ExprPtr Parser::list() {
  const uint32_t begin = here().begin;
  open("[");
  List node;
  int height = 0;
  while (!closes(Tok::RBracket)) {
    node.items.push_back(expression());
    height = std::max(height, height_of(node.items.back()));
    if (!accept(Tok::Comma)) break;
  }
  close(Tok::RBracket, true);
  return make(std::move(node), since(begin), since(begin), height + 1);
}

ExprPtr Parser::atom() {
  const Span span = here();
  const std::string word(text());
  const auto leaf = [&](decltype(Expr::node) node) {
    advance();
    return make(std::move(node), span, span, 1);
  };
  switch (kind()) {
    case Tok::Number:
      if (number_value(word).is_int && number_value(word).integer == INT64_MIN) {
        fail("E0108", span, fmt::format("the number `{}` is out of range", word),
             "integers go up to 9223372036854775807");
      }
      return leaf(number_value(word));
    case Tok::String:
      return leaf(String{string_value(word)});
    case Tok::KwTrue:
      return leaf(Bool{true});
    case Tok::KwFalse:
      return leaf(Bool{false});
    case Tok::KwNone:
      return leaf(None{});
    case Tok::Name:
      if (is_dtype_name(word)) return leaf(DTypeName{word});
      return leaf(Name{word});
    case Tok::LBracket:
      return list();
    case Tok::LParen: {
      open("(");
      ExprPtr inner = expression();
      if (closes(Tok::Comma)) {
        fail("E0102", here(), "expected `)`, found `,`", "there are no tuples",
             "a list is written `[a, b]`");
      }
      close(Tok::RParen, false);
      inner->parenthesised = true;
      inner->span = since(span.begin);
      return inner;
    }
    default:
      fail_expected("an expression");
  }
}

// How a message calls the bracket opened here: `relu(`, `x[`.
std::string Parser::head_of(const Expr& callee, const char* bracket) const {
  std::string_view head = sources_.text(callee.span);
  if (head.size() > 40 || head.find('\n') != std::string_view::npos)
    head = sources_.text(callee.at);
  return std::string(head) + bracket;
}

}  // namespace netc::frontend
