// Elementwise expressions, from the rows of scalar.def.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "ir/shape_rules.h"
#include "tests/fuzz/generator.h"

namespace netc::fuzz {

using ir::DType;
using ir::Op;
using ir::ScalarInfo;
using ir::Type;
using Class = ir::ScalarInfo::Class;

namespace {

const std::vector<DType> kFloats = {DType::f32, DType::f64};
const std::vector<DType> kIntegers = {DType::i32, DType::i64, DType::u8};
const std::vector<DType> kNumbers = {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8};
const std::vector<DType> kAll = {DType::f32, DType::i32,     DType::f64, DType::i64,
                                 DType::u8,  DType::boolean, DType::f32};

const std::vector<DType>& accepted(Class cls) {
  static const std::vector<DType> kBool = {DType::boolean};
  switch (cls) {
    case Class::Float:
      return kFloats;
    case Class::Number:
      return kNumbers;
    case Class::Integer:
      return kIntegers;
    case Class::Logic:
      return kBool;
    case Class::Compare:
    case Class::Select:
    case Class::Any:
    case Class::Cast:
      return kAll;
  }
  return kAll;
}

std::vector<Op> scalar_ops() {
  std::vector<Op> list;
  for (int i = 0; i < ir::kOpCount; ++i)
    if (ir::def(Op(i)).scalar) list.push_back(Op(i));
  return list;
}

/// The values a row takes over the operands' ranges, from some samples.
std::pair<double, double> range_of(const ScalarInfo& row, const std::vector<Term>& args) {
  double lo = HUGE_VAL, hi = -HUGE_VAL;
  auto at = [&](size_t k, int i) {
    return k < args.size() ? args[k].lo + (args[k].hi - args[k].lo) * i / 4 : 0;
  };
  for (int i = 0; i <= 4; ++i)
    for (int j = 0; j <= (args.size() > 1 ? 4 : 0); ++j)
      for (int k = 0; k <= (args.size() > 2 ? 4 : 0); ++k) {
        const double y = row.eval(at(0, i), at(1, j), at(2, k));
        if (std::isnan(y)) continue;
        lo = std::min(lo, y);
        hi = std::max(hi, y);
      }
  return lo <= hi ? std::pair{lo, hi} : std::pair{-4.0, 4.0};
}

}  // namespace

std::string Generator::spelled(Op op, const std::vector<Term>& args) {
  const std::string name = ir::def(op).name, word = ir::op_name(op);
  const bool infix = name != word;
  if (infix && args.size() == 1) {
    const std::string text = args[0].text;
    return "(" + name + (std::isalpha(name[0]) ? " " : "") + text + ")";
  }
  if (infix && !(op == Op::pow && c_.one_in(3)))
    return fmt::format("({} {} {})", args[0].text, name, args[1].text);
  if (args.size() == 1) {
    switch (c_.below(4)) {
      case 2:
        return fmt::format("({} |> {})", args[0].text, word);
      case 3:
        return fmt::format("({}).{}()", args[0].text, word);
      default:
        return fmt::format("{}({})", word, args[0].text);
    }
  }
  return fmt::format("{}({}, {})", word, args[0].text, args[1].text);
}

Term Generator::apply(Op op, std::vector<Term> args, DType dtype, ir::Shape shape) {
  const ScalarInfo& row = *ir::def(op).scalar;
  if (row.cls == Class::Float || row.cls == Class::Number)
    for (Term& t : args)
      if (ir::is_float(t.type.dtype) && !fits_domain(t, row) && !c_.one_in(8))
        t = squash(t, row.lo, row.hi);
  Term result{spelled(op, args), {dtype, std::move(shape)}};
  std::tie(result.lo, result.hi) = range_of(row, args);
  return result;
}

Generator::Result Generator::scalar() {
  static const std::vector<Op> ops = scalar_ops();
  const Op op = c_.of(ops);
  const ScalarInfo& row = *ir::def(op).scalar;
  if (row.cls == Class::Cast) return cast();
  if (row.cls == Class::Select) return choose();
  auto a = operand(accepted(row.cls));
  if (!a) return {};
  const DType dtype = row.cls == Class::Compare ? DType::boolean : a->type.dtype;
  if (row.arity == 1) return apply(op, {*a}, dtype, a->type.shape);
  auto b = partner(*a);
  if (!b) return {};
  const ir::Shape shape = ir::broadcast_shapes("", a->type, b->type).shape;
  return c_.below(2) && b->type.shape == shape ? apply(op, {*b, *a}, dtype, shape)
                                               : apply(op, {*a, *b}, dtype, shape);
}

/// A few elementwise ops on one float value.
Generator::Result Generator::chain() {
  static const std::vector<Op> ops = scalar_ops();
  auto t = floats();
  const int length = 2 + c_.below(4);
  for (int i = 0; t && i < length; ++i) {
    const Op op = c_.of(ops);
    const ScalarInfo& row = *ir::def(op).scalar;
    if (row.cls != Class::Float && row.cls != Class::Number) continue;
    if (t->text.size() > 200) break;
    const DType dtype = t->type.dtype;
    if (row.arity == 1) {
      t = apply(op, {*t}, dtype, t->type.shape);
    } else if (auto b = partner(*t)) {
      t = apply(op, {*t, *b}, dtype, ir::broadcast_shapes("", t->type, b->type).shape);
    }
  }
  return t;
}

Generator::Result Generator::choose() {
  auto a = operand(kAll);
  if (!a) return {};
  auto b = partner(*a);
  if (!b) return {};
  const ir::Shape shape = ir::broadcast_shapes("", a->type, b->type).shape;
  Result condition;
  if (c_.below(2)) {
    auto other = partner(*a);
    if (!other) return {};
    static const char* const kTests[] = {">", "<=", "==", "<", ">=", "!="};
    const ir::Shape compared = ir::broadcast_shapes("", a->type, other->type).shape;
    condition = Term{fmt::format("({} {} {})", a->text, c_.of(kTests), other->text),
                     {DType::boolean, compared}};
  } else {
    condition = exactly({DType::boolean, shape});
  }
  if (!condition) return {};
  ir::Shape whole;
  try {
    whole = ir::broadcast_shapes("", condition->type, {DType::boolean, shape}).shape;
  } catch (const ir::OpError&) {
    return {};
  }
  return Term{fmt::format("where({}, {}, {})", condition->text, a->text, b->text),
              {a->type.dtype, whole},
              std::min(a->lo, b->lo),
              std::max(a->hi, b->hi)};
}

Generator::Result Generator::cast() {
  auto a = operand(kAll);
  if (!a) return {};
  const DType to = c_.of(kAll);
  const char* name = to == float_ && c_.below(2) ? "float" : ir::name(to);
  Term t{fmt::format("{}({})", name, a->text), {to, a->type.shape}, a->lo, a->hi};
  if (!ir::is_float(a->type.dtype)) t.lo = -9, t.hi = 255;
  return t;
}

}  // namespace netc::fuzz
