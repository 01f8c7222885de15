// The pass `differentiate` on whole models: gradients are added to each `M.step`, and `M.train` is
// made of a call to it and a call to the optimizer's `M.update`. With micro-batches, all but the
// last of a step run `M.accumulate`, made of a call to `M.step` and one to `M.collect`.
#include <fmt/format.h>

#include <algorithm>

#include "passes/differentiate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::Function;
using ir::FunctionId;
using ir::Module;
using ir::Parameter;
using ir::Role;
using ir::ValueId;

namespace {

void check_loss(const Module& module, const Function& step, PassContext& context) {
  const ir::Value& loss = step[step.results[0].value];
  if (loss.type.rank() == 0 && ir::is_float(loss.type.dtype)) return;
  ir::Diagnostic d;
  d.code = "E0401";
  d.message = fmt::format("a loss must be one number (rank 0), this has type {}", str(loss.type));
  d.place = user_place(module, loss.locs);
  context.diagnostics.push_back(std::move(d));
}

void warn_unreached(const Module& module, const ir::Value& parameter, PassContext& context) {
  ir::Diagnostic d;
  d.severity = ir::Severity::Warning;
  d.code = "W0401";
  d.message = fmt::format("the loss does not depend on `{}`: its gradient is zero", parameter.name);
  d.place = user_place(module, parameter.locs);
  d.label = "training leaves it as it starts";
  d.notes.emplace_back("only what the value of `loss` is computed from is trained");
  d.helps.push_back(fmt::format(
      "use `{0}` on the way to the loss, or take it out; `freeze = [\"{0}\"]` keeps it on purpose",
      parameter.name));
  context.diagnostics.push_back(std::move(d));
}

/// Parameters, then the inputs asked for, in the order of the function's parameters.
std::vector<ValueId> wanted_values(const Function& step, const PassContext& context) {
  std::vector<ValueId> wanted;
  const auto is_asked = [&](const std::string& name) {
    return std::find(context.wrt.begin(), context.wrt.end(), name) != context.wrt.end();
  };
  for (const Parameter& p : step.params)
    if (p.role == Role::Param) wanted.push_back(p.value);
  for (const Parameter& p : step.params)
    if (p.role == Role::Input && is_asked(step[p.value].name) &&
        ir::is_float(step[p.value].type.dtype))
      wanted.push_back(p.value);
  return wanted;
}

/// Whether a result is the next value of one of the function's states or parameters.
bool is_next_value(const Function& function, const std::string& result) {
  return std::any_of(function.params.begin(), function.params.end(), [&](const Parameter& p) {
    return (p.role == Role::State || p.role == Role::Param) &&
           result == "new_" + function[p.value].name;
  });
}

void add_step_gradients(Module& module, FunctionId f, PassContext& context) {
  const std::vector<ValueId> wanted = wanted_values(module[f], context);
  if (wanted.empty() || module[f].results.empty()) return;
  check_loss(module, module[f], context);
  if (!context.diagnostics.empty() && context.diagnostics.back().severity == ir::Severity::Error)
    return;
  const auto gradients = add_gradients(module, f, wanted, context);
  ir::Builder b(module, f);
  std::vector<ir::Result> results;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const ir::Value parameter = b.value(wanted[i]);
    ValueId g = gradients[i];
    if (!g) {
      warn_unreached(module, parameter, context);
      b.locs = parameter.locs;
      g = b.like(wanted[i], 0);
    }
    results.push_back({"d_" + parameter.name, g});
  }
  Function& step = module[f];
  const auto first_state =
      std::find_if(step.results.begin(), step.results.end(),
                   [&](const ir::Result& r) { return is_next_value(step, r.name); });
  step.results.insert(first_state, results.begin(), results.end());
  name_results(module, f);
}

/// The parameters of `M.train` (and `M.accumulate`): inputs, params, states, then what the runtime
/// sets each step.
class TrainParameters {
 public:
  TrainParameters(const Function& step, const Function& update) {
    const auto data_end = std::find_if(step.params.begin(), step.params.end(), [](const auto& p) {
      return p.role == Role::Param || p.role == Role::State;
    });
    for (auto p = step.params.begin(); p != data_end; ++p) add(step, *p);
    add_role(step, Role::Param);
    add_role(update, Role::Param);
    add_role(step, Role::State);
    add_role(update, Role::State);
    // What is left of update's inputs and is no gradient; then of step's.
    for (const Parameter& p : update.params)
      if (p.role == Role::Input && !has_result(step, update[p.value].name)) add(update, p);
    for (const Parameter& p : step.params) add(step, p);
  }

  struct Entry {
    std::string name;
    ir::Type type;
    Parameter parameter;
    std::vector<ir::LocId> locs;
  };
  std::vector<Entry> entries;

 private:
  static bool has_result(const Function& f, const std::string& name) {
    return std::any_of(f.results.begin(), f.results.end(),
                       [&](const ir::Result& r) { return r.name == name; });
  }
  void add_role(const Function& f, Role role) {
    for (const Parameter& p : f.params)
      if (p.role == role) add(f, p);
  }
  void add(const Function& f, const Parameter& p) {
    const ir::Value& value = f[p.value];
    if (std::none_of(entries.begin(), entries.end(),
                     [&](const Entry& e) { return e.name == value.name; }))
      entries.push_back({value.name, value.type, p, value.locs});
  }
};

using Names = std::vector<std::pair<std::string, ValueId>>;

ValueId lookup(const Names& names, const std::string& name) {
  for (const auto& [n, v] : names)
    if (n == name) return v;
  return {};
}

/// Calls `callee` with arguments by name; enters its results under their names.
bool call_by_name(ir::Builder& b, FunctionId callee, Names& names) {
  const Function& body = b.module()[callee];
  std::vector<ValueId> args;
  for (const Parameter& p : body.params) {
    args.push_back(lookup(names, body[p.value].name));
    if (!args.back()) return false;
  }
  const std::vector<ir::Result> results = body.results;
  const ValueId call = b.call(callee, std::move(args));
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueId v = i == 0 ? call : ValueId(call.index + i);
    b.function()[v].name = results[i].name;
    names.emplace_back(results[i].name, v);
  }
  return true;
}

/// Makes `entry` of a call to `M.step` and one to what takes its gradients.
void add_training_entry(Module& module, const std::string& model, const std::string& taker,
                        const std::string& entry, PassContext& context) {
  const FunctionId step = module.find(model + ".step"), update = module.find(model + "." + taker);
  if (!step || !update || module.find(model + "." + entry)) return;
  const TrainParameters parameters(module[step], module[update]);
  const FunctionId train(module.functions.size());
  module.functions.emplace_back();
  module[train].name = model + "." + entry;
  module[train].entry = true;
  ir::Builder b(module, train);
  Names names;
  for (const auto& e : parameters.entries) {
    const ValueId v = b.parameter(e.name, e.type, e.parameter.role, e.parameter.init);
    module[train][v].locs = e.locs;
    names.emplace_back(e.name, v);
  }
  if (!call_by_name(b, step, names) || !call_by_name(b, update, names)) {
    ir::Diagnostic d;
    d.code = "E0404";
    d.message =
        fmt::format("`{}.{}` needs a gradient that `{}.step` does not return", model, taker, model);
    context.diagnostics.push_back(std::move(d));
    module.functions.pop_back();
    return;
  }
  const Function& body = module[step];
  for (const ir::Result& r : body.results)
    if (!r.name.starts_with("d_") && !is_next_value(body, r.name))
      b.result(r.name, lookup(names, r.name));
  const Function& taken = module[update];
  for (const ir::Result& r : taken.results)
    if (!is_next_value(taken, r.name)) b.result(r.name, lookup(names, r.name));
  for (const auto& e : parameters.entries) {
    if (e.parameter.role != Role::Param && e.parameter.role != Role::State) continue;
    if (const ValueId v = lookup(names, "new_" + e.name)) b.result("new_" + e.name, v);
  }
  name_results(module, train);
}

}  // namespace

Module differentiate(Module module, PassContext& context) {
  if (module.stage != ir::Stage::Forward) return module;
  for (const std::string& model : module.models()) {
    if (const FunctionId step = module.find(model + ".step"))
      add_step_gradients(module, step, context);
    add_training_entry(module, model, "update", "train", context);
    add_training_entry(module, model, "collect", "accumulate", context);
  }
  module.stage = ir::Stage::Backward;
  return module;
}

}  // namespace netc::passes
