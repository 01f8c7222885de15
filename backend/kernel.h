// Fused regions as code generation sees them: their members, the stored values they touch, and a
// text that is equal for kernels that can share code.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ir/access.h"
#include "ir/graph.h"

namespace netc::backend {

/// One kernel of a planned function.
struct Kernel {
  std::string name;
  std::vector<ir::ValueId> values;  ///< members, in order
  std::vector<ir::ValueId> yields;  ///< members that are stored
  /// Stored values read or written, in the order in which the code numbers them.
  std::vector<ir::ValueId> bases;
  std::map<ir::ValueId, int> base_index;
  std::string key;  ///< equal for kernels that differ in offsets only

  bool contains(ir::ValueId v) const {
    return !values.empty() && v >= values.front() && v <= values.back();
  }
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
  double flops = 0, bytes = 0;
};

/// What a kernel became.
struct Emitted {
  std::vector<Step> steps;             ///< run one after the other
  std::vector<int64_t> scratch_bytes;  ///< areas that the plan adds to the arena
  int64_t overrun = 0;                 ///< bytes that loads may read past the end of an operand
};

}  // namespace netc::backend
