// Matching of tensors and slots by name, with suggestions for near misses.
#include "runtime/weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/nearest.h"
#include "runtime/slots.h"

namespace netc::runtime {
namespace {

/// What to do when the names of a file differ from the model's by a prefix, as DataParallel's
/// `module.` does; empty when that is not the case.
std::string prefix_cure(const std::string& wanted, const TensorFile& file) {
  for (const TensorView& tensor : file.tensors) {
    if (tensor.name.ends_with("." + wanted)) {
      return fmt::format("the file calls it `{}`: remove the prefix `{}` from its names",
                         printable(tensor.name),
                         printable(tensor.name.substr(0, tensor.name.size() - wanted.size())));
    }
    if (wanted.ends_with("." + tensor.name)) {
      return fmt::format("the file calls it `{}`: put the prefix `{}` before its names",
                         printable(tensor.name),
                         wanted.substr(0, wanted.size() - tensor.name.size()));
    }
  }
  return "";
}

Error missing(const Slot& slot, const TensorFile& file, Fault fault) {
  const bool skipped =
      std::find(file.skipped.begin(), file.skipped.end(), slot.name) != file.skipped.end();
  Error error(fault, skipped ? fmt::format("{}: tensor `{}` has a type that netc does not read",
                                           printable(file.path), slot.name)
                             : fmt::format("{} has no tensor `{}`, which the model needs",
                                           printable(file.path), slot.name));
  error.in_file(file.path);
  if (skipped) return error.note("netc reads F32 F64 I32 I64 U8 BOOL"), error;
  if (const std::string cure = prefix_cure(slot.name, file); !cure.empty()) return error.help(cure);
  if (fault == Fault::Checkpoint) {
    return error.help(
        "it was made with another model or optimizer: without `--set` the run goes on with its "
        "own, and `--init` starts a new run from its weights");
  }
  std::vector<std::string> known;
  for (const TensorView& tensor : file.tensors) known.push_back(tensor.name);
  if (const std::string near = nearest(slot.name, known); !near.empty()) {
    error.help(fmt::format("did you mean `{}`?", printable(near)));
  } else {
    std::string names;
    for (size_t i = 0; i < std::min<size_t>(8, file.tensors.size()); ++i) {
      names += fmt::format("{}`{}`", i ? ", " : "", printable(file.tensors[i].name));
    }
    error.note(fmt::format("it has {}{}", names.empty() ? "no tensors" : names,
                           file.tensors.size() > 8 ? ", …" : ""));
  }
  return error;
}

bool transposes(const Slot& slot, const TensorView& tensor, WeightLayout layout) {
  if (layout != WeightLayout::Torch || slot.shape.size() != 2 || tensor.shape.size() != 2) {
    return false;
  }
  // A matrix that only fits as it is (an embedding table) is not one of [out, in].
  const std::vector<int64_t> shape = dims(slot, 0);
  return tensor.shape[0] == shape[1] && tensor.shape[1] == shape[0];
}

/// The first matrix that fits transposed as well and is another one then; null without.
const TensorView* find_square(const std::vector<const TensorView*>& tensors) {
  for (const TensorView* tensor : tensors) {
    const std::vector<int64_t>& shape = tensor->shape;
    if (shape.size() == 2 && shape[0] == shape[1] && shape[0] > 1) return tensor;
  }
  return nullptr;
}

void check_fit(const Slot& slot, const TensorView& tensor, bool transposed, const TensorFile& file,
               Fault fault) {
  const std::vector<int64_t> shape = dims(slot, 0);
  if (tensor.type == slot.type && (transposed || tensor.shape == shape)) return;
  Error error(
      fault, fmt::format("{}: tensor `{}` is {}, the model has {}", printable(file.path), slot.name,
                         type_text(tensor.type, tensor.shape), type_text(slot.type, shape)));
  error.in_file(file.path);
  const std::vector<int64_t> reversed(tensor.shape.rbegin(), tensor.shape.rend());
  if (shape.size() == 2 && reversed == shape && tensor.type == slot.type) {
    error.help("PyTorch's weights are [out, in]: add `--layout torch`");
  }
  if (tensor.shape == shape && is_floating(tensor.type) && is_floating(slot.type)) {
    error.help(fmt::format("`--dtype {}` makes the model one of {}", name(tensor.type),
                           name(tensor.type)));
  }
  throw Error(error);
}

}  // namespace

std::vector<const Slot*> persistent_slots(const Plan& plan) {
  std::vector<const Slot*> slots;
  for (const Slot& slot : plan.slots) {
    if (slot.role == SlotRole::Param || slot.role == SlotRole::State) slots.push_back(&slot);
  }
  return slots;
}

std::vector<const Slot*> weight_slots(const Plan& plan) {
  std::vector<const Slot*> slots = persistent_slots(plan);
  std::erase_if(slots, [&](const Slot* slot) {
    if (slot->role == SlotRole::Param) return false;
    const size_t dot = slot->name.find_last_of('.');
    return dot != std::string::npos &&
           find_slot(plan, SlotRole::Param, slot->name.substr(0, dot)) != nullptr;
  });
  return slots;
}

std::vector<std::string> load_tensors(const TensorFile& file, WeightLayout layout,
                                      std::span<const Slot* const> slots, Arena& arena,
                                      Fault fault) {
  std::vector<const TensorView*> found;
  for (const Slot* slot : slots) {
    const TensorView* tensor = file.find(slot->name);
    if (!tensor) throw missing(*slot, file, fault);
    check_fit(*slot, *tensor, transposes(*slot, *tensor, layout), file, fault);
    found.push_back(tensor);
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!transposes(*slots[i], *found[i], layout)) {
      write_slot(*slots[i], arena, 0, found[i]->bytes);
      continue;
    }
    Tensor tensor = make_tensor(found[i]->type, found[i]->shape);
    std::copy(found[i]->bytes.begin(), found[i]->bytes.end(), tensor.bytes.data.get());
    write_slot(*slots[i], arena, 0, transpose(tensor).bytes.span());
  }
  std::vector<std::string> warnings;
  const auto format = file.metadata.find("format");
  const bool own = format != file.metadata.end() && format->second.starts_with("netc");
  if (const TensorView* square =
          layout == WeightLayout::Unsaid && !own ? find_square(found) : nullptr) {
    warnings.push_back(fmt::format(
        "{}: `{}` is square, so it fits in either layout, and is taken as [in, out]; PyTorch's is "
        "[out, in]: say which with `--layout torch` or `--layout netc`",
        printable(file.path), printable(square->name)));
  }
  for (const TensorView& tensor : file.tensors) {
    // PyTorch's BatchNorm counts its batches; nothing depends on the number.
    if (layout == WeightLayout::Torch && tensor.name.ends_with(".num_batches_tracked")) continue;
    if (std::find(found.begin(), found.end(), &tensor) == found.end()) {
      warnings.push_back(fmt::format("{}: tensor `{}` is not used by the model",
                                     printable(file.path), printable(tensor.name)));
    }
  }
  return warnings;
}

std::vector<TensorView> view_slots(std::span<const Slot* const> slots, const Arena& arena,
                                   bool copy, std::vector<Buffer>& storage) {
  std::vector<TensorView> views;
  for (const Slot* slot : slots) {
    const auto bytes = static_cast<size_t>(dense_bytes(*slot, 0));
    TensorView view{slot->name, slot->type, dims(*slot, 0), {arena.data() + slot->offset, bytes}};
    if (copy || slot->leading_stride != 0) {
      Buffer& buffer = storage.emplace_back(bytes);
      read_slot(*slot, arena, 0, buffer.span());
      view.bytes = buffer.span();
    }
    views.push_back(std::move(view));
  }
  return views;
}

void save_weights(const std::string& path, std::span<const Slot* const> slots, const Arena& arena,
                  Metadata metadata) {
  std::vector<Buffer> storage;
  metadata["format"] = "netc";
  write_safetensors(path, view_slots(slots, arena, false, storage), metadata);
}

}  // namespace netc::runtime
