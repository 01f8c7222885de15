// Lookup in modules and functions, and the names under which values are shown.
#include "ir/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

namespace netc::ir {

const char* name(ReduceKind kind) {
  switch (kind) {
    case ReduceKind::sum:
      return "sum";
    case ReduceKind::prod:
      return "prod";
    case ReduceKind::max:
      return "max";
    case ReduceKind::min:
      return "min";
    case ReduceKind::any:
      return "any";
    case ReduceKind::all:
      return "all";
    case ReduceKind::argmax:
      return "argmax";
    case ReduceKind::argmin:
      return "argmin";
  }
  return "?";
}

const char* name(Stage stage) {
  switch (stage) {
    case Stage::Forward:
      return "forward";
    case Stage::Backward:
      return "backward";
    case Stage::Optimised:
      return "optimised";
    case Stage::Fused:
      return "fused";
    case Stage::Plan:
      return "plan";
  }
  return "?";
}

FunctionId Module::find(std::string_view wanted) const {
  for (size_t i = 0; i < functions.size(); ++i)
    if (functions[i].name == wanted) return FunctionId(i);
  return {};
}

LocId Module::add(Loc loc) {
  // Ops of one statement come one after another, so a match is nearly always recent.
  constexpr size_t kWindow = 64;
  size_t oldest = locs.size() > kWindow ? locs.size() - kWindow : 0;
  for (size_t i = locs.size(); i-- > oldest;)
    if (locs[i] == loc) return LocId(i);
  locs.push_back(loc);
  return LocId(locs.size() - 1);
}

std::vector<std::string> Module::models() const {
  std::vector<std::string> names;
  for (const Function& f : functions) {
    if (!f.entry) continue;
    std::string model = f.name.substr(0, f.name.rfind('.'));
    if (std::find(names.begin(), names.end(), model) == names.end()) names.push_back(model);
  }
  return names;
}

namespace {

/// `_0`, `_17`: the compiler's own numbering, given anew each time.
bool is_temporary(const std::string& name) {
  if (name.size() < 2 || name[0] != '_') return name.empty();
  return std::all_of(name.begin() + 1, name.end(), [](unsigned char c) { return std::isdigit(c); });
}

/// True when operand `i` of `user` may be a literal: another operand says what its type is.
bool takes_literal(const Function& function, const Value& user, size_t i) {
  const OpDef& d = def(user.op);
  if (d.form != Form::Map || !d.scalar) return false;
  size_t first = d.scalar->cls == ScalarInfo::Class::Select ? 1 : 0;
  if (i < first) return false;
  for (size_t k = first; k < user.args.size(); ++k)
    if (k != i && function[user.args[k]].op != Op::constant) return true;
  return false;
}

}  // namespace

std::vector<bool> inlined_constants(const Function& function) {
  std::vector<bool> inlined(function.values.size());
  for (size_t v = 0; v < inlined.size(); ++v) inlined[v] = function.values[v].op == Op::constant;
  for (const Value& user : function.values)
    for (size_t i = 0; i < user.args.size(); ++i)
      if (!takes_literal(function, user, i)) inlined[user.args[i].index] = false;
  for (const Result& r : function.results)
    if (r.value) inlined[r.value.index] = false;
  for (ValueId v : function.grad_captures) inlined[v.index] = false;
  return inlined;
}

std::vector<std::string> display_names(const Function& function) {
  return display_names(function, {}, {}, 0);
}

std::vector<std::string> display_names(const Function& function,
                                       const std::vector<std::string>& first,
                                       const std::set<std::string>& reserved, size_t next_number) {
  size_t count = function.values.size();
  std::vector<std::string> names(count);
  std::set<std::string> taken = reserved;
  for (const Parameter& p : function.params)
    for (const Dim& size : function[p.value].type.shape)
      for (const std::string& symbol : size.symbols()) taken.insert(symbol);

  std::vector<std::string> wanted(count);
  for (size_t v = 0; v < count; ++v) wanted[v] = function.values[v].name;
  for (auto r = function.results.rbegin(); r != function.results.rend(); ++r)
    if (r->value && !r->name.empty() && function[r->value].op != Op::parameter)
      wanted[r->value.index] = r->name;

  std::map<std::string, size_t> numbers;  // the last one tried: all below are taken
  auto claim = [&](size_t v) {
    std::string name = wanted[v];
    size_t& number = numbers[name];
    while (!taken.insert(name).second) name = fmt::format("{}{}", wanted[v], ++number);
    names[v] = name;
  };
  // Parameters and results keep their names whatever else is called so.
  for (size_t v = 0; v < first.size(); ++v) names[v] = first[v], taken.insert(first[v]);
  for (const Parameter& p : function.params)
    if (p.value.index >= first.size() && !wanted[p.value.index].empty()) claim(p.value.index);
  for (const Result& r : function.results)
    if (r.value && names[r.value.index].empty() && !is_temporary(wanted[r.value.index]))
      claim(r.value.index);
  std::vector<bool> inlined = inlined_constants(function);
  for (size_t v = 0; v < count; ++v)
    if (names[v].empty() && !inlined[v] && !is_temporary(wanted[v])) claim(v);
  for (size_t v = 0; v < count; ++v)
    if (names[v].empty() && !inlined[v]) names[v] = fmt::format("_{}", next_number++);
  return names;
}

}  // namespace netc::ir
