// What a fused dump says of its kernels and of the values between them.
#pragma once

#include "passes/pass.h"

namespace netc::passes {

/// Gives each kernel, and each value that is stored, a remark that says why; what passes have said
/// already stays. Changes nothing else.
ir::Module explain_fusion(ir::Module module, PassContext& context);

}  // namespace netc::passes
