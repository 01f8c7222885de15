// slice: every step-th element of one dim, forwards or backwards.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: dim; start, the first element; size, how many; step, not 0.

// Shape: `size` at `dim`; first and last element must lie inside where that is known.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  int64_t dim = attribute<int64_t>(value, 0), step = attribute<int64_t>(value, 3);
  const Dim &start = attribute<Dim>(value, 1), &size = attribute<Dim>(value, 2);
  check_dim("slice", dim, args[0].rank());
  if (step == 0) throw OpError("E0307", "`slice`: the step is 0");
  Type result = args[0];
  result.shape[size_t(dim)] = size;
  check_sizes("slice", result.shape);
  Dim last = start + (size - Dim(1)) * Dim(step);
  Dim past = args[0].shape[size_t(dim)] - Dim(1);
  auto below_zero = [](const Dim& d) { return d.is_constant() && d.constant() < 0; };
  if (size != Dim(0) && (below_zero(start) || below_zero(last) || below_zero(past - start) ||
                         below_zero(past - last))) {
    OpError error("E0307", fmt::format("`slice`: elements {} to {} of dim {} lie outside {}",
                                       start.str(), last.str(), dim, str(args[0])));
    error.labels = {{0, str(args[0])}};
    throw error;
  }
  return result;
}

// vjp: zeros around g, and between its elements where the step is not 1.
void vjp(VjpContext& c) {
  if (!c.needs[0]) return;
  Builder& b = c.b;
  int64_t dim = attribute<int64_t>(c.value, 0), step = attribute<int64_t>(c.value, 3);
  Dim start = attribute<Dim>(c.value, 1), size = attribute<Dim>(c.value, 2);
  Type from = b.type(c.value.args[0]);
  from.dtype = b.type(c.g).dtype;
  if (size == Dim(0)) {
    c.out[0] = b.constant(0, from);
    return;
  }
  ValueId g = c.g;
  size_t d = size_t(dim);
  if (step < 0) {
    g = b.slice(g, dim, size - Dim(1), size, -1);
    start = start + (size - Dim(1)) * Dim(step);
    step = -step;
  }
  Dim spread = (size - Dim(1)) * Dim(step) + Dim(1);
  if (step > 1 && size != Dim(1)) {
    Shape split = b.type(g).shape;
    split.insert(split.begin() + dim + 1, Dim(1));
    Shape none(split.size(), Dim(0)), after = none;
    after[d + 1] = step - 1;
    g = b.pad(b.reshape(g, split), none, after, 0);
    Shape joined = from.shape;
    joined[d] = size * Dim(step);
    g = b.slice(b.reshape(g, joined), dim, 0, spread, 1);
  }
  Shape before(from.shape.size(), Dim(0)), after = before;
  before[d] = start;
  after[d] = from.shape[d] - start - spread;
  c.out[0] = b.pad(g, before, after, 0);
}

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  size_t dim = size_t(attribute<int64_t>(value, 0));
  std::vector<int64_t> strides = row_major(args[0]->shape);
  int64_t offset = attribute<Dim>(value, 1).constant() * strides[dim];
  strides[dim] *= attribute<int64_t>(value, 3);
  read_strided(*args[0], offset, strides, out);
}

}  // namespace

OpDef slice_definition() {
  return {.name = "slice",
          .form = Form::View,
          .doc = "Elements start, start + step, … of one dim.",
          .attributes = {{"dim", AttrKind::Int},
                         {"start", AttrKind::Dim},
                         {"size", AttrKind::Dim},
                         {"step", AttrKind::Int}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference,
          .vjp_is_view = true};
}

}  // namespace netc::ir::ops
