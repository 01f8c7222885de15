// parameter: a value that the caller of the function gives.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: none. The role and initialiser stand in Function::params.

// Shape: the declared type, set on the value beforehand.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 0);
  check_sizes("parameter", value.type.shape);
  return value.type;
}

// vjp: none. Reference: the interpreter puts the argument in place.

}  // namespace

OpDef parameter_definition() {
  return {.name = "parameter",
          .form = Form::Leaf,
          .doc = "A value given by the caller.",
          .attributes = {},
          .infer = infer,
          .vjp = nullptr,
          .reference = nullptr};
}

}  // namespace netc::ir::ops
