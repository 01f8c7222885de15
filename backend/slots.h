// Parameters and results of a planned function as the runtime sees them.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "runtime/plan.h"

namespace netc::backend {

/// Inputs, parameters, states in order, then the results, for batches of up to `capacity` rows.
std::vector<runtime::Slot> slots_of(const ir::Function& function, int64_t capacity);

/// Bytes of a stored value when the batch has `batch` rows, with padding between its rows.
int64_t stored_bytes(const ir::Function& function, ir::ValueId v, int64_t batch);

}  // namespace netc::backend
