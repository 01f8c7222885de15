// One kernel an op, one place a value.
#include "passes/unfused.h"

#include "passes/pack_arena.h"
#include "passes/passes.h"
#include "passes/plan.h"

namespace netc::passes {

namespace {

void place_apart(ir::Function& f, int64_t batch) {
  int64_t end = 0;
  for (size_t i = 0; i < f.values.size(); ++i) {
    ir::Value& value = f.values[i];
    if (i >= f.params.size() && !value.kernel) continue;
    value.storage.emplace();
    value.storage->offset = end;
    const auto bytes = stored_bytes(value, batch);
    if (!bytes) {
      ir::Diagnostic d;
      d.code = "R0609";
      d.message = "the step has values of more than 2^63 bytes";
      throw ir::DiagnosticError(d);
    }
    end += aligned(*bytes);
  }
}

}  // namespace

ir::Module unfused(ir::Module module, int64_t batch) {
  PassContext context;
  module = split_kernels(std::move(module), context);
  for (size_t i = 0; i < module.functions.size(); ++i) {
    if (!module.functions[i].entry) continue;
    isolate_loose_values(module, ir::FunctionId(i));
    place_apart(module.functions[i], batch);
  }
  module.stage = ir::Stage::Plan;
  return module;
}

}  // namespace netc::passes
