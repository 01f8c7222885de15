// Checks kernels by the forms of their ops and by shapes.
#include "passes/contract.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/stream.h"
#include "passes/grouping.h"

namespace netc::passes {

using ir::Form;
using ir::Function;
using ir::Shape;
using ir::Value;
using ir::ValueId;

namespace {

class Contract {
 public:
  Contract(const Function& function, const KernelUses& uses, size_t k)
      : f_(function), uses_(uses), k_(int64_t(k)), values_(uses.kernels[k].values) {}

  std::optional<std::string> violation() {
    const auto count = [&](Form form) {
      return std::count_if(values_.begin(), values_.end(),
                           [&](ValueId v) { return ir::def(f_[v].op).form == form; });
    };
    if (count(Form::Call) > 0) return "a call";
    const auto contractions = count(Form::Contract), scatters = count(Form::Scatter);
    if (contractions + scatters > 1) return "more than one contraction or scatter";
    if (contractions == 1) return contraction();
    if (scatters == 1 && count(Form::Reduce) > 0) return "a scatter with a reduction";
    return scatters == 1 ? scatter() : loop();
  }

 private:
  const Function& f_;
  const KernelUses& uses_;
  int64_t k_;
  const std::vector<ValueId>& values_;

  bool inside(ValueId v) const { return uses_.kernel_of[v.index] == k_; }
  const Shape& shape(ValueId v) const { return f_[v].type.shape; }
  std::string text(ValueId v, const char* what) const {
    return fmt::format("{} {}", ir::display_names(f_)[v.index], what);
  }

  /// Memory that is read through affine views.
  bool readable(ValueId v) const {
    const ValueId root = uses_.root[v.index];
    const bool in_memory = is_parameter(f_, root) || f_[root].kernel;
    return !inside(v) && in_memory && ir::affine_access(f_, v).has_value();
  }

  std::optional<std::string> contraction() const {
    const auto head = std::find_if(values_.begin(), values_.end(), [&](ValueId v) {
      return ir::def(f_[v].op).form == Form::Contract;
    });
    for (ValueId a : f_[*head].args)
      if (!readable(a)) return text(a, "is not read from memory by its contraction");
    for (ValueId v : values_) {
      if (v == *head) continue;
      if (ir::def(f_[v].op).form != Form::Map) return text(v, "is not elementwise");
      if (shape(v) != shape(*head)) return text(v, "has another shape than the contraction");
      for (ValueId a : f_[v].args)
        if (!inside(a) && !splat(f_[a]) && !readable(a))
          return text(a, "is not read from memory by the epilogue");
    }
    return {};
  }

  std::optional<std::string> scatter() const {
    ValueId head;
    for (ValueId v : values_)
      if (ir::def(f_[v].op).form == Form::Scatter) head = v;
    const Shape loop = shape(f_[head].args[0]);
    for (ValueId v : values_)
      if (v != head)
        if (auto wrong = pullable(v, loop, nullptr, {})) return wrong;
    return {};
  }

  std::optional<std::string> loop() const {
    const Value* reduce = nullptr;
    for (ValueId v : values_) {
      const Value& value = f_[v];
      if (ir::def(value.op).form != Form::Reduce) continue;
      if (reduce &&
          (shape(value.args[0]) != shape(reduce->args[0]) || value.attrs[1] != reduce->attrs[1]))
        return text(v, "reduces another loop than the kernel's other reductions");
      reduce = &value;
    }
    Shape full = shape(values_.back()), row;
    std::vector<int64_t> dims;
    if (reduce) {
      full = shape(reduce->args[0]);
      row = reduce->type.shape;
      dims = std::get<std::vector<int64_t>>(reduce->attrs[1]);
    }
    for (ValueId v : values_) {
      if (ir::def(f_[v].op).form == Form::Reduce) continue;
      if (auto wrong = pullable(v, full, reduce ? &row : nullptr, dims)) return wrong;
    }
    return {};
  }

  bool is_stored(ValueId v) const {
    return !uses_.readers[v.index].empty() ||
           std::any_of(f_.results.begin(), f_.results.end(),
                       [&](const ir::Result& r) { return r.value == v; });
  }

  std::optional<std::string> pullable(ValueId v, const Shape& full, const Shape* row,
                                      const std::vector<int64_t>& dims) const {
    const Value& value = f_[v];
    if (is_view(value)) return view(v, full, row, dims);
    if (shape(v) != full && (row ? shape(v) != *row : is_stored(v)))
      return text(v, "has neither the shape of the loop nor of its rows");
    for (ValueId a : value.args)
      if (inside(a) && shape(a) != shape(v) && ir::def(value.op).form == Form::Map)
        return text(a, "has another shape");
    return {};
  }

  /// Views read memory, other views, constants, or the row value of their own row.
  std::optional<std::string> view(ValueId v, const Shape& full, const Shape* row,
                                  const std::vector<int64_t>& dims) const {
    for (ValueId a : f_[v].args) {
      if (!inside(a) || is_view(f_[a]) || is_free_leaf(f_, a)) continue;
      if (!row && f_[v].args.size() == 1 && !repeats_elements(f_, f_[v])) continue;
      if (!row || shape(a) != *row || f_[v].args.size() != 1)
        return text(a, "is looked at through a view, but is no row value");
    }
    if (!row || (shape(v) != full && shape(v) != *row)) return {};
    ValueId root = v;
    while (inside(root) && is_view(f_[root]) && f_[root].args.size() == 1) root = f_[root].args[0];
    if (!inside(root) || is_view(f_[root]) || is_free_leaf(f_, root)) return {};
    Group group;
    group.shape = full;
    group.row = *row;
    group.dims = dims;
    if (!reads_own_row(f_, group, v, root)) return text(v, "reads other rows");
    return {};
  }
};

/// A streamed kernel: each nest keeps the contract, and all may run on blocks of rows.
std::optional<std::string> stream_violation(Function function, ir::KernelId kernel) {
  for (const ir::OpenedKernel& opened : ir::open_nests(function)) {
    if (opened.kernel != kernel) continue;
    if (!ir::can_stream(function, opened)) return "nests that cannot run on blocks of rows";
    const KernelUses uses = kernel_uses(function);
    for (size_t k = 0; k < uses.kernels.size(); ++k) {
      const ir::KernelId id = function[uses.kernels[k].values[0]].kernel;
      if (std::find(opened.nests.begin(), opened.nests.end(), id) == opened.nests.end()) continue;
      if (auto wrong = Contract(function, uses, k).violation()) return wrong;
    }
  }
  return {};
}

}  // namespace

std::optional<std::string> contract_violation(const Function& function, const KernelUses& uses,
                                              size_t k) {
  const auto& values = uses.kernels[k].values;
  if (!ir::nests_of(function, values).empty())
    return stream_violation(function, function[values[0]].kernel);
  return Contract(function, uses, k).violation();
}

void undo_unfit_kernels(ir::Module& module, ir::FunctionId id) {
  Function& function = module[id];
  const KernelUses uses = kernel_uses(function);
  for (size_t k = 0; k < uses.kernels.size(); ++k) {
    if (!contract_violation(function, uses, k)) continue;
    for (ValueId v : uses.kernels[k].values) function[v].kernel = {};
  }
}

}  // namespace netc::passes
