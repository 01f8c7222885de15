// Slot access. A slot is dense, or its rows or panels are `leading_stride` elements apart.
#include "runtime/slots.h"

#include <cstring>
#include <stdexcept>

namespace netc::runtime {
namespace {

/// What lies without gaps: `rows` runs in each of `panels` blocks of columns.
struct Runs {
  int64_t panels = 1, rows = 1;
  int64_t bytes = 0;  ///< of a run; in the last panel `last_bytes`
  int64_t last_bytes = 0;
  int64_t panel_stride = 0, row_stride = 0;  ///< bytes in the arena
  int64_t dense_row = 0;                     ///< bytes of a row outside the arena
  int64_t total() const { return rows * dense_row; }
};

Runs runs_of(const Slot& slot, int64_t batch) {
  const int64_t width = byte_size(slot.type);
  int64_t rows = 1;
  for (size_t i = 0; i + 1 < slot.shape.size(); ++i) rows *= slot.shape[i].at(batch);
  const int64_t columns = slot.shape.empty() ? 1 : slot.shape.back().at(batch);
  if (slot.leading_stride == 0) {
    const int64_t all = rows * columns * width;
    return {1, 1, all, all, 0, 0, all};
  }
  const int64_t row = columns * width, stride = slot.leading_stride * width;
  if (slot.panel == 0) return {1, rows, row, row, 0, stride, row};
  const int64_t panels = (columns + slot.panel - 1) / slot.panel;
  const int64_t panel = slot.panel * width;
  return {panels, rows, panel, row - (panels - 1) * panel, stride, panel, row};
}

/// visit(bytes into the arena's copy, bytes into the dense one, bytes of the run).
template <typename Visit>
void each_run(const Runs& runs, Visit visit) {
  if (runs.total() == 0) return;
  for (int64_t row = 0; row < runs.rows; ++row) {
    for (int64_t panel = 0; panel < runs.panels; ++panel) {
      visit(panel * runs.panel_stride + row * runs.row_stride,
            row * runs.dense_row + panel * runs.bytes,
            static_cast<size_t>(panel + 1 == runs.panels ? runs.last_bytes : runs.bytes));
    }
  }
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

int64_t dense_bytes(const Slot& slot, int64_t batch) { return runs_of(slot, batch).total(); }

void read_slot(const Slot& slot, const Arena& arena, int64_t batch, std::span<std::byte> bytes) {
  const Runs runs = runs_of(slot, batch);
  if (static_cast<int64_t>(bytes.size()) != runs.total()) {
    throw std::logic_error("read_slot: size of " + slot.name);
  }
  const std::byte* source = arena.data() + slot.offset;
  each_run(runs, [&](int64_t stored, int64_t dense, size_t count) {
    std::memcpy(bytes.data() + dense, source + stored, count);
  });
}

Tensor read_slot(const Slot& slot, const Arena& arena, int64_t batch) {
  Tensor tensor = make_tensor(slot.type, dims(slot, batch));
  read_slot(slot, arena, batch, tensor.bytes.span());
  return tensor;
}

void write_slot(const Slot& slot, Arena& arena, int64_t batch, std::span<const std::byte> bytes) {
  const Runs runs = runs_of(slot, batch);
  if (static_cast<int64_t>(bytes.size()) != runs.total()) {
    throw std::logic_error("write_slot: size of " + slot.name);
  }
  std::byte* target = arena.data() + slot.offset;
  each_run(runs, [&](int64_t stored, int64_t dense, size_t count) {
    std::memcpy(target + stored, bytes.data() + dense, count);
  });
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
