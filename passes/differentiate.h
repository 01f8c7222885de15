// Reverse-mode differentiation, graph to graph. It reads and writes the same ops, so that its
// result can be differentiated again.
#pragma once

#include <vector>

#include "passes/pass.h"

namespace netc::passes {

/// Adds to `function` the gradients of its result number 0, which must be one float number, with
/// respect to the values of `wanted` (parameters). Calls on a path from those to the result are
/// opened in place. Absent: the result does not depend on it. Problems (a missing derivative) are
/// added to `context.diagnostics`.
std::vector<ir::ValueId> add_gradients(ir::Module& module, ir::FunctionId function,
                                       const std::vector<ir::ValueId>& wanted,
                                       PassContext& context);

/// A new function called `name` with the parameters of `function` that returns its results and
/// then, as `d_NAME`, the gradient of result 0 with respect to each of `wanted` (parameter
/// numbers); zeros where there is none.
ir::FunctionId differentiate_function(ir::Module& module, ir::FunctionId function,
                                      const std::vector<size_t>& wanted, const std::string& name,
                                      PassContext& context);

}  // namespace netc::passes
