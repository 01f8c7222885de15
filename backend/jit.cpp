// LLVM's lifetime in this process: start, target machines, a short pipeline, linking with ORC.
#include "backend/jit.h"

#include <llvm/Analysis/AssumptionCache.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/PassInstrumentation.h>
#include <llvm/IR/PassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <math.h>

#include <cstring>
#include <mutex>
#include <stdexcept>

#include "backend/cpu.h"

namespace netc::backend {
namespace {

constexpr const char* kTriple = "x86_64-unknown-linux-gnu";

[[noreturn]] void fatal(void*, const char* reason, bool) {
  std::fprintf(stderr, "netc: internal error in LLVM: %s\n", reason);
  std::_Exit(70);
}

[[noreturn]] void fail(llvm::Error error) {
  throw std::runtime_error("LLVM: " + llvm::toString(std::move(error)));
}

std::unique_ptr<llvm::TargetMachine> target_machine(CpuLevel level, int optimise) {
  start_llvm();
  std::string message;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(kTriple, message);
  if (!target) throw std::runtime_error("LLVM: " + message);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  auto effort = optimise == 0 ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Less;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(kTriple, target_cpu(level), "", options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, effort, true));
}

/// Scalars out of stack slots, then common subexpressions: what the emitter leaves to LLVM. The
/// analyses are those that these two ask for: llvm::PassBuilder would link all of LLVM's passes.
void simplify(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::FunctionAnalysisManager functions;
  functions.registerPass([] { return llvm::PassInstrumentationAnalysis(); });
  functions.registerPass([] { return llvm::DominatorTreeAnalysis(); });
  functions.registerPass([] { return llvm::AssumptionAnalysis(); });
  functions.registerPass([] { return llvm::TargetLibraryAnalysis(); });
  functions.registerPass([&] { return machine.getTargetIRAnalysis(); });
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::PreserveCFG));
  passes.addPass(llvm::EarlyCSEPass());
  for (llvm::Function& function : module)
    if (!function.isDeclaration()) passes.run(function, functions);
}

std::string generate(llvm::Module& module, CpuLevel level, int optimise,
                     llvm::CodeGenFileType kind) {
  auto machine = target_machine(level, optimise);
  std::string broken;
  llvm::raw_string_ostream broken_stream(broken);
  if (llvm::verifyModule(module, &broken_stream))
    throw std::logic_error("backend: emitted code is not well-formed: " + broken_stream.str());
  simplify(module, *machine);
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr, kind))
    throw std::runtime_error("LLVM: this target writes no object files");
  passes.run(module);
  return std::string(bytes.data(), bytes.size());
}

/// What generated code may call. Nothing else of the process is visible to it.
llvm::orc::SymbolMap allowed_symbols(llvm::orc::ExecutionSession& session) {
  llvm::orc::SymbolMap map;
  auto add = [&](const char* symbol, auto* function) {
    map[session.intern(symbol)] = {llvm::orc::ExecutorAddr::fromPtr(function),
                                   llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  // Named by their identifiers: the allow-list is of C functions, not of ops.
#define F64(function) add(#function, static_cast<double (*)(double)>(::function))
#define F32(function) add(#function, static_cast<float (*)(float)>(::function))
  F64(floor), F64(ceil), F64(nearbyint);
  F32(floorf), F32(ceilf), F32(nearbyintf);
#undef F64
#undef F32
  add("memset", static_cast<void* (*)(void*, int, size_t)>(std::memset));
  add("memcpy", static_cast<void* (*)(void*, const void*, size_t)>(std::memcpy));
  return map;
}

}  // namespace

void start_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::install_fatal_error_handler(fatal);
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
}

std::unique_ptr<llvm::Module> new_module(llvm::LLVMContext& context, CpuLevel level) {
  auto module = std::make_unique<llvm::Module>("netc", context);
  module->setTargetTriple(kTriple);
  static const llvm::DataLayout layout = target_machine(level, 1)->createDataLayout();
  module->setDataLayout(layout);  // the same at every level
  return module;
}

std::string compile_object(llvm::Module& module, CpuLevel level, int optimise) {
  return generate(module, level, optimise, llvm::CodeGenFileType::ObjectFile);
}

std::string compile_assembly(llvm::Module& module, CpuLevel level, int optimise) {
  return generate(module, level, optimise, llvm::CodeGenFileType::AssemblyFile);
}

std::string print_module(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return stream.str();
}

// LLJIT is not used: its constructor makes a target machine, and it links platforms for other
// systems and layers for code in other forms.
struct Code::State {
  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer layer{session};
  llvm::orc::JITDylib& library = session.createBareJITDylib("netc");

  explicit State(std::unique_ptr<llvm::orc::ExecutorProcessControl> process)
      : session(std::move(process)) {}
  ~State() { llvm::consumeError(session.endSession()); }
};

Code::Code(const std::vector<std::string>& objects) {
  auto process = llvm::orc::SelfExecutorProcessControl::Create();
  if (!process) fail(process.takeError());
  state_ = std::make_unique<State>(std::move(*process));
  auto symbols = llvm::orc::absoluteSymbols(allowed_symbols(state_->session));
  if (auto error = state_->library.define(std::move(symbols))) fail(std::move(error));
  for (const std::string& object : objects) {
    auto buffer = llvm::MemoryBuffer::getMemBufferCopy(object, "netc");
    if (auto error = state_->layer.add(state_->library, std::move(buffer))) fail(std::move(error));
  }
}

Code::~Code() = default;

void* Code::address(const std::string& name) const {
  auto found = state_->session.lookup({&state_->library}, name);
  if (!found) fail(found.takeError());
  return found->getAddress().toPtr<void*>();
}

}  // namespace netc::backend
