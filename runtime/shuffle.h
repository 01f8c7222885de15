// The order in which an epoch visits its records.
#pragma once

#include <cstdint>
#include <vector>

namespace netc::runtime {

/// Fills `order` with a permutation of 0 … order.size() - 1 that is a function of (seed, epoch) and
/// the size only. Allocates nothing.
void epoch_order(uint64_t seed, int64_t epoch, std::vector<uint32_t>& order);

}  // namespace netc::runtime
