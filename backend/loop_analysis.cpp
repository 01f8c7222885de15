// Analysis of loop kernels, from sizes at full batch, strides and the CPU level only.
#include "backend/loop_analysis.h"

#include <algorithm>

#include "backend/cpu.h"
#include "backend/loops.h"
#include "backend/space.h"

namespace netc::backend {

using ir::Dim;
using ir::Form;
using ir::Shape;
using ir::ValueId;

namespace {

constexpr int64_t kSplitElements = 1 << 17;  ///< a reduction of less is not cut into blocks
constexpr int64_t kBlockElements = 1 << 15;
constexpr int64_t kMostBlocks = 64;
constexpr int64_t kKeptBytes = 16 << 10;  ///< values of a row that are kept: half of a small L1

/// Exponentials and the like.
bool is_costly(const ir::Value& value) {
  const ir::OpDef& def = ir::def(value.op);
  return def.scalar && def.scalar->ulp >= 1;
}

}  // namespace

int natural_lanes(CpuLevel level, const ir::Function& f, const Kernel& k) {
  bool four = false, eight = false;
  auto see = [&](ValueId v) {
    int64_t bytes = ir::byte_size(f[v].type.dtype);
    if (f[v].type.rank() == 0) return;
    four |= bytes == 4, eight |= bytes == 8;
  };
  for (ValueId v : k.values) {
    see(v);
    for (ValueId a : f[v].args) see(a);
  }
  return vector_bytes(level) / (eight && !four ? 8 : 4);
}

double cost_of_maps(const ir::Function& f, const Kernel& k) {
  double cost = 0;
  for (ValueId v : k.values) {
    const ir::OpDef& def = ir::def(f[v].op);
    cost += is_costly(f[v]) || def.form == Form::Leaf ? 20 : 1;
  }
  return cost;
}

double LoopAnalysis::cost() const { return 1 + cost_of_maps(f_, k_); }

double LoopAnalysis::elements() const {
  double n = 1;
  for (const Dim& d : full_) n *= double(e_.at_capacity(d));
  return n;
}

int64_t LoopAnalysis::row_elements() const {
  int64_t n = 1;
  for (size_t d = 0; d < full_.size(); ++d)
    if (folded_[d]) n *= e_.at_capacity(full_[d]);
  return n;
}

void LoopAnalysis::find_shapes() {
  for (ValueId v : k_.values) {
    Form form = ir::def(f_[v].op).form;
    if (form == Form::Contract || form == Form::Scatter || form == Form::Call)
      throw NotFused("not a loop kernel");
    if (form == Form::Reduce) reduces_.push_back(v);
  }
  if (reduces_.empty()) {
    full_ = f_[k_.yields.at(0)].type.shape;
    folded_.assign(full_.size(), false);
    for (ValueId y : k_.yields)
      if (!(f_[y].type.shape == full_)) throw NotFused("yields of several shapes");
    return;
  }
  full_ = f_[f_[reduces_[0]].args[0]].type.shape;
  folded_.assign(full_.size(), false);
  const auto& dims = std::get<std::vector<int64_t>>(f_[reduces_[0]].attrs[1]);
  for (int64_t d : dims) folded_[size_t(d)] = true;
  for (ValueId r : reduces_) {
    if (!(f_[f_[r].args[0]].type.shape == full_) ||
        std::get<std::vector<int64_t>>(f_[r].attrs[1]) != dims)
      throw NotFused("reductions of several shapes");
  }
  find_levels();
  Shape row = f_[reduces_[0]].type.shape;
  for (ValueId y : k_.yields) {
    const Shape& shape = f_[y].type.shape;
    if (shape == row)
      row_yields_.push_back(y);
    else if (shape == full_)
      full_yields_.push_back(y);
    else
      throw NotFused("a yield of another shape");
  }
  stores_with_fold_ = yields_without_reductions();
}

void LoopAnalysis::find_levels() {
  for (ValueId v : k_.values) {
    int n = 0;
    for (ValueId a : f_[v].args)
      if (k_.contains(a)) n = std::max(n, upstream_[a]);
    if (ir::def(f_[v].op).form == Form::Reduce) level_[v] = n++;
    upstream_[v] = n;
    levels_ = std::max(levels_, n);
  }
}

/// Then one nest reads all that the kernel reads: rows must not read what it has overwritten.
bool LoopAnalysis::yields_without_reductions() const {
  if (levels_ != 1 || full_yields_.empty()) return false;
  for (ValueId v : k_.values) {
    if (ir::def(f_[v].op).form == Form::Reduce || f_[v].type.shape == full_) continue;
    for (ValueId a : f_[v].args)
      if (!k_.contains(a) && outside_access(f_, k_, a)) return false;
  }
  return std::all_of(full_yields_.begin(), full_yields_.end(),
                     [&](ValueId y) { return upstream_.at(y) == 0; });
}

std::set<ValueId> LoopAnalysis::of_nest(const std::vector<ValueId>& roots) const {
  const Shape& shape = f_[f_[reduces_[0]].args[0]].type.shape;
  std::set<ValueId> seen;
  std::vector<ValueId> stack = roots;
  while (!stack.empty()) {
    const ValueId v = stack.back();
    stack.pop_back();
    const bool of_loop =
        k_.contains(v) && f_[v].type.shape == shape && ir::def(f_[v].op).form == Form::Map;
    if (!of_loop || !seen.insert(v).second) continue;
    stack.insert(stack.end(), f_[v].args.begin(), f_[v].args.end());
  }
  return seen;
}

/// Where lanes run along the row, of which a copy of one value then takes little of the cache.
void LoopAnalysis::choose_kept() {
  if (reduces_.empty() || !folds_lanes() || blocks_ > 1 || k_.sums_rows) return;
  std::vector<std::set<ValueId>> nests(size_t(levels_) + 1);
  for (ValueId r : reduces_) nests[size_t(level_.at(r))].merge(of_nest({f_[r].args[0]}));
  nests.back() = of_nest(full_yields_);
  int64_t bytes = 0;
  for (ValueId v : k_.values) {
    if (!is_costly(f_[v])) continue;
    std::vector<int> used;
    for (size_t n = 0; n < nests.size(); ++n)
      if (nests[n].contains(v)) used.push_back(int(n));
    const int64_t more = (row_elements() + e_.lanes) * ir::byte_size(f_[v].type.dtype);
    if (used.size() < 2 || bytes + more > kKeptBytes) continue;
    bytes += more;
    kept_.push_back({v, used[0]});
  }
}

std::optional<std::vector<std::vector<Dim>>> LoopAnalysis::all_strides() const {
  std::vector<std::vector<Dim>> all;
  auto note = [&](const ir::Type& type, const ir::Access& access) {
    const std::vector<Dim>& strides = access.strides;
    if (access.panels) return false;
    if (type.shape == full_) {
      all.push_back(strides);
      return true;
    }
    const std::vector<Dim> spread = of_full(strides);
    if (spread.size() == full_.size()) all.push_back(spread);
    return spread.size() == full_.size();
  };
  for (ValueId v : k_.values) {
    Form form = ir::def(f_[v].op).form;
    if (form != Form::Map && form != Form::Reduce) return {};
    for (ValueId a : f_[v].args) {
      if (k_.contains(a)) continue;
      auto access = outside_access(f_, k_, a);
      if (!access && ir::def(f_[a].op).form == Form::Leaf && f_[a].args.empty() &&
          !f_[a].attrs.empty() && std::holds_alternative<ir::Scalar>(f_[a].attrs[0]))
        continue;
      if (!access || !note(f_[a].type, *access)) return {};
    }
  }
  for (ValueId y : k_.yields)
    if (!note(f_[y].type, ir::stored_access(f_, y))) return {};
  return all;
}

void LoopAnalysis::merge_dims() {
  auto all = all_strides();
  if (!all || full_.size() < 2) return;
  Shape merged = full_;
  for (size_t d = 0; d + 1 < full_.size(); ++d) {
    if (folded_[d] != folded_[d + 1]) continue;
    // The size that the inner dim has as written: merged runs keep their inner strides.
    bool fits = std::all_of(all->begin(), all->end(), [&](const std::vector<Dim>& s) {
      return s[d] == s[d + 1] * full_[d + 1];
    });
    if (!fits) continue;
    merged[d + 1] = merged[d] * merged[d + 1];
    merged[d] = 1;
  }
  full_ = merged;
}

std::vector<Dim> LoopAnalysis::of_full(const std::vector<Dim>& strides) const {
  const auto rows = std::count(folded_.begin(), folded_.end(), false);
  if (int64_t(strides.size()) != rows) return strides;
  std::vector<Dim> spread;
  for (size_t d = 0, p = 0; d < full_.size(); ++d)
    spread.push_back(folded_[d] ? Dim(0) : strides[p++]);
  return spread;
}

std::optional<int> LoopAnalysis::lanes_across_rows(int natural) const {
  for (ValueId y : row_yields_) {
    const std::vector<Dim> strides = of_full(stored_strides(f_, y));
    for (size_t d = 0; d < strides.size(); ++d)
      if (strides[d] == Dim(1) && full_[d].is_constant() && full_[d].constant() >= natural)
        return int(d);
  }
  return {};
}

void LoopAnalysis::choose_lanes() {
  std::vector<double> score(full_.size(), 0.0);
  for (size_t d = 0; d < full_.size(); ++d) score[d] = 0.001 * double(d);
  auto see = [&](const ir::Type& type, const std::vector<Dim>& strides, double weight) {
    if (strides.size() != full_.size()) return;
    for (size_t d = 0; d < strides.size(); ++d)
      if (strides[d] == Dim(1)) score[d] += weight * double(ir::byte_size(type.dtype));
  };
  for (ValueId v : k_.values)
    for (ValueId a : f_[v].args)
      if (!k_.contains(a))
        if (auto access = outside_access(f_, k_, a)) see(f_[a].type, access->strides, 1);
  for (ValueId y : k_.yields) see(f_[y].type, stored_strides(f_, y), 2);
  const int natural = natural_lanes(e_.level, f_, k_);
  int best = -1;
  for (size_t d = 0; d < full_.size(); ++d) {
    if (e_.at_capacity(full_[d]) <= 1) continue;
    if (best < 0 || score[d] > score[size_t(best)]) best = int(d);
  }
  if (best >= 0 && folded_[size_t(best)] && e_.at_capacity(full_[size_t(best)]) * 2 <= natural)
    best = lanes_across_rows(natural).value_or(best);
  lane_dim_ = best;
  if (best < 0) return;
  e_.lanes = lanes_for(e_, full_[size_t(best)], natural);
  if (e_.lanes == 1) lane_dim_ = -1;
  int64_t fit = e_.at_capacity(full_[size_t(best)]) / e_.lanes;
  if (!reduces_.empty() && cost() <= 12) unroll_ = fit >= 4 ? 4 : fit >= 2 ? 2 : 1;
  choose_blocks();
  choose_kept();
}

void LoopAnalysis::choose_blocks() {
  if (reduces_.empty()) return;
  int64_t units = 1;
  for (size_t d = 0; d < full_.size(); ++d) {
    if (folded_[d]) continue;
    int64_t n = e_.at_capacity(full_[d]);
    int64_t unit = int(d) == lane_dim_ ? int64_t(e_.lanes) * unroll_ : 1;
    units *= (n + unit - 1) / unit;
  }
  double size = elements();
  bool few = units < 8 && size >= double(kSplitElements);
  bool tall = !folds_lanes() && units < 64 && size >= double(8 * kSplitElements);
  if (!few && !tall) return;
  int best = -1;
  for (size_t d = 0; d < full_.size(); ++d) {
    if (!folded_[d] || int(d) == lane_dim_) continue;
    if (best < 0 || e_.at_capacity(full_[d]) > e_.at_capacity(full_[size_t(best)])) best = int(d);
  }
  int64_t wanted = std::clamp<int64_t>(int64_t(size) / kBlockElements, 2, kMostBlocks);
  if (best < 0 || e_.at_capacity(full_[size_t(best)]) < wanted) {
    if (!folds_lanes()) return;
    best = lane_dim_;
  }
  split_dim_ = size_t(best);
  int64_t n = e_.at_capacity(full_[split_dim_]);
  block_ = (n + wanted - 1) / wanted;
  if (best == lane_dim_) {
    int64_t group = int64_t(e_.lanes) * unroll_;
    block_ = (block_ + group - 1) / group * group;
  }
  blocks_ = (n + block_ - 1) / block_;
}

}  // namespace netc::backend
