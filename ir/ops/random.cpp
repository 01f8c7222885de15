// random: uniform integers in [0, 2^32) that depend on seed, step, site and element index only.
// A third operand is added to the index: a part of a batch draws as it would within the whole.
#include "ir/ops/rules.h"
#include "ir/philox.h"

namespace netc::ir::ops {
namespace {

// Attributes: shape; site, the path that makes the stream its own.

// Shape: seed, step and first are i64 of rank 0; the result is i64[shape].
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, args.size() == 3 ? 3 : 2);
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == Type{DType::i64, {}}) continue;
    OpError error("E0305",
                  fmt::format("`random`: seed, step and first have type i64, this has type {}",
                              str(args[i])));
    error.labels = {{int(i), str(args[i])}};
    throw error;
  }
  const Shape& shape = attribute<Shape>(value, 0);
  check_sizes("random", shape);
  return {DType::i64, shape};
}

// vjp: none.

void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  uint64_t seed = uint64_t(args[0]->ints[0]), step = uint64_t(args[1]->ints[0]);
  uint64_t first = args.size() == 3 ? uint64_t(args[2]->ints[0]) : 0;
  uint32_t site = site_key(attribute<std::string>(value, 1));
  for (size_t i = 0; i < out.ints.size(); ++i)
    out.ints[i] = int64_t(random_bits(seed, site, step, first + i));
}

}  // namespace

OpDef random_definition() {
  return {
      .name = "random",
      .form = Form::Leaf,
      .doc =
          "Uniform integers in [0, 2^32) by Philox4x32-10 from (seed, site) and (step, first + "
          "index).",
      .attributes = {{"shape", AttrKind::Sizes, AttrStyle::Positional}, {"site", AttrKind::String}},
      .infer = infer,
      .vjp = nullptr,
      .reference = reference};
}

}  // namespace netc::ir::ops
