// Kernels of a function as a sequence of reads and writes.
#include "passes/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ir/stream.h"
#include "passes/grouping.h"

namespace netc::passes {

using ir::Form;
using ir::Function;
using ir::Value;
using ir::ValueId;

KernelUses kernel_uses(const Function& function) {
  KernelUses out;
  const size_t count = function.values.size();
  out.kernel_of.assign(count, -1);
  out.root.resize(count);
  out.readers.resize(count);
  ir::KernelId open;
  for (size_t i = 0; i < count; ++i) {
    const Value& value = function.values[i];
    const bool free_view = is_view(value) && !value.kernel && value.args.size() == 1;
    out.root[i] = free_view ? out.root[value.args[0].index] : ValueId(i);
    if (!value.kernel) continue;
    if (value.kernel != open) out.kernels.emplace_back();
    open = value.kernel;
    const auto k = int64_t(out.kernels.size()) - 1;
    out.kernel_of[i] = k;
    auto& kernel = out.kernels.back();
    kernel.values.push_back(ValueId(i));
    for (ValueId a : value.args) {
      const ValueId root = out.root[a.index];
      if (out.kernel_of[root.index] == k) continue;
      if (is_free_leaf(function, root) && !function[root].kernel) continue;
      auto& readers = out.readers[root.index];
      if (!readers.empty() && readers.back() == k) continue;
      readers.push_back(k);
      kernel.reads.push_back(root);
    }
  }
  return out;
}

namespace {

bool has_fixed_size(const Value& value) {
  return std::all_of(value.type.shape.begin(), value.type.shape.end(),
                     [](const ir::Dim& d) { return d.is_constant(); });
}

/// In a streamed kernel only what follows a sum over the batch runs when all rows have been read,
/// and what follows different sums runs side by side.
bool reads_before_sums(const Function& function, const KernelUses& uses,
                       const std::vector<std::vector<ValueId>>& nests, ValueId now, ValueId old) {
  for (ValueId v : uses.kernels[size_t(uses.kernel_of[now.index])].values)
    if (is_view(function[v]) && uses.root[function[v].args[0].index] == old) return false;
  bool summed = false;
  for (const auto& nest : nests) {
    const bool own = std::find(nest.begin(), nest.end(), now) != nest.end();
    if (ir::row_role(function, nest) != ir::RowRole::Summed) continue;
    summed = summed || own;
    for (ValueId v : nest) {
      const Value& value = function[v];
      if (ir::def(value.op).form != Form::Map || !has_fixed_size(value)) continue;
      for (ValueId a : value.args) {
        const bool in_step = own && a == old && value.type.shape == function[now].type.shape;
        if (uses.root[a.index] == old && !in_step) return false;
      }
    }
  }
  return summed;
}

}  // namespace

bool reads_in_step(const Function& function, const KernelUses& uses, ValueId now, ValueId old) {
  const auto& kernel = uses.kernels[size_t(uses.kernel_of[now.index])];
  if (const auto nests = ir::nests_of(function, kernel.values); !nests.empty())
    return reads_before_sums(function, uses, nests, now, old);
  std::set<ValueId> from_old;
  for (ValueId v : kernel.values) {
    const Value& value = function[v];
    bool direct = false, through_view = false, depends = false;
    for (ValueId a : value.args) {
      if (a == old)
        direct = true;
      else if (uses.root[a.index] == old)
        through_view = true;
      if (from_old.contains(a)) depends = true;
    }
    if (through_view) return false;
    const Form form = ir::def(value.op).form;
    if (direct && (form != Form::Map || value.type.shape != function[now].type.shape)) return false;
    if (depends && form != Form::Map) return false;
    if (direct || depends) from_old.insert(v);
  }
  return true;
}

namespace {
std::optional<int64_t> bytes_of(const ir::Dim& elements, ir::DType dtype, int64_t batch) {
  const ir::Dim bytes = elements * ir::Dim(ir::byte_size(dtype));
  std::map<std::string, int64_t> sizes;
  for (const std::string& name : bytes.symbols()) sizes[name] = batch;
  return bytes.evaluate(sizes);
}
}  // namespace

std::optional<int64_t> element_bytes(const Value& value, int64_t batch) {
  ir::Dim count = 1;
  for (const ir::Dim& d : value.type.shape) count = count * d;
  return bytes_of(count, value.type.dtype, batch);
}

std::optional<int64_t> stored_bytes(const Value& value, int64_t batch) {
  ir::Dim count = 1;
  const ir::Shape& shape = value.type.shape;
  const bool padded = value.storage && value.storage->leading_stride;
  const bool panelled = padded && value.storage->panel;
  if (panelled) {
    const int64_t width = *value.storage->panel;
    count = (shape.back().constant() + width - 1) / width * *value.storage->leading_stride;
  } else {
    for (size_t d = 0; d < shape.size(); ++d)
      count = count * (padded && d + 1 == shape.size() ? ir::Dim(*value.storage->leading_stride)
                                                       : shape[d]);
  }
  return bytes_of(count, value.type.dtype, batch);
}

std::optional<int64_t> padded_row(int64_t length, ir::DType dtype) {
  constexpr int64_t kLine = 64, kLongRow = 512;  // bytes
  const int64_t bytes = length * ir::byte_size(dtype);
  const int64_t lines = (bytes + kLine - 1) / kLine | 1;
  if (bytes < kLongRow || lines * kLine == bytes) return {};
  return lines * kLine / ir::byte_size(dtype);
}

bool stays_affine(const Function& f, ValueId v) {
  return ir::def(f[v].op).form != Form::View || f[v].kernel || ir::affine_access(f, v);
}

std::vector<ir::FunctionId> entries_of(const ir::Module& module, const std::string& model) {
  std::vector<ir::FunctionId> entries;
  if (const ir::FunctionId train = module.find(model + ".train")) entries.push_back(train);
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const Function& f = module.functions[i];
    if (f.entry && f.name.starts_with(model + ".") &&
        f.name.find('.', model.size() + 1) == std::string::npos)
      entries.push_back(ir::FunctionId(i));
  }
  return entries;
}

NewKernels::NewKernels(const Function& function) : number_(function.kernels.size()) {
  for (const ir::Kernel& k : function.kernels) names_.insert(k.name);
}

ir::KernelId NewKernels::add(Function& function) {
  std::string name;
  do name = fmt::format("k{}", number_++);
  while (names_.contains(name));
  function.kernels.push_back({std::move(name), ""});
  return ir::KernelId(function.kernels.size() - 1);
}

void isolate_loose_values(ir::Module& module, ir::FunctionId id) {
  Function& function = module[id];
  NewKernels new_kernels(function);
  std::vector<bool> stored(function.values.size(), false);
  std::set<ValueId> results;
  for (const ir::Result& r : function.results)
    if (r.value) results.insert(r.value);
  for (size_t i = 0; i < function.values.size(); ++i) {
    const ValueId v(i);
    Value& value = function.values[i];
    stored[i] = is_parameter(function, v) || value.kernel;
    if (stored[i]) continue;
    const bool free =
        is_free_leaf(function, v) || (is_view(value) && is_readable(function, stored, v));
    if (free && !results.contains(v)) continue;
    value.kernel = new_kernels.add(function);
    stored[i] = true;
  }
}

}  // namespace netc::passes
