// index: the promise that integers lie in 0 … n - 1; what breaks it is clamped and reported.
#include <algorithm>

#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: n, the number of valid indices; wrap, whether -n … -1 count from the end.

// Shape: the operand's type.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  check_integers("index", args, 0);
  return args[0];
}

// vjp: none.

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  int64_t n = attribute<Dim>(value, 0).constant();
  bool wraps = attribute<bool>(value, 1);
  int64_t last = std::max<int64_t>(n - 1, 0);
  for (size_t i = 0; i < out.ints.size(); ++i) {
    int64_t at = args[0]->ints[i];
    if (wraps && at < 0 && at >= -n) at += n;
    out.ints[i] = wrap(out.dtype, std::clamp<int64_t>(at, 0, last));
  }
}

}  // namespace

OpDef index_definition() {
  return {
      .name = "index",
      .form = Form::Gather,
      .doc = "The operand, promised to lie in 0 … n - 1 (with wrap: in -n … n - 1, made positive).",
      .attributes = {{"n", AttrKind::Dim, AttrStyle::Positional}, {"wrap", AttrKind::Bool}},
      .infer = infer,
      .vjp = nullptr,
      .reference = reference};
}

}  // namespace netc::ir::ops
