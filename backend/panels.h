// Copies of contraction operands in panels: one vector of lanes, or the scalars of a tile's rows,
// after the other along the folded labels, so that the innermost loop reads forward.
#pragma once

#include "backend/contraction.h"
#include "backend/emitter.h"

namespace netc::backend {

/// Where a packed operand lies: [other labels][vector or tile][folded labels][lanes or rows].
struct Panels {
  int base = -1;                 ///< number of the scratch area
  std::vector<ir::Dim> strides;  ///< per label of the einsum, elements; 0 for lanes or rows
  ir::Dim vector_stride;         ///< from one vector of lanes, or tile, to the next
};

/// Whether operand `which` is packed by the rows of tiles, and not by the lanes.
bool packs_rows(const ContractionPlan& plan, int which);

/// Adds the step that packs operand `which`.
Panels emit_panels(Emitter& e, const ir::Function& function, const Kernel& kernel,
                   const ContractionPlan& plan, int which, const std::string& name, Emitted& out);

}  // namespace netc::backend
