// Kernels without a contraction: loop nests over elements, with or without reductions.
#pragma once

#include "backend/emitter.h"
#include "backend/kernel.h"

namespace netc::backend {

/// Emits `kernel` under names that start with `name`. Throws NotFused.
Emitted emit_loops(llvm::Module& module, CpuLevel level, int64_t capacity,
                   const ir::Function& function, const Kernel& kernel, const std::string& name);

/// Emits a kernel that is one scatter_add and what produces its operands.
Emitted emit_scatter(llvm::Module& module, CpuLevel level, int64_t capacity,
                     const ir::Function& function, const Kernel& kernel, const std::string& name);

/// Emits a kernel with one einsum.
Emitted emit_contraction(llvm::Module& module, CpuLevel level, int64_t capacity,
                         const ir::Function& function, const Kernel& kernel,
                         const std::string& name);

/// Emits a kernel of several nests that run on blocks of rows.
Emitted emit_stream(llvm::Module& module, CpuLevel level, int64_t capacity,
                    const ir::Function& function, const Kernel& kernel, const std::string& name);

bool has_contraction(const ir::Function& function, const Kernel& kernel);

/// Emits a kernel of whichever kind.
Emitted emit_kernel(llvm::Module& module, CpuLevel level, int64_t capacity,
                    const ir::Function& function, const Kernel& kernel, const std::string& name);

/// Lanes that suit the element types that a kernel works with.
int natural_lanes(CpuLevel level, const ir::Function& function, const Kernel& kernel);

/// Rough cost of one element of a kernel's maps, in simple instructions.
double cost_of_maps(const ir::Function& function, const Kernel& kernel);

}  // namespace netc::backend
