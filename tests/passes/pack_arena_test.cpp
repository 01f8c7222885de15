// Packing against the plain method: every placed buffer is looked at for every new one.
#include "passes/pack_arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>

namespace netc::passes {
namespace {

bool live_together(const Buffer& a, const Buffer& b) {
  return a.first <= b.last && b.first <= a.last;
}

std::vector<int64_t> pack_plainly(const std::vector<Buffer>& buffers, int64_t start) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<int64_t> offsets(buffers.size());
  for (size_t n = 0; n < order.size(); ++n) {
    std::vector<std::pair<int64_t, int64_t>> taken;
    for (size_t m = 0; m < n; ++m)
      if (live_together(buffers[order[m]], buffers[order[n]]))
        taken.emplace_back(offsets[order[m]], offsets[order[m]] + aligned(buffers[order[m]].bytes));
    std::sort(taken.begin(), taken.end());
    int64_t best = -1, best_gap = std::numeric_limits<int64_t>::max(), at = start;
    for (const auto& [begin, end] : taken) {
      const int64_t gap = begin - at;
      if (gap >= aligned(buffers[order[n]].bytes) && gap < best_gap) best = at, best_gap = gap;
      at = std::max(at, end);
    }
    offsets[order[n]] = best >= 0 ? best : at;
  }
  return offsets;
}

TEST(PackArena, AgreesWithThePlainMethod) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 60; ++trial) {
    const int64_t phases = 1 + int64_t(random() % 300), sizes = 1 + int64_t(random() % 8);
    std::vector<Buffer> buffers(random() % 800);
    for (Buffer& b : buffers) {
      b.bytes = int64_t(random() % size_t(sizes)) * 40;
      b.first = int64_t(random() % size_t(phases));
      b.last = std::min(phases, b.first + int64_t(random() % size_t(trial % 2 ? phases : 4)));
    }
    EXPECT_EQ(pack_arena(buffers, 640), pack_plainly(buffers, 640)) << trial;
  }
}

TEST(PackArena, NestedLifetimesLieSideBySide) {
  // Activations of a deep network: each lives from its forward to its backward phase.
  std::vector<Buffer> buffers;
  for (int64_t i = 0; i < 500; ++i) buffers.push_back({256, i, 1000 - i});
  const auto offsets = pack_arena(buffers, 0);
  for (size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(offsets[i], int64_t(i) * 256);
}

}  // namespace
}  // namespace netc::passes
