// concat: operands one after another along a dim.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: dim.

// Shape: the sum of the sizes at `dim`; all else equal.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  if (args.empty()) throw OpError("E0202", "`concat` needs at least one operand");
  int64_t dim = attribute<int64_t>(value, 0);
  check_dim("concat", dim, args[0].rank());
  Type result = args[0];
  for (size_t k = 1; k < args.size(); ++k) {
    bool fits = args[k].dtype == result.dtype && args[k].rank() == result.rank();
    for (int i = 0; fits && i < result.rank(); ++i)
      fits = i == dim || args[k].shape[size_t(i)] == result.shape[size_t(i)];
    if (!fits) {
      OpError error(args[k].dtype == result.dtype ? "E0301" : "E0305",
                    fmt::format("`concat`: {} and {} differ in more than dim {}", str(args[0]),
                                str(args[k]), dim));
      error.labels = {{0, str(args[0])}, {int(k), str(args[k])}};
      throw error;
    }
    result.shape[size_t(dim)] = result.shape[size_t(dim)] + args[k].shape[size_t(dim)];
  }
  check_sizes("concat", result.shape);
  return result;
}

// vjp: each operand's part of g.
void vjp(VjpContext& c) {
  int64_t dim = attribute<int64_t>(c.value, 0);
  Dim start = 0;
  for (size_t k = 0; k < c.value.args.size(); ++k) {
    Dim size = c.b.type(c.value.args[k]).shape[size_t(dim)];
    if (c.needs[k]) c.out[k] = c.b.slice(c.g, dim, start, size, 1);
    start = start + size;
  }
}

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  size_t dim = size_t(attribute<int64_t>(value, 0));
  std::vector<int64_t> strides = row_major(out.shape);
  int64_t offset = 0;
  for (const Array* part : args) {
    write_strided(*part, offset, strides, out);
    offset += part->shape[dim] * strides[dim];
  }
}

}  // namespace

OpDef concat_definition() {
  return {.name = "concat",
          .form = Form::View,
          .doc = "Operands one after another along a dim.",
          .attributes = {{"dim", AttrKind::Int}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference,
          .vjp_is_view = true};
}

}  // namespace netc::ir::ops
