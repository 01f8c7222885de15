// What the memory of a planned entry point is kept for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace netc::tools {

/// A stored value that lives at the peak.
struct MemoryPiece {
  int64_t bytes = 0;    ///< of its elements
  int64_t padding = 0;  ///< further bytes, between its rows or panels
  std::string name, type;
  ir::Role role = ir::Role::Plain;
  ir::Place place;  ///< in the program; of a state, its parameter's; line 0: unknown
};

struct MemoryUse {
  int64_t params = 0, states = 0;  ///< without padding
  std::string peak_kernel;         ///< while it runs most is needed; empty: there are no kernels
  std::vector<MemoryPiece> peak;   ///< largest first
};

/// Bytes of the arena up to the end of the last value of `f` at Stage::Plan.
int64_t planned_bytes(const ir::Function& f, int64_t batch);

/// Of `f` at Stage::Plan, with rows for `batch` records. `source` is the module that it was lowered
/// from, which knows where inputs and parameters are declared.
MemoryUse memory_use(const ir::Module& module, ir::FunctionId f, int64_t batch,
                     const ir::Module& source);

}  // namespace netc::tools
