// Checks that a module keeps the rules that every pass relies on.
#pragma once

#include <optional>
#include <string>

#include "ir/graph.h"

namespace netc::ir {

/// Nothing when the module is sound; else what is wrong, with function and value named: operands
/// defined before use, types as the shape rules say, attributes of the declared kinds, kernels
/// contiguous, results named, parameters first, at most one symbolic size left from Backward on.
std::optional<std::string> verify(const Module& module);

}  // namespace netc::ir
