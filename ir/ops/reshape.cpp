// reshape: the same elements in the same row-major order under another shape.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: shape.

// Shape: the new one; it must be proven to hold as many elements.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  const Shape& shape = attribute<Shape>(value, 0);
  check_sizes("reshape", shape);
  Dim before = element_count(args[0].shape), after = element_count(shape);
  if (before != after) {
    std::string from = fmt::format("{} with {} elements", str(args[0]), before.str());
    std::string to = fmt::format("{} with {}", str(shape), after.str());
    bool known = always_differ(before, after);
    OpError error(known ? "E0309" : "E0304",
                  known ? fmt::format("`reshape`: {} does not fit {}", from, to)
                        : fmt::format("`reshape`: cannot prove that {} fits {}", from, to));
    error.labels = {{0, str(args[0])}};
    throw error;
  }
  return {args[0].dtype, shape};
}

void vjp(VjpContext& c) {
  if (c.needs[0]) c.out[0] = c.b.reshape(c.g, c.b.type(c.value.args[0]).shape);
}

void reference(const Value&, std::span<const Array* const> args, Array& out) {
  out.floats = args[0]->floats;
  out.ints = args[0]->ints;
}

}  // namespace

OpDef reshape_definition() {
  return {.name = "reshape",
          .form = Form::View,
          .doc = "The same elements in row-major order under another shape.",
          .attributes = {{"shape", AttrKind::Sizes, AttrStyle::Spread}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference,
          .vjp_is_view = true};
}

}  // namespace netc::ir::ops
