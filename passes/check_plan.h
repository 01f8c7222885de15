// Checks a memory plan without the planner's own bookkeeping.
#pragma once

#include <optional>
#include <string>

#include "ir/graph.h"

namespace netc::passes {

/// Nothing when the plan of every entry is sound; else what is wrong: stored values whose bytes
/// overlap while both are needed, results outside the arena, params placed differently.
std::optional<std::string> check_plan(const ir::Module& module, int64_t batch_capacity);

}  // namespace netc::passes
