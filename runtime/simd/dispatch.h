// Choice of the vector code that runs, by the CPU found at run time. Highway's own dispatch would
// need its shared library, whose start-up calibrates a timer: 5 ms in every process.
#pragma once

#include <cstdint>
#include <optional>

// Three are enough: any CPU, those since 2013, and those with AVX-512.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4)

namespace netc::runtime {

enum class VectorTarget : uint8_t { Baseline, Avx2, Avx512 };

/// The best one of this CPU, or what a test has chosen.
VectorTarget vector_target();
/// Makes vector_target() return at most `target`; no value: the best again. For tests, which show
/// that results are the same bits on all.
void limit_vector_target(std::optional<VectorTarget> target);

}  // namespace netc::runtime

/// Pointer to FUNCTION of the namespace of the chosen target. For use in the HWY_ONCE part.
#define NETC_TARGET_FUNCTION(FUNCTION)                                       \
  (::netc::runtime::vector_target() == ::netc::runtime::VectorTarget::Avx512 \
       ? &NETC_AVX512_FUNCTION(FUNCTION)                                     \
   : ::netc::runtime::vector_target() == ::netc::runtime::VectorTarget::Avx2 \
       ? &NETC_AVX2_FUNCTION(FUNCTION)                                       \
       : &HWY_STATIC_DISPATCH(FUNCTION))

// A build for one kind of CPU (-march=…, or not x86) has only its own target.
#if defined(__x86_64__) && !defined(__AVX__)
#define NETC_AVX512_FUNCTION(FUNCTION) N_AVX3::FUNCTION
#define NETC_AVX2_FUNCTION(FUNCTION) N_AVX2::FUNCTION
#else
#define NETC_AVX512_FUNCTION(FUNCTION) HWY_STATIC_DISPATCH(FUNCTION)
#define NETC_AVX2_FUNCTION(FUNCTION) HWY_STATIC_DISPATCH(FUNCTION)
#endif
