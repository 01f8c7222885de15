// How parameters and states start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/arena.h"
#include "runtime/plan.h"
#include "runtime/tensor.h"
#include "runtime/thread_pool.h"

namespace netc::runtime {

/// The start value of a tensor. Random ones come from a stream keyed by (seed, path), so neither
/// other parameters nor the number of threads or the CPU changes them. `directory` is where
/// load("w.npy") looks. Throws Error(Weights) for files that do not fit.
Tensor initial_value(const InitializerSpec& spec, ElementType type, std::vector<int64_t> shape,
                     std::string_view path, uint64_t seed, const std::string& directory,
                     ThreadPool& pool);

/// Writes start values to all Param and State slots of a plan.
void initialize(const Plan& plan, Arena& arena, uint64_t seed, const std::string& directory,
                ThreadPool& pool);

}  // namespace netc::runtime
