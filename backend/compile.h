// Planned module -> machine code: the one door to LLVM.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "runtime/plan.h"

namespace netc::backend {

/// Instruction set levels that code is generated for.
enum class CpuLevel : uint8_t { sse2, avx2, avx512 };
const char* name(CpuLevel level);
std::optional<CpuLevel> parse_cpu(std::string_view text);  ///< sse2 avx2 avx512 native
/// The best level this machine runs.
CpuLevel native_cpu();
/// Whether this machine runs code of a level.
bool supported(CpuLevel level);
constexpr int vector_bytes(CpuLevel l) {
  return l == CpuLevel::avx512 ? 64 : l == CpuLevel::avx2 ? 32 : 16;
}

struct CompileOptions {
  CpuLevel cpu = native_cpu();
  int64_t batch_capacity = 1;
  int threads = 1;              ///< for compilation only; code never depends on it
  int optimise = 2;             ///< 0..2, as -O
  std::string cache_directory;  ///< of compiled code, see object_cache.h; empty: none
  std::string kernel;           ///< dumps only: this kernel's code; empty: all
};

struct CompileReport {
  double milliseconds = 0;
  int kernels = 0;
  int64_t code_bytes = 0;
  bool from_cache = false;
  std::string note;  ///< what was wrong with the cached code
};

/// Compiles the function `entry` (`mlp.train`) of a module at Stage::Plan. Throws std::logic_error
/// only for internal errors: user mistakes were found earlier.
runtime::Plan compile(const ir::Module& module, ir::FunctionId entry, const CompileOptions& options,
                      CompileReport* report = nullptr);

/// A plan that runs the same function with the reference interpreter, one task.
runtime::Plan interpret(const ir::Module& module, ir::FunctionId entry, int64_t batch_capacity);

/// Text of a stage for one entry: LLVM IR as emitted, or the assembly of this CPU level.
std::string dump_llvm(const ir::Module& module, ir::FunctionId entry,
                      const CompileOptions& options);
std::string dump_assembly(const ir::Module& module, ir::FunctionId entry,
                          const CompileOptions& options);

/// f32 operations a second that code of a level reaches on `threads` threads when it does nothing
/// but multiply and add; measured for some milliseconds.
double fma_peak(CpuLevel cpu, int threads);

/// Bytes a second that `threads` threads move between memory and the processor, the better of
/// reading and of copying (read plus written); measured for some tenths of a second.
double memory_bandwidth(int threads);

}  // namespace netc::backend
