// result: a further result of the call that stands before it.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: index, from 1.

// Shape: the callee's result of that number. The builder sets it, since a rule sees only the types
// of operands.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  return value.type;
}

// vjp and reference: as for call.

}  // namespace

OpDef result_definition() {
  return {.name = "result",
          .form = Form::Call,
          .doc = "A further result of a call.",
          .attributes = {{"index", AttrKind::Int}},
          .infer = infer,
          .vjp = nullptr,
          .reference = nullptr};
}

}  // namespace netc::ir::ops
