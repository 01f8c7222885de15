// Expressions, types and parameter lists as pieces of a line.
#include <fmt/format.h>

#include "frontend/format_printer.h"

namespace netc::frontend {
namespace {

// How tightly a form binds; a part needs parentheses where its context binds tighter.
enum Level { kAny, kOr, kAnd, kNot, kComparison, kSum, kProduct, kUnary, kPower, kPostfix };

int level_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::Or:
      return kOr;
    case BinaryOp::And:
      return kAnd;
    case BinaryOp::Lt:
    case BinaryOp::Le:
    case BinaryOp::Gt:
    case BinaryOp::Ge:
    case BinaryOp::Eq:
    case BinaryOp::Ne:
      return kComparison;
    case BinaryOp::Add:
    case BinaryOp::Sub:
      return kSum;
    case BinaryOp::Mul:
    case BinaryOp::Div:
    case BinaryOp::FloorDiv:
    case BinaryOp::Mod:
    case BinaryOp::MatMul:
      return kProduct;
    case BinaryOp::Pow:
      return kPower;
  }
  return kAny;
}

int level_of(const Expr& expr) {
  if (const auto* b = std::get_if<Binary>(&expr.node)) return level_of(b->op);
  if (const auto* u = std::get_if<Unary>(&expr.node)) return u->is_not ? kNot : kUnary;
  if (std::holds_alternative<Pipe>(expr.node)) return kAny;
  const auto* n = std::get_if<Number>(&expr.node);
  if (n != nullptr && n->text.starts_with('-')) return kUnary;
  return kPostfix;
}

std::string number_text(const Number& n) {
  if (!n.text.empty()) return n.text;
  if (n.is_int) return fmt::format("{}", n.integer);
  std::string text = fmt::format("{}", n.real);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

std::string Formatter::expression_text(const Expr& e) {
  Formatter formatter(0, nullptr);
  LineLayout line;
  formatter.expr(line, e);
  return line.flat();
}

// Text that stands at `at` in the source, after the comments before it.
void Formatter::word(LineLayout& line, Span at, std::string_view text) {
  if (in_source(at)) flush(line, at.begin);
  line.text(text);
}

void Formatter::expr(LineLayout& line, const Expr& e, int context) {
  if (!e.parenthesised && level_of(e) >= context) return bare(line, e);
  word(line, e.span, "(");
  line.open();
  bare(line, e);
  close_bracket(line, e.span, ")");
}

// One of several expressions in brackets: a chain of pipes has a column of its own there.
void Formatter::part(LineLayout& line, const Expr& e) {
  line.open(false);
  expr(line, e);
  line.close();
}

void Formatter::close_bracket(LineLayout& line, Span whole, const char* closer) {
  if (in_source(whole) && whole.end > 0) flush(line, whole.end - 1);
  line.close();
  line.text(closer);
}

void Formatter::bare(LineLayout& line, const Expr& e) {
  if (const auto* n = std::get_if<Number>(&e.node)) return word(line, e.span, number_text(*n));
  if (const auto* s = std::get_if<String>(&e.node)) return word(line, e.span, quote(s->value));
  if (const auto* b = std::get_if<Bool>(&e.node)) {
    return word(line, e.span, b->value ? "true" : "false");
  }
  if (std::holds_alternative<None>(e.node)) return word(line, e.span, "None");
  if (const auto* d = std::get_if<DTypeName>(&e.node)) return word(line, e.span, d->name);
  if (const auto* n = std::get_if<Name>(&e.node)) return word(line, e.span, n->name);
  if (const auto* b = std::get_if<Binary>(&e.node)) return binary(line, *b, e);
  if (const auto* p = std::get_if<Pipe>(&e.node)) return pipe(line, *p);
  if (const auto* u = std::get_if<Unary>(&e.node)) {
    word(line, e.at, u->is_not ? "not " : "-");
    return expr(line, *u->operand, u->is_not ? kComparison : kPower);
  }
  if (const auto* l = std::get_if<List>(&e.node)) {
    word(line, e.span, "[");
    line.open();
    for (const ExprPtr& item : l->items) {
      if (&item != &l->items.front()) {
        line.text(",");
        line.space();
      }
      part(line, *item);
    }
    return close_bracket(line, e.span, "]");
  }
  if (const auto* c = std::get_if<Call>(&e.node)) {
    expr(line, *c->callee, kPostfix);
    return args(line, c->args, e.span);
  }
  if (const auto* s = std::get_if<Subscript>(&e.node)) {
    expr(line, *s->base, kPostfix);
    line.text("[");
    line.open();
    for (const Index& i : s->indices) {
      if (&i != &s->indices.front()) {
        line.text(",");
        line.space();
      }
      index(line, i);
    }
    return close_bracket(line, e.span, "]");
  }
  const auto& m = std::get<Member>(e.node);
  expr(line, *m.base, kPostfix);
  line.text(".");
  word(line, m.name_span, m.name);
}

void Formatter::binary(LineLayout& line, const Binary& node, const Expr& e) {
  const int level = level_of(node.op);
  const bool is_power = node.op == BinaryOp::Pow;
  const bool chains = level != kComparison && !is_power;
  line.open(false);
  expr(line, *node.lhs, chains ? level : level + 1);
  line.space(1, false);
  word(line, e.at, spelling(node.op));
  line.space();
  expr(line, *node.rhs, is_power ? kUnary : level + 1);
  line.close();
}

// A line end before `|>` in the source stays.
void Formatter::pipe(LineLayout& line, const Pipe& node) {
  expr(line, *node.lhs);
  const Span from = node.lhs->span;
  const Span to = node.rhs->span;
  const bool whole = in_source(from) && in_source(to);
  if (whole) flush(line, to.begin);
  const bool broken =
      whole && from.end <= to.begin &&
      sources_->text({file_, from.end, to.begin}).find('\n') != std::string_view::npos;
  if (broken)
    line.line_end();
  else
    line.space();
  line.text("|> ");
  expr(line, *node.rhs, kOr);
}

void Formatter::args(LineLayout& line, const std::vector<Arg>& arguments, Span call) {
  line.text("(");
  line.open();
  for (const Arg& arg : arguments) {
    if (&arg != &arguments.front()) {
      line.text(",");
      line.space();
    }
    if (!arg.name.empty()) {
      word(line, arg.name_span, arg.name);
      line.text(" =");
      line.space(1, false);
    }
    part(line, *arg.value);
  }
  close_bracket(line, call, ")");
}

void Formatter::index(LineLayout& line, const Index& i) {
  switch (i.kind) {
    case Index::Kind::Ellipsis:
      return word(line, i.span, "...");
    case Index::Kind::Expr:
      return expr(line, *i.value);
    case Index::Kind::Slice:
      if (i.start) expr(line, *i.start);
      line.text(":");
      if (i.stop) expr(line, *i.stop);
      if (!i.step) return;
      line.text(":");
      return expr(line, *i.step);
  }
}

void Formatter::type(LineLayout& line, const TypeSyntax& t) {
  word(line, t.span, t.dtype);
  if (!t.dims) return;
  line.text("[");
  line.open();
  for (const DimSyntax& dim : *t.dims) {
    if (&dim != &t.dims->front()) {
      line.text(",");
      line.space();
    }
    if (dim.ellipsis)
      word(line, dim.span, "..." + dim.ellipsis_name);
    else
      expr(line, *dim.size);
  }
  close_bracket(line, t.span, "]");
}

void Formatter::param(LineLayout& line, const ParamDecl& p) {
  const char* role = p.kind == ParamKind::Input   ? "input "
                     : p.kind == ParamKind::Param ? "param "
                     : p.kind == ParamKind::State ? "state "
                                                  : "";
  word(line, p.span, role + p.path.str());
  if (p.type) {
    line.text(":");
    line.space(1, false);
    type(line, *p.type);
    if (p.storage) storage(line, *p.storage);
  }
  if (p.value) {
    line.text(" =");
    line.space(1, false);
    expr(line, *p.value);
  }
}

void Formatter::params(LineLayout& line, const std::vector<ParamDecl>& list) {
  line.text("(");
  line.open();
  for (const ParamDecl& p : list) {
    if (&p != &list.front()) {
      line.text(",");
      line.space();
    }
    param(line, p);
  }
  line.close();
  line.text(")");
}

void Formatter::results(LineLayout& line, const std::vector<ResultType>& list) {
  if (list.empty()) return;
  line.text(" -> ");
  const bool bracketed = list.size() > 1 || list.front().name;
  if (bracketed) {
    line.text("(");
    line.open();
  }
  for (const ResultType& r : list) {
    if (&r != &list.front()) {
      line.text(",");
      line.space();
    }
    if (r.name) {
      word(line, r.name->span, r.name->str() + ":");
      line.space(1, false);
    }
    type(line, r.type);
  }
  if (bracketed) {
    line.close();
    line.text(")");
  }
}

// `= value`
void Formatter::value(LineLayout& line, const Expr& v) {
  line.text(" =");
  line.space(1, true, true);
  expr(line, v);
}

void Formatter::storage(LineLayout& line, const Storage& at) {
  line.text(fmt::format(" @ arena + {}", at.offset));
  if (at.leading_stride) line.text(fmt::format(" ld {}", *at.leading_stride));
  if (at.panel) line.text(fmt::format(" panel {}", *at.panel));
}

void Formatter::bind(LineLayout& line, const Bind& b) {
  for (const Target& target : b.targets) {
    if (&target != &b.targets.front()) {
      line.text(",");
      line.space();
    }
    word(line, target.path.span, target.path.str());
    if (!target.type) continue;
    line.text(": ");
    type(line, *target.type);
    if (target.storage) storage(line, *target.storage);
  }
  value(line, *b.value);
}

}  // namespace netc::frontend
