// Fused regions as code generation sees them: their members, the stored values they touch, and a
// text that is equal for kernels that can share code.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "ir/access.h"
#include "ir/graph.h"

namespace netc::backend {

/// How a streamed kernel cuts the rows of the batch: a function of shapes and capacity.
struct RowBlocks {
  int64_t rows = 0;        ///< of a block; 0: the kernel is not streamed
  int64_t chunks = 1;      ///< each runs its blocks one after the other
  int64_t chunk_rows = 0;  ///< a whole number of blocks
};

/// One kernel of a planned function.
struct Kernel {
  std::string name;
  std::vector<ir::ValueId> values;  ///< members, in order
  std::vector<ir::ValueId> yields;  ///< members that are stored
  /// Stored values read or written, in the order in which the code numbers them.
  std::vector<ir::ValueId> bases;
  std::map<ir::ValueId, int> base_index;
  std::string key;  ///< equal for kernels that differ in offsets only

  /// Streamed kernels: the nests that run one after the other on each block of rows.
  std::vector<Kernel> nests;
  RowBlocks blocks;               ///< also of each nest
  bool sums_rows = false;         ///< a nest whose sums are complete after the last block
  std::set<ir::ValueId> passing;  ///< values that only exist for the rows of a block

  /// Views and constants that are computed where they are read may stand between the members.
  bool contains(ir::ValueId v) const { return std::binary_search(values.begin(), values.end(), v); }
};

/// A region that is none of the kinds that code is generated for: it is undone into single ops.
struct NotFused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The kernels of a function in schedule order. Values that need code but stand in no kernel get
/// one of their own.
std::vector<Kernel> kernels_of(const ir::Function& function);

/// How `v` lies in a stored value from outside `kernel`; nothing when it has to be computed.
std::optional<ir::Access> outside_access(const ir::Function& function, const Kernel& kernel,
                                         ir::ValueId v);

/// Strides in elements of a stored value: row-major, or with the padded row of its storage.
std::vector<ir::Dim> stored_strides(const ir::Function& function, ir::ValueId v);

/// The part of the code for one kernel that is called as one task.
struct Step {
  std::string function;  ///< symbol
  int64_t chunks = 1;
  std::vector<int> reads, writes;  ///< bases; numbers from bases.size() on are scratch areas
  std::vector<int> table;          ///< bases and areas as the code numbers them; empty: as they are
  bool after_rows = false;         ///< of a nest: runs once, when the sums of all chunks are there
  double flops = 0, bytes = 0;
};

/// What a kernel became.
struct Emitted {
  std::vector<Step> steps;             ///< run one after the other
  std::vector<int64_t> scratch_bytes;  ///< areas that the plan adds to the arena
  int64_t overrun = 0;                 ///< bytes that loads may read past the end of an operand
  /// Nests that sum rows: scratch areas that start as 0, and the bytes of each chunk's part.
  std::map<int, int64_t> sums;
};

}  // namespace netc::backend
