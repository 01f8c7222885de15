// Slot access. Rows of the last dim may be `leading_stride` elements apart in the arena.
#include "runtime/slots.h"

#include <cstring>
#include <stdexcept>

namespace netc::runtime {
namespace {

struct Rows {
  int64_t count;   ///< product of all dims but the last
  int64_t bytes;   ///< of one row's elements
  int64_t stride;  ///< bytes from row to row
};

Rows rows_of(const Slot& slot, int64_t batch) {
  const int64_t width = byte_size(slot.type);
  int64_t count = 1;
  for (size_t i = 0; i + 1 < slot.shape.size(); ++i) count *= slot.shape[i].at(batch);
  const int64_t last = slot.shape.empty() ? 1 : slot.shape.back().at(batch);
  if (slot.leading_stride == 0) return {1, count * last * width, count * last * width};
  return {count, last * width, slot.leading_stride * width};
}

template <typename T>
void store_scalar(const Slot& slot, Arena& arena, T value) {
  with_type(slot.type, [&](auto sample) {
    sample = static_cast<decltype(sample)>(value);
    std::memcpy(arena.data() + slot.offset, &sample, sizeof sample);
  });
}

}  // namespace

std::vector<int64_t> dims(const Slot& slot, int64_t batch) {
  std::vector<int64_t> result;
  for (const Extent& extent : slot.shape) result.push_back(extent.at(batch));
  return result;
}

std::vector<int64_t> sample_dims(const Slot& slot) {
  std::vector<int64_t> result = dims(slot, 1);
  if (slot.batched) result.erase(result.begin());
  return result;
}

const Slot* find_slot(const Plan& plan, SlotRole role, std::string_view name) {
  for (const Slot& slot : plan.slots) {
    if (slot.role == role && slot.name == name) return &slot;
  }
  return nullptr;
}

int64_t dense_bytes(const Slot& slot, int64_t batch) {
  const Rows rows = rows_of(slot, batch);
  return rows.count * rows.bytes;
}

void read_slot(const Slot& slot, const Arena& arena, int64_t batch, std::span<std::byte> bytes) {
  const Rows rows = rows_of(slot, batch);
  if (static_cast<int64_t>(bytes.size()) != rows.count * rows.bytes) {
    throw std::logic_error("read_slot: size of " + slot.name);
  }
  const std::byte* source = arena.data() + slot.offset;
  for (int64_t row = 0; row < rows.count && rows.bytes > 0; ++row) {
    std::memcpy(bytes.data() + row * rows.bytes, source + row * rows.stride,
                static_cast<size_t>(rows.bytes));
  }
}

Tensor read_slot(const Slot& slot, const Arena& arena, int64_t batch) {
  Tensor tensor = make_tensor(slot.type, dims(slot, batch));
  read_slot(slot, arena, batch, tensor.bytes.span());
  return tensor;
}

void write_slot(const Slot& slot, Arena& arena, int64_t batch, std::span<const std::byte> bytes) {
  const Rows rows = rows_of(slot, batch);
  if (static_cast<int64_t>(bytes.size()) != rows.count * rows.bytes) {
    throw std::logic_error("write_slot: size of " + slot.name);
  }
  std::byte* target = arena.data() + slot.offset;
  for (int64_t row = 0; row < rows.count && rows.bytes > 0; ++row) {
    std::memcpy(target + row * rows.stride, bytes.data() + row * rows.bytes,
                static_cast<size_t>(rows.bytes));
  }
}

double read_scalar(const Slot& slot, const Arena& arena) {
  return load_number(slot.type, arena.data() + slot.offset);
}

void write_scalar(const Slot& slot, Arena& arena, double value) {
  store_scalar(slot, arena, value);
}

void write_scalar(const Slot& slot, Arena& arena, int64_t value) {
  store_scalar(slot, arena, value);
}

}  // namespace netc::runtime
