// The pass `stream`: kernels that read the same large operand row by row (a forward contraction,
// the loss, the gradient of the weights) become one, which takes a block of rows through all of
// them while it is in the cache. Where that does not pay, the kernel's remark says why.
#include "ir/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "passes/contract.h"
#include "passes/grouping.h"
#include "passes/passes.h"
#include "passes/plan.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::Function;
using ir::FunctionId;
using ir::KernelId;
using ir::Module;
using ir::RowRole;
using ir::Value;
using ir::ValueId;

namespace {

/// Multiplications for each byte that is not moved: beyond, blocks of few rows cost more than that.
constexpr double kMostWork = 32;

class Streams {
 public:
  Streams(Module& module, FunctionId f, PassContext& context)
      : module_(module), f_(f), context_(context), excluded_(module[f].kernels.size(), false) {}

  void run() {
    while (stream_some()) {
    }
    number_kernels();
    erase_unused(module_, f_);
  }

 private:
  Module& module_;
  FunctionId f_;
  PassContext& context_;
  std::vector<bool> excluded_;  ///< by kernel id
  KernelUses uses_;
  std::vector<RowRole> roles_;  ///< by position of the kernel; None: takes no part

  Function& function() { return module_[f_]; }
  const Value& value(ValueId v) const { return module_[f_][v]; }
  KernelId id(size_t k) const { return value(uses_.kernels[k].values[0]).kernel; }

  bool has_rows(ValueId v) const {
    const auto& shape = value(v).type.shape;
    return !shape.empty() && shape[0] == ir::Dim::symbol("batch");
  }
  int64_t bytes(ValueId v) const {
    return stored_bytes(value(v), std::max<int64_t>(context_.batch_capacity, 1)).value_or(0);
  }
  bool is_large(ValueId v) const { return has_rows(v) && bytes(v) > context_.target.large; }

  /// Multiplications of the contraction that heads kernel `k`.
  double multiplications(size_t k) const {
    double count = 0;
    for (ValueId v : uses_.kernels[k].values) {
      if (ir::def(value(v).op).form != ir::Form::Contract) continue;
      const std::string& spec = std::get<std::string>(value(v).attrs[0]);
      std::map<char, double> sizes;
      for (size_t a = 0, at = 0; a < 2; ++a, ++at)
        for (const ir::Dim& d : value(value(v).args[a]).type.shape)
          sizes[spec[at++]] =
              d.is_constant() ? double(d.constant()) : double(context_.batch_capacity);
      double product = 1;
      for (const auto& [label, size] : sizes) product *= size;
      count += product;
    }
    return count;
  }

  /// Kernels that work on rows and need no sum over all rows first.
  void find_candidates() {
    uses_ = kernel_uses(function());
    const size_t count = uses_.kernels.size();
    roles_.assign(count, RowRole::None);
    std::vector<bool> late(count, false), after(count, false);  // needs a sum; needs a candidate
    for (size_t k = 0; k < count; ++k) {
      const auto& values = uses_.kernels[k].values;
      for (ValueId v : uses_.kernels[k].reads) {
        const int64_t source = uses_.kernel_of[v.index];
        if (source < 0) continue;
        const auto s = size_t(source);
        after[k] = after[k] || after[s] || roles_[s] != RowRole::None;
        late[k] = late[k] || late[s] || roles_[s] == RowRole::Summed ||
                  (roles_[s] == RowRole::None && after[s]);
      }
      if (late[k] || excluded_[id(k).index] || !ir::nests_of(function(), values).empty()) continue;
      roles_[k] = ir::row_role(function(), values);
    }
  }

  /// Candidates that hang together by what they hand on and by large operands that they share.
  std::vector<std::vector<size_t>> groups() const {
    std::vector<size_t> leader(uses_.kernels.size());
    std::iota(leader.begin(), leader.end(), size_t(0));
    const auto find = [&](size_t k) {
      while (leader[k] != k) k = leader[k];
      return k;
    };
    std::map<ValueId, size_t> first;
    for (size_t k = 0; k < uses_.kernels.size(); ++k) {
      if (roles_[k] == RowRole::None) continue;
      for (ValueId v : uses_.kernels[k].reads) {
        const int64_t source = uses_.kernel_of[v.index];
        const bool handed_on = source >= 0 && roles_[size_t(source)] != RowRole::None;
        if (!has_rows(v) || (!handed_on && !is_large(v))) continue;
        const size_t other = handed_on ? size_t(source) : first.emplace(v, k).first->second;
        leader[find(k)] = find(other);
      }
    }
    std::map<size_t, std::vector<size_t>> out;
    for (size_t k = 0; k < uses_.kernels.size(); ++k)
      if (roles_[k] != RowRole::None) out[find(k)].push_back(k);
    std::vector<std::vector<size_t>> list;
    for (auto& [l, members] : out)
      if (members.size() > 1) list.push_back(std::move(members));
    return list;
  }

  /// Large values and by how many kernels of a group each is read or written.
  std::map<ValueId, int> touches(const std::vector<size_t>& members) const {
    std::map<ValueId, int> count;
    for (size_t k : members) {
      for (ValueId v : uses_.kernels[k].reads)
        if (is_large(v)) ++count[v];
      for (ValueId v : uses_.kernels[k].values)
        if (is_large(v) && !uses_.readers[v.index].empty()) ++count[v];
    }
    std::erase_if(count, [](const auto& entry) { return entry.second < 2; });
    return count;
  }

  /// Bytes that stay in the cache while rows pass: operands without rows, and sums.
  int64_t resident_bytes(const std::vector<size_t>& members) const {
    std::set<ValueId> values;
    for (size_t k : members) {
      for (ValueId v : uses_.kernels[k].reads)
        if (!has_rows(v)) values.insert(v);
      for (ValueId v : uses_.kernels[k].values)
        if (roles_[k] == RowRole::Summed && ir::def(value(v).op).form != ir::Form::Map)
          values.insert(v);
    }
    int64_t sum = 0;
    for (ValueId v : values)
      if (!has_rows(v)) sum += bytes(v);
    return sum;
  }

  bool stream_some() {
    find_candidates();
    const auto list = groups();
    for (const auto& members : list) {
      const auto shared = touches(members);
      if (shared.empty()) continue;
      if (const auto reason = against(members, shared); !reason.empty()) {
        // Without its heaviest kernel the rest may do.
        const size_t heaviest = *std::max_element(
            members.begin(), members.end(),
            [&](size_t a, size_t b) { return resident_bytes({a}) < resident_bytes({b}); });
        ir::Kernel& kernel = function().kernels[id(heaviest).index];
        if (kernel.remark.empty()) kernel.remark = "not streamed: " + reason;
        excluded_[id(heaviest).index] = true;
        return true;
      }
      if (!context_.rewrite("stream.kernels")) return false;
      if (!merge(members, shared))
        for (size_t k : members) excluded_[id(k).index] = true;
      return true;
    }
    // What waits for sums over these rows may stream after them.
    bool any = false;
    for (size_t k = 0; k < roles_.size(); ++k) {
      any = any || roles_[k] != RowRole::None;
      if (roles_[k] != RowRole::None) excluded_[id(k).index] = true;
    }
    return any;
  }

  /// What speaks against streaming a group; empty when nothing does.
  std::string against(const std::vector<size_t>& members,
                      const std::map<ValueId, int>& shared) const {
    const int64_t resident = resident_bytes(members);
    if (resident > context_.target.l2 / 2)
      return fmt::format("{} KiB of weights and sums would leave no cache for the rows",
                         resident >> 10);
    double saved = 0, work = 0;
    for (const auto& [v, count] : shared) saved += double(count - 1) * double(bytes(v));
    for (size_t k : members) work += multiplications(k);
    if (work > kMostWork * saved)
      return fmt::format("{:.0f} multiplications for each byte that is read again", work / saved);
    return {};
  }

  /// Makes `members` one kernel; false when they do not keep the contract together.
  bool merge(const std::vector<size_t>& members, const std::map<ValueId, int>& shared) {
    const Function before = function();
    const KernelId kernel = id(members[0]);
    // Rows first, then sums: nothing here waits for them.
    std::map<ValueId, std::pair<int, ValueId>> place;
    for (size_t k : members)
      for (ValueId v : uses_.kernels[k].values)
        place[v] = {roles_[k] == RowRole::Summed ? 1 : 0, v};
    const ValueId last = place.rbegin()->first;
    take_views(place);
    std::vector<bool> inner(function().values.size(), false);
    std::vector<std::pair<std::pair<int, ValueId>, ValueId>> order;
    for (const auto& [v, at] : place) {
      inner[v.index] = true;
      order.emplace_back(at, v);
      function()[v].kernel = kernel;
    }
    std::sort(order.begin(), order.end());
    std::vector<ValueId> run;
    for (const auto& [at, v] : order) run.push_back(v);
    if (!reorder(run, inner, last)) {
      function() = before;
      return false;
    }
    const KernelUses uses = kernel_uses(function());
    for (size_t k = 0; k < uses.kernels.size(); ++k) {
      if (function()[uses.kernels[k].values[0]].kernel != kernel) continue;
      if (ir::nests_of(function(), uses.kernels[k].values).empty() ||
          contract_violation(function(), uses, k)) {
        function() = before;
        return false;
      }
    }
    std::vector<std::string> names;
    for (const auto& [v, count] : shared)
      if (!before[v].name.empty()) names.push_back(before[v].name);
    function().kernels[kernel.index].remark =
        "batch streamed" + (names.empty() ? ""
                                          : fmt::format(": {} {} read once", fmt::join(names, ", "),
                                                        names.size() == 1 ? "is" : "are"));
    return true;
  }

  /// Members read free views of each other through copies of their own, next to the original.
  void take_views(std::map<ValueId, std::pair<int, ValueId>>& place) {
    Function& f = function();
    std::map<ValueId, ValueId> copies;
    const std::function<ValueId(ValueId)> taken = [&](ValueId a) {
      const bool free = is_view(f[a]) && !f[a].kernel && uses_.root[a.index] != a;
      if (!free || !place.contains(uses_.root[a.index])) return a;
      if (const auto made = copies.find(a); made != copies.end()) return made->second;
      Value copy = f[a];
      f[a].name.clear();
      copy.args = {taken(copy.args[0])};
      const ValueId v = append(f, std::move(copy));
      place[v] = {0, a};
      return copies[a] = v;
    };
    std::vector<ValueId> members;
    for (const auto& [v, at] : place) members.push_back(v);
    for (ValueId v : members)
      for (size_t i = 0; i < f[v].args.size(); ++i) {
        const ValueId now = taken(f[v].args[i]);
        f[v].args[i] = now;
      }
  }

  /// Puts the values of `run` one after the other, as late as `last` stood, and what they need
  /// before them. False when that is a circle.
  bool reorder(const std::vector<ValueId>& run, const std::vector<bool>& inner, ValueId last) {
    Function& f = function();
    const size_t count = f.values.size();
    // Outside, but in need of what is inside, or in one kernel with such a value.
    std::vector<bool> behind(count, false), kernel_behind(f.kernels.size(), false);
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t i = 0; i < count; ++i) {
        if (behind[i]) continue;
        const Value& value = f.values[i];
        behind[i] = std::any_of(value.args.begin(), value.args.end(), [&](ValueId a) {
          return behind[a.index] || (!inner[i] && inner[a.index]);
        });
        if (value.kernel && kernel_behind[value.kernel.index]) behind[i] = true;
        if (behind[i] && inner[i]) return false;
        if (behind[i] && value.kernel) kernel_behind[value.kernel.index] = true;
        changed = changed || behind[i];
      }
    }
    std::vector<ValueId> order;
    for (size_t i = 0; i < count; ++i)
      if (!inner[i] && !behind[i] && i < last.index) order.emplace_back(i);
    order.insert(order.end(), run.begin(), run.end());
    for (size_t i = 0; i < count; ++i)
      if (!inner[i] && (behind[i] || i >= last.index)) order.emplace_back(i);
    std::vector<ValueId> now(count);
    for (size_t i = 0; i < count; ++i) now[order[i].index] = ValueId(i);
    std::vector<Value> values;
    for (ValueId v : order) values.push_back(std::move(f.values[v.index]));
    f.values = std::move(values);
    for (Value& v : f.values)
      for (ValueId& a : v.args) a = now[a.index];
    for (ir::Result& r : f.results)
      if (r.value) r.value = now[r.value.index];
    return true;
  }

  /// Kernels are numbered as they run.
  void number_kernels() {
    Function& f = function();
    std::vector<ir::Kernel> kernels;
    std::map<KernelId, KernelId> now;
    for (Value& v : f.values) {
      if (!v.kernel) continue;
      const auto [at, added] = now.try_emplace(v.kernel, KernelId(kernels.size()));
      if (added)
        kernels.push_back({fmt::format("k{}", kernels.size()), f.kernels[v.kernel.index].remark});
      v.kernel = at->second;
    }
    f.kernels = std::move(kernels);
  }
};

}  // namespace

Module stream_batch(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.functions[i].entry) Streams(module, FunctionId(i), context).run();
  return module;
}

}  // namespace netc::passes
