// The reference interpreter: runs a function of a module op by op, by the reference rule of each
// op. The standard against which compiled code is tested, and `--backend interp`.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/array.h"
#include "ir/graph.h"

namespace netc::ir {

struct EvaluationResult {
  std::vector<Array> results;
  /// Set when an `index` promise on a computed value was broken: value's name and the number found.
  std::string fault;
};

/// Runs `function` on `args` (one per parameter). Named sizes are bound by the arguments' shapes.
/// When values have storage the bytes of one arena are used at those offsets, so that an overlap in
/// a memory plan shows as a wrong number. Throws DiagnosticError when shapes do not fit.
EvaluationResult evaluate(const Module& module, FunctionId function,
                          const std::vector<Array>& args);

/// Runs `function` over an arena laid out by its plan: every parameter must have storage and
/// already stand in the arena; results are left in it. `batch` is the number of rows of this call.
/// Returns the fault text, empty when there was none.
std::string evaluate_in_arena(const Module& module, FunctionId function, std::byte* arena,
                              int64_t batch);

}  // namespace netc::ir
