// Groups are grown in one walk from first to last value. A value joins the group of an operand when
// the kernel contract allows it there and no cycle of groups arises; otherwise it floats. What must
// lie in memory is known before the walk: operands of contractions, results, operands of views.
#include "passes/grouping.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "passes/group_order.h"
#include "passes/pull.h"

namespace netc::passes {

using ir::Form;
using ir::Function;
using ir::Value;
using ir::ValueId;

namespace {

// Bounds that keep the code of a kernel small.
constexpr int kMaxDepth = 128;     ///< of elementwise ops on top of each other
constexpr int kMaxGroupOps = 512;  ///< behind a contraction or reduction, or for a value not stored
constexpr size_t kMostLeaves = 32;      ///< that are looked for behind one value
constexpr int kMaxStoredTogether = 64;  ///< values stored by one plain loop, sums by one with sums

/// What a value is to the group that is its home.
enum class Place : uint8_t {
  None,
  Full,  ///< an element for each of the loop
  Row,   ///< an element for each row, the loop's shape without the folded dims
  Chain  ///< a view on the way from Row to Full
};

class Grower {
 public:
  explicit Grower(const Function& function)
      : f_(function),
        must_store_(function.values.size(), false),
        leads_to_store_(function.values.size(), false),
        read_dense_(function.values.size(), false),
        pure_(function.values.size(), false),
        place_(function.values.size(), Place::None),
        origins_(function.values.size()),
        depth_(function.values.size(), 0),
        again_(function.values.size(), 0),
        visited_(function.values.size(), 0),
        uses_(use_counts(function)) {
    out_.home.assign(function.values.size(), kNoGroup);
    out_.stored.assign(function.values.size(), false);
  }

  Grouping run();
  Grouping run_single();

 private:
  const Function& f_;
  Grouping out_;
  std::vector<bool> must_store_;
  std::vector<bool> leads_to_store_;  ///< stored, or the operand of such an elementwise value
  std::vector<bool> read_dense_;      ///< read by what needs it in memory
  std::vector<bool> pure_;            ///< elementwise from stored values and affine views of them
  std::vector<Place> place_;
  std::vector<std::set<uint32_t>> origins_;  ///< groups that a value needs
  std::vector<int> depth_;                   ///< ops between a value and what lies in memory
  std::vector<int> again_;                   ///< floating ops that a reader computes, itself too
  /// What a group has become so far.
  struct Extent {
    uint32_t loop;   ///< number of its form, shape and folded dims
    uint32_t plain;  ///< number of the plain loops in whose place it may store values, or its own
    int ops;         ///< values that joined it
    int reductions;  ///< that share its loop
    int again;       ///< floating ops that it computes for values of a plain loop
  };
  std::vector<Extent> extents_;  ///< by group
  std::map<std::tuple<Form, ir::Shape, std::vector<int64_t>>, uint32_t> loops_;
  GroupOrder order_;
  /// Groups by loop and by a leaf that they read; loops of one element under an absent leaf too.
  std::map<std::pair<uint32_t, ValueId>, std::set<uint32_t>> reading_;
  mutable std::vector<uint32_t> visited_;  ///< by value: the last walk that came here
  mutable uint32_t walks_ = 0;
  std::vector<uint32_t> uses_;

  void find_must_store();
  void store_operand(ValueId v);
  void visit(ValueId v);
  void visit_map(ValueId v);
  void visit_view(ValueId v);
  void visit_reduce(ValueId v);
  void visit_heavy(ValueId v, Form form);
  bool belongs_behind(uint32_t g, ValueId v) const;
  bool fits(uint32_t g, ValueId v, Place& place);
  bool may_read(uint32_t g, ValueId operand) const;
  void read(uint32_t g, ValueId operand);
  void read_leaves(uint32_t g, ValueId operand);
  void float_or_store(ValueId v);
  int count_again(ValueId v);
  void store_alone(ValueId v, const std::set<uint32_t>& avoid = {});
  void settle(ValueId v, uint32_t g, Place place);
  uint32_t add_group(Form form, ir::Shape shape, std::vector<int64_t> dims = {});
  void collect_leaves(ValueId v, std::set<ValueId>& leaves) const;
  void add_leaves(uint32_t g, const std::set<ValueId>& leaves);
  template <class Suitable>
  uint32_t newest_reader(uint32_t loop, const std::set<ValueId>& leaves, Suitable suitable) const;
  bool resolve();
};

void Grower::store_operand(ValueId v) {
  // Down the views as far as the access stays affine; what breaks it is made dense, and with it the
  // views in front that nothing else looks through.
  std::vector<ValueId> path{v};
  while (is_view(f_[path.back()]) && !must_store_[path.back().index]) {
    const Value& view = f_[path.back()];
    if (view.args.size() != 1 || !access_from(f_, v, view.args[0])) break;
    path.push_back(view.args[0]);
  }
  const bool made_dense = is_view(f_[path.back()]) && !must_store_[path.back().index];
  while (made_dense && path.size() > 1 && uses_[path.back().index] == 1 &&
         !repeats_elements(f_, f_[path[path.size() - 2]]))
    path.pop_back();
  must_store_[path.back().index] = true;
}

void Grower::find_must_store() {
  for (const ir::Result& r : f_.results)
    if (r.value) must_store_[r.value.index] = true;
  for (const Value& value : f_.values) {
    const Form form = ir::def(value.op).form;
    if (form == Form::Contract) {
      for (ValueId a : value.args) store_operand(a);
    } else if ((form == Form::Gather && value.args.size() > 1) || form == Form::Leaf) {
      for (ValueId a : value.args)
        if (form == Form::Leaf || a == value.args[0]) store_operand(a);
    }
  }
  for (size_t i = f_.values.size(); i-- > 0;) {
    const Form form = ir::def(f_.values[i].op).form;
    leads_to_store_[i] = leads_to_store_[i] || must_store_[i];
    for (ValueId a : f_.values[i].args) {
      if (form != Form::Map) read_dense_[a.index] = true;
      if (form == Form::Map && leads_to_store_[i]) leads_to_store_[a.index] = true;
    }
  }
}

/// Whether group g may read a value that is computed before it.
bool Grower::may_read(uint32_t g, ValueId operand) const {
  return std::none_of(origins_[operand.index].begin(), origins_[operand.index].end(),
                      [&](uint32_t h) { return order_.needs(h, g); });
}

void Grower::read(uint32_t g, ValueId operand) {
  for (uint32_t h : origins_[operand.index]) order_.add_edge(g, h);
}

/// Whether a loop stores values of its shape that do not depend on its reductions. Not over the
/// batch: there sums and values of each row are kernels of their own, which may stream.
bool takes_stores(const Group& group) {
  if (group.form == Form::Map) return true;
  return group.form == Form::Reduce &&
         std::all_of(group.shape.begin(), group.shape.end(),
                     [](const ir::Dim& d) { return d.is_constant(); });
}

uint32_t Grower::add_group(Form form, ir::Shape shape, std::vector<int64_t> dims) {
  const auto [loop, added] = loops_.try_emplace({form, shape, dims}, uint32_t(loops_.size()));
  Group group;
  group.form = form;
  group.shape = std::move(shape);
  group.dims = std::move(dims);
  const uint32_t number = loop->second;
  const auto plain =
      takes_stores(group)
          ? loops_.try_emplace({Form::Map, group.shape, {}}, uint32_t(loops_.size())).first->second
          : number;
  extents_.push_back({number, plain, 0, 0, 0});
  order_.add_group();
  out_.groups.push_back(std::move(group));
  return uint32_t(out_.groups.size() - 1);
}

void Grower::settle(ValueId v, uint32_t g, Place place) {
  out_.home[v.index] = g;
  place_[v.index] = place;
  origins_[v.index] = {g};
  ++extents_[g].ops;
  if (must_store_[v.index]) out_.stored[v.index] = true;
}

/// Adds the stored values and parameters that `v` is computed from, each value visited once; what
/// lies behind many others is left out.
void Grower::collect_leaves(ValueId v, std::set<ValueId>& leaves) const {
  constexpr size_t kMostVisited = 256;
  ++walks_;
  size_t visited = 0;
  std::vector<ValueId> stack{v};
  while (!stack.empty() && visited < kMostVisited && leaves.size() <= kMostLeaves) {
    const ValueId next = stack.back();
    stack.pop_back();
    if (is_free_leaf(f_, next) || visited_[next.index] == walks_) continue;
    visited_[next.index] = walks_;
    ++visited;
    if (is_parameter(f_, next) || out_.home[next.index] != kNoGroup) {
      leaves.insert(next);
      continue;
    }
    stack.insert(stack.end(), f_[next].args.rbegin(), f_[next].args.rend());
  }
}

/// Notes that group `g` reads `leaves`.
void Grower::add_leaves(uint32_t g, const std::set<ValueId>& leaves) {
  const auto note = [&](ValueId leaf) {
    for (uint32_t loop : {extents_[g].loop, extents_[g].plain}) reading_[{loop, leaf}].insert(g);
  };
  if (out_.groups[g].shape.empty()) note(ValueId());
  for (ValueId leaf : leaves)
    if (out_.groups[g].leaves.insert(leaf).second) note(leaf);
}

void Grower::read_leaves(uint32_t g, ValueId operand) {
  if (out_.groups[g].leaves.size() > kMostLeaves) return;
  std::set<ValueId> leaves = out_.groups[g].leaves;
  collect_leaves(operand, leaves);
  add_leaves(g, leaves);
}

/// The newest group of a loop that reads one of `leaves` and is `suitable`; kNoGroup: none is.
template <class Suitable>
uint32_t Grower::newest_reader(uint32_t loop, const std::set<ValueId>& leaves,
                               Suitable suitable) const {
  uint32_t newest = kNoGroup;
  for (ValueId leaf : leaves) {
    const auto found = reading_.find({loop, leaf});
    if (found == reading_.end()) continue;
    for (auto g = found->second.rbegin(); g != found->second.rend(); ++g) {
      if (newest != kNoGroup && *g <= newest) break;
      if (suitable(*g)) newest = *g;
    }
  }
  return newest;
}

/// Stores a floating value in a plain loop: a new one, or one that exists, reads the same values
/// and needs the same groups (so that no circle can arise).
void Grower::store_alone(ValueId v, const std::set<uint32_t>& avoid) {
  std::set<ValueId> leaves;
  collect_leaves(v, leaves);
  const ir::Shape& shape = f_[v].type.shape;
  const std::set<uint32_t>& needs = origins_[v.index];
  uint32_t chosen = kNoGroup;
  if (const auto loop = loops_.find({Form::Map, shape, {}}); loop != loops_.end())
    chosen =
        newest_reader(loop->second, shape.empty() ? std::set{ValueId()} : leaves, [&](uint32_t g) {
          const auto& sources = order_.sources(g);
          return !avoid.contains(g) && extents_[g].ops <= kMaxStoredTogether &&
                 extents_[g].again + again_[v.index] <= kMaxGroupOps &&
                 std::includes(sources.begin(), sources.end(), needs.begin(), needs.end());
        });
  if (chosen == kNoGroup) chosen = add_group(Form::Map, shape);
  read(chosen, v);
  add_leaves(chosen, leaves);
  extents_[chosen].again += again_[v.index];
  must_store_[v.index] = true;
  settle(v, chosen, Place::Full);
}

void Grower::float_or_store(ValueId v) {
  for (ValueId a : f_[v].args)
    origins_[v.index].insert(origins_[a.index].begin(), origins_[a.index].end());
  for (ValueId a : f_[v].args)
    if (!out_.stored[a.index]) depth_[v.index] = std::max(depth_[v.index], depth_[a.index] + 1);
  const bool heavy = depth_[v.index] > kMaxDepth || count_again(v) > kMaxGroupOps;
  if (must_store_[v.index] || heavy) store_alone(v);
}

/// Ops that every reader of a floating value computes again.
int Grower::count_again(ValueId v) {
  int& count = again_[v.index];
  count = 1;
  for (ValueId a : f_[v].args)
    if (!out_.stored[a.index]) count += again_[a.index];
  if (count <= kMaxGroupOps) return count;
  // Values on several ways were counted more than once.
  ++walks_;
  std::vector<ValueId> stack(f_[v].args);
  count = 1;
  while (!stack.empty() && count <= kMaxGroupOps) {
    const ValueId next = stack.back();
    stack.pop_back();
    if (again_[next.index] == 0 || out_.stored[next.index]) continue;
    if (std::exchange(visited_[next.index], walks_) == walks_) continue;
    ++count;
    stack.insert(stack.end(), f_[next].args.begin(), f_[next].args.end());
  }
  return count;
}

/// Whether an elementwise value is better computed with the contraction than by its readers: it is
/// on the way to something stored, or spares the storing of its operands.
bool Grower::belongs_behind(uint32_t g, ValueId v) const {
  if (leads_to_store_[v.index]) return true;
  return std::all_of(f_[v].args.begin(), f_[v].args.end(), [&](ValueId a) {
    if (out_.home[a.index] == g) return !must_store_[a.index] && !read_dense_[a.index];
    return out_.home[a.index] != kNoGroup || pure_[a.index];
  });
}

bool Grower::fits(uint32_t g, ValueId v, Place& place) {
  const Group& group = out_.groups[g];
  if (extents_[g].ops > kMaxGroupOps) return false;
  const ir::Shape& shape = f_[v].type.shape;
  if (group.form == Form::Contract) {
    place = Place::Full;
    if (shape != group.shape || !belongs_behind(g, v)) return false;
  } else if (group.form == Form::Reduce) {
    if (shape != group.shape && shape != group.row) return false;
    place = shape == group.shape ? Place::Full : Place::Row;
  } else {
    return false;
  }
  for (ValueId a : f_[v].args) {
    if (out_.home[a.index] == g) {
      if (place_[a.index] != place) return false;
      continue;
    }
    if (!may_read(g, a)) return false;
  }
  if (group.form != Form::Contract) return true;
  // A contraction's epilogue reads what lies in memory, elementwise.
  for (ValueId a : f_[v].args)
    if (out_.home[a.index] == kNoGroup && !pure_[a.index]) store_alone(a);
  return true;
}

void Grower::visit_map(ValueId v) {
  const Value& value = f_[v];
  pure_[v.index] = std::all_of(value.args.begin(), value.args.end(), [&](ValueId a) {
    return pure_[a.index] || out_.home[a.index] != kNoGroup;
  });
  std::set<uint32_t, std::greater<>> candidates;
  for (ValueId a : value.args)
    if (out_.home[a.index] != kNoGroup) candidates.insert(out_.home[a.index]);
  for (uint32_t g : candidates) {
    Place place = Place::None;
    if (!fits(g, v, place)) continue;
    for (ValueId a : value.args) {
      if (out_.home[a.index] == g) continue;
      read(g, a);
      read_leaves(g, a);
    }
    settle(v, g, place);
    return;
  }
  float_or_store(v);
}

/// Views on the way from a row value to the loop stay with it when each row reads its own element.
void Grower::visit_view(ValueId v) {
  const Value& value = f_[v];
  const ValueId operand = value.args[0];
  const uint32_t g = value.args.size() == 1 ? out_.home[operand.index] : kNoGroup;
  const Place from = g == kNoGroup ? Place::None : place_[operand.index];
  if (g != kNoGroup && out_.groups[g].form == Form::Reduce && !must_store_[v.index] &&
      (from == Place::Row || from == Place::Chain)) {
    ValueId row = operand;
    while (place_[row.index] == Place::Chain) row = f_[row].args[0];
    const Group& group = out_.groups[g];
    const auto access = access_from(f_, v, row);
    if (access && value.type.shape != group.shape) {
      settle(v, g, Place::Chain);
      return;
    }
    if (reads_own_row(f_, group, v, row)) {
      settle(v, g, Place::Full);
      return;
    }
  }
  const ValueId root = root_of(f_, out_.stored, v);
  const bool in_memory = !is_free_leaf(f_, root) && (!is_view(f_[root]) || out_.stored[root.index]);
  pure_[v.index] = in_memory && access_from(f_, v, root).has_value();
  float_or_store(v);
}

void Grower::visit_reduce(ValueId v) {
  const Value& value = f_[v];
  const ValueId x = value.args[0];
  const ir::Shape& shape = f_[x].type.shape;
  const auto& dims = std::get<std::vector<int64_t>>(value.attrs[1]);
  std::set<ValueId> leaves;
  const uint32_t inner = out_.home[x.index];
  const auto loop = loops_.find({Form::Reduce, shape, dims});
  const auto has_room = [&](uint32_t g) { return extents_[g].reductions < kMaxStoredTogether; };
  uint32_t chosen = kNoGroup;
  if (inner != kNoGroup && loop != loops_.end() && extents_[inner].loop == loop->second &&
      place_[x.index] == Place::Full && has_room(inner)) {
    chosen = inner;
  } else {
    collect_leaves(x, leaves);
    if (loop != loops_.end())
      chosen = newest_reader(loop->second, leaves,
                             [&](uint32_t g) { return has_room(g) && may_read(g, x); });
  }
  if (chosen == kNoGroup) {
    chosen = add_group(Form::Reduce, shape, dims);
    out_.groups[chosen].row = value.type.shape;
  }
  if (chosen != inner) read(chosen, x);
  add_leaves(chosen, leaves);
  ++extents_[chosen].reductions;
  settle(v, chosen, Place::Row);
}

void Grower::visit_heavy(ValueId v, Form form) {
  const uint32_t g = add_group(form, f_[v].type.shape);
  for (ValueId a : f_[v].args) {
    read(g, a);
    read_leaves(g, a);
  }
  if (form == Form::Scatter) must_store_[v.index] = true;
  settle(v, g, Place::Full);
}

void Grower::visit(ValueId v) {
  const Form form = ir::def(f_[v].op).form;
  switch (form) {
    case Form::Leaf:
      pure_[v.index] = f_[v].args.empty() && splat(f_[v]);
      float_or_store(v);
      break;
    case Form::Map:
      visit_map(v);
      break;
    case Form::Reduce:
      visit_reduce(v);
      break;
    case Form::Contract:
    case Form::Scatter:
      visit_heavy(v, form);
      break;
    case Form::View:
      visit_view(v);
      break;
    case Form::Gather:
    case Form::Call:
      float_or_store(v);
      break;
  }
}

int64_t cost_bytes(ir::DType dtype) { return std::max<int64_t>(4, ir::byte_size(dtype)); }

/// Whether computing `v` again where it is read moves fewer bytes than storing and loading it: only
/// stored values are read for it, and few of them. A transcendental counts as two loads.
bool cheap_again(const Function& f, const Grouping& grouping, ValueId v) {
  std::set<ValueId> seen;
  std::vector<ValueId> stack{v};
  int64_t bytes = 0;
  while (!stack.empty()) {
    const ValueId at = stack.back();
    stack.pop_back();
    if (!seen.insert(at).second || is_free_leaf(f, at)) continue;
    if (seen.size() > 16) return false;
    if (at != v && is_readable(f, grouping.stored, at)) {
      const ValueId root = root_of(f, grouping.stored, at);
      // A view with fewer elements than the value (a repeated bias) costs nothing.
      if (element_count(f[root].type.shape) == element_count(f[v].type.shape))
        bytes += cost_bytes(f[root].type.dtype);
      continue;
    }
    const ir::OpDef& def = ir::def(f[at].op);
    if (def.form != Form::Map) return false;
    if (def.scalar && def.scalar->ulp > 0) bytes += 8;
    for (ValueId a : f[at].args) stack.push_back(a);
  }
  return bytes <= 2 * cost_bytes(f[v].type.dtype);
}

/// Values that a group wants from another one, where they are not stored: the first in order is
/// stored unless it is cheap to compute again; until every group has what it needs. False when that
/// leads nowhere. Only groups that came across a value with a new place are pulled again.
bool Grower::resolve() {
  out_.again.assign(f_.values.size(), false);
  Puller puller(f_, out_);
  std::vector<std::vector<uint32_t>> passed(f_.values.size());  // groups that came across a value
  std::set<uint32_t> open;                                      // groups to pull
  for (uint32_t g = 0; g < uint32_t(out_.groups.size()); ++g) open.insert(g);
  for (;;) {
    std::set<ValueId> wanted;
    std::map<ValueId, std::set<uint32_t>> dense;  // with the groups that look at it
    std::set<uint32_t> unsettled;
    for (uint32_t g : open) {
      const Pull pulled = puller.pull(g);
      for (const auto* list : {&pulled.members, &pulled.elsewhere, &pulled.dense})
        for (ValueId v : *list) passed[v.index].push_back(g);
      wanted.insert(pulled.elsewhere.begin(), pulled.elsewhere.end());
      for (ValueId v : pulled.dense) dense[v].insert(g);
      if (!pulled.elsewhere.empty() || !pulled.dense.empty()) unsettled.insert(g);
    }
    if (unsettled.empty()) return true;
    open = std::move(unsettled);
    bool progress = false;
    const auto settled = [&](ValueId v) {
      progress = true;
      open.insert(passed[v.index].begin(), passed[v.index].end());
      open.insert(out_.home[v.index]);
      if (out_.stored[v.index]) puller.store(v);
    };
    for (const auto& [v, viewers] : dense) {
      if (out_.stored[v.index]) continue;
      if (out_.home[v.index] == kNoGroup) store_alone(v, viewers);
      out_.stored[v.index] = true;
      settled(v);
    }
    for (ValueId v : wanted) {
      if (out_.stored[v.index]) continue;
      // A view is never stored for being read: its root is.
      const bool again = is_view(f_[v]) || cheap_again(f_, out_, v);
      (again ? out_.again : out_.stored)[v.index] = true;
      settled(v);
    }
    if (!progress) return false;
  }
}

/// One op a kernel: what is no constant and no affine view is stored.
Grouping Grower::run_single() {
  find_must_store();
  out_.again.assign(f_.values.size(), false);
  for (size_t i = 0; i < f_.values.size(); ++i) {
    const ValueId v(i);
    out_.stored[i] = is_parameter(f_, v);
    if (out_.stored[i]) continue;
    const bool free = is_free_leaf(f_, v) || (is_view(f_[v]) && is_readable(f_, out_.stored, v));
    if (free && !must_store_[i]) continue;
    const Form form = ir::def(f_[v].op).form;
    const bool heavy = form == Form::Contract || form == Form::Reduce || form == Form::Scatter;
    out_.home[i] = add_group(heavy ? form : Form::Map, f_[v].type.shape);
    out_.stored[i] = true;
  }
  return std::move(out_);
}

Grouping Grower::run() {
  find_must_store();
  for (size_t i = 0; i < f_.values.size(); ++i) {
    const ValueId v(i);
    if (is_parameter(f_, v)) {
      out_.stored[i] = pure_[i] = true;
      continue;
    }
    visit(v);
  }
  if (!resolve()) return single_groups(f_);
  return std::move(out_);
}

}  // namespace

Grouping group_values(const Function& function) { return Grower(function).run(); }
Grouping single_groups(const Function& function) { return Grower(function).run_single(); }

}  // namespace netc::passes
