// Modules of emitted LLVM IR -> object code -> callable addresses. The only file that starts LLVM,
// owns its target machines and maps memory for code (never writable and executable at once).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/compile.h"

namespace llvm {
class Module;
class LLVMContext;
}  // namespace llvm

namespace netc::backend {

/// Starts LLVM once a process; later calls do nothing.
void start_llvm();

/// An empty module for code of `level`, with data layout and triple set.
std::unique_ptr<llvm::Module> new_module(llvm::LLVMContext& context, CpuLevel level);

/// Optimises `module` in place and returns the object file. Throws std::runtime_error.
std::string compile_object(llvm::Module& module, CpuLevel level, int optimise);
/// The same as assembly text.
std::string compile_assembly(llvm::Module& module, CpuLevel level, int optimise);
std::string print_module(const llvm::Module& module);

/// Linked code in memory.
class Code {
 public:
  /// Links `objects`; symbols outside them are looked for on the allow-list of libm functions only.
  explicit Code(const std::vector<std::string>& objects);
  ~Code();
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  /// Address of a function. Throws std::runtime_error when it is missing.
  void* address(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace netc::backend
