// `M.update`: the optimizer of the `train` block, applied to every parameter that is trained, with
// clipping, frozen parameters and groups.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_state.h"
#include "frontend/foreign.h"

namespace netc::frontend {
namespace {

/// `*` stands for any run of characters, `?` for one.
bool matches(const std::string& pattern, const std::string& name, size_t i = 0, size_t j = 0) {
  for (; i < pattern.size(); ++i, ++j) {
    if (pattern[i] == '*') {
      for (size_t k = j; k <= name.size(); ++k)
        if (matches(pattern, name, i + 1, k)) return true;
      return false;
    }
    if (j >= name.size() || (pattern[i] != '?' && pattern[i] != name[j])) return false;
  }
  return j == name.size();
}

const Expr* setting(const TrainItem& train, const char* key) {
  const Expr* found = nullptr;
  for (const Setting& s : train.settings)
    if (s.key == key) found = s.value.get();
  return found;
}

/// The name and arguments of a call among settings; null when it is no such call.
const Call* call_named(const Expr& e, std::string& name) {
  const auto* c = std::get_if<Call>(&e.node);
  const auto* n = c ? std::get_if<Name>(&c->callee->node) : nullptr;
  if (!n) return nullptr;
  name = n->name;
  return c;
}

}  // namespace

const TrainItem* Elaborator::train_item() const {
  for (const Item& item : items_[0].file->items)
    if (const auto* train = std::get_if<TrainItem>(&item.node)) return train;
  return nullptr;
}

ir::ValueId Elaborator::clip_gradients(const Expr& e, std::vector<Trained>& trained) {
  std::string name;
  const Call* c = call_named(e, name);
  if (!c || (name != "norm" && name != "value") || c->args.size() != 1)
    fail("E0521", "`clip` is `norm(c)` or `value(c)`", e.span, "neither of them",
         std::holds_alternative<Number>(e.node)
             ? fmt::format("write `clip = norm({})`", text(e.span))
             : "");
  Val limit{number(eval(*c->args[0].value), c->args[0].value->span, "the limit")};
  if (!(known_value(*limit.as<NumberVal>()).value_or(1) > 0))
    fail("E0503", fmt::format("the limit of `clip = {}` must be above 0", name),
         c->args[0].value->span);
  Span at = e.at;
  if (name == "value") {
    Val low{negate(*limit.as<NumberVal>())};
    for (Trained& t : trained) {
      Val g{TensorVal{t.gradient}};
      g = elementwise(ir::Op::minimum,
                      {elementwise(ir::Op::maximum, {g, low}, {at, at}, at, "clip"), limit},
                      {at, at}, at, "clip");
      t.gradient = g.as<TensorVal>()->id;
    }
    return {};
  }
  Val total{float_number(0)};
  for (const Trained& t : trained) {
    ir::ValueId squares =
        emit(at, [&](ir::Builder& b) { return b.binary(ir::Op::mul, t.gradient, t.gradient); });
    std::vector<int64_t> dims;
    for (int i = 0; i < type(t.gradient).rank(); ++i) dims.push_back(i);
    ir::ValueId sum = emit(at, [&](ir::Builder& b) { return b.sum(squares, dims); });
    sum = emit(at, [&](ir::Builder& b) { return b.cast(sum, module_.default_float); });
    if (total.is<NumberVal>())
      total = {TensorVal{sum}};
    else
      total = elementwise(ir::Op::add, {total, {TensorVal{sum}}}, {at, at}, at, "+");
  }
  if (total.is<NumberVal>()) return {};
  Val norm = elementwise(ir::Op::sqrt, {total}, {at}, at, "sqrt");
  Val padded = elementwise(ir::Op::add, {norm, {float_number(1e-6)}}, {at, at}, at, "+");
  Val ratio = elementwise(ir::Op::div, {limit, padded}, {at, at}, at, "/");
  Val scale = elementwise(ir::Op::minimum, {{float_number(1)}, ratio}, {at, at}, at, "minimum");
  for (Trained& t : trained) {
    Val own = cast(scale, type(t.gradient).dtype, at);
    t.gradient = elementwise(ir::Op::mul, {{TensorVal{t.gradient}}, own}, {at, at}, at, "*")
                     .as<TensorVal>()
                     ->id;
  }
  return norm.as<TensorVal>()->id;
}

void Elaborator::read_patterns(const TrainItem& train,
                               const std::vector<std::pair<std::string, ir::Type>>& params,
                               std::vector<bool>& frozen, std::vector<double>& factors) {
  auto apply = [&](const Expr& e, const std::function<void(size_t)>& hit) {
    std::string pattern = string(eval(e), e.span, "a parameter pattern");
    bool any = false;
    std::vector<std::string> names;
    for (size_t i = 0; i < params.size(); ++i) {
      names.push_back(params[i].first);
      if (!matches(pattern, params[i].first)) continue;
      any = true;
      hit(i);
    }
    if (any) return;
    std::string near = nearest(pattern, names);
    fail("E0522", fmt::format("no parameter is called `{}`", pattern), e.span, "matches nothing",
         near.empty() ? "`netc check -v` lists the parameters"
                      : fmt::format("did you mean `{}`?", near));
  };
  if (const Expr* e = setting(train, "freeze")) {
    const auto* list = std::get_if<List>(&e->node);
    if (!list)
      fail("E0521", "`freeze` is a list of patterns: `[\"mlp.fc1.*\"]`", e->span, "not a list");
    for (const ExprPtr& item : list->items) apply(*item, [&](size_t i) { frozen[i] = true; });
  }
  if (const Expr* e = setting(train, "groups")) {
    const auto* list = std::get_if<List>(&e->node);
    if (!list)
      fail("E0521", "`groups` is a list: `[group(\"head.*\", 10.0)]`", e->span, "not a list");
    for (const ExprPtr& item : list->items) {
      std::string name;
      const Call* c = call_named(*item, name);
      if (!c || name != "group" || c->args.size() != 2)
        fail("E0521", "a group is `group(\"head.*\", 10.0)`", item->span, "not a group");
      auto factor =
          known_value(number(eval(*c->args[1].value), c->args[1].value->span, "the factor"));
      apply(*c->args[0].value, [&](size_t i) { factors[i] *= factor.value_or(1); });
    }
  }
}

ItemVal Elaborator::optimizer_of(const TrainItem& train, CallSite& site) {
  const Expr* e = setting(train, "optimizer");
  if (!e) {
    site = CallSite{train.settings.empty() ? Span{} : train.settings[0].key_span, {}, "sgd", {}};
    return *item(0, "sgd")->as<ItemVal>();
  }
  std::vector<std::string> names;
  for (size_t u = 0; u < items_.size(); ++u)
    if (u == 0 || u >= first_std_)
      for (const auto& [name, found] : items_[u].items)
        if (std::holds_alternative<OptimizerItem>(found.item->node)) names.push_back(name);
  const auto* c = std::get_if<Call>(&e->node);
  if (!c) {
    const auto* quoted = std::get_if<String>(&e->node);
    const std::string written = quoted ? quoted->value : text(e->span);
    const std::string intended = intended_name(written, names);
    fail("E0521", "`optimizer` is a call", e->span, "not a call",
         fmt::format("write `optimizer = {}()`", intended.empty() ? written : intended));
  }
  site = CallSite{c->callee->at, e->span, text(c->callee->span), {}};
  for (const Arg& a : c->args) {
    CallArg arg;
    arg.name = a.name;
    arg.name_span = a.name_span;
    arg.expr = a.value.get();
    site.args.push_back(std::move(arg));
  }
  auto v = callee_item(*c->callee);
  if (v && std::holds_alternative<OptimizerItem>(v->item->node)) return *v;
  const std::string help = suggestion(site.callee, names);
  fail("E0520", fmt::format("unknown optimizer `{}`", site.callee), c->callee->span,
       "not declared here, in `use` files, or in std",
       help.empty() ? "std has sgd, rmsprop, adam, adamw, adagrad, lion" : help);
}

void Elaborator::model_update(const std::string& model,
                              const std::vector<std::pair<std::string, ir::Type>>& params) {
  const TrainItem& train = *train_item();
  module_.functions.emplace_back();
  module_.functions.back().name = "_update";
  Frame frame(module_, ir::FunctionId(module_.functions.size() - 1));
  frame.weak_numbers = true;
  Scope outer;
  outer.unit = 0;
  Restore<Frame*> inner_frame(frame_, &frame);
  Restore<Scope*> inner_scope(scope_, &outer);
  Restore<bool> mode(training_, true);
  CallSite site;
  const ItemVal optimizer = optimizer_of(train, site);
  const auto& node = std::get<OptimizerItem>(optimizer.item->node);
  Bound bound = bind_arguments(node.settings, site, signature(*optimizer.item));
  warn_of_unnamed_setting(node, bound);
  const std::vector<Val> settings =
      setting_values(node.settings, bound, optimizer.unit, node.name,
                     [&](const ParamDecl& p, const Val& v, Span at) {
                       const std::string what = fmt::format("`{}`", p.path.str());
                       if (!p.value) return;
                       if (std::holds_alternative<Number>(p.value->node))
                         number(v, at, what.c_str());
                       if (std::holds_alternative<Bool>(p.value->node)) truth(v, at, what.c_str());
                     });
  std::vector<bool> frozen(params.size(), false);
  std::vector<double> factors(params.size(), 1);
  read_patterns(train, params, frozen, factors);

  std::vector<Trained> trained;
  for (size_t i = 0; i < params.size(); ++i)
    if (!frozen[i])
      trained.push_back(
          {params[i].first,
           params[i].second,
           {},
           frame.b.parameter("d_" + params[i].first, params[i].second, ir::Role::Input),
           factors[i]});
  size_t at = 0;
  for (size_t i = 0; i < params.size(); ++i)
    if (!frozen[i])
      trained[at++].param = frame.b.parameter(params[i].first, params[i].second, ir::Role::Param);
  ir::ValueId lr = frame.b.parameter("lr", {ir::DType::f64, {}}, ir::Role::Input);
  ir::ValueId step = frame.b.parameter("step", {ir::DType::i64, {}}, ir::Role::Input);
  std::vector<ir::Result> kept;  // beside the parameters and the optimizer's states
  std::set<uint32_t> inputs{lr.index, step.index};
  if (options_.accumulate > 1 && !trained.empty()) {
    model_collect(model, trained, site.at);
    inputs.insert(average_gradients(trained, kept, site.at).index);
  }
  std::vector<ir::Result> reported;
  if (options_.gradient_results)
    for (const Trained& t : trained) reported.push_back({"_grad." + t.name, t.gradient});
  if (const Expr* e = setting(train, "clip"))
    if (!std::holds_alternative<None>(e->node))
      if (const ir::ValueId norm = clip_gradients(*e, trained))
        reported.insert(reported.begin(), {"_grad_norm", norm});

  levels_.push_back({node.name, site.at, false, items_[optimizer.unit].is_std, {}});
  called_from_.push_back(loc(site.at));
  struct Leave {
    Elaborator& e;
    ~Leave() {
      e.levels_.pop_back();
      e.called_from_.pop_back();
    }
  } leave{*this};
  std::vector<ir::Result> results;
  std::map<double, ir::ValueId> rates{{1.0, lr}};
  for (const Trained& t : trained) {
    if (!rates.count(t.factor))
      rates[t.factor] =
          weak_operation(ir::Op::mul, {{TensorVal{lr, true}}, {float_number(t.factor)}}, site.at)
              .as<TensorVal>()
              ->id;
    Scope scope;
    scope.unit = optimizer.unit;
    for (size_t k = 0; k < settings.size(); ++k)
      scope.names[node.settings[k].path.str()] = Binding{settings[k], node.settings[k].path.span};
    const Val args[4] = {{TensorVal{t.param}},
                         {TensorVal{t.gradient}},
                         {TensorVal{rates[t.factor], true}},
                         {TensorVal{step, true}}};
    for (size_t k = 0; k < 4; ++k) scope.names[node.args[k]] = Binding{args[k], node.arg_spans[k]};
    Restore<Scope*> inner(scope_, &scope);
    const ir::Type want = type(t.param);
    frame.state_type = want;
    BodyContext context;
    context.path = t.name;
    context.item = optimizer.item;
    std::vector<Span> spans;
    std::vector<Val> values = body(node.body, context, &spans);
    if (values.size() != 1)
      fail("E0523", fmt::format("optimizer `{}` must return the new parameter", node.name),
           spans.empty() ? optimizer.item->name_span : spans[0]);
    ir::ValueId v = strong_tensor(values[0], spans[0]);
    if (!(type(v) == want))
      fail("E0523",
           fmt::format("optimizer `{}` returns {} for a parameter {}", node.name, ir::str(type(v)),
                       ir::str(want)),
           spans[0]);
    results.push_back({"new_" + t.name, v});
    if (options_.ema) kept.push_back(moving_average(t, v, step, site.at));
  }

  // States that the results hang on, directly or through other states.
  const ir::Function whole = module_[frame.function];
  std::set<std::string> live;
  std::vector<bool> reached(whole.values.size(), false);
  auto reach = [&](ir::ValueId root) {
    std::vector<ir::ValueId> stack{root};
    while (!stack.empty()) {
      ir::ValueId v = stack.back();
      stack.pop_back();
      if (reached[v.index]) continue;
      reached[v.index] = true;
      for (ir::ValueId a : whole[v].args) stack.push_back(a);
    }
  };
  for (const ir::Result& r : results) reach(r.value);
  for (bool grew = true; grew;) {
    grew = false;
    for (const std::string& path : frame.owned_order) {
      const Owned& owned = frame.owned[path];
      if (!reached[owned.value.index] || !live.insert(path).second) continue;
      reach(owned.current);
      grew = true;
    }
  }
  for (const std::string& path : frame.owned_order)
    if (live.count(path)) results.push_back({"new_" + path, frame.owned[path].current});
  if (results.empty()) return;  // nothing is trained
  results.insert(results.end(), kept.begin(), kept.end());
  results.insert(results.begin(), reported.begin(), reported.end());
  ir::Function update = whole;
  update.name = update.source_name = model + ".update";
  update.entry = true;
  ir::Function entry = slice(
      update, results,
      [](const ir::Parameter& p, bool is_reached) {
        return is_reached || p.role == ir::Role::Param;
      },
      nullptr, inputs, true);
  function_names_.insert(entry.name);
  module_.functions.push_back(std::move(entry));
}

}  // namespace netc::frontend
