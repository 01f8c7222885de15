// Streamed kernels: several loop nests over the same rows of the batch, to be run one after the
// other on a block of rows while that is in the cache. In the graph such a kernel looks like any
// other; its nests follow from the ops and shapes alone.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace netc::ir {

/// What a loop nest does with the rows of the batch.
enum class RowRole : uint8_t {
  None,
  Each,   ///< a row of what it stores depends on the same row of what it reads, and on what has no
          ///< rows
  Summed  ///< one contraction or sums over the rows: complete after the last one
};

/// The role of the nest `values`. What it reads of others is stored, or a view of that.
RowRole row_role(const Function& function, const std::vector<ValueId>& values);

/// The nests of a kernel that holds several: each is a contraction with what follows it
/// elementwise, or reductions of one loop with what surrounds them. Views between nests are in
/// none. Empty for a kernel of one nest.
std::vector<std::vector<ValueId>> nests_of(const Function& function,
                                           const std::vector<ValueId>& kernel);

/// A kernel that was opened, and the kernels that its nests became.
struct OpenedKernel {
  KernelId kernel;
  std::vector<KernelId> nests;
};

/// Makes each nest of the kernels that hold several a kernel of its own.
std::vector<OpenedKernel> open_nests(Function& function);

/// Whether the nests of an opened kernel may run block of rows by block of rows: each has a role,
/// and no sum over the rows is read by another one.
bool can_stream(const Function& function, const OpenedKernel& opened);

}  // namespace netc::ir
