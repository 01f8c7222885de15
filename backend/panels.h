// Copies of contraction operands in panels: one vector of lanes after the other along the folded
// labels, so that the innermost loop reads forward.
#pragma once

#include "backend/contraction.h"
#include "backend/emitter.h"

namespace netc::backend {

/// Where a packed operand lies: [other labels][vector of the lane label][folded labels][lanes].
struct Panels {
  int base = -1;                 ///< number of the scratch area
  std::vector<ir::Dim> strides;  ///< per label of the einsum, elements; 0 for the lane label
  ir::Dim vector_stride;         ///< from one vector of lanes to the next
};

/// Adds the step that packs operand `which`.
Panels emit_panels(Emitter& e, const ir::Function& function, const Kernel& kernel,
                   const ContractionPlan& plan, int which, const std::string& name, Emitted& out);

}  // namespace netc::backend
