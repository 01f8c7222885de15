// permute: dims in another order.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: dims; dim i of the result is dim dims[i] of the operand.

// Shape: the operand's sizes in that order.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  const auto& dims = attribute<std::vector<int64_t>>(value, 0);
  std::vector<bool> used(args[0].shape.size(), false);
  Type result{args[0].dtype, {}};
  for (int64_t d : dims) {
    check_dim("permute", d, args[0].rank());
    if (used[size_t(d)]) throw OpError("E0306", fmt::format("`permute`: dim {} stands twice", d));
    used[size_t(d)] = true;
    result.shape.push_back(args[0].shape[size_t(d)]);
  }
  if (dims.size() != used.size())
    throw OpError("E0306", fmt::format("`permute` names {} dims, but the operand is {}",
                                       dims.size(), str(args[0])));
  return result;
}

void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  const auto& dims = attribute<std::vector<int64_t>>(c.value, 0);
  std::vector<int64_t> inverse(dims.size());
  for (size_t i = 0; i < dims.size(); ++i) inverse[size_t(dims[i])] = int64_t(i);
  c.out[0] = c.b.permute(c.g, inverse);
}

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  std::vector<int64_t> from = row_major(args[0]->shape), strides;
  for (int64_t d : attribute<std::vector<int64_t>>(value, 0)) strides.push_back(from[size_t(d)]);
  read_strided(*args[0], 0, strides, out);
}

}  // namespace

OpDef permute_definition() {
  return {.name = "permute",
          .form = Form::View,
          .doc = "Dims in another order.",
          .attributes = {{"dims", AttrKind::Ints, AttrStyle::Spread}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference,
          .vjp_is_view = true};
}

}  // namespace netc::ir::ops
