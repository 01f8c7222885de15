// The rules of a sound module, checked value by value. Nothing here may crash on a broken module:
// ids are checked before they are followed.
#include "ir/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace netc::ir {
namespace {

/// Which alternative of Attribute a kind stands for.
bool has_kind(const Attribute& a, AttrKind kind) {
  switch (kind) {
    case AttrKind::Int:
      return std::holds_alternative<int64_t>(a);
    case AttrKind::Bool:
      return std::holds_alternative<bool>(a);
    case AttrKind::Double:
      return std::holds_alternative<double>(a);
    case AttrKind::String:
      return std::holds_alternative<std::string>(a);
    case AttrKind::Ints:
      return std::holds_alternative<std::vector<int64_t>>(a);
    case AttrKind::Dim:
      return std::holds_alternative<Dim>(a);
    case AttrKind::Sizes:
      return std::holds_alternative<Shape>(a);
    case AttrKind::Scalar:
      return std::holds_alternative<Scalar>(a);
    case AttrKind::ReduceKind:
      return std::holds_alternative<ReduceKind>(a);
    case AttrKind::Function:
      return std::holds_alternative<FunctionId>(a);
  }
  return false;
}

class Verifier {
 public:
  Verifier(const Module& module, const Function& function) : module_(module), f_(function) {}

  std::optional<std::string> run() {
    parameters();
    for (size_t v = 0; v < f_.values.size() && !problem_; ++v) value(v);
    if (!problem_) kernels();
    if (!problem_ && f_.entry && module_.stage == Stage::Plan) storage();
    if (!problem_) results();
    if (!problem_) gradient();
    if (!problem_ && f_.entry && module_.stage != Stage::Forward) sizes();
    return problem_;
  }

 private:
  const Module& module_;
  const Function& f_;
  std::optional<std::string> problem_;

  void say(const std::string& what) {
    if (!problem_) problem_ = fmt::format("function `{}`: {}", f_.name, what);
  }
  void say(size_t v, const std::string& what) {
    std::string shown = f_.values[v].name.empty() ? fmt::format("number {}", v)
                                                  : fmt::format("`{}`", f_.values[v].name);
    say(fmt::format("value {} ({}): {}", shown, op_name(f_.values[v].op), what));
  }

  void parameters() {
    for (size_t i = 0; i < f_.params.size(); ++i) {
      if (f_.params[i].value != ValueId(i) || i >= f_.values.size() ||
          f_.values[i].op != Op::parameter)
        return say(fmt::format("parameter {} is not value {}", i, i));
    }
    for (size_t v = f_.params.size(); v < f_.values.size(); ++v)
      if (f_.values[v].op == Op::parameter) return say(v, "a parameter after other values");
  }

  void value(size_t v) {
    const Value& value = f_.values[v];
    const OpDef& d = def(value.op);
    for (ValueId a : value.args)
      if (!a || a.index >= v) return say(v, "an operand is not defined before it");
    if (value.attrs.size() != d.attributes.size())
      return say(v, fmt::format("has {} attributes instead of {}", value.attrs.size(),
                                d.attributes.size()));
    for (size_t i = 0; i < value.attrs.size(); ++i)
      if (!has_kind(value.attrs[i], d.attributes[i].kind))
        return say(v, fmt::format("attribute `{}` has the wrong kind", d.attributes[i].name));
    for (LocId loc : value.locs)
      if (!loc || loc.index >= module_.locs.size()) return say(v, "has a place that is not there");
    if (value.op == Op::call && !is_function(std::get<FunctionId>(value.attrs[0])))
      return say(v, "calls a function that is not there");
    if (value.op == Op::result) further_result(v);
    if (!problem_) type(v);
  }

  bool is_function(FunctionId f) const { return f && f.index < module_.functions.size(); }

  void further_result(size_t v) {
    const Value& value = f_.values[v];
    if (value.args.size() != 1 || f_[value.args[0]].op != Op::call)
      return say(v, "is a result of something that is not a call");
    const Value& call = f_[value.args[0]];
    const Function& callee = module_[std::get<FunctionId>(call.attrs[0])];
    int64_t index = std::get<int64_t>(value.attrs[0]);
    if (index < 1 || size_t(index) >= callee.results.size())
      return say(v, fmt::format("`{}` has no result {}", callee.name, index));
    if (v != value.args[0].index + size_t(index))
      return say(v, "does not stand directly behind its call");
    ValueId result = callee.results[size_t(index)].value;
    if (!result || callee[result].type != value.type)
      say(v, fmt::format("has type {}, not that of the callee's result", str(value.type)));
  }

  void type(size_t v) {
    const Value& value = f_.values[v];
    std::vector<Type> types;
    for (ValueId a : value.args) types.push_back(f_[a].type);
    try {
      Type inferred = def(value.op).infer(module_, value, types);
      if (inferred != value.type)
        say(v, fmt::format("has type {}, its shape rule says {}", str(value.type), str(inferred)));
    } catch (const OpError& error) {
      say(v, error.what());
    }
  }

  void kernels() {
    std::set<KernelId> closed;
    KernelId open;
    std::set<std::string> names;
    for (const Kernel& k : f_.kernels)
      if (!names.insert(k.name).second)
        return say(fmt::format("two kernels are called {}", k.name));
    for (size_t v = 0; v < f_.values.size(); ++v) {
      const Value& value = f_.values[v];
      if (value.kernel && value.kernel.index >= f_.kernels.size())
        return say(v, "is in a kernel that is not there");
      if (value.kernel == open || (value.op == Op::constant && !value.kernel)) continue;
      if (open) closed.insert(open);
      open = value.kernel;
      if (open && closed.count(open))
        return say(v,
                   fmt::format("kernel {} is not one run of values", f_.kernels[open.index].name));
    }
  }

  /// What leaves a kernel must be kept somewhere.
  void storage() {
    for (const Value& user : f_.values)
      for (ValueId a : user.args)
        if (f_[a].kernel && f_[a].kernel != user.kernel && !f_[a].storage)
          return say(a.index, "is used outside its kernel and has no storage");
  }

  void results() {
    for (const Result& r : f_.results) {
      if (r.value && r.value.index >= f_.values.size())
        return say(fmt::format("result `{}` is not there", r.name));
      if (f_.entry && (!r.value || r.name.empty())) return say("a result has no name or no value");
    }
  }

  void gradient() {
    if (!f_.grad) return;
    if (!is_function(f_.grad)) return say("its gradient is not there");
    const Function& grad = module_[f_.grad];
    if (grad.params.size() != f_.grad_captures.size() + f_.results.size())
      return say("its gradient does not take the captured values and one cotangent a result");
    for (size_t i = 0; i < f_.grad_captures.size(); ++i) {
      ValueId captured = f_.grad_captures[i];
      if (!captured || captured.index >= f_.values.size())
        return say("its gradient captures a value that is not there");
      if (grad[grad.params[i].value].type != f_[captured].type)
        return say(fmt::format("captured value {} has another type in the gradient", i));
    }
  }

  /// From Backward on a single named size is left: the batch.
  void sizes() {
    std::set<std::string> names;
    for (const Value& value : f_.values)
      for (const Dim& d : value.type.shape)
        for (const std::string& symbol : d.symbols()) names.insert(symbol);
    if (names.size() > 1)
      say(fmt::format("more than one named size is left: {}", fmt::join(names, ", ")));
  }
};

}  // namespace

std::optional<std::string> verify(const Module& module) {
  for (const Function& f : module.functions)
    if (auto problem = Verifier(module, f).run()) return problem;
  return {};
}

}  // namespace netc::ir
