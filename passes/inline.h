// Opening calls: the body of a callee is written where the call stood.
#pragma once

#include <vector>

#include "passes/rewrite.h"

namespace netc::passes {

/// The places of an op of a callee once its body stands at a call: definition < call. Chains that
/// lead to the call already stay as they are.
std::vector<ir::LocId> places_at_call(ir::Module& module, const std::vector<ir::LocId>& inner,
                                      const std::vector<ir::LocId>& call);

/// Appends a copy of one value of a callee's body: operands by `map`, places chained to those of
/// the call, without a name.
ir::ValueId copy_from_body(ir::Builder& b, const ir::Value& value,
                           const std::vector<ir::ValueId>& map, const std::vector<ir::LocId>& call);

/// Writes the body of `callee` with `args` for its parameters; calls inside it are opened too when
/// `deep`. Names stay when the callee is an entry point (the step within train). Returns the new id
/// of each value of the body.
std::vector<ir::ValueId> open_body(ir::Builder& b, ir::FunctionId callee,
                                   const std::vector<ir::ValueId>& args,
                                   const std::vector<ir::LocId>& call, bool deep);

}  // namespace netc::passes
