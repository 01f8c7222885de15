// CPU detection for vector code.
#include "runtime/simd/dispatch.h"

#include <algorithm>
#include <atomic>

namespace netc::runtime {
namespace {

/// The features that Highway compiles its AVX2 and AVX3 targets with.
VectorTarget detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    __builtin_cpu_supports("f16c") && __builtin_cpu_supports("lzcnt") &&
                    __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("aes");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw");
  return avx2 && avx512 ? VectorTarget::Avx512 : avx2 ? VectorTarget::Avx2 : VectorTarget::Baseline;
#else
  return VectorTarget::Baseline;
#endif
}

std::atomic<VectorTarget> limit{VectorTarget::Avx512};

}  // namespace

VectorTarget vector_target() {
  static const VectorTarget best = detect();
  return std::min(best, limit.load(std::memory_order_relaxed));
}

void limit_vector_target(std::optional<VectorTarget> target) {
  limit.store(target.value_or(VectorTarget::Avx512));
}

}  // namespace netc::runtime
