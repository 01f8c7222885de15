// diagonal: two dims of equal size become one, where their indices are equal.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: i < j; the result has the shared index at i and no dim j.

// Shape: the operand's without dim j.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  int64_t i = attribute<int64_t>(value, 0), j = attribute<int64_t>(value, 1);
  check_dim("diagonal", i, args[0].rank());
  check_dim("diagonal", j, args[0].rank());
  if (i >= j) throw OpError("E0306", fmt::format("`diagonal`: dim {} is not before dim {}", i, j));
  const Dim &a = args[0].shape[size_t(i)], &b = args[0].shape[size_t(j)];
  if (a != b) {
    OpError error("E0301", fmt::format("`diagonal`: dims {} and {} have sizes {} and {}", i, j,
                                       a.str(), b.str()));
    error.labels = {{0, str(args[0])}};
    throw error;
  }
  return {args[0].dtype, drop_dims(args[0].shape, {j})};
}

// vjp: g repeated along j, kept where the two indices are equal.
void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  Builder& b = c.b;
  int64_t i = attribute<int64_t>(c.value, 0), j = attribute<int64_t>(c.value, 1);
  Shape shape = b.type(c.value.args[0]).shape;
  auto index_along = [&](int64_t dim) {
    Shape line(shape.size(), Dim(1));
    line[size_t(dim)] = shape[size_t(dim)];
    ValueId numbers = b.add(Op::iota, {}, {shape[size_t(dim)]});
    return b.broadcast(b.reshape(numbers, line), shape);
  };
  ValueId spread = b.broadcast(b.reshape(c.g, keep_dims(shape, {j})), shape);
  ValueId on_diagonal = b.binary(Op::eq, index_along(i), index_along(j));
  c.out[0] = b.where(on_diagonal, spread, b.like(spread, 0));
}

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  size_t i = size_t(attribute<int64_t>(value, 0)), j = size_t(attribute<int64_t>(value, 1));
  std::vector<int64_t> strides = row_major(args[0]->shape);
  strides[i] += strides[j];
  strides.erase(strides.begin() + int64_t(j));
  read_strided(*args[0], 0, strides, out);
}

}  // namespace

OpDef diagonal_definition() {
  return {.name = "diagonal",
          .form = Form::View,
          .doc = "Two dims of equal size become one, at the place of the first.",
          .attributes = {{"i", AttrKind::Int, AttrStyle::Positional},
                         {"j", AttrKind::Int, AttrStyle::Positional}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference,
          .vjp_is_view = true};
}

}  // namespace netc::ir::ops
