// Makes the OpDef of every row of scalar.def: one shape rule and one reference loop for all, and
// the vjp as the expansion of the partials column with values of the graph.
#include "ir/scalar_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "ir/builder.h"
#include "ir/scalar_values.h"

namespace netc::ir {
namespace {

// ---- values of the graph under the operators of the table ----

/// A value while a partial is being emitted; operators append ops.
struct V {
  Builder* b = nullptr;
  ValueId id;
};

struct NoGradient {
  operator V() const { return {}; }  // NOLINT: stands where a V is returned
};
constexpr NoGradient none;

V emit(Op op, V a) { return {a.b, a.b->unary(op, a.id)}; }
V emit(Op op, V a, V c) { return {a.b, a.b->binary(op, a.id, c.id)}; }
V number(V like, double n) { return {like.b, like.b->like(like.id, n)}; }

// Only some of these are named by today's rows; all may be.
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#define BINARY(sign, op)                                                   \
  V operator sign(V a, V c) { return emit(Op::op, a, c); }                 \
  V operator sign(V a, double c) { return emit(Op::op, a, number(a, c)); } \
  V operator sign(double a, V c) { return emit(Op::op, number(c, a), c); }
BINARY(+, add)
BINARY(-, sub)
BINARY(*, mul)
BINARY(/, div)
BINARY(<, lt)
BINARY(<=, le)
BINARY(>, gt)
BINARY(>=, ge)
BINARY(==, eq)
BINARY(!=, ne)
#undef BINARY
V operator-(V a) { return emit(Op::neg, a); }
V pow(V a, V c) { return emit(Op::pow, a, c); }
V maximum(V a, V c) { return emit(Op::maximum, a, c); }
V minimum(V a, V c) { return emit(Op::minimum, a, c); }
#define UNARY(op) \
  V op(V a) { return emit(Op::op, a); }
UNARY(abs)
UNARY(sign)
UNARY(exp)
UNARY(expm1)
UNARY(log)
UNARY(log1p)
UNARY(sqrt)
UNARY(rsqrt)
UNARY(sin)
UNARY(cos)
UNARY(tanh)
UNARY(erf)
UNARY(floor)
UNARY(ceil)
UNARY(round)
#undef UNARY
V where(V c, V a, V e) { return {c.b, c.b->where(c.id, a.id, e.id)}; }
V zero(V a) { return number(a, 0); }
V one(V a) { return number(a, 1); }
V convert(V g, V a) { return {g.b, g.b->cast(g.id, g.b->type(a.id).dtype)}; }

struct Rows {
#define PARTIALS_1(p) \
  if (i == 0) return p;
#define PARTIALS_2(p, q) PARTIALS_1(p) if (i == 1) return q;
#define PARTIALS_3(p, q, r) PARTIALS_2(p, q) if (i == 2) return r;
#define SCALAR(name, arity, cls, value, partials, ...) \
  static V name##_partial(int i, V a, V b, V c, V y, V g) { PARTIALS_##arity partials return {}; }
#include "ir/scalar.def"
};

using PartialRule = V (*)(int i, V a, V b, V c, V y, V g);
const PartialRule kPartials[] = {
#define SCALAR(name, ...) &Rows::name##_partial,
#include "ir/scalar.def"
};

// ---- the vjp of every row ----

/// Same op, operands and attributes.
bool same_expression(const Function& f, ValueId a, ValueId b) {
  if (!a || !b) return false;
  if (a == b) return true;
  const Value &x = f[a], &y = f[b];
  return x.op == y.op && x.args.size() == y.args.size() && x.attrs == y.attrs && x.type == y.type &&
         std::equal(x.args.begin(), x.args.end(), y.args.begin(),
                    [&](ValueId p, ValueId q) { return same_expression(f, p, q); });
}

ValueId emit_partial(const VjpContext& c, int i, ValueId g) {
  auto operand = [&](size_t k) { return k < c.value.args.size() ? V{&c.b, c.value.args[k]} : V{}; };
  PartialRule rule = kPartials[size_t(c.value.op)];
  return rule(i, operand(0), operand(1), operand(2), {&c.b, c.self}, {&c.b, g}).id;
}

/// `x * x`: two equal contributions become one, with twice the cotangent.
bool merge_equal_contributions(VjpContext& c) {
  const auto& args = c.value.args;
  if (args.size() != 2 || args[0] != args[1] || !c.needs[0]) return false;
  size_t before = c.b.function().values.size();
  ValueId first = emit_partial(c, 0, c.g), second = emit_partial(c, 1, c.g);
  bool same = same_expression(c.b.function(), first, second);
  c.b.function().values.resize(before);
  if (!same) return false;
  ValueId twice = c.b.binary(Op::mul, c.b.like(c.g, 2), c.g);
  c.out[0] = emit_partial(c, 0, twice);
  return true;
}

void scalar_vjp(VjpContext& c) {
  if (!is_float(c.b.type(c.g).dtype)) return;
  if (merge_equal_contributions(c)) return;
  for (size_t i = 0; i < c.value.args.size(); ++i)
    if (c.needs[i] && is_float(c.b.type(c.value.args[i]).dtype))
      c.out[i] = emit_partial(c, int(i), c.g);
}

bool has_gradient(const ScalarInfo& row) {
  std::string_view text = row.partials_text;
  return text != "(none)" && text != "(none, none)";
}

// ---- shape rule ----

std::string spelled(const Value& value) {
  return value.op == Op::cast ? name(value.type.dtype) : def(value.op).name;
}

[[noreturn]] void wrong_dtype(const Value& value, std::span<const Type> args, size_t i,
                              const char* wants) {
  OpError error("E0305",
                fmt::format("`{}` takes {}, not {}", spelled(value), wants, name(args[i].dtype)));
  error.labels = {{int(i), str(args[i])}};
  throw error;
}

void check_dtypes(const Value& value, std::span<const Type> args, size_t first) {
  for (size_t i = first + 1; i < args.size(); ++i) {
    if (args[i].dtype == args[first].dtype) continue;
    OpError error("E0305", fmt::format("`{}`: {} and {} do not mix", spelled(value),
                                       name(args[first].dtype), name(args[i].dtype)));
    error.labels = {{int(first), str(args[first])}, {int(i), str(args[i])}};
    bool widen = is_float(args[i].dtype) || !is_float(args[first].dtype);
    error.helps.push_back(
        fmt::format("cast one of them, for example `{}(…)`", name(args[widen ? i : first].dtype)));
    throw error;
  }
}

void check_shapes(const Value& value, std::span<const Type> args) {
  for (size_t i = 1; i < args.size(); ++i) {
    if (args[i].shape == args[0].shape) continue;
    OpError error("E0302", fmt::format("`{}`: {} and {} have different shapes", spelled(value),
                                       str(args[0]), str(args[i])));
    error.labels = {{0, str(args[0])}, {int(i), str(args[i])}};
    throw error;
  }
}

Type scalar_infer(const Module&, const Value& value, std::span<const Type> args) {
  using Class = ScalarInfo::Class;
  const ScalarInfo& row = *def(value.op).scalar;
  if (args.size() != size_t(row.arity))
    throw OpError("E0202", fmt::format("`{}` takes {} operands, not {}", spelled(value), row.arity,
                                       args.size()));
  check_shapes(value, args);
  check_dtypes(value, args, row.cls == Class::Select ? 1 : 0);
  DType dtype = args[0].dtype;
  switch (row.cls) {
    case Class::Float:
      if (!is_float(dtype)) wrong_dtype(value, args, 0, "floats");
      break;
    case Class::Number:
      if (dtype == DType::boolean) wrong_dtype(value, args, 0, "numbers");
      break;
    case Class::Integer:
      if (!is_integer(dtype)) wrong_dtype(value, args, 0, "integers");
      break;
    case Class::Compare:
      dtype = DType::boolean;
      break;
    case Class::Logic:
      if (dtype != DType::boolean) wrong_dtype(value, args, 0, "bool");
      break;
    case Class::Select:
      if (dtype != DType::boolean) wrong_dtype(value, args, 0, "a bool condition");
      dtype = args[1].dtype;
      break;
    case Class::Any:
      break;
    case Class::Cast:
      dtype = value.type.dtype;
      break;
  }
  return {dtype, args[0].shape};
}

// ---- reference loop ----

void scalar_reference(const Value& value, std::span<const Array* const> args, Array& out) {
  using Class = ScalarInfo::Class;
  const ScalarInfo& row = *def(value.op).scalar;
  bool on_floats = is_float(args[0]->dtype);
  if (row.cls == Class::Select) on_floats = is_float(args[1]->dtype);
  int64_t count = out.size();
  if (on_floats || row.eval_int == nullptr) {
    for (int64_t i = 0; i < count; ++i) {
      auto operand = [&](size_t k) { return k < args.size() ? args[k]->number(i) : 0; };
      out.set(i, row.eval(operand(0), operand(1), operand(2)));
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    auto operand = [&](size_t k) { return k < args.size() ? args[k]->ints[size_t(i)] : 0; };
    out.set_int(i, row.eval_int(operand(0), operand(1), operand(2)));
  }
}

/// How an op is written: the operator for those that have one, else the row's word.
const char* spelling(Op op, const char* word) {
  constexpr std::pair<Op, const char*> kOperators[] = {
      {Op::neg, "-"},         {Op::add, "+"},          {Op::sub, "-"},
      {Op::mul, "*"},         {Op::div, "/"},          {Op::floordiv, "//"},
      {Op::mod, "%"},         {Op::pow, "**"},         {Op::lt, "<"},
      {Op::le, "<="},         {Op::gt, ">"},           {Op::ge, ">="},
      {Op::eq, "=="},         {Op::ne, "!="},          {Op::logical_and, "and"},
      {Op::logical_or, "or"}, {Op::logical_not, "not"}};
  for (const auto& [candidate, text] : kOperators)
    if (candidate == op) return text;
  return word;
}

}  // namespace

std::vector<OpDef> scalar_definitions() {
  std::vector<OpDef> list;
  std::span<const ScalarInfo> rows = scalar_rows();
  for (size_t i = 0; i < rows.size(); ++i) {
    OpDef d{};
    d.name = spelling(Op(i), op_name(Op(i)));
    d.form = Form::Map;
    d.doc = scalar_value_texts()[i];
    d.infer = scalar_infer;
    d.vjp = has_gradient(rows[i]) ? scalar_vjp : nullptr;
    d.reference = scalar_reference;
    d.scalar = &rows[i];
    list.push_back(std::move(d));
  }
  return list;
}

}  // namespace netc::ir
