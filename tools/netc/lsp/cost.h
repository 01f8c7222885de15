// The arithmetic and the traffic of ops by themselves, before any fusion.
#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace netc::tools::lsp {

struct Cost {
  double flops = 0;  ///< a multiplication and an addition count as two
  double bytes = 0;  ///< operands read plus result written
};

/// Of value `v`, calls opened; every named size is `batch`.
Cost cost(const ir::Module& module, const ir::Function& f, ir::ValueId v, int64_t batch);

}  // namespace netc::tools::lsp
