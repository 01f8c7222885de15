// A small evaluator over the syntax tree: integers exact with overflow checked, the rest in f64.
#include "frontend/const_eval.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "frontend/float_arithmetic.h"
#include "frontend/foreign.h"

namespace netc::frontend {
namespace {

// `let` constants that may hang on each other in a row.
constexpr int kMaxDepth = 200;

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

// Nothing on overflow.
std::optional<int64_t> power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return std::nullopt;
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return std::nullopt;
  }
  return result;
}

bool is_comparison(BinaryOp op) { return op >= BinaryOp::Lt && op <= BinaryOp::Ne; }

}  // namespace

std::optional<double> number_of(const Constant& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&value)) return *d;
  return std::nullopt;
}

std::nullopt_t ConstantEvaluator::report(const char* code, Span span, std::string message,
                                         std::string label, std::string help) {
  ir::Diagnostic d;
  d.code = code;
  d.message = std::move(message);
  d.place = sources_.place(span);
  d.label = std::move(label);
  if (!help.empty()) d.helps.push_back(std::move(help));
  diagnostics_.add(std::move(d));
  return std::nullopt;
}

std::optional<Constant> ConstantEvaluator::evaluate(const Expr& expr) { return value(expr, 0); }

std::optional<Constant> ConstantEvaluator::value(const Expr& expr, size_t unit) {
  if (const auto* n = std::get_if<Number>(&expr.node)) {
    if (n->is_int) return n->integer;
    return n->real;
  }
  if (const auto* s = std::get_if<String>(&expr.node)) return s->value;
  if (const auto* b = std::get_if<Bool>(&expr.node)) return b->value;
  if (const auto* n = std::get_if<Name>(&expr.node)) return name(n->name, expr, unit);
  if (const auto* u = std::get_if<Unary>(&expr.node)) return unary(*u, expr, unit);
  if (const auto* b = std::get_if<Binary>(&expr.node)) return binary(*b, expr, unit);
  if (const auto* m = std::get_if<Member>(&expr.node)) {
    if (const auto* alias = std::get_if<Name>(&m->base->node)) {
      const Let found = find_behind_alias(alias->name, m->name, unit);
      if (found.item != nullptr) return let(found, expr);
    }
  }
  return report("E0509", expr.span, "this is not known before the program runs",
                "expected a number, a string, `true`, `false` or a `let` constant");
}

std::optional<Constant> ConstantEvaluator::unary(const Unary& node, const Expr& expr, size_t unit) {
  const auto operand = value(*node.operand, unit);
  if (!operand) return std::nullopt;
  if (node.is_not) {
    if (const auto* b = std::get_if<bool>(&*operand)) return !*b;
    return report("E0502", node.operand->span, "`not` takes `true` or `false`",
                  "not a truth value");
  }
  if (const auto* i = std::get_if<int64_t>(&*operand)) {
    return integers(BinaryOp::Sub, 0, *i, expr);
  }
  if (const auto number = number_of(*operand)) return -*number;
  return report("E0502", node.operand->span, "`-` takes a number", "not a number");
}

std::optional<Constant> ConstantEvaluator::binary(const Binary& node, const Expr& expr,
                                                  size_t unit) {
  const auto a = value(*node.lhs, unit);
  const auto b = value(*node.rhs, unit);
  if (!a || !b) return std::nullopt;
  const auto* left = std::get_if<bool>(&*a);
  const auto* right = std::get_if<bool>(&*b);
  if (node.op == BinaryOp::And || node.op == BinaryOp::Or) {
    if (left != nullptr && right != nullptr) {
      return node.op == BinaryOp::And ? *left && *right : *left || *right;
    }
    const Expr& wrong = left == nullptr ? *node.lhs : *node.rhs;
    return report("E0502", wrong.span,
                  fmt::format("`{}` takes `true` or `false`", spelling(node.op)),
                  "not a truth value");
  }
  const auto* i = std::get_if<int64_t>(&*a);
  const auto* j = std::get_if<int64_t>(&*b);
  if (is_comparison(node.op)) {
    if (i != nullptr && j != nullptr) return ordered(node.op, *i, *j);
    if (a->index() == b->index()) return ordered(node.op, *a, *b);
  }
  if (i != nullptr && j != nullptr) return integers(node.op, *i, *j, expr);
  const auto x = number_of(*a);
  const auto y = number_of(*b);
  if (x && y) {
    if (is_comparison(node.op)) return ordered(node.op, *x, *y);
    if (const auto result = float_arithmetic(node.op, *x, *y)) return *result;
  }
  return report("E0502", expr.at, fmt::format("`{}` takes two numbers", spelling(node.op)),
                "cannot be applied here");
}

std::optional<Constant> ConstantEvaluator::integers(BinaryOp op, int64_t a, int64_t b,
                                                    const Expr& expr) {
  int64_t result = 0;
  bool overflow = false;
  switch (op) {
    case BinaryOp::Add:
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case BinaryOp::Sub:
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case BinaryOp::Mul:
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    case BinaryOp::FloorDiv:
    case BinaryOp::Mod:
    case BinaryOp::Div:
      if (b == 0) return report("E0509", expr.at, "division by zero", "the right side is 0");
      if (op == BinaryOp::Div) return static_cast<double>(a) / static_cast<double>(b);
      overflow = a == std::numeric_limits<int64_t>::min() && b == -1;
      if (!overflow) result = op == BinaryOp::Mod ? a - floor_div(a, b) * b : floor_div(a, b);
      break;
    case BinaryOp::Pow: {
      if (b < 0) return std::pow(static_cast<double>(a), static_cast<double>(b));
      const auto p = power(a, b);
      overflow = !p;
      result = p.value_or(0);
      break;
    }
    case BinaryOp::MatMul:
    case BinaryOp::Lt:
    case BinaryOp::Le:
    case BinaryOp::Gt:
    case BinaryOp::Ge:
    case BinaryOp::Eq:
    case BinaryOp::Ne:
    case BinaryOp::And:
    case BinaryOp::Or:
      return report("E0502", expr.at, fmt::format("`{}` does not take numbers", spelling(op)),
                    "cannot be applied here");
  }
  if (overflow) {
    return report("E0509", expr.at, "this integer is out of range",
                  "the result does not fit 64 bits");
  }
  return result;
}

std::optional<Constant> ConstantEvaluator::name(const std::string& name, const Expr& expr,
                                                size_t unit) {
  const Let found = find(name, unit);
  if (found.item != nullptr) return let(found, expr);
  if (name == "inf") return std::numeric_limits<double>::infinity();
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  return report("E0202", expr.span, fmt::format("unknown name `{}`", name),
                "not a constant of this program", suggestion(name, visible_names(unit)));
}

std::optional<Constant> ConstantEvaluator::let(const Let& let, const Expr& expr) {
  const auto [known, first] = known_.try_emplace(let.item);
  if (!first && known->second) return known->second;
  if (!first || depth_ >= kMaxDepth) {
    return report("E0509", expr.span, fmt::format("`{}` hangs on itself", let.item->name),
                  "its value needs its value");
  }
  ++depth_;
  const auto result = value(*let.item->value, let.unit);
  --depth_;
  if (result)
    known_[let.item] = result;
  else
    known_.erase(let.item);
  return result;
}

ConstantEvaluator::Let ConstantEvaluator::find(const std::string& name, size_t unit) const {
  for (const Item& item : units_[unit].ast.items) {
    const auto* let = std::get_if<LetItem>(&item.node);
    if (let != nullptr && let->name == name) return {let, unit};
  }
  return find_behind_alias("", name, unit);
}

// Among the files that `use` brings into `unit` under `alias`; empty: under their own names.
ConstantEvaluator::Let ConstantEvaluator::find_behind_alias(const std::string& alias,
                                                            const std::string& name,
                                                            size_t unit) const {
  size_t k = 0;
  for (const Item& item : units_[unit].ast.items) {
    const auto* use = std::get_if<UseItem>(&item.node);
    if (use == nullptr) continue;
    const size_t used = k < units_[unit].uses.size() ? units_[unit].uses[k] : Unit::kNoUnit;
    ++k;
    if (use->alias != alias || used == Unit::kNoUnit) continue;
    for (const Item& inner : units_[used].ast.items) {
      const auto* let = std::get_if<LetItem>(&inner.node);
      if (let != nullptr && let->name == name) return {let, used};
    }
  }
  return {};
}

std::vector<std::string> ConstantEvaluator::visible_names(size_t unit) const {
  std::vector<std::string> names = {"true", "false", "inf", "nan"};
  for (const Item& item : units_[unit].ast.items) {
    if (const auto* let = std::get_if<LetItem>(&item.node)) names.push_back(let->name);
  }
  return names;
}

}  // namespace netc::frontend
