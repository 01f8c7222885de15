// The kernel contract: what a fused region may hold so that code can be made for it as one loop
// nest. Fusion forms only such kernels; kernels of edited dumps are checked before they are
// planned.
#pragma once

#include <optional>
#include <string>

#include "passes/plan.h"

namespace netc::passes {

/// Nothing when kernel number `k` of `uses` keeps the contract; else what is against it.
std::optional<std::string> contract_violation(const ir::Function& function, const KernelUses& uses,
                                              size_t k);

/// Gives each op of a kernel that does not keep the contract a kernel of its own.
void undo_unfit_kernels(ir::Module& module, ir::FunctionId function);

}  // namespace netc::passes
