// iota: the integers 0, 1, …, n - 1.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: n, the number of elements.

// Shape: i64[n].
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 0);
  Shape shape = {attribute<Dim>(value, 0)};
  check_sizes("iota", shape);
  return {DType::i64, shape};
}

// vjp: none.

void reference(const Value&, std::span<const Array* const>, Array& out) {
  for (size_t i = 0; i < out.ints.size(); ++i) out.ints[i] = int64_t(i);
}

}  // namespace

OpDef iota_definition() {
  return {.name = "iota",
          .form = Form::Leaf,
          .doc = "The integers 0, 1, …, n - 1.",
          .attributes = {{"n", AttrKind::Dim, AttrStyle::Positional}},
          .infer = infer,
          .vjp = nullptr,
          .reference = reference};
}

}  // namespace netc::ir::ops
