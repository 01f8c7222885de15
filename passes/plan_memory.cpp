// The pass `plan_memory`: gives every stored value its place in one arena. Parameters and states of
// a model come first, at the same offsets in all its entries; then inputs and what kernels store,
// placed by lifetime. Lifetimes are counted in phases, since the kernels of a phase may run side by
// side. The new value of a parameter ends in the parameter's own bytes.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "passes/contract.h"
#include "passes/grouping.h"
#include "passes/pack_arena.h"
#include "passes/passes.h"
#include "passes/plan.h"

namespace netc::passes {

using ir::Function;
using ir::FunctionId;
using ir::Module;
using ir::Role;
using ir::Type;
using ir::Value;
using ir::ValueId;

namespace {

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

[[noreturn]] void too_large(const Module& module, const Value& value) {
  ir::Diagnostic d;
  d.code = "E0310";
  d.message = "a tensor is too large for this machine: " + str(value.type);
  d.place = user_place(module, value.locs);
  throw ir::DiagnosticError(std::move(d));
}

int64_t bytes_of(const Module& module, const Value& value, int64_t batch) {
  const auto bytes = stored_bytes(value, batch);
  if (!bytes || *bytes > kForever / 64) too_large(module, value);
  return *bytes;
}

/// Memory is laid out for full batches: smaller ones must not need more of it.
void refuse_shrinking(const Module& module, const Value& value, int64_t batch) {
  for (const ir::Dim& size : value.type.shape) {
    if (size.is_constant()) continue;
    const auto terms = size.coefficients("batch");
    if (terms && std::all_of(terms->begin(), terms->end(), [](int64_t c) { return c >= 0; }))
      continue;
    const auto full = size.evaluate({{"batch", batch}});
    for (int64_t n = 1; full && n < batch; ++n) {
      const int64_t smaller = size.evaluate({{"batch", n}}).value_or(0);
      if (smaller <= *full) continue;
      ir::Diagnostic d;
      d.code = "E0310";
      d.message =
          fmt::format("a size is larger for smaller batches: {} is {} for a batch of {}, {} for {}",
                      size.str(), *full, batch, smaller, n);
      d.place = user_place(module, value.locs);
      d.helps.emplace_back("write the batch as a number in the inputs' types: `[64, ...]`");
      throw ir::DiagnosticError(std::move(d));
    }
  }
}

/// The padded row of a value, where it needs one.
std::optional<int64_t> padded_row_of(const Type& type) {
  if (type.rank() < 2 || !type.shape.back().is_constant()) return {};
  return padded_row(type.shape.back().constant(), type.dtype);
}

bool has_panels(const Value& value) { return value.storage && value.storage->panel; }

using Homes = std::map<std::string, ir::Storage>;  ///< places of parameters and states

/// Plans one entry point.
class Planner {
 public:
  Planner(Module& module, FunctionId f, int64_t batch, const Homes& homes, int64_t persistent_end)
      : module_(module), f_(f), batch_(batch), homes_(homes), persistent_end_(persistent_end) {}

  void run() {
    for (const Value& value : function().values) refuse_shrinking(module_, value, batch_);
    add_copies();
    find_uses();
    place_persistent();
    pad_rows();
    find_phases();
    share_dying();
    place_buffers();
  }

 private:
  Module& module_;
  FunctionId f_;
  int64_t batch_;
  const Homes& homes_;
  int64_t persistent_end_;
  KernelUses uses_;
  std::vector<int64_t> phase_;     ///< by kernel position
  std::vector<ValueId> takes_;     ///< by value: the value whose bytes it takes over
  std::vector<bool> returned_;     ///< by value: whether it is a result
  std::vector<bool> read_at_end_;  ///< by value: whether a result is it or a view of it

  Function& function() { return module_[f_]; }

  /// Parameters and states by the names of the results that are their next values.
  std::map<std::string, ValueId> owners() {
    std::map<std::string, ValueId> owners;
    for (const ir::Parameter& p : function().params)
      if (p.role == Role::Param || p.role == Role::State)
        owners.try_emplace("new_" + function()[p.value].name, p.value);
    return owners;
  }

  /// Where a new value cannot be written over the old one, it is copied there by a last kernel.
  void add_copies() {
    find_uses();
    const auto owner = owners();
    std::vector<std::pair<size_t, ValueId>> wanted;
    for (size_t r = 0; r < function().results.size(); ++r) {
      const auto found = owner.find(function().results[r].name);
      if (found == owner.end()) continue;
      const ValueId old = found->second;
      const ValueId now = function().results[r].value;
      if (function()[now].type == function()[old].type && may_overwrite(now, old)) {
        takes_[now.index] = old;
      } else {
        wanted.emplace_back(r, old);
      }
    }
    NewKernels new_kernels(function());
    for (const auto& [r, old] : wanted) {
      const ValueId now = function().results[r].value;
      const std::string name = function().results[r].name;
      if (function()[now].name == name) function()[now].name.clear();
      const ir::KernelId kernel = new_kernels.add(function());
      ir::Builder b(module_, f_);
      b.locs = function()[now].locs;
      const ValueId copy = b.copy(now);
      function()[copy].name = name;
      function()[copy].kernel = kernel;
      function()[copy].remark = "copied: the old value is still read";
      // A constant is written where it is wanted only: nothing is left for its own kernel to do.
      if (function()[now].op == ir::Op::constant) function()[now].kernel = {};
      function().results[r].value = copy;
      takes_.resize(function().values.size());
      takes_[copy.index] = old;
    }
  }

  void find_uses() {
    uses_ = kernel_uses(function());
    takes_.resize(function().values.size());
    returned_.assign(function().values.size(), false);
    read_at_end_ = returned_;
    for (const ir::Result& r : function().results) {
      if (!r.value) continue;
      returned_[r.value.index] = true;
      read_at_end_[uses_.root[r.value.index].index] = true;
    }
  }

  /// Whether `now` may be written over `old`, a value that dies in the kernel of `now`.
  bool may_overwrite(ValueId now, ValueId old) {
    const int64_t writer = uses_.kernel_of[now.index];
    if (writer < 0) return false;
    for (int64_t reader : uses_.readers[old.index])
      if (reader > writer) return false;
    return !read_at_end_[old.index] && reads_in_step(function(), uses_, now, old);
  }

  /// Inputs and what kernels store for each other.
  void pad_rows() {
    Function& f = function();
    for (size_t i = 0; i < f.values.size(); ++i) {
      const ValueId v(i);
      const bool passed_on = f[v].kernel && !takes_[i] && !is_result(v) && leaves_kernel(v);
      const auto row = padded_row_of(f[v].type);
      if (row && (is_input(v) || passed_on)) f[v].storage = ir::Storage{0, row, {}};
    }
    for (size_t i = 0; i < f.values.size(); ++i) {
      const ValueId root = uses_.root[i];
      const bool free_to_move = f[root].kernel || is_input(root);
      if (free_to_move && !stays_affine(f, ValueId(i))) f[root].storage.reset();
    }
  }

  bool is_input(ValueId v) {
    return is_parameter(function(), v) && function().params[v.index].role == Role::Input;
  }

  bool is_result(ValueId v) { return returned_[v.index]; }
  bool leaves_kernel(ValueId v) { return !uses_.readers[v.index].empty(); }

  bool is_stored(ValueId v) {
    return function()[v].kernel && (leaves_kernel(v) || is_result(v) || takes_[v.index]);
  }

  void place_persistent() {
    Function& f = function();
    for (const ir::Parameter& p : f.params)
      if (p.role == Role::Param || p.role == Role::State)
        f[p.value].storage = homes_.at(f[p.value].name);
  }

  /// A kernel joins the phase before it when it needs nothing of it: it reads nothing written there
  /// and overwrites nothing read there.
  void find_phases() {
    phase_.assign(uses_.kernels.size(), 0);
    int64_t now = 0;
    for (size_t k = 0; k < uses_.kernels.size(); ++k) {
      for (ValueId v : uses_.kernels[k].reads) {
        const int64_t writer = uses_.kernel_of[v.index];
        if (writer >= 0 && phase_[size_t(writer)] >= now) now = phase_[size_t(writer)] + 1;
      }
      for (ValueId v : uses_.kernels[k].values) {
        if (!takes_[v.index]) continue;
        const ValueId old = takes_[v.index];
        for (int64_t reader : uses_.readers[old.index])
          if (reader != int64_t(k) && phase_[size_t(reader)] >= now)
            now = phase_[size_t(reader)] + 1;
      }
      phase_[k] = now;
    }
  }

  int64_t last_phase(ValueId v) {
    if (is_result(v)) return kForever;
    int64_t last = phase_[size_t(uses_.kernel_of[v.index])];
    for (int64_t reader : uses_.readers[v.index]) last = std::max(last, phase_[size_t(reader)]);
    return last;
  }

  /// Intermediate values that die in a kernel give their bytes to a value it stores.
  void share_dying() {
    for (size_t k = 0; k < uses_.kernels.size(); ++k) {
      std::vector<Dying> lists;
      for (ValueId old : uses_.kernels[k].reads)
        if (gives_bytes(old, k)) list_for(lists, old).values.push_back(old);
      for (ValueId now : uses_.kernels[k].values) {
        if (lists.empty()) break;
        if (!is_stored(now) || takes_[now.index]) continue;
        auto& olds = list_for(lists, now).values;
        const auto old = std::find_if(olds.begin(), olds.end(),
                                      [&](ValueId v) { return may_overwrite(now, v); });
        if (old == olds.end()) continue;
        takes_[now.index] = *old;
        olds.erase(old);
      }
    }
  }

  /// Values of one type and with the same rows that may be overwritten.
  struct Dying {
    ValueId like;
    std::vector<ValueId> values;
  };

  Dying& list_for(std::vector<Dying>& lists, ValueId v) {
    const Function& f = function();
    const auto found = std::find_if(lists.begin(), lists.end(), [&](const Dying& list) {
      return f[list.like].type == f[v].type && same_rows(f[list.like], f[v]);
    });
    if (found != lists.end()) return *found;
    lists.push_back({v, {}});
    return lists.back();
  }

  /// Whether kernel `k` is the last reader of a value that is no parameter's new one.
  bool gives_bytes(ValueId v, size_t k) {
    const bool of_parameter = takes_[v.index] && is_parameter(function(), takes_[v.index]);
    return uses_.kernel_of[v.index] >= 0 && !of_parameter && !read_at_end_[v.index] &&
           dies_in(v, k);
  }

  static bool same_rows(const Value& a, const Value& b) {
    const auto rows = [](const Value& v) {
      return v.storage ? v.storage->leading_stride : std::nullopt;
    };
    return rows(a) == rows(b);
  }

  /// Whether no other kernel of the phase of `k` reads `v`.
  bool dies_in(ValueId v, size_t k) {
    return std::all_of(
        uses_.readers[v.index].begin(), uses_.readers[v.index].end(),
        [&](int64_t reader) { return reader == int64_t(k) || phase_[size_t(reader)] < phase_[k]; });
  }

  void place_buffers() {
    Function& f = function();
    std::vector<Buffer> buffers;
    std::vector<std::optional<size_t>> held(f.values.size());  // by value: its buffer
    for (size_t i = 0; i < f.values.size(); ++i) {
      const ValueId v(i);
      if (is_input(v)) {
        held[i] = buffers.size();
        buffers.push_back({bytes_of(module_, f[v], batch_), 0, kForever});
      } else if (is_stored(v)) {
        held[i] = add_buffer(v, held, buffers);
      }
    }
    const auto offsets = pack_arena(buffers, persistent_end_);
    for (size_t i = 0; i < f.values.size(); ++i) {
      if (takes_[i] && is_stored(ValueId(i)))
        f.values[i].storage = f[takes_[i]].storage;
      else if (held[i])
        set_offset(ValueId(i), offsets[*held[i]]);
    }
  }

  /// The buffer of a stored value, a new one unless it takes over another value's; none when that
  /// is a parameter.
  std::optional<size_t> add_buffer(ValueId v, const std::vector<std::optional<size_t>>& held,
                                   std::vector<Buffer>& buffers) {
    if (const ValueId old = takes_[v.index]) {
      if (const auto at = held[old.index])
        buffers[*at].last = std::max(buffers[*at].last, last_phase(v));
      return held[old.index];
    }
    buffers.push_back({bytes_of(module_, function()[v], batch_),
                       phase_[size_t(uses_.kernel_of[v.index])], last_phase(v)});
    return buffers.size() - 1;
  }

  void set_offset(ValueId v, int64_t offset) {
    auto& storage = function()[v].storage;
    if (!storage) storage = ir::Storage{};
    storage->offset = offset;
  }
};

/// Parameters and states with a view that could not be read if their rows were padded.
std::set<std::string> dense_names(Module& module, const std::vector<FunctionId>& entries) {
  std::set<std::string> names;
  for (FunctionId id : entries) {
    Function& f = module[id];
    for (const ir::Parameter& p : f.params)
      if (p.role != Role::Input && !has_panels(f[p.value]))
        f[p.value].storage = ir::Storage{0, padded_row_of(f[p.value].type), {}};
    const auto root = kernel_uses(f).root;
    for (size_t i = f.params.size(); i < f.values.size(); ++i)
      if (!stays_affine(f, ValueId(i))) names.insert(f[root[i]].name);
  }
  return names;
}

/// Places of a model's parameters and states, in the order of `M.train`, then as they come.
Homes persistent_region(Module& module, const std::vector<FunctionId>& entries, int64_t& end) {
  const auto dense = dense_names(module, entries);
  Homes homes;
  for (FunctionId f : entries) {
    for (const ir::Parameter& p : module[f].params) {
      if (p.role != Role::Param && p.role != Role::State) continue;
      Value value = module[f][p.value];
      if (homes.contains(value.name)) continue;
      if (!has_panels(value)) {
        value.storage.emplace();
        if (!dense.contains(value.name)) value.storage->leading_stride = padded_row_of(value.type);
      }
      value.storage->offset = end;
      homes[value.name] = *value.storage;
      end += aligned(bytes_of(module, value, 1));
    }
  }
  return homes;
}

}  // namespace

Module plan_memory(Module module, PassContext& context) {
  const int64_t batch = std::max<int64_t>(context.batch_capacity, 1);
  for (const std::string& model : module.models()) {
    std::vector<FunctionId> entries = entries_of(module, model);
    for (FunctionId f : entries) {
      undo_unfit_kernels(module, f);
      isolate_loose_values(module, f);
    }
    int64_t end = 0;
    const auto homes = persistent_region(module, entries, end);
    std::sort(entries.begin(), entries.end());
    entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    for (FunctionId f : entries) Planner(module, f, batch, homes, end).run();
  }
  if (module.stage == ir::Stage::Fused) module.stage = ir::Stage::Plan;
  return module;
}

}  // namespace netc::passes
