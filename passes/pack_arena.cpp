// Placed buffers are kept by offset in blocks. A block whose buffers all live with the new one, and
// have no gap that it fits in, is passed in one step, and so is a block that died before or is born
// after it.
#include "passes/pack_arena.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace netc::passes {

namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

class Packing {
 public:
  explicit Packing(int64_t start) : start_(start), blocks_(1) {}

  int64_t place(const Buffer& buffer) {
    const int64_t offset = smallest_gap(buffer);
    insert({offset, offset + buffer.bytes, buffer.first, buffer.last});
    return offset;
  }

 private:
  struct Placed {
    int64_t begin, end, first, last;
  };
  static constexpr size_t kMostPlaced = 64;  ///< in a block
  struct Block {
    std::vector<Placed> placed;                ///< by `begin`
    int64_t end = 0;                           ///< of all
    int64_t largest_gap = 0;                   ///< between them when all live
    int64_t earliest = kMost, latest = -1;     ///< phases in which any lives
    int64_t all_from = -1, all_until = kMost;  ///< phases in which all live; may be none

    void summarise() {
      *this = {std::move(placed)};
      end = placed.front().begin;
      largest_gap = -kMost;
      for (const Placed& p : placed) {
        if (&p != placed.data()) largest_gap = std::max(largest_gap, p.begin - end);
        end = std::max(end, p.end);
        earliest = std::min(earliest, p.first), latest = std::max(latest, p.last);
        all_from = std::max(all_from, p.first), all_until = std::min(all_until, p.last);
      }
    }
  };

  int64_t start_;
  std::vector<Block> blocks_;  ///< by offset

  int64_t smallest_gap(const Buffer& buffer) const {
    int64_t best = -1, best_gap = kMost, at = start_;
    const auto taken = [&](int64_t begin, int64_t end) {
      const int64_t gap = begin - at;
      if (gap >= buffer.bytes && gap < best_gap) best = at, best_gap = gap;
      at = std::max(at, end);
    };
    for (const Block& block : blocks_) {
      if (block.earliest > buffer.last || block.latest < buffer.first) continue;
      const bool all_live = block.all_from <= buffer.last && block.all_until >= buffer.first;
      if (all_live && block.largest_gap < buffer.bytes) {
        taken(block.placed.front().begin, block.end);
        continue;
      }
      for (const Placed& p : block.placed)
        if (p.first <= buffer.last && p.last >= buffer.first) taken(p.begin, p.end);
    }
    return best >= 0 ? best : at;
  }

  void insert(const Placed& now) {
    auto block = std::partition_point(blocks_.begin() + 1, blocks_.end(), [&](const Block& b) {
      return b.placed.front().begin <= now.begin;
    });
    --block;
    auto& placed = block->placed;
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), now,
                         [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
        now);
    if (placed.size() > kMostPlaced) {
      const auto half = placed.begin() + kMostPlaced / 2;
      Block second;
      second.placed.assign(half, placed.end());
      second.summarise();
      placed.erase(half, placed.end());
      block = std::prev(blocks_.insert(std::next(block), std::move(second)));
    }
    block->summarise();
  }
};

}  // namespace

std::vector<int64_t> pack_arena(const std::vector<Buffer>& buffers, int64_t start) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  Packing packing(start);
  std::vector<int64_t> offsets(buffers.size());
  for (size_t i : order)
    offsets[i] = packing.place({aligned(buffers[i].bytes), buffers[i].first, buffers[i].last});
  return offsets;
}

}  // namespace netc::passes
