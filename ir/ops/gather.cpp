// gather: picks along one dim by an index tensor of the same rank, as torch.gather does.
#include <algorithm>

#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: dim. Operands x and i: result[.., p, ..] = x[.., i[.., p, ..], ..].

// Shape: the index's; its other dims equal x's.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 2);
  check_integers("gather", args, 1);
  int64_t dim = attribute<int64_t>(value, 0);
  check_dim("gather", dim, args[0].rank());
  bool fits = args[0].rank() == args[1].rank();
  for (int k = 0; fits && k < args[0].rank(); ++k)
    fits = k == dim || args[0].shape[size_t(k)] == args[1].shape[size_t(k)];
  if (!fits) {
    OpError error("E0301", fmt::format("`gather`: {} and its index {} differ in more than dim {}",
                                       str(args[0]), str(args[1]), dim));
    error.labels = {{0, str(args[0])}, {1, str(args[1])}};
    throw error;
  }
  return {args[0].dtype, args[1].shape};
}

// vjp: g added up at the places it was read from.
void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  int64_t dim = attribute<int64_t>(c.value, 0);
  Dim size = c.b.type(c.value.args[0]).shape[size_t(dim)];
  c.out[0] = c.b.add(Op::scatter_add, {c.value.args[1], c.g}, {dim, size});
}

// Reference: an index outside the dim is clamped; `index` is what reports it.
void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  size_t dim = size_t(attribute<int64_t>(value, 0));
  const Array &x = *args[0], &index = *args[1];
  std::vector<int64_t> strides = row_major(x.shape);
  int64_t along = strides[dim], last = std::max<int64_t>(x.shape[dim] - 1, 0);
  strides[dim] = 0;
  walk(out.shape, 0, strides, [&](int64_t i, int64_t at) {
    size_t from = size_t(at + along * std::clamp<int64_t>(index.ints[size_t(i)], 0, last));
    if (is_float(out.dtype))
      out.floats[size_t(i)] = x.floats[from];
    else
      out.ints[size_t(i)] = x.ints[from];
  });
}

}  // namespace

OpDef gather_definition() {
  return {.name = "gather",
          .form = Form::Gather,
          .doc = "Picks along one dim by an index tensor of the same rank.",
          .attributes = {{"dim", AttrKind::Int}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference};
}

}  // namespace netc::ir::ops
