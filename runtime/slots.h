// Reading and writing a plan's slots as dense row-major tensors.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "runtime/arena.h"
#include "runtime/plan.h"
#include "runtime/tensor.h"

namespace netc::runtime {

/// Dims of a slot when the batch has `batch` rows.
std::vector<int64_t> dims(const Slot& slot, int64_t batch);
/// Dims without the leading batch.
std::vector<int64_t> sample_dims(const Slot& slot);
/// The slot of that role and name; null when the plan has none.
const Slot* find_slot(const Plan& plan, SlotRole role, std::string_view name);

Tensor read_slot(const Slot& slot, const Arena& arena, int64_t batch);
/// Writes dense values; `bytes` holds exactly the slot's elements.
void write_slot(const Slot& slot, Arena& arena, int64_t batch, std::span<const std::byte> bytes);
/// Copies a slot's elements to `bytes`, densely.
void read_slot(const Slot& slot, const Arena& arena, int64_t batch, std::span<std::byte> bytes);
/// Number of bytes of the slot's elements, without padding.
int64_t dense_bytes(const Slot& slot, int64_t batch);
/// Value of a slot of rank 0.
double read_scalar(const Slot& slot, const Arena& arena);
/// Stores a number in a slot of rank 0 of any type.
void write_scalar(const Slot& slot, Arena& arena, double value);
void write_scalar(const Slot& slot, Arena& arena, int64_t value);

}  // namespace netc::runtime
