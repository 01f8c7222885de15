// Streamed kernels: which nests of a planned function run together on blocks of rows.
#pragma once

#include <vector>

#include "backend/kernel.h"
#include "ir/stream.h"

namespace netc::backend {

/// What a view outside of kernels looks at, through further ones; other values are themselves.
ir::ValueId viewed(const ir::Function& f, ir::ValueId v);

/// Values that nests of an opened kernel compute for each other and that the plan does not store;
/// they get storage, as yet without a place.
std::vector<ir::ValueId> add_passing(ir::Function& function, const ir::OpenedKernel& opened);

/// One kernel made of the `nests` of an opened one.
Kernel streamed_kernel(const ir::Function& function, std::vector<Kernel> nests,
                       const std::set<ir::ValueId>& passing, int64_t capacity);

/// Bytes of the rows that all chunks of a streamed kernel hold of a passing value at a time.
int64_t passing_bytes(const ir::Function& function, const RowBlocks& blocks, ir::ValueId v);

}  // namespace netc::backend
