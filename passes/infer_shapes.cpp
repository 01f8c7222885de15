// The pass `infer_shapes`: every type again, from the parameters' types by the ops' shape rules.
// `specialise` puts other sizes in first. What does not fit is reported at its source place.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::FunctionId;
using ir::Module;
using ir::Type;
using ir::Value;
using ir::ValueId;

namespace {

/// The notes `in Linear, called from …` are the frontend's; here: the op, its operands' types.
[[noreturn]] void fail(const Module& module, const ir::Function& function, const Value& value,
                       const ir::OpError& error) {
  ir::Diagnostic d;
  d.code = error.code;
  d.message = error.what();
  d.place = user_place(module, value.locs);
  for (const auto& [operand, text] : error.labels) {
    if (size_t(operand) >= value.args.size()) continue;
    const ir::Place place = user_place(module, function[value.args[size_t(operand)]].locs);
    if (place.line) d.others.emplace_back(place, text);
  }
  d.notes = error.notes;
  d.helps = error.helps;
  for (ValueId a : value.args)
    d.notes.push_back(fmt::format("an operand has type {}", str(function[a].type)));
  throw ir::DiagnosticError(std::move(d));
}

/// Infers functions in the order callee before caller.
class Inference {
 public:
  explicit Inference(Module& module) : module_(module), done_(module.functions.size(), false) {}

  void run(FunctionId f) {
    if (done_[f.index]) return;
    done_[f.index] = true;
    for (const Value& value : module_[f].values)
      if (const auto callee = callee_of(value)) run(*callee);
    if (module_[f].grad) run(module_[f].grad);
    ir::Function& function = module_[f];
    for (size_t i = function.params.size(); i < function.values.size(); ++i) infer(function, i);
  }

 private:
  Module& module_;
  std::vector<bool> done_;

  void infer(ir::Function& function, size_t i) {
    Value& value = function.values[i];
    if (splat(value)) return;  // a constant's type is its own
    std::vector<Type> types;
    for (ValueId a : value.args) types.push_back(function[a].type);
    if (const auto callee = callee_of(value)) check_call(function, value, *callee);
    try {
      value.type = ir::def(value.op).infer(module_, value, types);
    } catch (const ir::OpError& error) {
      fail(module_, function, value, error);
    }
  }

  void check_call(const ir::Function& function, const Value& value, FunctionId callee) {
    const ir::Function& body = module_[callee];
    for (size_t i = 0; i < value.args.size() && i < body.params.size(); ++i) {
      const Type& given = function[value.args[i]].type;
      const Type& wanted = body[body.params[i].value].type;
      if (given == wanted) continue;
      fail(module_, function, value,
           ir::OpError("E0301", fmt::format("`{}` was made for {} but gets {}", body.source_name,
                                            str(wanted), str(given))));
    }
  }
};

Module infer_all(Module module) {
  Inference inference(module);
  for (size_t i = 0; i < module.functions.size(); ++i) inference.run(FunctionId(i));
  return module;
}

/// Kernels are compiled for numbers and one batch: E0313 at the first input with another open size.
void refuse_open_sizes(const Module& module, const ir::Function& f, PassContext& context) {
  std::set<std::string> open;
  ValueId blamed;
  for (const ir::Parameter& p : f.params)
    for (const ir::Dim& d : f[p.value].type.shape)
      for (const std::string& name : d.symbols())
        if (open.insert(name).second && open.size() == 2) blamed = p.value;
  if (!blamed) return;
  ir::Diagnostic d;
  d.code = "E0313";
  d.message = fmt::format("more than one size is open: {}", fmt::join(open, ", "));
  d.place = user_place(module, f[blamed].locs);
  d.label = "only the batch may be";
  d.helps.emplace_back("write a number, or a constant: `let n = 3`");
  d.helps.emplace_back("`netc run` and `netc gradcheck` take sizes from their tensors");
  const auto same = [&](const ir::Diagnostic& old) {
    return old.code == d.code && old.place == d.place;
  };
  auto& known = context.diagnostics;
  if (std::none_of(known.begin(), known.end(), same)) known.push_back(std::move(d));
}

/// Puts sizes into one attribute.
void substitute(ir::Attribute& attribute, const std::map<std::string, ir::Dim>& sizes) {
  if (auto* dim = std::get_if<ir::Dim>(&attribute)) *dim = dim->substitute(sizes);
  if (auto* shape = std::get_if<ir::Shape>(&attribute))
    for (ir::Dim& d : *shape) d = d.substitute(sizes);
  if (auto* scalar = std::get_if<ir::Scalar>(&attribute)) {
    scalar->numerator = scalar->numerator.substitute(sizes);
    scalar->denominator = scalar->denominator.substitute(sizes);
  }
}

}  // namespace

Module infer_shapes(Module module, PassContext& context) {
  module = infer_all(std::move(module));
  for (const ir::Function& f : module.functions)
    if (f.entry) refuse_open_sizes(module, f, context);
  return module;
}

Module specialise(Module module, const std::map<std::string, ir::Dim>& sizes) {
  for (ir::Function& function : module.functions) {
    for (Value& value : function.values) {
      for (ir::Attribute& attribute : value.attrs) substitute(attribute, sizes);
      for (ir::Dim& d : value.type.shape) d = d.substitute(sizes);
    }
  }
  return infer_all(std::move(module));
}

Module widen(Module module) {
  module.default_float = ir::DType::f64;
  for (ir::Function& f : module.functions)
    for (Value& v : f.values)
      if (v.type.dtype == ir::DType::f32) v.type.dtype = ir::DType::f64;
  return module;
}

}  // namespace netc::passes
