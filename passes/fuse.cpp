// The passes `fuse` and `split`: writes the groups of a function as kernels, contiguous and in an
// order in which updates of parameters come last.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "passes/cse.h"
#include "passes/grouping.h"
#include "passes/passes.h"
#include "passes/pull.h"

namespace netc::passes {

using ir::Function;
using ir::FunctionId;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

class KernelWriter {
 public:
  KernelWriter(Module& module, FunctionId f, const Grouping& grouping)
      : module_(module), f_(f), grouping_(grouping), rewriter_(module, f) {
    Puller puller(rewriter_.old(), grouping);
    for (uint32_t g = 0; g < grouping.groups.size(); ++g) pulls_.push_back(puller.pull(g));
    find_first_readers();
  }

  /// Writes all kernels; false when the groups need each other in a circle.
  bool run() {
    const auto order = schedule();
    if (!order) return false;
    module_[f_].kernels.clear();
    for (uint32_t g : *order) write(g);
    for (const ir::Result& r : rewriter_.old().results)
      if (r.value) outside(r.value);
    for (size_t i = 0; i < now_.size(); ++i) rewriter_.set(ValueId(i), now_[i]);
    rewriter_.finish();
    return true;
  }

 private:
  Module& module_;
  FunctionId f_;
  const Grouping& grouping_;
  Rewriter rewriter_;
  std::vector<Pull> pulls_;
  std::vector<ValueId> now_ = first_now();
  std::set<ValueId> named_;                       ///< old values whose name a new one bears
  std::map<ValueId, ir::Place> first_elsewhere_;  ///< where others first read a stored value

  const Function& old() const { return rewriter_.old(); }

  std::vector<ValueId> first_now() const {
    std::vector<ValueId> now(rewriter_.old().values.size());
    for (size_t i = 0; i < rewriter_.old().params.size(); ++i) now[i] = ValueId(i);
    return now;
  }

  /// The groups whose stored values group g reads.
  std::set<uint32_t> needs(uint32_t g) const {
    std::set<uint32_t> out;
    for (ValueId v : pulls_[g].outside) {
      const ValueId root = root_of(old(), grouping_.stored, v);
      const uint32_t home = grouping_.home[root.index];
      if (home != kNoGroup && home != g) out.insert(home);
    }
    return out;
  }

  /// Groups in order: what others need first, in source order; then the rest, which is results
  /// only, so that a parameter is overwritten after its last reader.
  std::optional<std::vector<uint32_t>> schedule() const {
    const size_t count = pulls_.size();
    std::vector<std::vector<uint32_t>> readers(count);
    std::vector<size_t> waits(count, 0);
    size_t left = 0;
    for (uint32_t g = 0; g < count; ++g) {
      if (pulls_[g].members.empty()) continue;
      ++left;
      for (uint32_t h : needs(g)) {
        readers[h].push_back(g);
        ++waits[g];
      }
    }
    const auto rank = [&](uint32_t g) {
      return std::tuple(readers[g].empty(), pulls_[g].members.back(), g);
    };
    std::set<std::tuple<bool, ValueId, uint32_t>> ready;
    for (uint32_t g = 0; g < count; ++g)
      if (!pulls_[g].members.empty() && waits[g] == 0) ready.insert(rank(g));
    std::vector<uint32_t> order;
    while (!ready.empty()) {
      const uint32_t g = std::get<2>(*ready.begin());
      ready.erase(ready.begin());
      order.push_back(g);
      for (uint32_t r : readers[g])
        if (--waits[r] == 0) ready.insert(rank(r));
    }
    if (order.size() != left) return {};
    return order;
  }

  /// The value outside kernels that stands for `v`: stored ones were written by their kernel.
  ValueId outside(ValueId v) {
    ValueId& now = now_[v.index];
    if (!now) now = clone(v, [&](ValueId a) { return outside(a); });
    return now;
  }

  template <class MapOperand>
  ValueId clone(ValueId v, MapOperand map) {
    Value value = old()[v];
    for (ValueId& a : value.args) a = map(a);
    // A value computed again is a temporary.
    if (!named_.insert(v).second) value.name.clear();
    value.kernel = {};
    value.storage.reset();
    return append(module_[f_], std::move(value));
  }

  void write(uint32_t g) {
    for (ValueId v : pulls_[g].outside) outside(v);
    const ir::KernelId kernel(module_[f_].kernels.size());
    module_[f_].kernels.push_back({fmt::format("k{}", kernel.index), ""});
    std::map<ValueId, ValueId> inside;
    std::set<ValueId> read;
    for (ValueId v : pulls_[g].members) {
      read.insert(old()[v].args.begin(), old()[v].args.end());
      const ValueId made = clone(v, [&](ValueId a) {
        const auto found = inside.find(a);
        return found == inside.end() ? now_[a.index] : found->second;
      });
      inside[v] = made;
      module_[f_][made].kernel = kernel;
    }
    for (const auto& [v, made] : inside) {
      if (grouping_.home[v.index] != g || !grouping_.stored[v.index]) continue;
      now_[v.index] = made;
      module_[f_][made].remark = remark(v, read.contains(v));
    }
  }

  void find_first_readers() {
    for (uint32_t g = 0; g < pulls_.size(); ++g)
      for (ValueId m : pulls_[g].members)
        for (ValueId a : old()[m].args) {
          const ValueId root = root_of(old(), grouping_.stored, a);
          if (!grouping_.stored[root.index] || grouping_.home[root.index] == g) continue;
          const ir::Place place = user_place(module_, old()[m].locs);
          if (place.line) first_elsewhere_.emplace(root, place);
        }
  }

  /// Why a value is stored although its reader stands in the same kernel.
  std::string remark(ValueId v, bool read_here) const {
    const auto elsewhere = read_here ? first_elsewhere_.find(v) : first_elsewhere_.end();
    if (elsewhere == first_elsewhere_.end()) return old()[v].remark;
    const ir::Place& place = elsewhere->second;
    return fmt::format("not fused: also used at {}:{}", place.line, place.column);
  }
};

/// Contractions read memory: a constant operand becomes a value of its own, that is stored, beside
/// the number that others use.
void separate_constants(Module& module, FunctionId f) {
  Rewriter rewriter(module, f);
  const Function& old = rewriter.old();
  for (size_t i = old.params.size(); i < old.values.size(); ++i) {
    std::map<size_t, ValueId> own;
    if (ir::def(old.values[i].op).form == ir::Form::Contract) {
      for (size_t a = 0; a < old.values[i].args.size(); ++a) {
        const Value& operand = old[old.values[i].args[a]];
        if (splat(operand)) own[a] = append(module[f], operand);
      }
    }
    const ValueId v = rewriter.copy(ValueId(i));
    for (const auto& [a, constant] : own) module[f][v].args[a] = constant;
  }
  rewriter.finish();
}

/// The reduction of the same loop over fewer dims that `x` depends on element by element.
const Value* inner_reduction(const Function& function, const Value& reduce) {
  constexpr size_t kMostVisited = 64;
  const auto& dims = std::get<std::vector<int64_t>>(reduce.attrs[1]);
  const ir::Shape& shape = function[reduce.args[0]].type.shape;
  std::set<ValueId> seen;
  std::vector<ValueId> stack = reduce.args;
  while (!stack.empty() && seen.size() < kMostVisited) {
    const ValueId v = stack.back();
    stack.pop_back();
    if (!seen.insert(v).second) continue;
    const Value& value = function[v];
    const ir::Form form = ir::def(value.op).form;
    if (form == ir::Form::Reduce && function[value.args[0]].type.shape == shape) {
      const auto& inner = std::get<std::vector<int64_t>>(value.attrs[1]);
      if (inner.size() < dims.size() &&
          std::includes(dims.begin(), dims.end(), inner.begin(), inner.end()))
        return &value;
    } else if (form == ir::Form::Map || form == ir::Form::View) {
      stack.insert(stack.end(), value.args.begin(), value.args.end());
    }
  }
  return nullptr;
}

/// The value that computes the same as the last one, `v`, which then goes; or `v`.
ValueId take_first(Function& function, ValueTable& table, ValueId v) {
  const ValueId first = table.unique(v);
  if (first == v) return v;
  unite_locs(function[first].locs, function[v].locs);
  if (function[first].name.empty()) function[first].name = function[v].name;
  function.values.pop_back();
  return first;
}

/// A reduction of what was computed with results of each row (a loss of a softmax) is made in two
/// steps: over the row, in the loop that is there already, then over the results of the rows.
void reduce_rows_first(Module& module, FunctionId f) {
  Rewriter rewriter(module, f);
  ValueTable table(module, f);
  const Function& old = rewriter.old();
  for (size_t i = old.params.size(); i < old.values.size(); ++i) {
    const Value& value = old.values[i];
    const ValueId v = rewriter.copy(ValueId(i));
    if (ir::def(value.op).form != ir::Form::Reduce) continue;
    const bool same_type = value.type.dtype == old[value.args[0]].type.dtype;
    const Value* inner = same_type ? inner_reduction(old, value) : nullptr;
    if (!inner) {
      rewriter.set(ValueId(i), take_first(module[f], table, v));
      continue;
    }
    Function& now = module[f];
    const auto& first = std::get<std::vector<int64_t>>(inner->attrs[1]);
    std::vector<int64_t> rest;  // of the dims, counted without the first
    for (int64_t d : std::get<std::vector<int64_t>>(value.attrs[1]))
      if (!std::binary_search(first.begin(), first.end(), d))
        rest.push_back(d - (std::lower_bound(first.begin(), first.end(), d) - first.begin()));
    Value outer = now[v];
    outer.attrs[1] = rest;
    now[v].attrs[1] = first;
    now[v].type.shape = inner->type.shape;
    now[v].name.clear();
    outer.args = {take_first(now, table, v)};
    rewriter.set(ValueId(i), append(now, std::move(outer)));
  }
  rewriter.finish();
}

/// Drops kernels and addresses that a module already has.
void undo_kernels(Function& function) {
  function.kernels.clear();
  for (Value& value : function.values) {
    value.kernel = {};
    value.storage.reset();
  }
}

Module form_kernels(Module module, Grouping (*group)(const Function&)) {
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const FunctionId f(i);
    if (!module[f].entry) continue;
    undo_kernels(module[f]);
    separate_constants(module, f);
    if (group == group_values) reduce_rows_first(module, f);
    erase_unused(module, f);
    const Function before = module[f];
    if (!KernelWriter(module, f, group(before)).run()) {
      module[f] = before;
      KernelWriter(module, f, single_groups(before)).run();
    }
  }
  if (module.stage == ir::Stage::Optimised) module.stage = ir::Stage::Fused;
  return module;
}

}  // namespace

Module fuse(Module module, PassContext&) { return form_kernels(std::move(module), group_values); }

Module split_kernels(Module module, PassContext&) {
  return form_kernels(std::move(module), single_groups);
}

}  // namespace netc::passes
