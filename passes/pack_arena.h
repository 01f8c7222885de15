// Offsets in the arena for buffers that need not all exist at the same time.
#pragma once

#include <cstdint>
#include <vector>

namespace netc::passes {

/// Bytes, and the phases (both included) in which they are needed.
struct Buffer {
  int64_t bytes = 0, first = 0, last = 0;
};

inline constexpr int64_t kAlignment = 64;
constexpr int64_t aligned(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// An aligned offset of at least `start` (aligned too) for each buffer: large ones first, each into
/// the smallest gap between those that live at the same time.
std::vector<int64_t> pack_arena(const std::vector<Buffer>& buffers, int64_t start);

}  // namespace netc::passes
