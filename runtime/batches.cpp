// Gathering is memcpy by record: samples of one value by their width, so that it stays inline.
#include "runtime/batches.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "runtime/slots.h"

namespace netc::runtime {
namespace {

constexpr int64_t kChunkBytes = 16 << 10;      // a chunk lasts some microseconds
constexpr int64_t kPrefetchBytes = 128 << 10;  // must survive a step in the L2 cache
constexpr int64_t kCacheLine = 64;

void copy_bytes(std::byte* target, const std::byte* source, int64_t bytes) {
  switch (bytes) {
    case 1:
      *target = *source;
      break;
    case 4:
      std::memcpy(target, source, 4);
      break;
    case 8:
      std::memcpy(target, source, 8);
      break;
    default:
      std::memcpy(target, source, static_cast<size_t>(bytes));
  }
}

}  // namespace

BatchSource::BatchSource(const Split& split, const Plan& plan) {
  for (const Slot& slot : plan.slots) {
    if (slot.role != SlotRole::Input || !slot.batched) continue;
    const Field* field = split.find(slot.name);
    if (!field) throw std::logic_error("no field for input " + slot.name);
    Pair pair{field->data(),         field->sample_bytes(), slot.offset, 1,
              field->sample_bytes(), field->sample_bytes()};
    if (slot.leading_stride != 0 && slot.shape.size() > 1) {
      const std::vector<int64_t> shape = sample_dims(slot);
      for (size_t i = 0; i + 1 < shape.size(); ++i) pair.rows *= shape[i];
      pair.row_bytes = shape.back() * byte_size(slot.type);
      pair.row_stride = slot.leading_stride * byte_size(slot.type);
    }
    pairs_.push_back(pair);
    record_bytes_ += pair.sample_bytes;
  }
}

void BatchSource::copy_record(const Pair& pair, int64_t record, int64_t row,
                              std::byte* arena) const {
  const std::byte* source = pair.source + record * pair.sample_bytes;
  std::byte* target = arena + pair.offset + row * pair.rows * pair.row_stride;
  for (int64_t i = 0; i < pair.rows; ++i) {
    copy_bytes(target + i * pair.row_stride, source + i * pair.row_bytes, pair.row_bytes);
  }
}

void BatchSource::gather(std::span<const uint32_t> records, Arena& arena, ThreadPool& pool) const {
  const auto count = static_cast<int64_t>(records.size());
  const int64_t step = std::max<int64_t>(1, kChunkBytes / std::max<int64_t>(1, record_bytes_));
  pool.parallel((count + step - 1) / step, [&](int64_t chunk, int) {
    const int64_t end = std::min(count, (chunk + 1) * step);
    for (const Pair& pair : pairs_) {
      for (int64_t row = chunk * step; row < end; ++row) {
        copy_record(pair, records[static_cast<size_t>(row)], row, arena.data());
      }
    }
  });
}

void BatchSource::prefetch(std::span<const uint32_t> records) const {
  if (static_cast<int64_t>(records.size()) * record_bytes_ > kPrefetchBytes) return;
  for (const Pair& pair : pairs_) {
    for (const uint32_t record : records) {
      const std::byte* source = pair.source + record * pair.sample_bytes;
      for (int64_t at = 0; at < pair.sample_bytes; at += kCacheLine) {
        __builtin_prefetch(source + at, 0, 2);
      }
    }
  }
}

void BatchSource::copy(int64_t first, int64_t count, Arena& arena) const {
  for (const Pair& pair : pairs_) {
    if (pair.rows * pair.row_stride == pair.sample_bytes) {
      if (count * pair.sample_bytes == 0) continue;
      std::memcpy(arena.data() + pair.offset, pair.source + first * pair.sample_bytes,
                  static_cast<size_t>(count * pair.sample_bytes));
      continue;
    }
    for (int64_t row = 0; row < count; ++row) copy_record(pair, first + row, row, arena.data());
  }
}

}  // namespace netc::runtime
