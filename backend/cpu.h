// What code generation knows of a CPU level beyond its vector width.
#pragma once

#include "backend/compile.h"

namespace netc::backend {

/// The processor that LLVM is told; it stands for the level's instruction sets.
const char* target_cpu(CpuLevel level);
constexpr bool has_fma(CpuLevel level) { return level != CpuLevel::sse2; }
/// Whether some processors of the level split operations on the widest vectors in two, so that half
/// a vector costs half as much.
constexpr bool has_split_vectors(CpuLevel level) { return level == CpuLevel::avx512; }
constexpr int vector_registers(CpuLevel level) { return level == CpuLevel::avx512 ? 32 : 16; }

}  // namespace netc::backend
