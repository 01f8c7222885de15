// Typed fns and layers are checked where they are declared, with an open size for every name.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

bool has_run(const std::vector<ParamDecl>& params) {
  for (const ParamDecl& p : params)
    if (p.type && p.type->dims)
      for (const DimSyntax& d : *p.type->dims)
        if (d.ellipsis) return true;
  return false;
}

void size_names(const Expr& e, std::set<std::string>& out) {
  if (const auto* n = std::get_if<Name>(&e.node)) out.insert(n->name);
  if (const auto* u = std::get_if<Unary>(&e.node)) size_names(*u->operand, out);
  if (const auto* b = std::get_if<Binary>(&e.node)) {
    size_names(*b->lhs, out);
    size_names(*b->rhs, out);
  }
}

void size_names(const std::optional<TypeSyntax>& t, std::set<std::string>& out) {
  if (t && t->dims)
    for (const DimSyntax& d : *t->dims)
      if (d.size) size_names(*d.size, out);
}

}  // namespace

ir::Type Elaborator::open_type(const TypeSyntax& t, int run_rank) {
  if (t.dims)
    for (const DimSyntax& d : *t.dims)
      if (d.ellipsis && !scope_->runs.count(d.ellipsis_name)) {
        ir::Shape run;
        std::string base = d.ellipsis_name.empty() ? "rest" : d.ellipsis_name;
        for (int i = 0; i < run_rank; ++i)
          run.push_back(ir::Dim::symbol(fmt::format("{}_{}", base, i)));
        scope_->runs[d.ellipsis_name] = run;
      }
  return resolve(t, true);
}

namespace {

/// The two dims that a run was tried with, as the run that the program has: `s_0, s_1` is `...s`.
ir::Diagnostic with_runs_as_written(ir::Diagnostic d, const std::vector<ParamDecl>& params) {
  const auto replace = [](std::string& text, const std::string& name, const char* separator) {
    const std::string base = name.empty() ? "rest" : name;
    const std::string dims = fmt::format("{0}_0{1}{0}_1", base, separator);
    for (size_t at = text.find(dims); at != std::string::npos; at = text.find(dims, at + 1)) {
      // Notes that align shapes keep their columns.
      const bool aligned = separator[0] == ' ';
      text.replace(at, dims.size(),
                   fmt::format("{:>{}}", "..." + name, aligned ? dims.size() : size_t{0}));
    }
  };
  for (const ParamDecl& p : params) {
    if (!p.type || !p.type->dims) continue;
    for (const DimSyntax& dim : *p.type->dims) {
      if (!dim.ellipsis) continue;
      for (const char* separator : {", ", "  "}) {
        replace(d.message, dim.ellipsis_name, separator);
        replace(d.label, dim.ellipsis_name, separator);
        for (auto& [place, label] : d.others) replace(label, dim.ellipsis_name, separator);
        for (std::string& note : d.notes) replace(note, dim.ellipsis_name, separator);
        for (std::string& help : d.helps) replace(help, dim.ellipsis_name, separator);
      }
    }
  }
  return d;
}

}  // namespace

void Elaborator::check_duplicates(const std::vector<ParamDecl>& params,
                                  std::map<std::string, Span>& seen) {
  for (const ParamDecl& p : params) {
    auto [it, added] = seen.try_emplace(p.path.str(), p.path.span);
    if (added) continue;
    ir::Diagnostic d = error("E0203", fmt::format("`{}` is declared twice", p.path.str()),
                             p.path.span, "declared again here");
    other(d, it->second, "first declared here");
    fail(std::move(d));
  }
}

void Elaborator::check_declared(const Item& item, size_t unit) {
  const auto* fn = std::get_if<FnItem>(&item.node);
  const auto* layer = std::get_if<LayerItem>(&item.node);
  const std::vector<ParamDecl>& params = fn ? fn->params : layer->params;
  try {
    std::map<std::string, Span> seen;
    if (layer) check_duplicates(layer->settings, seen);
    check_duplicates(params, seen);
  } catch (const Failed&) {
    bad_items_.insert(&item);
    return;
  }
  for (const ParamDecl& p : params)
    if (!p.type && !p.value) return;  // waits for a call
  const bool runs = has_run(params);
  Diagnostics* real = diagnostics_;
  Diagnostics first;
  Restore<bool> only(check_only_, true);
  bool passed = false;
  // A body may ask for more dims than `...` has in one try: it is wrong when no number of them
  // fits.
  for (int run_rank : {2, 1, 0, 3, 4}) {
    Diagnostics found;
    diagnostics_ = run_rank == 2 ? &first : &found;
    try {
      ItemVal value{unit, &item};
      passed = fn ? check_fn(value, run_rank) : check_layer(value, run_rank);
    } catch (const Failed&) {
      passed = false;
    } catch (const Undecided&) {
      passed = true;
    }
    passed = passed && !diagnostics_->has_errors();
    if (passed && run_rank != 2) first = Diagnostics{};
    if (passed || !runs) break;
  }
  diagnostics_ = real;
  for (const ir::Diagnostic& d : first.all()) diagnostics_->add(with_runs_as_written(d, params));
  if (!passed) bad_items_.insert(&item);
}

bool Elaborator::check_fn(const ItemVal& fn, int run_rank) {
  const auto& node = std::get<FnItem>(fn.item->node);
  module_.functions.emplace_back();
  module_.functions.back().name = "_check";
  Frame frame(module_, ir::FunctionId(module_.functions.size() - 1));
  Scope scope;
  scope.unit = fn.unit;
  Restore<Frame*> inner_frame(frame_, &frame);
  Restore<Scope*> inner_scope(scope_, &scope);
  std::vector<std::pair<const ParamDecl*, ir::ValueId>> inputs;
  std::vector<ir::Type> types(node.params.size());
  for (size_t k = 0; k < node.params.size(); ++k) {
    const ParamDecl& p = node.params[k];
    if (!is_setting(p)) {
      if (p.type->dims)
        for (const DimSyntax& d : *p.type->dims)
          if (const auto* n = d.size ? std::get_if<Name>(&d.size->node) : nullptr) {
            auto v = lookup(n->name);
            if (!v || (!v->is<NumberVal>() && !v->is<ErrorVal>()))
              bind(n->name, {int_number(ir::Dim::symbol(n->name))}, d.span);
          }
      continue;
    }
    if (p.value)
      bind(p.path.str(), eval(*p.value), p.path.span);
    else if (p.type->dtype == "int")
      bind(p.path.str(), {int_number(ir::Dim::symbol(p.path.str()))}, p.path.span);
    else
      throw Undecided{};
  }
  for (size_t k = 0; k < node.params.size(); ++k)
    if (!is_setting(node.params[k])) types[k] = open_type(*node.params[k].type, run_rank);
  for (size_t k = 0; k < node.params.size(); ++k) {
    const ParamDecl& p = node.params[k];
    if (is_setting(p)) continue;
    ir::ValueId v = declare(p.path.str(), types[k], ir::Role::Plain, {}, p.path.span);
    frame.declared[v.index] = p.path.span;
    bind(p.path.str(), {TensorVal{v}}, p.path.span);
    inputs.emplace_back(&p, v);
  }
  active_.push_back(fn.item);
  struct Leave {
    std::vector<const Item*>& active;
    ~Leave() { active.pop_back(); }
  } leave{active_};
  Restore<Span> at(body_at_, fn.item->name_span);
  BodyContext context;
  context.item = fn.item;
  std::vector<Span> spans;
  std::vector<Val> results = body(node.body, context, &spans);
  results = check_results(node.results, std::move(results), spans, node.name.str());
  for (size_t i = 0; i < results.size(); ++i) {
    ir::ValueId v = tensor(results[i], spans[std::min(i, spans.size() - 1)]);
    frame.b.result(frame.b.value(v).name, v);
  }
  if (node.grad) gradient_function(fn, frame.function, scope, inputs);
  return true;
}

bool Elaborator::check_layer(const ItemVal& layer, int run_rank) {
  const auto& node = std::get<LayerItem>(layer.item->node);
  std::set<std::string> sizes;
  for (const ParamDecl& p : node.params) size_names(p.type, sizes);
  for (const Stmt& s : node.body)
    if (const auto* d = std::get_if<VarDecl>(&s.node)) size_names(d->type, sizes);
  module_.functions.emplace_back();
  module_.functions.back().name = "_check";
  Frame frame(module_, ir::FunctionId(module_.functions.size() - 1));
  frame.owns = true;
  Scope scope;
  scope.unit = layer.unit;
  Restore<Frame*> inner_frame(frame_, &frame);
  Restore<Scope*> inner_scope(scope_, &scope);
  auto instance = std::make_shared<LayerInstance>();
  instance->unit = layer.unit;
  instance->item = layer.item;
  instance->shown = node.name;
  instance->place = layer.item->name_span;
  for (const ParamDecl& p : node.settings) {
    Val v;
    bool typed_int = p.type && p.type->dtype == "int";
    if (p.value)
      v = eval(*p.value);
    else if (typed_int || (!p.type && sizes.count(p.path.str())))
      v = {int_number(ir::Dim::symbol(p.path.str()))};
    else
      throw Undecided{};
    bind(p.path.str(), v, p.path.span);
    instance->settings.push_back(v);
    instance->setting_exprs.push_back(nullptr);
  }
  CallSite site{layer.item->name_span, layer.item->name_span, node.name, {}};
  for (const ParamDecl& p : node.params) {
    if (is_setting(p)) continue;
    ir::ValueId v =
        declare(p.path.str(), open_type(*p.type, run_rank), ir::Role::Plain, {}, p.path.span);
    CallArg arg;
    arg.name = p.path.str();
    arg.name_span = p.path.span;
    arg.value = Val{TensorVal{v}};
    site.args.push_back(std::move(arg));
  }
  std::vector<Level> levels;
  levels.swap(levels_);
  struct Back {
    std::vector<Level>& levels;
    std::vector<Level>& old;
    ~Back() { levels.swap(old); }
  } back{levels_, levels};
  call_layer(instance, site);
  return true;
}

}  // namespace netc::frontend
