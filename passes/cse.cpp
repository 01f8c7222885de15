// The pass `cse`: values that compute the same become one; their places unite.
#include "passes/cse.h"

#include <algorithm>

#include "ir/commute.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::FunctionId;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

void mix(size_t& hash, size_t part) {
  hash ^= part + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
}

size_t hash_of(const ir::Attribute& attribute) {
  if (const auto* i = std::get_if<int64_t>(&attribute)) return size_t(*i);
  if (const auto* text = std::get_if<std::string>(&attribute))
    return std::hash<std::string>()(*text);
  if (const auto* list = std::get_if<std::vector<int64_t>>(&attribute)) {
    size_t hash = list->size();
    for (int64_t i : *list) mix(hash, size_t(i));
    return hash;
  }
  if (const auto* scalar = std::get_if<ir::Scalar>(&attribute))
    return std::hash<double>()(scalar->factor);
  if (const auto* kind = std::get_if<ir::ReduceKind>(&attribute)) return size_t(*kind);
  if (const auto* callee = std::get_if<FunctionId>(&attribute)) return callee->index;
  return 0;  // sizes: told apart by the comparison
}

size_t hash_of(const Value& value) {
  size_t hash = size_t(value.op);
  auto args = value.args;
  if (ir::commutes(value.op)) std::sort(args.begin(), args.end());
  for (ValueId a : args) mix(hash, a.index);
  for (const auto& attribute : value.attrs) mix(hash, hash_of(attribute));
  mix(hash, size_t(value.type.dtype));
  mix(hash, value.type.shape.size());
  return hash;
}

bool same_operands(const Value& a, const Value& b) {
  if (a.args == b.args) return true;
  return ir::commutes(a.op) && a.args[0] == b.args[1] && a.args[1] == b.args[0];
}

bool same(const Value& a, const Value& b) {
  return a.op == b.op && same_operands(a, b) && a.attrs == b.attrs && a.type == b.type;
}

void merge_function(Module& module, FunctionId f, PassContext& context) {
  Rewriter rewriter(module, f);
  ValueTable table(module, f);
  const ir::Function& old = rewriter.old();
  std::vector<bool> is_result(old.values.size(), false);
  for (const ir::Result& r : old.results)
    if (r.value) is_result[r.value.index] = true;
  for (size_t i = old.params.size(); i < old.values.size(); ++i) {
    const ValueId v = rewriter.copy(ValueId(i));
    if (is_result[i] && splat(old.values[i])) continue;  // for its other users it is a number
    const ValueId first = table.unique(v);
    // A merged call takes its further results along: without fuel for all, none is merged.
    if (first == v || (!is_call_result(old.values[i]) && !context.rewrite("cse.merged"))) continue;
    ir::Function& now = module[f];
    unite_locs(now[first].locs, now[v].locs);
    if (now[first].name.empty()) now[first].name = now[v].name;
    now.values.pop_back();
    rewriter.set(ValueId(i), first);
  }
  rewriter.finish();
}

}  // namespace

ValueId ValueTable::unique(ValueId v) {
  const ir::Function& function = module_[function_];
  auto& candidates = by_hash_[hash_of(function[v])];
  for (ValueId c : candidates)
    if (same(function[c], function[v])) return c;
  candidates.push_back(v);
  return v;
}

Module merge_common(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.functions[i].entry) merge_function(module, FunctionId(i), context);
  return module;
}

}  // namespace netc::passes
