// The scalar primitives as the table of ops sees them: their definitions, made from the rows of
// scalar.def.
#pragma once

#include <span>
#include <vector>

#include "ir/array.h"
#include "ir/graph.h"

namespace netc::ir {

/// The definitions of all rows, in order.
std::vector<OpDef> scalar_definitions();

}  // namespace netc::ir
