// The CPU levels that code is generated for: their names and what this machine runs.
#include "backend/cpu.h"

#include <string_view>

#include "backend/compile.h"

namespace netc::backend {

const char* name(CpuLevel level) {
  switch (level) {
    case CpuLevel::sse2:
      return "sse2";
    case CpuLevel::avx2:
      return "avx2";
    case CpuLevel::avx512:
      return "avx512";
  }
  return "";
}

bool supported(CpuLevel level) {
  __builtin_cpu_init();
  switch (level) {
    case CpuLevel::sse2:
      return true;
    case CpuLevel::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case CpuLevel::avx512:
      return supported(CpuLevel::avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
  }
  return false;
}

CpuLevel native_cpu() {
  if (supported(CpuLevel::avx512)) return CpuLevel::avx512;
  return supported(CpuLevel::avx2) ? CpuLevel::avx2 : CpuLevel::sse2;
}

std::optional<CpuLevel> parse_cpu(std::string_view text) {
  if (text == "native") return native_cpu();
  for (CpuLevel level : {CpuLevel::sse2, CpuLevel::avx2, CpuLevel::avx512})
    if (text == name(level)) return level;
  return {};
}

const char* target_cpu(CpuLevel level) {
  switch (level) {
    case CpuLevel::sse2:
      return "x86-64";
    case CpuLevel::avx2:
      return "x86-64-v3";
    case CpuLevel::avx512:
      return "x86-64-v4";
  }
  return "";
}

}  // namespace netc::backend
