// broadcast: repeats elements along dims of size 1 and along new leading dims.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: shape.

// Shape: the new one; dims align from the right, each equal, or 1 in the operand, or missing there.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  const Shape &shape = attribute<Shape>(value, 0), &from = args[0].shape;
  check_sizes("broadcast", shape);
  size_t lead = shape.size() - std::min(shape.size(), from.size());
  bool fits = shape.size() >= from.size();
  for (size_t i = 0; fits && i < from.size(); ++i)
    fits = from[i] == shape[lead + i] || from[i] == Dim(1);
  if (!fits) {
    OpError error("E0302",
                  fmt::format("`broadcast`: {} does not expand to {}", str(args[0]), str(shape)));
    error.labels = {{0, str(args[0])}};
    throw error;
  }
  return {args[0].dtype, shape};
}

// vjp: the sum over the repeats.
void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  const Shape& shape = attribute<Shape>(c.value, 0);
  Shape from = c.b.type(c.value.args[0]).shape;
  size_t lead = shape.size() - from.size();
  std::vector<int64_t> repeated;
  for (size_t i = 0; i < shape.size(); ++i)
    if (i < lead || from[i - lead] != shape[i]) repeated.push_back(int64_t(i));
  c.out[0] = c.b.reshape(c.b.sum(c.g, repeated), from);
}

void reference(const Value&, std::span<const Array* const> args, Array& out) {
  const Array& x = *args[0];
  std::vector<int64_t> from = row_major(x.shape), strides(out.shape.size(), 0);
  size_t lead = out.shape.size() - x.shape.size();
  for (size_t i = 0; i < x.shape.size(); ++i) strides[lead + i] = x.shape[i] == 1 ? 0 : from[i];
  read_strided(x, 0, strides, out);
}

}  // namespace

OpDef broadcast_definition() {
  return {.name = "broadcast",
          .form = Form::View,
          .doc = "Repeats elements along dims of size 1 and along new leading dims.",
          .attributes = {{"shape", AttrKind::Sizes, AttrStyle::Positional}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference};
}

}  // namespace netc::ir::ops
