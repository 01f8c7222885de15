// Calls: which callee, its arguments, and for a fn the instance for these argument types.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_state.h"

namespace netc::frontend {

Val Elaborator::call(const Expr& e, const Call& c) {
  CallSite site{c.callee->at, e.span, text(c.callee->span), {}};
  for (const Arg& a : c.args) {
    CallArg arg;
    arg.name = a.name;
    arg.name_span = a.name_span;
    arg.expr = a.value.get();
    site.args.push_back(std::move(arg));
  }
  if (const auto* n = std::get_if<Name>(&c.callee->node))
    return apply(name(*c.callee, n->name, true), site);
  const auto* m = std::get_if<Member>(&c.callee->node);
  std::string path;
  if (!m) return apply(eval(*c.callee), site);
  if (dotted(*c.callee, path)) {
    if (find(path)) return apply(name(*c.callee, path, true), site);
    if (auto v = item(scope_->unit, path)) return apply(*v, site);
  }
  std::string root;
  bool is_path = dotted(*m->base, root);
  if (is_path && !lookup(root.substr(0, root.find('.')))) unknown(path, c.callee->span, true);
  Val base = eval(*m->base);
  if (base.is<AliasVal>()) {
    if (auto v = item(base.as<AliasVal>()->unit, m->name)) return apply(*v, site);
    unknown(path, m->name_span, true);
  }
  if (const auto* instance = base.as<InstanceVal>()) {
    if (auto v = member_param(*instance->instance, m->name)) return apply(*v, site);
    fail("E0208", fmt::format("`{}` has no `{}`", instance->instance->shown, m->name),
         m->name_span);
  }
  // x.f(a) is f(x, a).
  CallArg self;
  self.expr = m->base.get();
  self.value = base;
  site.args.insert(site.args.begin(), std::move(self));
  site.callee = m->name;
  site.at = m->name_span;
  TypeSyntax cast_to;
  for (const char* dtype_name : {"f32", "f64", "i32", "i64", "u8", "bool", "float"})
    if (m->name == dtype_name) {
      cast_to.dtype = m->name;
      return apply({DTypeVal{dtype(cast_to)}}, site);
    }
  if (auto v = lookup(m->name)) return apply(*v, site);
  unknown(m->name, m->name_span, true);
}

Val Elaborator::apply(const Val& callee, CallSite& site) {
  if (callee.is<ErrorVal>()) throw Failed{};
  if (const auto* b = callee.as<BuiltinVal>()) {
    if (b->builtin->name() == "where") return special_where(site);
    Bound bound =
        bind_arguments(b->builtin->parameters(), site, b->builtin->name(), b->builtin->signature);
    return b->builtin->apply(*this, site, bound);
  }
  if (const auto* d = callee.as<DTypeVal>()) {
    if (site.args.size() != 1 || !site.args[0].name.empty())
      fail("E0205", fmt::format("`{}` converts one value", site.callee), site.at);
    Val v = eval(site.args[0]);
    if (v.is<TensorVal>() || v.is<NumberVal>() || v.is<BoolVal>())
      return cast(v, d->dtype, site.at);
    fail("E0206",
         fmt::format("`{}` converts tensors and numbers, not {}", site.callee, describe(v)),
         site.args[0].expr->span);
  }
  if (const auto* instance = callee.as<InstanceVal>()) return call_layer(instance->instance, site);
  if (const auto* i = callee.as<ItemVal>()) {
    if (std::holds_alternative<FnItem>(i->item->node)) {
      auto entry = entries_.find(i->item);
      if (entry != entries_.end()) {
        entry_function(*i->item, i->unit);
        return call_entry(entry->second, site);
      }
      return call_fn(*i, site);
    }
    if (std::holds_alternative<LayerItem>(i->item->node)) return construct(*i, site);
    if (std::holds_alternative<OptimizerItem>(i->item->node))
      fail("E0206",
           fmt::format("`{}` is an optimizer: it stands in the `train` block", site.callee),
           site.at, "", fmt::format("`train {{ optimizer = {}() }}`", site.callee));
  }
  fail("E0206", fmt::format("`{}` cannot be called: it is {}", site.callee, describe(callee)),
       site.at);
}

Val Elaborator::special_where(CallSite& site) {
  const Builtin* where = find_builtin("where");
  Bound bound = bind_arguments(where->parameters(), site, "where", where->signature);
  Val c = eval(*bound[0]);
  Span at_c = bound[0]->expr ? bound[0]->expr->span : site.at;
  if (c.is<BoolVal>()) return eval(*bound[truth(c, at_c, "this condition") ? 1 : 2]);
  std::vector<Val> values{c, eval(*bound[1]), eval(*bound[2])};
  std::vector<Span> spans{at_c, bound[1]->expr->span, bound[2]->expr->span};
  return elementwise(ir::Op::where, values, spans, site.at, "where");
}

namespace {

struct Search {
  const std::function<bool(const std::string&)>& found;
  bool expr(const Expr& e) const {
    return std::visit(
        [&](const auto& node) -> bool {
          using T = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<T, Name>)
            return found(node.name);
          else if constexpr (std::is_same_v<T, List>) {
            for (const ExprPtr& i : node.items)
              if (expr(*i)) return true;
            return false;
          } else if constexpr (std::is_same_v<T, Unary>)
            return expr(*node.operand);
          else if constexpr (std::is_same_v<T, Binary> || std::is_same_v<T, Pipe>)
            return expr(*node.lhs) || expr(*node.rhs);
          else if constexpr (std::is_same_v<T, Call>) {
            if (expr(*node.callee)) return true;
            for (const Arg& a : node.args)
              if (expr(*a.value)) return true;
            return false;
          } else if constexpr (std::is_same_v<T, Subscript>)
            return expr(*node.base);
          else if constexpr (std::is_same_v<T, Member>)
            return expr(*node.base) || found(node.name);
          else
            return false;
        },
        e.node);
  }
  bool block(const Block& b) const {
    for (const Stmt& s : b) {
      if (const auto* bind = std::get_if<Bind>(&s.node))
        if (expr(*bind->value)) return true;
      if (const auto* ret = std::get_if<Return>(&s.node))
        for (const ExprPtr& v : ret->values)
          if (expr(*v)) return true;
    }
    return false;
  }
};

}  // namespace

bool Elaborator::impure(const ItemVal& fn) {
  auto [it, added] = impure_.try_emplace(fn.item, 0);
  if (!added) return it->second == 1;
  std::function<bool(const std::string&)> found = [&](const std::string& n) {
    if (n == "training") return true;
    auto v = std::holds_alternative<FnItem>(fn.item->node) ? item(fn.unit, n) : std::nullopt;
    if (!v) return false;
    if (const auto* b = v->as<BuiltinVal>()) return b->builtin->name() == "random_like";
    const auto* i = v->as<ItemVal>();
    return i && std::holds_alternative<FnItem>(i->item->node) && impure(*i);
  };
  bool result = Search{found}.block(std::get<FnItem>(fn.item->node).body);
  impure_[fn.item] = result ? 1 : 0;
  return result;
}

std::string Elaborator::value_text(const Val& v) const {
  if (const auto* n = v.as<NumberVal>()) return str(*n);
  if (const auto* b = v.as<BoolVal>()) return b->value ? "true" : "false";
  if (const auto* s = v.as<StringVal>()) {
    std::string out = "\"";
    for (char c : s->text) {
      if (c == '"' || c == '\\') out += '\\';
      if (c == '\n')
        out += "\\n";
      else if (c == '\t')
        out += "\\t";
      else
        out += c;
    }
    return out + "\"";
  }
  if (v.is<NoneVal>()) return "None";
  if (const auto* d = v.as<DTypeVal>()) return ir::name(d->dtype);
  if (const auto* b = v.as<BuiltinVal>()) return b->builtin->name();
  if (const auto* i = v.as<ItemVal>())
    if (const auto* fn = std::get_if<FnItem>(&i->item->node)) return fn->name.str();
  if (const auto* l = v.as<ListVal>()) {
    std::string out = "[";
    for (size_t i = 0; i < l->items.size(); ++i) out += (i ? ", " : "") + value_text(l->items[i]);
    return out + "]";
  }
  return {};
}

namespace {

/// May this value be written in a call of a dump?
bool has_text(const Val& v) {
  if (const auto* l = v.as<ListVal>())
    return std::all_of(l->items.begin(), l->items.end(), has_text);
  if (const auto* b = v.as<BoolVal>()) return b->known;
  return v.is<NumberVal>() || v.is<StringVal>() || v.is<NoneVal>() || v.is<DTypeVal>() ||
         v.is<BuiltinVal>() || v.is<ItemVal>();
}

}  // namespace

Val Elaborator::call_fn(const ItemVal& fn, CallSite& site) {
  const auto& node = std::get<FnItem>(fn.item->node);
  const bool is_std = items_[fn.unit].is_std;
  const std::string signature_text = signature(*fn.item);
  Bound bound = bind_arguments(node.params, site, signature_text);
  for (CallArg* arg : bound)
    if (arg && eval(*arg).is<ErrorVal>()) throw Failed{};
  if (std::find(active_.begin(), active_.end(), fn.item) != active_.end())
    fail("E0207", fmt::format("`{}` calls itself", node.name.str()), site.at,
         "no recursion: every program ends", "write the depth out");
  if (bad_items_.count(fn.item) && !check_only_) throw Failed{};

  // What the body sees of the arguments, and the sizes that their types bind.
  Scope scope;
  scope.unit = fn.unit;
  std::vector<Val> values(node.params.size());
  for (size_t k = 0; k < node.params.size(); ++k) {
    const ParamDecl& p = node.params[k];
    Span at = bound[k] && bound[k]->expr ? bound[k]->expr->span : site.at;
    if (!bound[k]) {
      Restore<Scope*> inner(scope_, &scope);
      values[k] = eval(*p.value);
    } else {
      values[k] = *bound[k]->value;
      bool tensor_wanted = p.type && !is_setting(p);
      if (tensor_wanted && !values[k].is<TensorVal>()) {
        const auto* n = values[k].as<NumberVal>();
        if (n && (n->is_int || ir::is_float(dtype(*p.type))))
          values[k] = cast(values[k], dtype(*p.type), at);
        else
          values[k] = {TensorVal{tensor(values[k], at)}};
      } else if (tensor_wanted && values[k].as<TensorVal>()->weak) {
        values[k] = cast(values[k], dtype(*p.type), at);
      }
      if (is_setting(p)) check_setting(p, values[k], at, node.name.str());
      if (is_setting(p) && node.grad) refuse_lost_gradient(p, values[k], at, node.name.str());
    }
    scope.names[p.path.str()] = Binding{values[k], p.path.span};
  }
  {
    Restore<Scope*> inner(scope_, &scope);
    for (int round = 0; round < 2; ++round)
      for (size_t k = 0; k < node.params.size(); ++k) {
        const auto* t = values[k].as<TensorVal>();
        if (t && bound[k] && !is_setting(node.params[k]))
          match_argument(node.params[k], t->id, *bound[k], site, node.name.str(), nullptr);
      }
  }

  if (is_std) warn_of_probabilities(node.name.str(), values, bound);

  // Flattened where no call can say it: what draws random numbers, takes layers, or (in std, whose
  // functions dumps do not print) has tensors that no call by position reaches.
  bool flatten = impure(fn);
  size_t tensors = 0;
  std::string key = fmt::format("{}", static_cast<const void*>(fn.item)), settings;
  std::vector<ir::ValueId> args;
  for (size_t k = 0; k < values.size(); ++k) {
    key += "|";
    if (const auto* t = values[k].as<TensorVal>()) {
      if (is_std && tensors != k) flatten = true;
      ++tensors;
      args.push_back(t->id);
      key += ir::str(type(t->id)) + (t->weak ? "w" : "");
      continue;
    }
    if (const auto* i = values[k].as<ItemVal>())
      if (std::holds_alternative<FnItem>(i->item->node) && impure(*i)) flatten = true;
    if (!has_text(values[k])) {
      flatten = true;
      continue;
    }
    std::string value = value_text(values[k]);
    key += value;
    if (const auto* i = values[k].as<ItemVal>())
      key += fmt::format("@{}", static_cast<const void*>(i->item));
    if (!bound[k]) continue;
    if (node.params[k].value) {
      Restore<Scope*> inner(scope_, &scope);
      if (has_text(eval(*node.params[k].value)) && value_text(eval(*node.params[k].value)) == value)
        continue;
    }
    settings += (settings.empty() ? "" : ", ") + node.params[k].path.str() + " = " + value;
  }
  if (flatten) return inline_fn(fn, scope, site);
  auto [it, added] = instances_.try_emplace(key, Instance{});
  if (added) {
    instances_[key].failed = true;  // until it is there
    try {
      const int64_t before = ops_;
      Instance made = instantiate(fn, scope, values, site);
      made.size = ops_ - before;
      ops_ = before;  // each call counts, this one below
      instances_[key] = made;
    } catch (...) {
      // What a check of a declaration found out is not said to callers.
      if (check_only_) instances_.erase(key);
      throw;
    }
  }
  const Instance& instance = instances_[key];
  if (instance.failed) throw Failed{};
  if (!instance.constants.empty()) {
    if (instance.constants.size() == 1) return instance.constants[0];
    return {TupleVal{instance.constants}};
  }
  return emit_call(instance, args, is_std ? settings : "", site.at);
}

Val Elaborator::emit_call(const Instance& instance, const std::vector<ir::ValueId>& args,
                          const std::string& settings, Span at) {
  // The limit holds for the program with its calls opened.
  ops_ += instance.size;
  limit_ops(at);
  ir::ValueId first = emit(
      at, [&](ir::Builder& b) { return b.add(ir::Op::call, args, {instance.function, settings}); });
  size_t results = module_[instance.function].results.size();
  auto weak = [&](size_t i) { return i < instance.weak.size() && instance.weak[i]; };
  if (results == 1) return {TensorVal{first, weak(0)}};
  TupleVal tuple;
  tuple.items.push_back({TensorVal{first, weak(0)}});
  for (size_t i = 1; i < results; ++i)
    tuple.items.push_back({TensorVal{
        emit(at, [&](ir::Builder& b) { return b.add(ir::Op::result, {first}, {int64_t(i)}); }),
        weak(i)}});
  return {std::move(tuple)};
}

Val Elaborator::call_entry(ir::FunctionId f, CallSite& site) {
  std::vector<ir::ValueId> args;
  const ir::Function callee = module_[f];
  if (callee.params.size() != site.args.size())
    fail("E0205",
         fmt::format("`{}` takes {} arguments but gets {}", callee.name, callee.params.size(),
                     site.args.size()),
         site.at);
  for (size_t i = 0; i < site.args.size(); ++i) {
    ir::ValueId v = tensor(eval(site.args[i]), site.args[i].expr->span);
    const ir::Type wanted = module_[f][callee.params[i].value].type;
    if (!(type(v) == wanted))
      fail("E0301",
           fmt::format("`{}` expects `{}` to be {} but gets {}", callee.name,
                       callee[callee.params[i].value].name, ir::str(wanted), ir::str(type(v))),
           site.args[i].expr->span);
    args.push_back(v);
  }
  return emit_call(Instance{f, false, 0, {}, {}}, args, "", site.at);
}

void Elaborator::enter_call(Span at) {
  // Flattening costs time even where it adds no ops.
  ++ops_;
  limit_ops(at);
  if (active_.size() >= kMaxCalls)
    fail("E0311", fmt::format("calls nest deeper than {}", kMaxCalls), at);
}

Val Elaborator::inline_fn(const ItemVal& fn, Scope& scope, CallSite& site) {
  enter_call(site.at);
  const auto& node = std::get<FnItem>(fn.item->node);
  active_.push_back(fn.item);
  levels_.push_back(level_of(node.name.str(), site, false, items_[fn.unit].is_std));
  called_from_.push_back(note_.given ? ir::LocId{} : loc(site.at));
  struct Leave {
    Elaborator& e;
    ~Leave() {
      e.active_.pop_back();
      e.levels_.pop_back();
      e.called_from_.pop_back();
    }
  } leave{*this};
  BodyContext context;
  context.path = body_path(site.at, node.name.str());
  context.item = fn.item;
  Restore<Scope*> inner(scope_, &scope);
  std::vector<Span> spans;
  std::vector<Val> results = body(node.body, context, &spans);
  results = check_results(node.results, std::move(results), spans, node.name.str());
  if (results.size() == 1) return results[0];
  return {TupleVal{std::move(results)}};
}

Instance Elaborator::instantiate(const ItemVal& fn, Scope scope, std::vector<Val> values,
                                 CallSite& site) {
  const auto& node = std::get<FnItem>(fn.item->node);
  const bool is_std = items_[fn.unit].is_std;
  enter_call(site.at);
  Instance made;
  made.function = new_function(node.name.str(), is_std, site.at);
  std::vector<ir::Type> types;
  for (const Val& v : values)
    if (const auto* t = v.as<TensorVal>()) types.push_back(type(t->id));
  Frame frame(module_, made.function);
  std::vector<std::pair<const ParamDecl*, ir::ValueId>> inputs;
  active_.push_back(fn.item);
  levels_.push_back(level_of(node.name.str(), site, false, is_std));
  called_from_.push_back({});
  struct Leave {
    Elaborator& e;
    ~Leave() {
      e.active_.pop_back();
      e.levels_.pop_back();
      e.called_from_.pop_back();
    }
  } leave{*this};
  Restore<Frame*> inner_frame(frame_, &frame);
  Restore<Scope*> inner_scope(scope_, &scope);
  Restore<const BodyContext*> inner_body(body_, nullptr);
  Restore<bool> own_places(note_.given, false);
  for (size_t k = 0, n = 0; k < node.params.size(); ++k) {
    const ParamDecl& p = node.params[k];
    const auto* t = values[k].as<TensorVal>();
    if (!t) continue;
    ir::ValueId id = frame.b.parameter(p.path.str(), types[n++]);
    frame.declared[id.index] = p.path.span;
    bind(p.path.str(), {TensorVal{id, t->weak}}, p.path.span);
    if (!is_setting(p)) inputs.emplace_back(&p, id);
  }
  BodyContext context;
  context.item = fn.item;
  std::vector<Span> spans;
  std::vector<Val> results = body(node.body, context, &spans);
  results = check_results(node.results, std::move(results), spans, node.name.str());
  bool constant =
      std::none_of(results.begin(), results.end(), [](const Val& v) { return v.is<TensorVal>(); });
  if (constant && inputs.empty()) {
    made.constants = results;
    return made;
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const auto* t = results[i].as<TensorVal>();
    ir::ValueId id = tensor(results[i], spans[i]);
    made.weak.push_back(t && t->weak);
    const ir::Value& value = frame.b.value(id);
    frame.b.result(value.name, id);
  }
  if (node.grad) gradient_function(fn, made.function, scope, inputs);
  return made;
}

ir::FunctionId Elaborator::new_function(const std::string& name, bool is_std, Span at) {
  limit_ops(at);
  ir::Function f;
  f.source_name = name;
  f.from_std = is_std;
  f.name = name;
  bool taken_by_std =
      !is_std && std::any_of(items_.begin() + int64_t(first_std_), items_.end(),
                             [&](const UnitItems& u) { return u.items.count(name) > 0; });
  if (!is_std && find_builtin(name)) taken_by_std = true;
  for (int k = 1; taken_by_std || function_names_.count(f.name); ++k) {
    f.name = name + std::to_string(k);
    taken_by_std = false;
  }
  function_names_.insert(f.name);
  if (!is_std) f.source_name = f.name;
  module_.functions.push_back(std::move(f));
  return ir::FunctionId(module_.functions.size() - 1);
}

std::vector<Val> Elaborator::setting_values(
    const std::vector<ParamDecl>& settings, const Bound& bound, size_t unit,
    const std::string& callee,
    const std::function<void(const ParamDecl&, const Val&, Span)>& check) {
  Scope scope;
  scope.unit = unit;
  std::vector<Val> values;
  for (size_t k = 0; k < settings.size(); ++k) {
    const ParamDecl& p = settings[k];
    Val v;
    if (bound[k]) {
      v = eval(*bound[k]);
      if (v.is<ErrorVal>()) throw Failed{};
      const Span at = bound[k]->expr->span;
      check_setting(p, v, at, callee);
      check(p, v, at);
    } else {
      Restore<Scope*> inner(scope_, &scope);
      v = eval(*p.value);
    }
    scope.names[p.path.str()] = Binding{v, p.path.span};
    values.push_back(std::move(v));
  }
  return values;
}

void Elaborator::refuse_lost_gradient(const ParamDecl& p, const Val& v, Span at,
                                      const std::string& callee) {
  const auto* t = v.as<TensorVal>();
  if (!t || t->weak || !frame_ || frame_->weak_numbers || !ir::is_float(type(t->id).dtype)) return;
  if (frame_->b.value(t->id).op == ir::Op::stop_gradient) return;
  const std::string name = p.path.str();
  ir::Diagnostic d =
      error("E0313",
            fmt::format("`{}` is a setting of `{}`, whose `grad` block gives it no gradient", name,
                        callee),
            at, "this is " + describe(v));
  d.helps.push_back(callee == "clip"
                        ? "bounds that are computed: `minimum(maximum(x, lo), hi)`"
                        : fmt::format("write `stop_gradient({})` if none is wanted", text(at)));
  fail(std::move(d));
}

void Elaborator::check_setting(const ParamDecl& p, const Val& v, Span at,
                               const std::string& callee) {
  if (!p.type || v.is<HoleVal>()) return;
  const std::string& want = p.type->dtype;
  std::string what = fmt::format("`{}` of `{}`", p.path.str(), callee);
  auto callable = [&] {
    return v.is<ItemVal>() || v.is<BuiltinVal>() || v.is<InstanceVal>() || v.is<DTypeVal>();
  };
  if (want == "int" && !v.is<NoneVal>()) {
    if (!v.is<ListVal>()) size(v, at, what.c_str());
  } else if (want == "str") {
    string(v, at, what.c_str());
  } else if (want == "bool" && !p.type->dims) {
    if (!v.is<BoolVal>())
      fail("E0206", fmt::format("{} must be `true` or `false`", what), at,
           "this is " + describe(v));
  } else if (want == "fn") {
    if (!callable())
      fail("E0206", fmt::format("{} must be a function", what), at, "this is " + describe(v));
  }
}

}  // namespace netc::frontend
