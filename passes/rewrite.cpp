// Copying functions and reading their uses.
#include "passes/rewrite.h"

#include <algorithm>
#include <set>

namespace netc::passes {

using ir::Function;
using ir::FunctionId;
using ir::Value;
using ir::ValueId;

ValueId append(Function& function, Value value) {
  function.values.push_back(std::move(value));
  return ValueId(function.values.size() - 1);
}

std::optional<FunctionId> callee_of(const Value& value) {
  if (ir::def(value.op).form != ir::Form::Call || value.attrs.empty()) return {};
  const auto* callee = std::get_if<FunctionId>(&value.attrs[0]);
  return callee ? std::optional(*callee) : std::nullopt;
}

bool is_call_result(const Value& value) {
  return ir::def(value.op).form == ir::Form::Call && !callee_of(value);
}

const ir::Scalar* splat(const Value& value) {
  if (ir::def(value.op).form != ir::Form::Leaf || value.attrs.size() != 1) return nullptr;
  return std::get_if<ir::Scalar>(&value.attrs[0]);
}

std::optional<double> splat_number(const Value& value) {
  const ir::Scalar* s = splat(value);
  if (!s || !s->numerator.is_constant() || !s->denominator.is_constant()) return {};
  return s->factor * double(s->numerator.constant()) / double(s->denominator.constant());
}

bool is_parameter(const Function& function, ValueId v) { return v.index < function.params.size(); }

std::vector<uint32_t> use_counts(const Function& function) {
  std::vector<uint32_t> counts(function.values.size(), 0);
  for (const Value& value : function.values)
    for (ValueId a : value.args) ++counts[a.index];
  for (const ir::Result& r : function.results)
    if (r.value) ++counts[r.value.index];
  for (ValueId v : function.grad_captures) ++counts[v.index];
  return counts;
}

std::vector<std::vector<ValueId>> users(const Function& function) {
  std::vector<std::vector<ValueId>> lists(function.values.size());
  for (size_t i = 0; i < function.values.size(); ++i) {
    for (ValueId a : function.values[i].args) {
      auto& list = lists[a.index];
      if (list.empty() || list.back() != ValueId(i)) list.push_back(ValueId(i));
    }
  }
  return lists;
}

std::vector<ir::LocId> user_locs(const ir::Module& module, const std::vector<ir::LocId>& locs) {
  std::vector<ir::LocId> out;
  for (ir::LocId loc : locs) {
    while (module.locs[loc.index].called_from) loc = module.locs[loc.index].called_from;
    unite_locs(out, {loc});
  }
  return out;
}

ir::Place user_place(const ir::Module& module, const std::vector<ir::LocId>& locs) {
  const auto outermost = user_locs(module, locs);
  return outermost.empty() ? ir::Place() : module.locs[outermost.front().index].place;
}

void unite_locs(std::vector<ir::LocId>& into, const std::vector<ir::LocId>& from) {
  for (ir::LocId loc : from)
    if (std::find(into.begin(), into.end(), loc) == into.end()) into.push_back(loc);
}

Rewriter::Rewriter(ir::Module& module, FunctionId function)
    : b(module, function),
      module_(module),
      function_(function),
      old_(module[function]),
      map_(old_.values.size()) {
  Function& now = module_[function_];
  now.values.resize(now.params.size());
  now.results.clear();
  now.grad_captures.clear();
  for (size_t i = 0; i < now.params.size(); ++i) map_[i] = ValueId(i);
}

std::vector<ValueId> Rewriter::now(const std::vector<ValueId>& old) const {
  std::vector<ValueId> out;
  out.reserve(old.size());
  for (ValueId v : old) out.push_back(now(v));
  return out;
}

ValueId Rewriter::copy(ValueId old) {
  Value value = old_[old];
  value.args = now(value.args);
  ValueId v = append(b.function(), std::move(value));
  set(old, v);
  return v;
}

void Rewriter::finish() {
  Function& function = module_[function_];
  for (ir::Result result : old_.results) {
    if (result.value) result.value = now(result.value);
    function.results.push_back(std::move(result));
  }
  function.grad_captures = now(old_.grad_captures);
  name_results(module_, function_);
}

namespace {

ValueId identity_copy(ir::Module& module, FunctionId function, ValueId v, std::string name) {
  ir::Builder b(module, function);
  b.locs = b.value(v).locs;
  ValueId copy = b.copy(v);
  module[function][copy].name = std::move(name);
  return copy;
}

}  // namespace

void name_results(ir::Module& module, FunctionId function) {
  if (!module[function].entry) return;
  const std::vector<uint32_t> counts = use_counts(module[function]);
  std::set<ValueId> taken;
  for (size_t i = 0; i < module[function].results.size(); ++i) {
    Function& f = module[function];
    ValueId v = f.results[i].value;
    std::string name = f.results[i].name;
    if (!v) continue;
    bool fresh = taken.insert(v).second;
    // A number that is a result too stays a number for its other users.
    const bool shared_number = splat(f[v]) && v.index < counts.size() && counts[v.index] > 1;
    if (f[v].name == name && fresh && !shared_number) continue;
    const bool names_other = std::any_of(f.results.begin(), f.results.end(), [&](const auto& r) {
      return r.value == v && r.name == f[v].name && r.name != name;
    });
    if (!fresh || is_parameter(f, v) || names_other || shared_number) {
      if (shared_number && f[v].name == name) f[v].name.clear();
      ValueId copy = identity_copy(module, function, v, name);
      module[function].results[i].value = copy;
      taken.insert(copy);
    } else {
      f[v].name = name;
    }
  }
}

int64_t erase_unused(ir::Module& module, FunctionId function, std::vector<ValueId>* kept) {
  Function& f = module[function];
  const size_t count = f.values.size();
  std::vector<bool> live(count, false);
  for (size_t i = 0; i < f.params.size(); ++i) live[i] = true;
  for (const ir::Result& r : f.results)
    if (r.value) live[r.value.index] = true;
  for (ValueId v : f.grad_captures) live[v.index] = true;
  if (kept)
    for (ValueId v : *kept)
      if (v) live[v.index] = true;
  for (size_t i = count; i-- > 0;) {
    if (!live[i]) continue;
    for (ValueId a : f.values[i].args) live[a.index] = true;
  }
  for (size_t i = 0; i < count; ++i)
    if (is_call_result(f.values[i]) && live[f.values[i].args[0].index]) live[i] = true;
  std::vector<ValueId> map(count);
  std::vector<Value> values;
  for (size_t i = 0; i < count; ++i) {
    if (!live[i]) continue;
    map[i] = ValueId(values.size());
    values.push_back(std::move(f.values[i]));
    for (ValueId& a : values.back().args) a = map[a.index];
  }
  const auto erased = int64_t(count - values.size());
  f.values = std::move(values);
  for (ir::Result& r : f.results)
    if (r.value) r.value = map[r.value.index];
  for (ValueId& v : f.grad_captures) v = map[v.index];
  if (kept)
    for (ValueId& v : *kept)
      if (v) v = map[v.index];
  return erased;
}

}  // namespace netc::passes
