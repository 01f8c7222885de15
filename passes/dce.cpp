// The pass `dce`: values that no result needs, and functions that nothing calls, go.
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::FunctionId;
using ir::Module;

namespace {

void mark(const Module& module, FunctionId f, std::vector<bool>& live) {
  if (!f || live[f.index]) return;
  live[f.index] = true;
  mark(module, module[f].grad, live);
  for (const ir::Value& value : module[f].values)
    if (const auto callee = callee_of(value)) mark(module, *callee, live);
}

void renumber(ir::Function& function, const std::vector<FunctionId>& map) {
  if (function.grad) function.grad = map[function.grad.index];
  for (ir::Value& value : function.values)
    if (callee_of(value)) value.attrs[0] = map[std::get<FunctionId>(value.attrs[0]).index];
}

int64_t erase_functions(Module& module) {
  std::vector<bool> live(module.functions.size(), false);
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.functions[i].entry) mark(module, FunctionId(i), live);
  std::vector<FunctionId> map(module.functions.size());
  std::vector<ir::Function> functions;
  for (size_t i = 0; i < module.functions.size(); ++i) {
    if (!live[i]) continue;
    map[i] = FunctionId(functions.size());
    functions.push_back(std::move(module.functions[i]));
  }
  const auto erased = int64_t(module.functions.size() - functions.size());
  module.functions = std::move(functions);
  for (ir::Function& function : module.functions) renumber(function, map);
  return erased;
}

bool has_calls(const Module& module) {
  for (const ir::Function& function : module.functions)
    for (const ir::Value& value : function.values)
      if (callee_of(value)) return true;
  return false;
}

}  // namespace

Module erase_dead(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i)
    context.statistics["dce.values"] += erase_unused(module, FunctionId(i));
  context.statistics["dce.functions"] += erase_functions(module);
  // The last pass on ops alone: with all calls open the module is in optimised form.
  if (module.stage == ir::Stage::Backward && !has_calls(module))
    module.stage = ir::Stage::Optimised;
  return module;
}

}  // namespace netc::passes
