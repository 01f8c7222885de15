// constant: one number in every element.
#include "ir/ops/rules.h"
#include "ir/scalar.h"

namespace netc::ir::ops {
namespace {

// Attributes: value, rounded once to the type.

// Shape: the type set on the value beforehand.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 0);
  check_sizes("constant", value.type.shape);
  return value.type;
}

// vjp: none.

void reference(const Value& value, std::span<const Array* const>, Array& out) {
  const Scalar& number = attribute<Scalar>(value, 0);
  if (is_float(out.dtype)) {
    double v = round_to(out.dtype, evaluate(number).value_or(0));
    out.floats.assign(out.floats.size(), v);
  } else {
    int64_t v = wrap(out.dtype, evaluate_integer(number).value_or(0));
    out.ints.assign(out.ints.size(), v);
  }
}

}  // namespace

OpDef constant_definition() {
  return {.name = "constant",
          .form = Form::Leaf,
          .doc = "A number, the same in every element; it is written as a literal.",
          .attributes = {{"value", AttrKind::Scalar, AttrStyle::Positional}},
          .infer = infer,
          .vjp = nullptr,
          .reference = reference};
}

}  // namespace netc::ir::ops
