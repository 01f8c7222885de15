// Copies records of a split into the input slots of a plan.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/arena.h"
#include "runtime/data/dataset.h"
#include "runtime/plan.h"
#include "runtime/thread_pool.h"

namespace netc::runtime {

/// The inputs of one plan paired with the fields of one split, which must outlive it and fit
/// (load_dataset has checked that).
class BatchSource {
 public:
  BatchSource(const Split& split, const Plan& plan);

  /// Row i of the batch becomes record records[i].
  void gather(std::span<const uint32_t> records, Arena& arena, ThreadPool& pool) const;
  /// Starts to bring the records of the next batch into the cache, where that is small enough to
  /// last: their addresses are random, so no hardware prefetcher finds them.
  void prefetch(std::span<const uint32_t> records) const;
  /// Row i becomes record first + i.
  void copy(int64_t first, int64_t count, Arena& arena) const;

 private:
  struct Pair {
    const std::byte* source;
    int64_t sample_bytes;
    int64_t offset;  ///< of the slot
    int64_t rows;    ///< rows of the last dim in a sample
    int64_t row_bytes;
    int64_t row_stride;  ///< in the slot
  };
  void copy_record(const Pair& pair, int64_t record, int64_t row, std::byte* arena) const;

  std::vector<Pair> pairs_;
  int64_t record_bytes_ = 0;
};

}  // namespace netc::runtime
