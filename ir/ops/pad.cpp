// pad: a border of one number around the operand.
#include "ir/ops/rules.h"
#include "ir/scalar.h"

namespace netc::ir::ops {
namespace {

// Attributes: before and after, the widths of the border a dim; value, what stands in it.

// Shape: the operand's plus both borders.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  const Shape &before = attribute<Shape>(value, 0), &after = attribute<Shape>(value, 1);
  if (before.size() != args[0].shape.size() || after.size() != args[0].shape.size()) {
    OpError error("E0306", fmt::format("`pad` has {} pairs, but the operand is {}", before.size(),
                                       str(args[0])));
    error.labels = {{0, str(args[0])}};
    error.helps.push_back("write one pair `[before, after]` for each dim");
    throw error;
  }
  check_sizes("pad", before);
  check_sizes("pad", after);
  Type result = args[0];
  for (size_t i = 0; i < before.size(); ++i)
    result.shape[i] = before[i] + result.shape[i] + after[i];
  check_sizes("pad", result.shape);
  return result;
}

// vjp: the inner part of g.
void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  const Shape& before = attribute<Shape>(c.value, 0);
  Shape from = c.b.type(c.value.args[0]).shape;
  ValueId inner = c.g;
  for (size_t i = 0; i < from.size(); ++i)
    inner = c.b.slice(inner, int64_t(i), before[i], from[i], 1);
  c.out[0] = inner;
}

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  const Scalar& number = attribute<Scalar>(value, 2);
  for (int64_t i = 0; i < out.size(); ++i) {
    if (is_float(out.dtype))
      out.set(i, evaluate(number).value_or(0));
    else
      out.set_int(i, evaluate_integer(number).value_or(0));
  }
  std::vector<int64_t> strides = row_major(out.shape);
  int64_t offset = 0;
  for (size_t d = 0; d < strides.size(); ++d)
    offset += attribute<Shape>(value, 0)[d].constant() * strides[d];
  write_strided(*args[0], offset, strides, out);
}

}  // namespace

OpDef pad_definition() {
  return {.name = "pad",
          .form = Form::View,
          .doc = "A border of one number around the operand.",
          .attributes = {{"before", AttrKind::Sizes},
                         {"after", AttrKind::Sizes},
                         {"value", AttrKind::Scalar}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference,
          .vjp_is_view = true};
}

}  // namespace netc::ir::ops
