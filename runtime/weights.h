// Weights between a model's slots and safetensors files.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "runtime/arena.h"
#include "runtime/plan.h"
#include "runtime/safetensors.h"

namespace netc::runtime {

/// Order of the dims of matrices in a file.
enum class WeightLayout : uint8_t {
  Unsaid,  ///< InOut, but square matrices that another program wrote are warned of
  InOut,   ///< netc's own: [in, out]
  Torch,   ///< PyTorch's: [out, in], transposed on the way in
};

/// Param and State slots of a plan, in its order.
std::vector<const Slot*> persistent_slots(const Plan& plan);
/// The same without the optimizer's states (`w.v` beside a parameter `w`).
std::vector<const Slot*> weight_slots(const Plan& plan);

/// Fills `slots` from a file, all or nothing: each slot must have a tensor of its name, shape and
/// type. Returns warnings: of each tensor that no slot takes, of a layout that cannot be told.
/// Throws Error(fault).
std::vector<std::string> load_tensors(const TensorFile& file, WeightLayout layout,
                                      std::span<const Slot* const> slots, Arena& arena,
                                      Fault fault);

/// Contents of slots as the tensors of a file. Dense slots are seen in place unless `copy`;
/// everything else is stored in `storage`, which has to outlive the views.
std::vector<TensorView> view_slots(std::span<const Slot* const> slots, const Arena& arena,
                                   bool copy, std::vector<Buffer>& storage);

/// Replaces `path` with a weight file of these slots.
void save_weights(const std::string& path, std::span<const Slot* const> slots, const Arena& arena,
                  Metadata metadata);

}  // namespace netc::runtime
