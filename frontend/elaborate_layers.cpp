// Layers: construction, calls (flattened into the function being built), and the parameters and
// states that they own.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "frontend/elaborate_state.h"
#include "frontend/foreign.h"
#include "frontend/initialisers.h"

namespace netc::frontend {
namespace {

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

/// `3, 4` of `torch.randn(3, 4)`.
std::string sizes_in(const Expr& e) {
  const auto* c = std::get_if<Call>(&e.node);
  std::string sizes;
  for (size_t i = 0; c && i < c->args.size(); ++i) {
    const auto* n = std::get_if<Number>(&c->args[i].value->node);
    if (!n || !n->is_int || !c->args[i].name.empty()) return "n, m";
    sizes += (i ? ", " : "") + n->text;
  }
  return sizes.empty() ? "n, m" : sizes;
}

}  // namespace

bool Elaborator::is_size_of(const LayerItem& layer, const std::string& name) {
  auto in_type = [&](const std::optional<TypeSyntax>& t) {
    if (!t || !t->dims) return false;
    for (const DimSyntax& d : *t->dims)
      if (const auto* n = d.size ? std::get_if<Name>(&d.size->node) : nullptr; n && n->name == name)
        return true;
    return false;
  };
  for (const ParamDecl& p : layer.params)
    if (in_type(p.type)) return true;
  for (const Stmt& s : layer.body)
    if (const auto* d = std::get_if<VarDecl>(&s.node); d && in_type(d->type)) return true;
  return false;
}

std::string Elaborator::owned_path(const std::string& name) const {
  return join(body_ ? body_->path : "", name);
}

std::string Elaborator::body_path(Span at, const std::string& name) const {
  if (!body_) return name;
  auto it = body_->anonymous.find(at.begin);
  return join(body_->path, it == body_->anonymous.end() ? name : it->second);
}

Val Elaborator::construct(const ItemVal& layer, CallSite& site) {
  const auto& node = std::get<LayerItem>(layer.item->node);
  const std::string given_name = std::exchange(pending_name_, "");
  Bound bound = bind_arguments(node.settings, site, signature(*layer.item));
  if (!frame_ || !frame_->owns)
    fail("E0212", fmt::format("`{}` is a layer: only models and layers own parameters", node.name),
         site.at, "not in a fn", "make this `fn` a `layer`");
  auto instance = std::make_shared<LayerInstance>();
  instance->unit = layer.unit;
  instance->item = layer.item;
  instance->place = site.at;
  instance->path = given_name.empty() ? body_path(site.at, node.name) : owned_path(given_name);
  instance->shown = given_name.empty() ? node.name : given_name;
  instance->settings = setting_values(
      node.settings, bound, layer.unit, node.name, [&](const ParamDecl& p, const Val& v, Span at) {
        const std::string what = fmt::format("`{}` of `{}`", p.path.str(), node.name);
        if (v.is<TensorVal>()) {
          std::string settings;
          for (const ParamDecl& s : node.settings)
            if (!s.value) settings += (settings.empty() ? "" : ", ") + s.path.str();
          fail("E0313", what + " must be known when the program is compiled", at,
               "this is " + describe(v),
               fmt::format("tensors stand in a second list: `{}({})(x)`", node.name, settings));
        }
        if (!v.is<NumberVal>() || !is_size_of(node, p.path.str())) return;
        ir::Dim d = size(v, at, what.c_str());
        if (d.is_constant() && d.constant() < 0)
          fail("E0310", fmt::format("{} is a size and must not be negative", what), at);
      });
  for (const CallArg* given : bound)
    instance->setting_exprs.push_back(given ? given->expr : nullptr);
  auto [it, added] = frame_->instances.try_emplace(instance->path, instance);
  const bool same_place = !added && it->second->place.begin == instance->place.begin &&
                          it->second->place.file == instance->place.file;
  if (!added && (it->second->item != layer.item || (!check_only_ && !same_place))) {
    ir::Diagnostic d =
        error("E0203", fmt::format("two layers are called `{}`", instance->path), site.at,
              given_name.empty() ? "without a name of its own" : "called so here");
    other(d, it->second->place, "the other one");
    d.helps.emplace_back(
        "a layer without a name is called after its class, with a number: rename the other one");
    fail(std::move(d));
  }
  if (!added && !check_only_) return {InstanceVal{it->second}};
  if (!added) it->second = instance;
  return {InstanceVal{std::move(instance)}};
}

Val Elaborator::call_layer(const std::shared_ptr<LayerInstance>& instance, CallSite& site) {
  const auto& node = std::get<LayerItem>(instance->item->node);
  const bool is_std = items_[instance->unit].is_std;
  if (std::find(active_.begin(), active_.end(), instance->item) != active_.end())
    fail("E0207", fmt::format("layer `{}` holds itself", node.name), site.at,
         "no recursion: every program ends");
  if (bad_items_.count(instance->item) && !check_only_) throw Failed{};
  enter_call(site.at);
  Scope scope;
  scope.unit = instance->unit;
  Bound bound = bind_arguments(node.params, site, signature(*instance->item));
  for (size_t k = 0; k < node.settings.size(); ++k)
    scope.names[node.settings[k].path.str()] =
        Binding{instance->settings[k], node.settings[k].path.span};
  std::vector<Val> values(node.params.size());
  std::vector<std::string> holes;
  for (size_t k = 0; k < node.settings.size(); ++k)
    if (instance->settings[k].is<HoleVal>()) holes.push_back(node.settings[k].path.str());
  for (size_t k = 0; k < node.params.size(); ++k) {
    const ParamDecl& p = node.params[k];
    if (bound[k]) {
      values[k] = eval(*bound[k]);
      if (values[k].is<ErrorVal>()) throw Failed{};
      if (p.type && !is_setting(p) && !values[k].is<TensorVal>())
        values[k] = {TensorVal{tensor(values[k], bound[k]->expr ? bound[k]->expr->span : site.at)}};
    } else {
      Restore<Scope*> inner(scope_, &scope);
      values[k] = eval(*p.value);
    }
  }
  const std::string shown = instance->shown;
  {
    Restore<Scope*> inner(scope_, &scope);
    for (int round = 0; round < 2; ++round)
      for (size_t k = 0; k < node.params.size(); ++k)
        if (const auto* t = values[k].as<TensorVal>(); t && bound[k])
          match_argument(node.params[k], t->id, *bound[k], site, shown, instance.get());
  }
  for (size_t k = 0; k < node.settings.size(); ++k) {
    const std::string name = node.settings[k].path.str();
    if (std::find(holes.begin(), holes.end(), name) == holes.end()) continue;
    instance->settings[k] = scope.names[name].value;
    if (instance->settings[k].is<HoleVal>())
      fail("E0205", fmt::format("`_` for `{}` of `{}` cannot be inferred", name, node.name),
           instance->setting_exprs[k] ? instance->setting_exprs[k]->span : site.at, "",
           "only sizes that the input's type names can be inferred");
  }
  for (size_t k = 0; k < node.params.size(); ++k)
    scope.names[node.params[k].path.str()] = Binding{values[k], node.params[k].path.span};

  active_.push_back(instance->item);
  // A declaration that is checked for itself was called from nowhere.
  const bool own_check = site.at.begin == instance->item->name_span.begin &&
                         site.at.file == instance->item->name_span.file;
  if (!own_check) levels_.push_back(level_of(node.name, site, true, is_std));
  called_from_.push_back(note_.given || own_check ? ir::LocId{} : loc(site.at));
  struct Leave {
    Elaborator& e;
    bool level;
    ~Leave() {
      e.active_.pop_back();
      if (level) e.levels_.pop_back();
      e.called_from_.pop_back();
    }
  } leave{*this, !own_check};
  BodyContext context;
  context.path = instance->path;
  context.item = instance->item;
  Restore<Scope*> inner(scope_, &scope);
  Restore<Span> at(body_at_, instance->item->name_span);
  std::vector<Span> spans;
  std::vector<Val> results = body(node.body, context, &spans);
  results = check_results(node.results, std::move(results), spans, node.name);
  remember_producer(*instance, node, results);
  if (results.size() == 1) return results[0];
  return {TupleVal{std::move(results)}};
}

void Elaborator::remember_producer(const LayerInstance& instance, const LayerItem& node,
                                   const std::vector<Val>& results) {
  if (results.size() != 1 || !results[0].is<TensorVal>() || node.results.size() != 1) return;
  const auto& dims = node.results[0].type.dims;
  if (!dims || dims->empty() || dims->back().ellipsis) return;
  const auto* n = std::get_if<Name>(&dims->back().size->node);
  for (size_t k = 0; n && k < node.settings.size(); ++k)
    if (node.settings[k].path.str() == n->name && instance.setting_exprs[k])
      frame_->produced[results[0].as<TensorVal>()->id.index] = {instance.shown,
                                                                instance.setting_exprs[k]->span};
}

void Elaborator::var_decl(const VarDecl& d) {
  const std::string name = d.name.str();
  if (!frame_->owns && !frame_->weak_numbers)
    fail("E0212",
         fmt::format("`{}` is declared in a fn: only models and layers own parameters", name),
         d.name.span, "", "make this `fn` a `layer`");
  auto old = scope_->names.find(name);
  if (old != scope_->names.end()) {
    // std's layers may have a setting that says whether the parameter of this name exists.
    bool setting = items_[scope_->unit].is_std && old->second.value.is<BoolVal>();
    if (!setting) {
      ir::Diagnostic e = error("E0203", fmt::format("`{}` is declared twice", name), d.name.span,
                               "declared again here");
      other(e, old->second.declared, "first declared here");
      fail(std::move(e));
    }
  }
  std::shared_ptr<Val> setting;
  if (old != scope_->names.end()) setting = std::make_shared<Val>(old->second.value);
  bind(name, {OwnedVal{&d, std::move(setting)}}, d.name.span);
  if (!frame_->weak_numbers) use_owned(name);
}

Val Elaborator::use_owned(const std::string& name) {
  Scope* scope = scope_;
  while (!scope->names.count(name)) scope = const_cast<Scope*>(scope->parent);
  const Binding binding = scope->names[name];
  const OwnedVal& owned = *binding.value.as<OwnedVal>();
  if (owned.setting) scope->names[name].value = *owned.setting;
  struct Back {
    Scope& scope;
    const std::string& name;
    const Binding& binding;
    ~Back() { scope.names[name] = binding; }
  };
  const Expr* init = nullptr;
  {
    Back back{*scope, name, binding};
    init = chosen_initializer(*owned.declaration->value);
    if (!std::holds_alternative<None>(init->node))
      return {TensorVal{
          owned_param(owned_path(owned.declaration->name.str()), *owned.declaration, *init)}};
  }
  scope->names[name].value = Val{NoneVal{}};
  return {NoneVal{}};
}

const Expr* Elaborator::chosen_initializer(const Expr& e) {
  const auto* c = std::get_if<Call>(&e.node);
  const auto* n = c ? std::get_if<Name>(&c->callee->node) : nullptr;
  if (!n || n->name != "where" || c->args.size() != 3) return &e;
  bool taken = truth(eval(*c->args[0].value), c->args[0].value->span, "this condition");
  return chosen_initializer(*c->args[taken ? 1 : 2].value);
}

ir::ValueId Elaborator::owned_param(const std::string& path, const VarDecl& d,
                                    const Expr& init_expr) {
  auto it = frame_->owned.find(path);
  if (it != frame_->owned.end()) return it->second.current;
  if (!d.type && !d.is_state)
    fail("E0205", fmt::format("parameter `{}` needs a type", path), d.name.span, "",
         fmt::format("its sizes stand behind the name: `param {}: [{}] = …`", d.name.str(),
                     sizes_in(init_expr)));
  ir::Type t{module_.default_float, {}};
  if (d.type)
    t = resolve(*d.type, false);
  else if (frame_->state_type)
    t = *frame_->state_type;
  for (size_t i = 0; i < t.shape.size(); ++i)
    if (!t.shape[i].is_constant() && !check_only_) {
      Span at = d.type->dims && i < d.type->dims->size() ? (*d.type->dims)[i].span : d.type->span;
      fail("E0310",
           fmt::format("the sizes of `{}` must be numbers, `{}` is open", path, t.shape[i].str()),
           at, "hangs on the data", "parameters are made before any data is seen");
    }
  ir::Initializer init = initializer(init_expr);
  frame_->b.locs = {loc(d.name.span)};
  Owned owned;
  owned.is_state = d.is_state;
  owned.declared = d.name.span;
  owned.value = declare(path, t, d.is_state ? ir::Role::State : ir::Role::Param, init,
                        d.type ? d.type->span : d.name.span);
  owned.current = owned.value;
  frame_->declared[owned.value.index] = d.name.span;
  frame_->owned[path] = owned;
  frame_->owned_order.push_back(path);
  return owned.value;
}

bool Elaborator::assign_state(const Bind& b, const std::string& name) {
  const Binding* binding = find(name);
  if (!binding || !binding->value.is<OwnedVal>() || !body_) return false;
  const VarDecl& d = *binding->value.as<OwnedVal>()->declaration;
  Span at = b.targets[0].path.span;
  if (!d.is_state)
    fail("E0213", fmt::format("`{}` is a parameter: only training changes it", name), at,
         "cannot be assigned", "bind another name");
  ir::ValueId old = owned_param(owned_path(name), d, *d.value);
  if (!training_ && !frame_->weak_numbers) return true;
  Val v = eval(*b.value);
  const ir::Type want = type(old);
  if (const auto* n = v.as<NumberVal>())
    v = {TensorVal{emit(b.value->at,
                        [&](ir::Builder& builder) { return builder.constant(n->scalar, want); })}};
  ir::ValueId id = strong_tensor(v, b.value->span);
  if (frame_->weak_numbers && type(id).shape.empty())
    id = broadcast_to(id, want.shape, b.value->at);
  if (!(type(id) == want))
    fail("E0301",
         fmt::format("state `{}` is {}, but this is {}", name, ir::str(want), ir::str(type(id))),
         b.value->span);
  if (!frame_->weak_numbers)
    id = emit(b.value->at,
              [&](ir::Builder& builder) { return builder.add(ir::Op::stop_gradient, {id}); });
  if (frame_->weak_numbers) name_value({TensorVal{id}}, name);
  frame_->owned[owned_path(name)].current = id;
  return true;
}

std::optional<Val> Elaborator::member_param(const LayerInstance& instance,
                                            const std::string& name) {
  const std::string path = join(instance.path, name);
  auto owned = frame_->owned.find(path);
  if (owned != frame_->owned.end()) return Val{TensorVal{owned->second.current}};
  auto inner = frame_->instances.find(path);
  if (inner != frame_->instances.end()) return Val{InstanceVal{inner->second}};
  const auto& node = std::get<LayerItem>(instance.item->node);
  for (const Stmt& s : node.body) {
    const auto* d = std::get_if<VarDecl>(&s.node);
    if (!d || d->name.str() != name) continue;
    Scope scope;
    scope.unit = instance.unit;
    for (size_t k = 0; k < node.settings.size(); ++k) {
      if (instance.settings[k].is<HoleVal>())
        fail("E0208", fmt::format("`{}` is not known before `{}` is called", name, instance.shown),
             instance.place, "has a `_`");
      scope.names[node.settings[k].path.str()] =
          Binding{instance.settings[k], node.settings[k].path.span};
    }
    Restore<Scope*> inner_scope(scope_, &scope);
    const Expr* init = chosen_initializer(*d->value);
    if (std::holds_alternative<None>(init->node)) return Val{NoneVal{}};
    return Val{TensorVal{owned_param(path, *d, *init)}};
  }
  return std::nullopt;
}

ir::Initializer Elaborator::initializer(const Expr& e) {
  ir::Initializer init;
  const auto* c = std::get_if<Call>(&e.node);
  const auto* n = c ? std::get_if<Name>(&c->callee->node) : nullptr;
  if (c && !n) {
    std::vector<std::string> names;
    for (const InitialiserInfo& r : initialiser_infos()) names.emplace_back(r.name);
    const std::string written = text(c->callee->span);
    fail("E0214", fmt::format("unknown initialiser `{}`", written), c->callee->span,
         "not an initialiser", suggestion(written, names));
  }
  if (!n) {
    Val v = eval(e);
    const auto* k = v.as<NumberVal>();
    auto value = k ? known_value(*k) : std::nullopt;
    if (value) return {"const", {{"value", *value}}};
    fail("E0214", "an initialiser is wanted here", e.span, "this is " + describe(v),
         "one of `zeros() ones() const(v) uniform(lo, hi) normal(std) xavier_uniform() "
         "xavier_normal() "
         "kaiming_uniform() kaiming_normal() orthogonal() load(\"w.npy\")`");
  }
  const InitialiserInfo* rule = nullptr;
  std::vector<std::string> names;
  for (const InitialiserInfo& r : initialiser_infos()) {
    names.push_back(r.name);
    if (n->name == r.name) rule = &r;
  }
  if (!rule) {
    const std::string help = suggestion(n->name, names);
    fail("E0214", fmt::format("unknown initialiser `{}`", n->name), c->callee->span,
         "not an initialiser",
         help.empty() ? fmt::format("initialisers are {}", fmt::join(names, ", ")) : help);
  }
  init.name = rule->name;
  CallSite site{c->callee->at, e.span, n->name, {}};
  for (const Arg& a : c->args) {
    CallArg arg;
    arg.name = a.name;
    arg.name_span = a.name_span;
    arg.expr = a.value.get();
    site.args.push_back(std::move(arg));
  }
  std::vector<Builtin::Parameter> params;
  for (const char* p : rule->required) params.push_back({p, false, false});
  for (const char* p : rule->optional) params.push_back({p, true, false});
  Bound bound = bind_arguments(params, site, n->name, rule->signature());
  for (size_t k = 0; k < params.size(); ++k) {
    if (!bound[k]) continue;
    Val v = eval(*bound[k]);
    Span at = bound[k]->expr->span;
    if (params[k].name == "path") {
      std::string path = string(v, at, "the path");
      if (options_.rewrite_path) path = options_.rewrite_path(at.file, path);
      init.args.emplace_back(params[k].name, path);
      continue;
    }
    std::string what = fmt::format("`{}`", params[k].name);
    const auto* run = v.as<TensorVal>();
    std::optional<double> value;
    if (!run || !run->weak) value = known_value(number(v, at, what.c_str()));
    if (!value && check_only_) value = 1;  // a call will say
    if (!value) fail("E0313", fmt::format("{} hangs on an open size", what), at);
    const std::string& name = params[k].name;
    if ((name == "fan_in" || name == "fan_out") && *value < 1)
      fail("E0503", fmt::format("`{}` must be at least 1", name), at);
    if (name == "std" && *value < 0) fail("E0503", "`std` must not be negative", at);
    if (name == "hi" && !check_only_ && *value < std::get<double>(init.args.back().second))
      fail("E0503", "`hi` must not be below `lo`", at);
    init.args.emplace_back(name, *value);
  }
  return init;
}

}  // namespace netc::frontend
