// scatter_add: zeros to which elements are added at computed places; the derivative of gather.
#include <algorithm>

#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: dim; size, of the result at dim. Operands i and src: result[.., i[p], ..] += src[p].

// Shape: src's, with `size` at `dim`.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 2);
  check_integers("scatter_add", args, 0);
  int64_t dim = attribute<int64_t>(value, 0);
  check_dim("scatter_add", dim, args[1].rank());
  if (args[0].shape != args[1].shape) {
    OpError error("E0301", fmt::format("`scatter_add`: the index {} and the source {} differ",
                                       str(args[0]), str(args[1])));
    error.labels = {{0, str(args[0])}, {1, str(args[1])}};
    throw error;
  }
  if (args[1].dtype == DType::boolean)
    throw OpError("E0305", "`scatter_add` takes numbers, not bool");
  Type result = args[1];
  result.shape[size_t(dim)] = attribute<Dim>(value, 1);
  check_sizes("scatter_add", result.shape);
  return result;
}

// vjp: g read back at those places.
void vjp(VjpContext& c) {
  if (c.needs[1])
    c.out[1] = c.b.add(Op::gather, {c.g, c.value.args[0]}, {attribute<int64_t>(c.value, 0)});
}

// Reference: adds in row-major order of src; f32 accumulates in double; indices are clamped.
void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  size_t dim = size_t(attribute<int64_t>(value, 0));
  const Array &index = *args[0], &src = *args[1];
  std::vector<int64_t> strides = row_major(out.shape);
  int64_t along = strides[dim], last = out.shape[dim] - 1;
  if (last < 0) return;
  strides[dim] = 0;
  std::vector<double> sums(out.floats.size(), 0.0);
  walk(src.shape, 0, strides, [&](int64_t i, int64_t at) {
    size_t to = size_t(at + along * std::clamp<int64_t>(index.ints[size_t(i)], 0, last));
    if (is_float(out.dtype)) {
      sums[to] += src.floats[size_t(i)];
    } else {
      out.set_int(int64_t(to), int64_t(uint64_t(out.ints[to]) + uint64_t(src.ints[size_t(i)])));
    }
  });
  for (size_t i = 0; i < sums.size(); ++i) out.set(int64_t(i), sums[i]);
}

}  // namespace

OpDef scatter_add_definition() {
  return {.name = "scatter_add",
          .form = Form::Scatter,
          .doc = "Zeros to which elements are added at computed places along one dim.",
          .attributes = {{"dim", AttrKind::Int}, {"size", AttrKind::Dim}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference};
}

}  // namespace netc::ir::ops
