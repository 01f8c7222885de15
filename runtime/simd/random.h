// Bulk random numbers: the same values on every CPU, whatever vectors it has.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/philox.h"

namespace netc::runtime {

/// Element i of `out` is low + (high - low) * unit_interval(stream.word64(first + i)), in f64 and
/// then rounded. `first` must be even, so that pieces of a tensor can be filled in parallel.
void fill_uniform(const Stream& stream, uint64_t first, double low, double high,
                  std::span<float> out);
void fill_uniform(const Stream& stream, uint64_t first, double low, double high,
                  std::span<double> out);

/// Element i is deviation * q(unit_interval(stream.word64(first + i))), q being the quantile
/// function of the normal distribution (relative error < 1e-15). `first` must be even.
void fill_normal(const Stream& stream, uint64_t first, double deviation, std::span<float> out);
void fill_normal(const Stream& stream, uint64_t first, double deviation, std::span<double> out);

}  // namespace netc::runtime
