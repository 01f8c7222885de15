// Appends values to a function: infers the type of each from its op's shape rule, carries the
// current source place, and folds arithmetic among constants (so that `2 / batch` stays one).
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace netc::ir {

class Builder {
 public:
  /// Appends to module.functions[function].
  Builder(Module& module, FunctionId function) : module_(module), function_(function) {}

  Module& module() { return module_; }
  Function& function() { return module_[function_]; }
  const Value& value(ValueId v) const { return module_[function_].values[v.index]; }
  const Type& type(ValueId v) const { return value(v).type; }

  /// Places, vjp mark that new values get.
  std::vector<LocId> locs;
  std::string vjp_of;
  /// Whether arithmetic among constants folds; a dump is read as it stands.
  bool folds = true;

  /// Appends `op`; infers its type; throws OpError. `cast` takes its dtype with the function below.
  ValueId add(Op op, std::vector<ValueId> args, std::vector<Attribute> attrs = {});
  /// Appends a copy of `value` with new operands, re-inferring its type; constants fold.
  ValueId add_like(const Value& value, std::vector<ValueId> args);

  /// A parameter of the function. All parameters come before all other values.
  ValueId parameter(std::string name, Type type, Role role = Role::Plain,
                    std::optional<Initializer> init = {});

  /// A constant of any shape (a splat). `number` is rounded once to the type.
  ValueId constant(double number, const Type& type);
  ValueId constant(const Scalar& number, const Type& type);

  // Elementwise. Shapes must be equal; `cast` to the own dtype is the operand itself.
  ValueId cast(ValueId a, DType to);
  ValueId unary(Op op, ValueId a) { return add(op, {a}); }
  ValueId binary(Op op, ValueId a, ValueId b) { return add(op, {a, b}); }
  /// A constant condition chooses one of the operands.
  ValueId where(ValueId c, ValueId a, ValueId b);
  /// A value of its own equal to `a`: the identity copy, which passes no gradient.
  ValueId copy(ValueId a) { return add(Op::stop_gradient, {a}); }
  ValueId logical_not(ValueId a) { return unary(Op::logical_not, a); }
  ValueId logical_and(ValueId a, ValueId b) { return binary(Op::logical_and, a, b); }
  ValueId logical_or(ValueId a, ValueId b) { return binary(Op::logical_or, a, b); }
  /// Where `a` is greater than 0.
  ValueId is_positive(ValueId a) { return add(Op::gt, {a, like(a, 0)}); }
  /// A splat of `number` with the type of `a`.
  ValueId like(ValueId a, double number) { return constant(number, type(a)); }

  /// Folds `dims` away (ascending, without repetition; empty: the operand itself).
  ValueId reduce(ReduceKind kind, ValueId a, std::vector<int64_t> dims);
  /// Sums over dims.
  ValueId sum(ValueId a, std::vector<int64_t> dims) {
    return reduce(ReduceKind::sum, a, std::move(dims));
  }
  /// `spec` like "bi,ij->bj": binary, no label twice in an operand, every label in at least two of
  /// left, right and result.
  ValueId einsum(const std::string& spec, ValueId lhs, ValueId rhs);

  // Views. Each returns the operand itself when it would change nothing.
  ValueId reshape(ValueId a, Shape shape);
  ValueId permute(ValueId a, std::vector<int64_t> dims);
  /// Repeats to `shape`; dims align from the right, each equal or 1 (or missing) in `a`.
  ValueId broadcast(ValueId a, const Shape& shape);
  /// Elements start, start + step, … (`size` of them) of `dim`; step may be negative.
  ValueId slice(ValueId a, int64_t dim, Dim start, Dim size, int64_t step);
  /// Dims i < j, of equal size, become one at i: result[.., k, ..] = a[.., k, .., k, ..].
  ValueId diagonal(ValueId a, int64_t i, int64_t j);
  /// The windows of `k` elements, `dilation` apart, at every `stride`-th place of the last dims:
  /// [n, c, h, w] -> [n, c, ho, wo, kh, kw].
  ValueId windows(ValueId a, Shape k, Shape stride, Shape dilation);
  /// The transpose of `windows`: elements added at the places of [.., h, w] = `size` they come
  /// from.
  ValueId fold_windows(ValueId a, Shape size, Shape stride, Shape dilation);
  ValueId pad(ValueId a, Shape before, Shape after, double value);
  ValueId concat(std::vector<ValueId> parts, int64_t dim);

  /// Calls a function: the value is its result 0, and the values right behind it are the others.
  ValueId call(FunctionId callee, std::vector<ValueId> args, std::string settings = {}) {
    const ValueId v = add(Op::call, std::move(args), {callee, std::move(settings)});
    for (size_t i = 1; i < module_[callee].results.size(); ++i)
      add(Op::result, {v}, {static_cast<int64_t>(i)});
    return v;
  }

  /// The final result list of the function.
  void result(std::string name, ValueId v) { function().results.push_back({std::move(name), v}); }

 private:
  Module& module_;
  FunctionId function_;
  ValueId append(Value value);
};

}  // namespace netc::ir
