// The machine's multiply-add rate, measured with emitted code that does nothing else.
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "backend/cpu.h"
#include "backend/emitter.h"
#include "backend/jit.h"
#include "backend/math.h"
#include "runtime/plan.h"

namespace netc::backend {
namespace {

constexpr int64_t kRounds = 200'000;

int accumulators(CpuLevel cpu) { return vector_registers(cpu) == 32 ? 24 : 12; }

std::string emit_peak(CpuLevel cpu) {
  llvm::LLVMContext context;
  auto module = new_module(context, cpu);
  Emitter e(*module, cpu, 1);
  e.lanes = vector_bytes(cpu) / 4;
  e.begin("peak");
  llvm::Type* t = e.widen(e.b.getFloatTy());
  llvm::Value* factor = e.b.CreateAlignedLoad(t, e.arena(), llvm::Align(64));
  std::vector<llvm::AllocaInst*> sums;
  for (int i = 0; i < accumulators(cpu); ++i) {
    sums.push_back(e.slot(t));
    e.b.CreateStore(e.number(i, t), sums.back());
  }
  e.loop(e.i64(0), e.i64(kRounds), 1, [&](llvm::Value*) {
    for (llvm::AllocaInst* s : sums) {
      llvm::Value* sum = e.b.CreateLoad(t, s);
      e.b.CreateStore(math::multiply_add(e, factor, factor, sum), s);
    }
  });
  for (size_t i = 0; i < sums.size(); ++i) {
    llvm::Value* at = e.b.CreateConstGEP1_64(t, e.arena(), i);
    e.b.CreateAlignedStore(e.b.CreateLoad(t, sums[i]), at, llvm::Align(64));
  }
  e.end();
  return compile_object(*module, cpu, 2);
}

}  // namespace

double fma_peak(CpuLevel cpu, int threads) {
  Code code({emit_peak(cpu)});
  auto function = reinterpret_cast<runtime::KernelFunction>(code.address("peak"));
  auto run = [&] {
    alignas(64) std::byte memory[64 * 32] = {};
    std::atomic<uint32_t> fault = 0;
    runtime::Context c{memory, 1, nullptr, &fault};
    function(&c, 0);
  };
  double best = 0;
  double flops = 2.0 * kRounds * accumulators(cpu) * (vector_bytes(cpu) / 4) * threads;
  for (int repeat = 0; repeat < 5; ++repeat) {
    auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back([&] { run(), run(), run(), run(); });
    run(), run(), run(), run();
    for (std::thread& t : others) t.join();
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::max(best, 4 * flops / time.count());
  }
  return best;
}

}  // namespace netc::backend
