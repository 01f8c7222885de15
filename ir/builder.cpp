// The builder: inference, folding of constants, and views that change nothing.
#include "ir/builder.h"

#include <numeric>
#include <utility>

#include "ir/array.h"
#include "ir/fold.h"
#include "ir/scalar.h"
#include "ir/shape_rules.h"

namespace netc::ir {
namespace {

bool is_constant(const Value& v) { return v.op == Op::constant; }
const Scalar& number_of(const Value& v) { return std::get<Scalar>(v.attrs[0]); }

/// Views whose elements are all elements of their one operand: a splat stays a splat.
bool keeps_splat(const Value& v) {
  return def(v.op).form == Form::View && v.args.size() == 1 && v.op != Op::pad &&
         v.op != Op::fold_windows;
}

}  // namespace

ValueId Builder::append(Value value) {
  std::vector<Type> types;
  bool constants = !value.args.empty();
  for (ValueId a : value.args) {
    types.push_back(type(a));
    constants = constants && is_constant(this->value(a));
  }
  if (value.op == Op::result) {
    const Value& call = this->value(value.args[0]);
    const Function& callee = module_[std::get<FunctionId>(call.attrs[0])];
    size_t index = size_t(std::get<int64_t>(value.attrs[0]));
    value.type = callee[callee.results[index].value].type;
  }
  value.type = def(value.op).infer(module_, value, types);
  if (constants && folds && def(value.op).scalar) {
    std::vector<Scalar> numbers;
    for (ValueId a : value.args) numbers.push_back(number_of(this->value(a)));
    if (auto number = fold(value, numbers, types)) return constant(*number, value.type);
  }
  if (constants && keeps_splat(value))
    return constant(Scalar(number_of(this->value(value.args[0]))), value.type);
  function().values.push_back(std::move(value));
  return ValueId(function().values.size() - 1);
}

ValueId Builder::add(Op op, std::vector<ValueId> args, std::vector<Attribute> attrs) {
  Value value;
  value.op = op;
  value.args = std::move(args);
  value.attrs = std::move(attrs);
  value.locs = locs;
  value.vjp_of = vjp_of;
  return append(std::move(value));
}

ValueId Builder::add_like(const Value& original, std::vector<ValueId> args) {
  Value value = original;
  value.args = std::move(args);
  value.kernel = {};
  value.storage.reset();
  return append(std::move(value));
}

ValueId Builder::parameter(std::string name, Type type, Role role,
                           std::optional<Initializer> init) {
  Value value;
  value.op = Op::parameter;
  value.type = std::move(type);
  value.name = std::move(name);
  value.locs = locs;
  ValueId id = append(std::move(value));
  function().params.push_back({id, role, std::move(init)});
  return id;
}

ValueId Builder::constant(double number, const Type& type) {
  return constant(is_float(type.dtype) ? scalar(number) : scalar(Dim(to_integer(number))), type);
}

ValueId Builder::constant(const Scalar& number, const Type& type) {
  std::optional<Scalar> normal = normalise(number, type.dtype);
  if (!normal && is_number(number)) normal = scalar(Dim(to_integer(*evaluate(number))));
  if (!normal) {
    ValueId exact = constant(number, {DType::f64, type.shape});
    return cast(exact, type.dtype);
  }
  Value value;
  value.op = Op::constant;
  value.attrs = {*normal};
  value.type = type;
  value.locs = locs;
  value.vjp_of = vjp_of;
  return append(std::move(value));
}

ValueId Builder::cast(ValueId a, DType to) {
  if (type(a).dtype == to) return a;
  Value value;
  value.op = Op::cast;
  value.args = {a};
  value.type = {to, type(a).shape};
  value.locs = locs;
  value.vjp_of = vjp_of;
  return append(std::move(value));
}

ValueId Builder::where(ValueId c, ValueId a, ValueId b) {
  ValueId chosen;
  if (is_constant(value(c)) && is_number(number_of(value(c))))
    chosen = number_of(value(c)).numerator == Dim(0) ? b : a;
  if (chosen && type(a) == type(b) && type(c).shape == type(a).shape) return chosen;
  return add(Op::where, {c, a, b});
}

ValueId Builder::reduce(ReduceKind kind, ValueId a, std::vector<int64_t> dims) {
  bool folds_nothing = dims.empty();
  switch (kind) {
    case ReduceKind::argmax:
    case ReduceKind::argmin:
      folds_nothing = false;
      break;
    case ReduceKind::sum:
    case ReduceKind::prod:
      if (folds_nothing && type(a).dtype == DType::boolean) return cast(a, DType::i64);
      break;
    case ReduceKind::max:
    case ReduceKind::min:
      break;
    case ReduceKind::any:
    case ReduceKind::all:
      folds_nothing = folds_nothing && type(a).dtype == DType::boolean;
      break;
  }
  if (folds_nothing) return a;
  return add(Op::reduce, {a}, {kind, std::move(dims)});
}

ValueId Builder::einsum(const std::string& spec, ValueId lhs, ValueId rhs) {
  return add(Op::einsum, {lhs, rhs}, {spec});
}

ValueId Builder::reshape(ValueId a, Shape shape) {
  if (type(a).shape == shape) return a;
  return add(Op::reshape, {a}, {std::move(shape)});
}

ValueId Builder::permute(ValueId a, std::vector<int64_t> dims) {
  if (dims == all_dims(type(a).rank())) return a;
  return add(Op::permute, {a}, {std::move(dims)});
}

ValueId Builder::broadcast(ValueId a, const Shape& shape) {
  if (type(a).shape == shape) return a;
  return add(Op::broadcast, {a}, {shape});
}

ValueId Builder::slice(ValueId a, int64_t dim, Dim start, Dim size, int64_t step) {
  bool valid = dim >= 0 && dim < type(a).rank();
  if (valid && start == Dim(0) && step == 1 && type(a).shape[size_t(dim)] == size) return a;
  return add(Op::slice, {a}, {dim, std::move(start), std::move(size), step});
}

ValueId Builder::diagonal(ValueId a, int64_t i, int64_t j) {
  return add(Op::diagonal, {a}, {i, j});
}

ValueId Builder::windows(ValueId a, Shape k, Shape stride, Shape dilation) {
  return add(Op::windows, {a}, {std::move(k), std::move(stride), std::move(dilation)});
}

ValueId Builder::fold_windows(ValueId a, Shape size, Shape stride, Shape dilation) {
  return add(Op::fold_windows, {a}, {std::move(size), std::move(stride), std::move(dilation)});
}

ValueId Builder::pad(ValueId a, Shape before, Shape after, double number) {
  Shape nothing(type(a).shape.size(), Dim(0));
  if (before == nothing && after == nothing) return a;
  Scalar value = is_float(type(a).dtype) ? scalar(number) : scalar(Dim(to_integer(number)));
  return add(Op::pad, {a}, {std::move(before), std::move(after), value});
}

ValueId Builder::concat(std::vector<ValueId> parts, int64_t dim) {
  if (parts.size() == 1) return parts[0];
  return add(Op::concat, std::move(parts), {dim});
}

}  // namespace netc::ir
