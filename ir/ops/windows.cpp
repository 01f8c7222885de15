// windows: what a kernel that moves over the last dims sees at each of its places.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: k, stride, dilation, one number each for the dims that the window moves along.

WindowSizes sizes_of(const Value& value) {
  return {attribute<Shape>(value, 0), attribute<Shape>(value, 1), attribute<Shape>(value, 2)};
}

// Shape: the last dims count places; behind them stand the window's own dims.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  WindowSizes w = sizes_of(value);
  const Shape& shape = args[0].shape;
  if (w.k.empty() || shape.size() < w.k.size()) {
    OpError error("E0301", fmt::format("`windows`: a window of {} dims does not move over {}",
                                       w.k.size(), str(args[0])));
    error.labels = {{0, str(args[0])}};
    throw error;
  }
  size_t first = shape.size() - w.k.size();
  Type result{args[0].dtype, Shape(shape.begin(), shape.begin() + int64_t(first))};
  for (const Shape& part :
       {window_counts(Shape(shape.begin() + int64_t(first), shape.end()), w), w.k})
    result.shape.insert(result.shape.end(), part.begin(), part.end());
  check_sizes("windows", result.shape);
  return result;
}

// vjp: each element of g back to where it was read, added where windows overlap.
void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  WindowSizes w = sizes_of(c.value);
  const Shape& shape = c.b.type(c.value.args[0]).shape;
  Shape moved(shape.end() - int64_t(w.k.size()), shape.end());
  c.out[0] = c.b.fold_windows(c.g, moved, w.stride, w.dilation);
}

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  WindowSizes w = sizes_of(value);
  std::vector<int64_t> strides = row_major(args[0]->shape);
  size_t first = strides.size() - w.k.size();
  for (size_t i = 0; i < w.k.size(); ++i) {
    strides.push_back(strides[first + i] * w.dilation[i].constant());
    strides[first + i] *= w.stride[i].constant();
  }
  read_strided(*args[0], 0, strides, out);
}

}  // namespace

OpDef windows_definition() {
  return {.name = "windows",
          .form = Form::View,
          .doc = "What a window of k elements sees at each of its places along the last dims.",
          .attributes = {{"k", AttrKind::Sizes, AttrStyle::Positional},
                         {"stride", AttrKind::Sizes, AttrStyle::Positional},
                         {"dilation", AttrKind::Sizes, AttrStyle::Positional}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference};
}

}  // namespace netc::ir::ops
