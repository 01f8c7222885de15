// Folding of ops whose operands are all constants.
#pragma once

#include <optional>
#include <span>

#include "ir/graph.h"

namespace netc::ir {

/// The number that elementwise `value` (type already inferred) has when its operands are `args`, of
/// types `types`; nothing when it cannot be written as one Scalar. Computed in f64, not rounded.
std::optional<Scalar> fold(const Value& value, std::span<const Scalar> args,
                           std::span<const Type> types);

}  // namespace netc::ir
