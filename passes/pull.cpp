#include "passes/pull.h"

#include <algorithm>
#include <utility>

namespace netc::passes {

using ir::Form;
using ir::Function;
using ir::ValueId;

namespace {

/// Whether the operand `a` of a view may be computed in the view's kernel or lies in memory
/// already: views and what is made from nothing may, values of one number a row, and in plain loops
/// what the view shows once.
bool stays_inside(const Function& function, const Grouping& grouping, uint32_t g, ValueId view,
                  ValueId a) {
  const bool elsewhere = grouping.stored[a.index] && grouping.home[a.index] != g;
  if (elsewhere || is_free_leaf(function, a) || is_view(function[a])) return true;
  const Group& group = grouping.groups[g];
  if (grouping.home[a.index] == g && group.form == Form::Reduce) return true;
  if (group.form == Form::Map && grouping.home[a.index] == kNoGroup)
    return function[view].args.size() == 1 && !repeats_elements(function, function[view]);
  if (group.form != Form::Reduce || function[a].type.shape != group.row) return false;
  return grouping.home[a.index] == kNoGroup && function[view].args.size() == 1;
}

/// The row value behind a view that would need other rows than its own; absent when there is none.
ValueId misread_row(const Function& function, const Grouping& grouping, uint32_t g, ValueId view) {
  const Group& group = grouping.groups[g];
  const ir::Shape& shape = function[view].type.shape;
  if (group.form != Form::Reduce || !is_view(function[view])) return {};
  if (shape != group.shape && shape != group.row) return {};
  const ValueId row = root_of(function, grouping.stored, view);
  const bool computed_here = !grouping.stored[row.index] && !is_free_leaf(function, row) &&
                             grouping.home[row.index] != g && function[row].type.shape == group.row;
  return computed_here && !reads_own_row(function, group, view, row) ? row : ValueId();
}

void sort_unique(std::vector<ValueId>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace

Puller::Puller(const Function& function, const Grouping& grouping)
    : function_(function), grouping_(grouping), seen_(function.values.size(), 0) {
  for (size_t i = 0; i < grouping.home.size(); ++i)
    if (grouping.home[i] != kNoGroup && grouping.stored[i]) store(ValueId(i));
}

void Puller::store(ValueId v) {
  stored_.resize(grouping_.groups.size());
  stored_[grouping_.home[v.index]].push_back(v);
}

Pull Puller::pull(uint32_t g) {
  Pull out;
  std::vector<ValueId> stack;
  if (g < stored_.size()) stack = stored_[g];
  ++walks_;
  while (!stack.empty()) {
    const ValueId v = stack.back();
    stack.pop_back();
    if (std::exchange(seen_[v.index], walks_) == walks_) continue;
    const uint32_t home = grouping_.home[v.index];
    if (home != g) {
      if (grouping_.stored[v.index] || is_free_leaf(function_, v) ||
          (is_view(function_[v]) && is_readable(function_, grouping_.stored, v))) {
        out.outside.push_back(v);
        continue;
      }
      if (home != kNoGroup && !grouping_.again[v.index]) {
        out.elsewhere.push_back(v);
        continue;
      }
    }
    out.members.push_back(v);
    const ValueId row = misread_row(function_, grouping_, g, v);
    if (row) out.dense.push_back(row);
    for (ValueId a : function_[v].args) {
      if (is_view(function_[v]) && !stays_inside(function_, grouping_, g, v, a)) {
        out.dense.push_back(a);
      } else {
        stack.push_back(a);
      }
    }
  }
  for (auto* list : {&out.members, &out.outside, &out.elsewhere, &out.dense}) sort_unique(*list);
  return out;
}

}  // namespace netc::passes
