// Models: the body is elaborated with `training` false and true, and sliced into the functions
// predict, loss, step and eval.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_state.h"

namespace netc::frontend {

ir::Function Elaborator::slice(const ir::Function& from, const std::vector<ir::Result>& results,
                               const std::function<bool(const ir::Parameter&, bool reached)>& keep,
                               std::vector<ir::ValueId>* kept_params,
                               const std::set<uint32_t>& last, bool reorder) {
  std::vector<bool> reached(from.values.size(), false);
  for (const ir::Result& r : results)
    if (r.value) reached[r.value.index] = true;
  for (size_t v = from.values.size(); v-- > 0;) {
    const ir::Value& value = from.values[v];
    // All results of a call stay with it.
    if (value.op == ir::Op::call)
      for (size_t k = v + 1; k < from.values.size() && from.values[k].op == ir::Op::result; ++k)
        if (reached[k]) reached[v] = true;
    if (!reached[v]) continue;
    for (ir::ValueId a : value.args) reached[a.index] = true;
    if (value.op == ir::Op::call)
      for (size_t k = v + 1; k < from.values.size() && from.values[k].op == ir::Op::result; ++k)
        reached[k] = true;
  }
  ir::Function out = from;
  out.params.clear();
  out.values.clear();
  out.results.clear();
  std::vector<ir::Parameter> params;
  for (const ir::Parameter& p : from.params)
    if (keep(p, reached[p.value.index])) params.push_back(p);
  auto rank = [&](const ir::Parameter& p) {
    if (!reorder) return 0;
    if (last.count(p.value.index)) return 3;
    return p.role == ir::Role::Input ? 0 : p.role == ir::Role::Param ? 1 : 2;
  };
  std::stable_sort(
      params.begin(), params.end(),
      [&](const ir::Parameter& a, const ir::Parameter& b) { return rank(a) < rank(b); });
  std::vector<ir::ValueId> moved(from.values.size());
  for (ir::Parameter& p : params) {
    if (kept_params) kept_params->push_back(p.value);
    moved[p.value.index] = ir::ValueId(out.values.size());
    out.values.push_back(from[p.value]);
    p.value = moved[p.value.index];
    out.params.push_back(p);
  }
  for (size_t v = 0; v < from.values.size(); ++v) {
    if (!reached[v] || from.values[v].op == ir::Op::parameter) continue;
    ir::Value value = from.values[v];
    for (ir::ValueId& a : value.args) a = moved[a.index];
    moved[v] = ir::ValueId(out.values.size());
    out.values.push_back(std::move(value));
  }
  for (ir::ValueId& v : out.grad_captures) v = moved[v.index];
  std::set<uint32_t> named;
  for (const ir::Result& r : results) {
    ir::Result result{r.name, r.value ? moved[r.value.index] : ir::ValueId{}};
    if (r.value && from.entry) {
      // A result is a value of its own.
      bool taken = !named.insert(r.value.index).second;
      if (taken || from[r.value].op == ir::Op::parameter) {
        ir::Value copy;
        copy.op = ir::Op::stop_gradient;
        copy.args = {result.value};
        copy.type = from[r.value].type;
        copy.locs = from[r.value].locs;
        result.value = ir::ValueId(out.values.size());
        out.values.push_back(std::move(copy));
      }
    }
    out.results.push_back(std::move(result));
  }
  return out;
}

void Elaborator::model_statement(const Stmt& s, ModelParts& parts) {
  auto taken = [&](const std::string& name, Span at) {
    const Binding* old = find(name);
    if (!old || !scope_->names.count(name)) return;
    ir::Diagnostic d =
        error("E0203", fmt::format("`{}` is declared twice", name), at, "declared again here");
    other(d, old->declared, "first declared here");
    fail(std::move(d));
  };
  if (const auto* input = std::get_if<InputDecl>(&s.node)) {
    const std::string name = input->name.str();
    taken(name, input->name.span);
    if (train_item() && is_control_input(name))
      fail("E0203", fmt::format("an input cannot be called `{}`", name), input->name.span,
           "training sets a number of this name", fmt::format("call it `{}_`", name));
    ir::Type t = resolve(input->type, true);
    frame_->b.locs = {loc(input->type.span)};
    ir::ValueId v = declare(name, t, ir::Role::Input, {}, input->type.span);
    frame_->declared[v.index] = input->name.span;
    parts.inputs.push_back(v);
    if (train_item() && !training_) warn_of_missing_batch(v, input->type.span);
    bind(name, {TensorVal{v}}, input->name.span);
    return;
  }
  if (const auto* output = std::get_if<Output>(&s.node)) {
    bind_statement(output->bind, s);
    for (const Target& t : output->bind.targets) {
      const std::string name = t.path.str();
      Val v = scope_->names[name].value;
      if (v.is<OwnedVal>()) v = use_owned(name);
      ir::ValueId id = strong_tensor(v, output->bind.value->span);
      for (const auto& [old, value] : parts.outputs)
        if (old == name)
          fail("E0203", fmt::format("two outputs are called `{}`", name), t.path.span);
      parts.outputs.emplace_back(name, id);
    }
    return;
  }
  if (const auto* loss = std::get_if<Loss>(&s.node)) {
    if (parts.loss_span.end > 0) {
      ir::Diagnostic d =
          error("E0220", "a model has one `loss`", loss->value->span, "the second one");
      other(d, parts.loss_span, "the first one");
      d.helps.push_back("add them: `loss a + b`");
      fail(std::move(d));
    }
    parts.loss_span = loss->value->span;
    ir::ValueId v = strong_tensor(eval(*loss->value), loss->value->span);
    const ir::Type t = type(v);
    if (t.rank() != 0) {
      ir::Diagnostic d =
          error("E0401", "a loss must be one number (rank 0), this has type " + ir::str(t),
                loss->value->span, t.rank() == 1 ? "one value per sample" : "");
      d.helps.push_back(fmt::format("average it: `loss mean({})`", text(loss->value->span)));
      fail(std::move(d));
    }
    if (!ir::is_float(t.dtype))
      fail("E0405", fmt::format("a loss must be floating point, this is {}", ir::str(t)),
           loss->value->span, "has no gradient");
    name_value({TensorVal{v}}, "loss");
    parts.loss = v;
    return;
  }
  if (const auto* metric = std::get_if<Metric>(&s.node)) {
    std::string name = metric->name;
    Span at = metric->name_span;
    if (name.empty()) {
      const Expr& e = *metric->value;
      at = e.span;
      if (std::holds_alternative<Call>(e.node) || std::holds_alternative<Pipe>(e.node))
        name = text(e.at);
      bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return c == '_' || isalnum(static_cast<unsigned char>(c));
      });
      if (!plain)
        fail("E0220", "this metric has no name", at, "",
             fmt::format("write `metric NAME = {}`", text(at)));
    }
    for (const auto& [old, value] : parts.metrics)
      if (old == name)
        fail("E0203", fmt::format("two metrics are called `{}`", name), at, "",
             "give one of them a name: `metric NAME = …`");
    ir::ValueId v = strong_tensor(eval(*metric->value), metric->value->span);
    if (type(v).rank() != 0)
      fail("E0406",
           fmt::format("a metric must be one number (rank 0), this has type {}", ir::str(type(v))),
           metric->value->span, "",
           fmt::format("average it: `metric {} = mean({})`", name, text(metric->value->span)));
    if (!ir::is_float(type(v).dtype))
      v = emit(metric->value->at, [&](ir::Builder& b) { return b.cast(v, module_.default_float); });
    name_value({TensorVal{v}}, name);
    parts.metrics.emplace_back(name, v);
    return;
  }
  if (const auto* ret = std::get_if<Return>(&s.node)) {
    fail("E0220", "a model does not `return`", s.span, "not allowed here",
         ret->values.empty() ? ""
                             : fmt::format("write `output p = {}`", text(ret->values[0]->span)));
  }
  if (const auto* d = std::get_if<VarDecl>(&s.node)) taken(d->name.str(), d->name.span);
  statement(s);
}

void Elaborator::model_body(const Item& item, ModelParts& parts) {
  const auto& node = std::get<ModelItem>(item.node);
  BodyContext context;
  context.item = &item;
  number_anonymous(node.body, context);
  Restore<const BodyContext*> inner(body_, &context);
  for (const Stmt& s : node.body) {
    try {
      model_statement(s, parts);
    } catch (const Failed&) {
      const Bind* b = std::get_if<Bind>(&s.node);
      if (const auto* o = std::get_if<Output>(&s.node)) b = &o->bind;
      if (b)
        for (const Target& t : b->targets) bind(t.path.str(), {ErrorVal{}}, t.path.span);
      if (const auto* i = std::get_if<InputDecl>(&s.node))
        if (!scope_->names.count(i->name.str())) bind(i->name.str(), {ErrorVal{}}, i->name.span);
      if (const auto* d = std::get_if<VarDecl>(&s.node))
        if (!frame_->owned.count(d->name.str())) bind(d->name.str(), {ErrorVal{}}, d->name.span);
    }
  }
}

void Elaborator::add_entry(const std::string& name, const Frame& frame,
                           std::vector<ir::Result> results) {
  ir::Function whole = module_[frame.function];
  whole.name = name;
  whole.source_name = name;
  whole.entry = true;
  std::set<uint32_t> last;
  for (ir::ValueId v : {frame.step, frame.seed, frame.row})
    if (v) last.insert(v.index);
  ir::Function entry = slice(
      whole, results,
      [](const ir::Parameter& p, bool reached) {
        return reached || p.role == ir::Role::Param || p.role == ir::Role::State;
      },
      nullptr, last, true);
  function_names_.insert(name);
  module_.functions.push_back(std::move(entry));
}

void Elaborator::model(const Item& item, size_t unit) {
  const auto& node = std::get<ModelItem>(item.node);
  const size_t errors = diagnostics_->error_count();
  auto frame_of = [&](bool training, ModelParts& parts) {
    module_.functions.emplace_back();
    module_.functions.back().name = "_" + node.name;
    auto frame = std::make_unique<Frame>(module_, ir::FunctionId(module_.functions.size() - 1));
    frame->owns = true;
    Scope scope;
    scope.unit = unit;
    Restore<Frame*> inner_frame(frame_, frame.get());
    Restore<Scope*> inner_scope(scope_, &scope);
    Restore<bool> mode(training_, training);
    model_body(item, parts);
    return frame;
  };
  ModelParts parts;
  auto frame = frame_of(false, parts);
  if (diagnostics_->error_count() != errors) return;
  ModelParts step_parts;
  auto step_frame = frame_of(true, step_parts);
  if (diagnostics_->error_count() != errors) return;

  warn_of_bytes(*frame);
  ModelInfo info;
  info.name = node.name;
  info.place = sources_.place(item.name_span);
  info.docstring = item.docstring;
  std::optional<ir::Dim> batch;
  bool same = !parts.inputs.empty();
  for (ir::ValueId v : parts.inputs) {
    const ir::Shape& shape = frame->b.type(v).shape;
    same = same && !shape.empty() && (!batch || *batch == shape[0]);
    if (!shape.empty()) batch = shape[0];
  }
  if (same && batch && batch->symbols().size() == 1 &&
      *batch == ir::Dim::symbol(batch->symbols()[0]))
    info.batch_symbol = batch->symbols()[0];
  std::vector<ir::Result> outputs, losses, evals, steps;
  for (const auto& [name, v] : parts.outputs) {
    outputs.push_back({name, v});
    info.outputs.push_back(name);
  }
  if (parts.loss) {
    losses.push_back({"loss", parts.loss});
    evals = losses;
    steps.push_back({"loss", step_parts.loss});
    for (const auto& [name, v] : parts.metrics) evals.push_back({name, v});
    for (const auto& [name, v] : step_parts.metrics) steps.push_back({name, v});
    for (const std::string& path : step_frame->owned_order) {
      const Owned& owned = step_frame->owned[path];
      if (owned.is_state) steps.push_back({"new_" + path, owned.current});
    }
  }
  for (const auto& [name, v] : parts.metrics) info.metrics.push_back(name);
  if (!outputs.empty()) add_entry(node.name + ".predict", *frame, outputs);
  if (parts.loss) {
    add_entry(node.name + ".loss", *frame, losses);
    add_entry(node.name + ".step", *step_frame, steps);
    add_entry(node.name + ".eval", *frame, evals);
    if (train_item()) {
      std::vector<std::pair<std::string, ir::Type>> params;
      const ir::Function step = module_[module_.find(node.name + ".step")];
      for (const ir::Parameter& p : step.params)
        if (p.role == ir::Role::Param) params.emplace_back(step[p.value].name, step[p.value].type);
      try {
        model_update(node.name, params);
      } catch (const Failed&) {
      }
    }
  }
  out_.models.push_back(std::move(info));
}

}  // namespace netc::frontend
