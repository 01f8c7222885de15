// fold_windows: the transpose of windows; elements of all windows added at their places.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: size of the dims that the windows moved along; stride, dilation.

// Shape: the dims in front, then `size`. The operand has one dim of places and one of the window
// for each entry of `size`, as `windows` makes them.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  const Shape &size = attribute<Shape>(value, 0), &shape = args[0].shape;
  if (size.empty() || shape.size() < 2 * size.size()) {
    OpError error("E0301", fmt::format("`fold_windows`: {} does not hold windows of {} dims",
                                       str(args[0]), size.size()));
    error.labels = {{0, str(args[0])}};
    throw error;
  }
  if (args[0].dtype == DType::boolean)
    throw OpError("E0305", "`fold_windows` adds numbers, and these are bool");
  auto behind = shape.end() - int64_t(size.size());
  auto places = behind - int64_t(size.size());
  Shape counts = window_counts(
      size, {Shape(behind, shape.end()), attribute<Shape>(value, 1), attribute<Shape>(value, 2)});
  if (counts != Shape(places, behind)) {
    OpError error("E0301",
                  fmt::format("`fold_windows`: {} has {} windows, but {} has room for {}",
                              str(args[0]), str(Shape(places, behind)), str(size), str(counts)));
    error.labels = {{0, str(args[0])}};
    throw error;
  }
  Type result{args[0].dtype, Shape(shape.begin(), places)};
  result.shape.insert(result.shape.end(), size.begin(), size.end());
  check_sizes("fold_windows", result.shape);
  return result;
}

// vjp: the windows of g.
void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  const Shape &size = attribute<Shape>(c.value, 0), &from = c.b.type(c.value.args[0]).shape;
  Shape k(from.end() - int64_t(size.size()), from.end());
  c.out[0] = c.b.windows(c.g, k, attribute<Shape>(c.value, 1), attribute<Shape>(c.value, 2));
}

// Reference: the operand in row-major order, each element added; f32 accumulates in double.
void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  const Array& in = *args[0];
  const size_t moved = attribute<Shape>(value, 0).size();
  std::vector<int64_t> strides = row_major(out.shape);
  const size_t first = strides.size() - moved;
  for (size_t i = 0; i < moved; ++i) {
    strides.push_back(strides[first + i] * attribute<Shape>(value, 2)[i].constant());
    strides[first + i] *= attribute<Shape>(value, 1)[i].constant();
  }
  if (!is_float(out.dtype)) {
    std::vector<uint64_t> sums(size_t(out.size()), 0);
    walk(in.shape, 0, strides,
         [&](int64_t i, int64_t at) { sums[size_t(at)] += uint64_t(in.ints[size_t(i)]); });
    for (size_t i = 0; i < sums.size(); ++i) out.ints[i] = wrap(out.dtype, int64_t(sums[i]));
    return;
  }
  std::vector<double> sums(size_t(out.size()), 0);
  walk(in.shape, 0, strides,
       [&](int64_t i, int64_t at) { sums[size_t(at)] += in.floats[size_t(i)]; });
  for (size_t i = 0; i < sums.size(); ++i) out.floats[i] = round_to(out.dtype, sums[i]);
}

}  // namespace

OpDef fold_windows_definition() {
  return {.name = "fold_windows",
          .form = Form::View,
          .doc = "Elements of windows added at the places they were read from.",
          .attributes = {{"size", AttrKind::Sizes, AttrStyle::Positional},
                         {"stride", AttrKind::Sizes, AttrStyle::Positional},
                         {"dilation", AttrKind::Sizes, AttrStyle::Positional}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference,
          .vjp_is_view = true};
}

}  // namespace netc::ir::ops
