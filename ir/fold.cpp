// Constants with sizes in them fold as far as Scalar's form reaches; plain numbers fold through the
// value column of the op table.
#include "ir/fold.h"

#include <cmath>

#include "ir/array.h"
#include "ir/scalar.h"

namespace netc::ir {
namespace {

/// A float constant that is an integer polynomial of sizes.
std::optional<Dim> as_size(const Scalar& s) {
  if (s.denominator != Dim(1) || std::floor(s.factor) != s.factor) return {};
  if (std::fabs(s.factor) >= 9007199254740992.0 || (s.factor == 0 && std::signbit(s.factor)))
    return {};
  Dim size = Dim(int64_t(s.factor)) * s.numerator;
  if (size.overflowed()) return {};
  return size;
}

std::optional<Scalar> fold_sizes(Op op, std::span<const Scalar> args) {
  auto size = [&](size_t i) { return as_size(args[i]); };
  std::optional<Dim> sum;
  switch (op) {
    case Op::add:
      if (size(0) && size(1)) sum = *size(0) + *size(1);
      break;
    case Op::sub:
      if (size(0) && size(1)) sum = *size(0) - *size(1);
      break;
    default:
      break;
  }
  if (sum && !sum->overflowed()) return scalar(*sum);
  return {};
}

std::optional<Scalar> fold_symbolic_float(Op op, std::span<const Scalar> args) {
  switch (op) {
    case Op::mul:
      return multiply(args[0], args[1]);
    case Op::div:
      return divide(args[0], args[1]);
    case Op::neg:
      return multiply(scalar(-1.0), args[0]);
    default:
      return fold_sizes(op, args);
  }
}

std::optional<Scalar> fold_symbolic_integer(Op op, std::span<const Scalar> args) {
  Dim result = 0;
  switch (op) {
    case Op::add:
      result = args[0].numerator + args[1].numerator;
      break;
    case Op::sub:
      result = args[0].numerator - args[1].numerator;
      break;
    case Op::mul:
      result = args[0].numerator * args[1].numerator;
      break;
    case Op::neg:
      result = Dim(-1) * args[0].numerator;
      break;
    default:
      return {};
  }
  if (result.overflowed()) return {};
  return scalar(result);
}

std::optional<Scalar> fold_numbers(const Value& value, std::span<const Scalar> args, DType from) {
  using Class = ScalarInfo::Class;
  const ScalarInfo& row = *def(value.op).scalar;
  bool on_floats = is_float(from);
  // What leaves the type must see the number as the type holds it.
  bool leaves = row.cls == Class::Cast || row.cls == Class::Compare;
  DType to = value.type.dtype;
  double a[3] = {0, 0, 0};
  int64_t n[3] = {0, 0, 0};
  for (size_t i = 0; i < args.size(); ++i) {
    a[i] = leaves ? round_to(from, *evaluate(args[i])) : *evaluate(args[i]);
    if (!on_floats) n[i] = *evaluate_integer(args[i]);
  }
  if (on_floats || row.eval_int == nullptr) {
    double result = row.eval(a[0], a[1], a[2]);
    if (is_float(to)) return scalar(result);
    return scalar(Dim(to == DType::boolean ? result != 0 : wrap(to, to_integer(result))));
  }
  int64_t result = row.eval_int(n[0], n[1], n[2]);
  return is_float(to) ? scalar(double(result)) : scalar(Dim(wrap(to, result)));
}

}  // namespace

std::optional<Scalar> fold(const Value& value, std::span<const Scalar> args,
                           std::span<const Type> types) {
  const ScalarInfo& row = *def(value.op).scalar;
  size_t first = row.cls == ScalarInfo::Class::Select ? 1 : 0;
  DType from = types[first].dtype;
  bool numbers = true;
  for (const Scalar& s : args) numbers = numbers && is_number(s);
  if (value.op == Op::stop_gradient) return args[0];
  if (numbers) {
    for (const Scalar& s : args)
      if (!evaluate(s)) return {};
    return fold_numbers(value, args, from);
  }
  if (row.cls == ScalarInfo::Class::Cast) {
    bool exact = is_float(value.type.dtype) || value.type.dtype == DType::i64;
    return exact ? normalise(args[0], value.type.dtype) : std::nullopt;
  }
  std::optional<Scalar> folded;
  if (is_float(from))
    folded = fold_symbolic_float(value.op, args);
  else if (from == DType::i64)
    folded = fold_symbolic_integer(value.op, args);
  return folded ? normalise(*folded, value.type.dtype) : std::nullopt;
}

}  // namespace netc::ir
