// call: another function of the module; its value is the callee's first result.
#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: callee; settings, the text printed after the operands.

// Shape: the callee's first result; operands have the types of its parameters.
Type infer(const Module& module, const Value& value, std::span<const Type> args) {
  const Function& callee = module[attribute<FunctionId>(value, 0)];
  if (args.size() != callee.params.size())
    throw OpError("E0202", fmt::format("`{}` takes {} arguments, not {}", callee.name,
                                       callee.params.size(), args.size()));
  for (size_t i = 0; i < args.size(); ++i) {
    const Type& wanted = callee[callee.params[i].value].type;
    if (args[i] == wanted) continue;
    OpError error("E0301", fmt::format("`{}`: argument {} has type {}, not {}", callee.name, i + 1,
                                       str(args[i]), str(wanted)));
    error.labels = {{int(i), str(args[i])}};
    throw error;
  }
  if (callee.results.empty() || !callee.results[0].value)
    throw OpError("E0202", fmt::format("`{}` returns nothing", callee.name));
  return callee[callee.results[0].value].type;
}

// vjp and reference: the differentiation pass and the interpreter open the callee.

}  // namespace

OpDef call_definition() {
  return {.name = "call",
          .form = Form::Call,
          .doc = "Another function of the module.",
          .attributes = {{"callee", AttrKind::Function}, {"settings", AttrKind::String}},
          .infer = infer,
          .vjp = nullptr,
          .reference = nullptr};
}

}  // namespace netc::ir::ops
