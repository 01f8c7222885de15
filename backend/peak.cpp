// The machine's limits: its multiply-add rate, measured with emitted code that does nothing else,
// and the rate at which its memory is read and copied.
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

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

/// Best of some repeats, in units a second, when every thread does `units` by `run(thread)`.
template <typename Run>
double best_rate(double units, int threads, const Run& run) {
  double best = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int t = 1; t < threads; ++t) others.emplace_back([&run, t] { run(t); });
    run(0);
    for (std::thread& t : others) t.join();
    std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::max(best, units * threads / time.count());
  }
  return best;
}

uint64_t sum(const uint64_t* data, size_t count) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i + 8 <= count; i += 8)
    for (size_t k = 0; k < 8; ++k) sums[k] += data[i + k];
  return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

}  // namespace

double fma_peak(CpuLevel cpu, int threads) {
  Code code({emit_peak(cpu)});
  auto function = reinterpret_cast<runtime::KernelFunction>(code.address("peak"));
  constexpr int kCalls = 4;
  double flops = 2.0 * kRounds * accumulators(cpu) * (vector_bytes(cpu) / 4);
  return best_rate(kCalls * flops, threads, [&](int) {
    alignas(64) std::byte memory[64 * 32] = {};
    std::atomic<uint32_t> fault = 0;
    runtime::Context c{memory, 1, nullptr, &fault};
    for (int i = 0; i < kCalls; ++i) function(&c, 0);
  });
}

double memory_bandwidth(int threads) {
  // Larger than the caches of any processor that this is likely to run on.
  constexpr size_t kWords = size_t(256) << 20 >> 3;
  std::vector<uint64_t> memory(kWords, 1);
  const size_t part = kWords / size_t(threads);
  std::atomic<uint64_t> total = 0;  // keeps the sums from being dropped
  double reading = best_rate(8 * double(part), threads,
                             [&](int t) { total += sum(memory.data() + size_t(t) * part, part); });
  double copying = best_rate(8 * double(part), threads, [&](int t) {
    uint64_t* to = memory.data() + size_t(t) * part;
    std::memcpy(to, to + part / 2, part / 2 * 8);
  });
  return std::max(reading, copying);
}

}  // namespace netc::backend
