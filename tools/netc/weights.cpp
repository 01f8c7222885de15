// Weight files in and out of compiled entry points, and tensors as JSON.
#include "tools/netc/weights.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "runtime/safetensors.h"
#include "runtime/weights.h"
#include "tools/netc/run_directory.h"

namespace netc::tools {

void append_number(const runtime::Tensor& t, int64_t i, std::string& out) {
  if (t.type == runtime::ElementType::boolean) {
    out += t.number(i) != 0 ? "true" : "false";
  } else if (t.type == runtime::ElementType::i64) {
    out += std::to_string(t.as<int64_t>()[size_t(i)]);
  } else if (double v = t.number(i); !std::isfinite(v)) {
    out += "null";
  } else if (t.type == runtime::ElementType::f32) {
    out += fmt::format("{}", float(v));
  } else {
    out += fmt::format("{}", v);
  }
}

namespace {
void append_dim(const runtime::Tensor& t, size_t dim, int64_t& next, std::string& out) {
  if (dim == t.shape.size()) {
    append_number(t, next++, out);
    return;
  }
  out += '[';
  for (int64_t i = 0; i < t.shape[dim]; ++i) {
    if (i > 0) out += ',';
    append_dim(t, dim + 1, next, out);
  }
  out += ']';
}
}  // namespace

void copy_weights(const runtime::Plan& from, const runtime::Arena& arena, EntryRunner& to) {
  for (const runtime::Slot* slot : runtime::weight_slots(to.plan()))
    to.write(*slot, 0,
             runtime::read_slot(*runtime::find_slot(from, slot->role, slot->name), arena, 0));
}

runtime::Metadata load_weights(const Session& session, const runtime::Plan& plan,
                               runtime::Arena& arena, const std::string& path,
                               const std::string& layout) {
  auto slots = runtime::weight_slots(plan);
  auto order = layout == "torch"  ? runtime::WeightLayout::Torch
               : layout == "netc" ? runtime::WeightLayout::InOut
                                  : runtime::WeightLayout::Unsaid;
  std::error_code error;
  const bool is_run = std::filesystem::is_directory(path, error);
  const runtime::TensorFile file = runtime::read_safetensors(is_run ? weights_of_run(path) : path);
  for (const std::string& warning :
       runtime::load_tensors(file, order, slots, arena, runtime::Fault::Weights))
    session.console().note(fmt::format("warning: {}\n", warning));
  return file.metadata;
}

void save_tensors(const std::string& path,
                  const std::vector<std::pair<std::string, const runtime::Tensor*>>& tensors) {
  std::vector<runtime::TensorView> views;
  for (const auto& [name, tensor] : tensors)
    views.push_back({name, tensor->type, tensor->shape, tensor->bytes.span()});
  runtime::write_safetensors(path, views, {});
}

void append_json(const runtime::Tensor& tensor, std::string& out) {
  int64_t next = 0;
  append_dim(tensor, 0, next, out);
}

void append_record_json(const runtime::Tensor& tensor, int64_t record, std::string& out) {
  int64_t size = 1;
  for (size_t d = 1; d < tensor.shape.size(); ++d) size *= tensor.shape[d];
  int64_t next = record * size;
  append_dim(tensor, std::min<size_t>(1, tensor.shape.size()), next, out);
}

}  // namespace netc::tools
