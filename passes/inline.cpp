// The pass `inline`: every call of an entry point is opened, so that later passes see ops only.
#include "passes/inline.h"

#include <fmt/format.h>

#include "passes/passes.h"

namespace netc::passes {

using ir::Function;
using ir::FunctionId;
using ir::LocId;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

constexpr size_t kMaxOps = 1'000'000;

bool leads_to(const Module& module, LocId loc, LocId target) {
  for (; loc; loc = module.locs[loc.index].called_from)
    if (loc == target) return true;
  return false;
}

LocId chained(Module& module, LocId inner, LocId call) {
  if (leads_to(module, inner, call)) return inner;
  ir::Loc loc = module.locs[inner.index];
  loc.called_from = loc.called_from ? chained(module, loc.called_from, call) : call;
  return module.add(loc);
}

}  // namespace

std::vector<LocId> places_at_call(Module& module, const std::vector<LocId>& inner,
                                  const std::vector<LocId>& call) {
  if (call.empty()) return inner;
  if (inner.empty()) return call;
  std::vector<LocId> out;
  for (LocId loc : inner) unite_locs(out, {chained(module, loc, call.front())});
  return out;
}

ValueId copy_from_body(ir::Builder& b, const Value& value, const std::vector<ValueId>& map,
                       const std::vector<LocId>& call) {
  // Functions that call others twice, level after level, have more ops than any text shows.
  if (b.function().values.size() >= kMaxOps) {
    ir::Diagnostic d;
    d.code = "E0311";
    d.message = fmt::format("the program has more than {} ops", kMaxOps);
    d.place = user_place(b.module(), call);
    throw ir::DiagnosticError(std::move(d));
  }
  Value copy = value;
  for (ValueId& a : copy.args) a = map[a.index];
  copy.name.clear();
  copy.locs = places_at_call(b.module(), value.locs, call);
  if (copy.vjp_of.empty()) copy.vjp_of = b.vjp_of;
  return append(b.function(), std::move(copy));
}

std::vector<ValueId> open_body(ir::Builder& b, FunctionId callee, const std::vector<ValueId>& args,
                               const std::vector<LocId>& call, bool deep) {
  // Appending moves no function of the module, only the values of the one that is written.
  const Function& body = b.module()[callee];
  std::vector<ValueId> map(body.values.size());
  for (size_t i = 0; i < body.params.size(); ++i) map[i] = args[i];
  for (size_t i = body.params.size(); i < body.values.size(); ++i) {
    const Value& value = body.values[i];
    if (map[i]) continue;
    const auto inner = callee_of(value);
    if (!inner || !deep) {
      map[i] = copy_from_body(b, value, map, call);
      if (body.entry) b.function()[map[i]].name = value.name;
      continue;
    }
    std::vector<ValueId> inner_args;
    for (ValueId a : value.args) inner_args.push_back(map[a.index]);
    const auto places = places_at_call(b.module(), value.locs, call);
    const auto inner_map = open_body(b, *inner, inner_args, places, true);
    const auto& results = b.module()[*inner].results;
    for (size_t r = 0; r < results.size(); ++r) {
      const ValueId v = inner_map[results[r].value.index];
      map[i + r] = v;
      std::string& name = b.function()[v].name;
      if (body.entry && name.empty()) name = body.values[i + r].name;
    }
  }
  return map;
}

namespace {

void inline_function(Module& module, FunctionId f, PassContext& context) {
  Rewriter rewriter(module, f);
  const Function& old = rewriter.old();
  for (size_t i = old.params.size(); i < old.values.size(); ++i) {
    if (rewriter.now(ValueId(i))) continue;
    const Value& value = old.values[i];
    const auto callee = callee_of(value);
    if (!callee || !context.rewrite("inline.calls")) {
      rewriter.copy(ValueId(i));
      continue;
    }
    rewriter.b.vjp_of = value.vjp_of;
    const auto map = open_body(rewriter.b, *callee, rewriter.now(value.args), value.locs, true);
    const auto& results = module[*callee].results;
    for (size_t r = 0; r < results.size(); ++r) {
      const ValueId v = map[results[r].value.index];
      rewriter.set(ValueId(i + r), v);
      std::string& name = rewriter.b.function()[v].name;
      if (name.empty()) name = old.values[i + r].name;
    }
  }
  rewriter.finish();
}

}  // namespace

Module inline_calls(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.functions[i].entry) inline_function(module, FunctionId(i), context);
  return module;
}

}  // namespace netc::passes
