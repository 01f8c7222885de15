// Core form read back: entry points of a dump, kernels, storage, and the compiler's own notes.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

const char* const kEntries[] = {"predict", "loss",    "step",  "eval",
                                "update",  "collect", "train", "accumulate"};

bool is_entry_name(const Path& path) {
  return path.parts.size() >= 2 && std::find(std::begin(kEntries), std::end(kEntries),
                                             path.parts.back()) != std::end(kEntries);
}

std::string trim(std::string s) {
  size_t a = s.find_first_not_of(" \t"), b = s.find_last_not_of(" \t");
  return a == std::string::npos ? "" : s.substr(a, b - a + 1);
}

std::vector<std::string> split(const std::string& s, const std::string& separator) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t at; (at = s.find(separator, from)) != std::string::npos; from = at + separator.size())
    parts.push_back(trim(s.substr(from, at - from)));
  parts.push_back(trim(s.substr(from)));
  return parts;
}

bool number(std::string_view s, uint32_t& out) {
  auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), out);
  return !s.empty() && error == std::errc() && end == s.data() + s.size();
}

/// `7:21`, `7` or `std/nn.net:12:3`; nothing when the text is something else.
std::optional<ir::Place> read_place(const std::string& s, const SourceSet& sources) {
  ir::Place place;
  std::string rest = s;
  std::vector<std::string> parts = split(rest, ":");
  size_t numbers = 0;
  uint32_t values[2] = {0, 0};
  while (numbers < 2 && numbers < parts.size() &&
         number(parts[parts.size() - 1 - numbers], values[numbers]))
    ++numbers;
  if (numbers == 0) return std::nullopt;
  place.line = numbers == 2 ? values[1] : values[0];
  place.column = numbers == 2 ? values[0] : 1;
  std::string file;
  for (size_t i = 0; i + numbers < parts.size(); ++i) file += (i ? ":" : "") + parts[i];
  if (file.empty()) return place;
  for (size_t f = 0; f < sources.size(); ++f)
    if (sources[uint32_t(f)].name == file) {
      place.file = uint32_t(f);
      return place;
    }
  return std::nullopt;
}

}  // namespace

ir::Storage Elaborator::stored_at(const Storage& storage, const ir::Type& t, Span span) {
  if (storage.panel) {
    const bool matrix = t.rank() >= 2 && t.shape.back().is_constant();
    if (!matrix || *storage.panel < 1 || *storage.panel > t.shape.back().constant())
      fail("E0301",
           fmt::format("{} cannot lie in panels of {} columns", ir::str(t), *storage.panel), span,
           "has no such panels");
  }
  return {storage.offset, storage.leading_stride, storage.panel};
}

void Elaborator::begin_note(const Stmt& s) {
  const bool staged = items_[scope_->unit].staged;
  if (!staged && s.note.empty()) return;
  note_ = {.given = true};
  if (s.note.empty()) return;
  std::vector<std::string> parts = split(s.note, "; ");
  size_t next = 0;
  std::vector<ir::LocId> locs;
  bool all = true;
  for (const std::string& one : split(parts[0], ", ")) {
    std::vector<std::string> chain = split(one, " < ");
    ir::LocId loc;
    for (size_t i = chain.size(); i-- > 0 && all;) {
      auto place = read_place(chain[i], sources_);
      all = place.has_value();
      if (place) loc = module_.add(ir::Loc{*place, loc});
    }
    if (all) locs.push_back(loc);
  }
  if (all) {
    note_.locs = std::move(locs);
    ++next;
  }
  if (next < parts.size() && parts[next].rfind("vjp ", 0) == 0)
    note_.vjp = trim(parts[next++].substr(4));
  for (; next < parts.size(); ++next)
    note_.remark += (note_.remark.empty() ? "" : "; ") + parts[next];
}

void Elaborator::end_note(size_t first_value) {
  if (!note_.given) return;
  auto& values = frame_->b.function().values;
  for (size_t v = first_value; v < values.size(); ++v) {
    values[v].vjp_of = note_.vjp;
    if (values[v].op != ir::Op::constant || v + 1 == values.size()) values[v].remark = note_.remark;
  }
}

void Elaborator::kernel_block(const KernelBlock& k) {
  ir::Function& f = frame_->b.function();
  if (frame_->kernel) fail("E0216", "a kernel holds no kernels", k.name_span);
  for (const ir::Kernel& old : f.kernels)
    if (old.name == k.name)
      fail("E0203", fmt::format("two kernels are called `{}`", k.name), k.name_span,
           "declared again here");
  const std::string remark = statement_ ? statement_->note : "";
  ir::KernelId id(f.kernels.size());
  f.kernels.push_back({k.name, remark});
  const size_t first = f.values.size();
  const std::map<std::string, Binding> before = scope_->names;
  // A constant belongs to the kernel when it is bound in it; else it is a literal of some op.
  std::set<uint32_t> bound_constants;
  {
    Restore<ir::KernelId> inside(frame_->kernel, id);
    for (const Stmt& s : k.body) {
      if (!std::holds_alternative<Bind>(s.node))
        fail("E0216", "a kernel holds bindings only", s.span);
      statement(s);
      for (const Target& target : std::get<Bind>(s.node).targets)
        if (const Binding* made = find(target.path.str()))
          if (const auto* t = made->value.as<TensorVal>()) bound_constants.insert(t->id.index);
    }
  }
  auto& values = frame_->b.function().values;
  for (size_t v = first; v < values.size(); ++v)
    if (values[v].op != ir::Op::constant || bound_constants.contains(uint32_t(v)))
      values[v].kernel = id;
  std::set<std::string> yields;
  for (const Path& p : k.yields) {
    const std::string name = p.str();
    yields.insert(name);
    auto it = scope_->names.find(name);
    if (it == scope_->names.end()) unknown(name, p.span, false);
  }
  // What is not yielded is gone after the block.
  std::map<std::string, Binding> after = before;
  for (const auto& [name, binding] : scope_->names)
    if (yields.count(name) || before.count(name)) after[name] = binding;
  scope_->names = std::move(after);
}

bool Elaborator::is_concrete(const Item& item, size_t unit) const {
  const auto* fn = std::get_if<FnItem>(&item.node);
  if (!fn || unit != 0) return false;
  if (items_[unit].staged) return true;
  return is_entry_name(fn->name) &&
         std::any_of(fn->params.begin(), fn->params.end(),
                     [](const ParamDecl& p) { return p.kind != ParamKind::Plain; });
}

void Elaborator::entry_function(const Item& item, size_t unit) {
  if (!entries_done_.insert(&item).second) return;
  const auto& node = std::get<FnItem>(item.node);
  const ir::FunctionId id = entries_.at(&item);
  const std::string name = node.name.str();
  Frame frame(module_, id);
  frame.b.folds = !items_[unit].staged;
  Scope scope;
  scope.unit = unit;
  Restore<Frame*> inner_frame(frame_, &frame);
  Restore<Scope*> inner_scope(scope_, &scope);
  Restore<bool> own_places(note_.given, false);
  Restore<bool> mode(training_, node.name.parts.back() == "step");
  Restore<Span> at(body_at_, item.name_span);
  module_[id].entry = is_entry_name(node.name) &&
                      std::all_of(node.params.begin(), node.params.end(),
                                  [](const ParamDecl& p) { return p.kind != ParamKind::Plain; });
  active_.push_back(&item);
  struct Leave {
    std::vector<const Item*>& active;
    ~Leave() { active.pop_back(); }
  } leave{active_};
  std::vector<std::pair<const ParamDecl*, ir::ValueId>> inputs;
  for (const ParamDecl& p : node.params) {
    const std::string param = p.path.str();
    if (scope.names.count(param) && !scope.names[param].value.is<NumberVal>())
      fail("E0203", fmt::format("`{}` is declared twice", param), p.path.span,
           "declared again here");
    if (!p.type) fail("E0205", fmt::format("parameter `{}` needs a type", param), p.path.span);
    ir::Type t = resolve(*p.type, true);
    ir::Role role = p.kind == ParamKind::Input   ? ir::Role::Input
                    : p.kind == ParamKind::Param ? ir::Role::Param
                    : p.kind == ParamKind::State ? ir::Role::State
                                                 : ir::Role::Plain;
    std::optional<ir::Initializer> init;
    if (p.value) init = initializer(*p.value);
    if (!items_[unit].staged) frame.b.locs = {loc(p.path.span)};
    ir::ValueId v = declare(param, t, role, init, p.type->span);
    if (p.storage) module_[id][v].storage = stored_at(*p.storage, t, p.type->span);
    frame.declared[v.index] = p.path.span;
    bind(param, {TensorVal{v}}, p.path.span);
    if (role == ir::Role::Plain) inputs.emplace_back(&p, v);
  }
  BodyContext context;
  context.item = &item;
  std::vector<Span> spans;
  std::vector<Val> values = body(node.body, context, &spans);
  values = check_results(node.results, std::move(values), spans, name);
  const Stmt* last = node.body.empty() ? nullptr : &node.body.back();
  const auto* ret = last ? std::get_if<Return>(&last->node) : nullptr;
  for (size_t i = 0; i < values.size(); ++i) {
    ir::ValueId v = tensor(values[i], i < spans.size() ? spans[i] : item.name_span);
    std::string shown, written = i < node.results.size() && node.results[i].name
                                     ? node.results[i].name->str()
                                     : "";
    if (ret && i < ret->values.size()) dotted(*ret->values[i], shown);
    if (!written.empty() && !shown.empty() && written != shown) {
      ir::Diagnostic d =
          error("E0215", fmt::format("result `{}` is returned as `{}`", written, shown), spans[i],
                "another name");
      other(d, node.results[i].name->span, "declared here");
      d.helps.push_back("a result is named like the value that is returned");
      fail(std::move(d));
    }
    if (written.empty() && module_[id].entry)
      written = shown.empty() ? fmt::format("result{}", i) : shown;
    frame.b.result(written, v);
  }
  if (node.grad) gradient_function({unit, &item}, id, scope, inputs);
}

void Elaborator::model_info_of_dump(const std::string& model) {
  ModelInfo info;
  info.name = model;
  auto function = [&](const char* entry) -> const ir::Function* {
    ir::FunctionId f = module_.find(model + "." + entry);
    return f && module_[f].entry ? &module_[f] : nullptr;
  };
  const ir::Function* any = nullptr;
  for (const char* entry : {"loss", "predict", "step", "eval", "train"})
    if (!any) any = function(entry);
  if (any) {
    std::optional<ir::Dim> batch;
    bool same = true, seen = false;
    for (const ir::Parameter& p : any->params) {
      const ir::Value& value = (*any)[p.value];
      const bool is_control = value.type.shape.empty() && is_control_input(value.name);
      if (p.role != ir::Role::Input || is_control) continue;
      seen = true;
      same = same && !value.type.shape.empty() && (!batch || *batch == value.type.shape[0]);
      if (!value.type.shape.empty()) batch = value.type.shape[0];
    }
    if (seen && same && batch && batch->symbols().size() == 1 &&
        *batch == ir::Dim::symbol(batch->symbols()[0]))
      info.batch_symbol = batch->symbols()[0];
  }
  if (const ir::Function* predict = function("predict"))
    for (const ir::Result& r : predict->results) info.outputs.push_back(r.name);
  const ir::Function* source = function("eval") ? function("eval") : function("step");
  if (source)
    for (size_t i = 1; i < source->results.size(); ++i) {
      const std::string& n = source->results[i].name;
      bool other_kind =
          source == function("step") && (n.rfind("d_", 0) == 0 || n.rfind("new_", 0) == 0);
      if (!other_kind) info.metrics.push_back(n);
    }
  out_.models.push_back(std::move(info));
}

void Elaborator::derive_missing() {
  std::vector<std::string> models;
  for (const auto& [item, id] : entries_)
    if (module_[id].entry) {
      std::string model = module_[id].name.substr(0, module_[id].name.rfind('.'));
      if (std::find(models.begin(), models.end(), model) == models.end()) models.push_back(model);
    }
  std::sort(models.begin(), models.end());
  for (const std::string& model : models) {
    ir::FunctionId loss = module_.find(model + ".loss");
    auto copy_as = [&](ir::FunctionId from, const std::string& name) {
      ir::Function f = module_[from];
      f.name = f.source_name = name;
      module_.functions.push_back(std::move(f));
      function_names_.insert(name);
      out_.derived.push_back(name);
    };
    if (loss && module_.stage == ir::Stage::Forward && !module_.find(model + ".step"))
      copy_as(loss, model + ".step");
    if (loss && !module_.find(model + ".eval")) copy_as(loss, model + ".eval");
    ir::FunctionId step = module_.find(model + ".step");
    bool lacks_update = !module_.find(model + ".update") && !module_.find(model + ".train");
    if (step && train_item() && lacks_update && module_.stage <= ir::Stage::Backward) {
      std::vector<std::pair<std::string, ir::Type>> params;
      const ir::Function f = module_[step];
      for (const ir::Parameter& p : f.params)
        if (p.role == ir::Role::Param) params.emplace_back(f[p.value].name, f[p.value].type);
      model_update(model, params);
      out_.derived.push_back(model + ".update");
    }
    model_info_of_dump(model);
  }
}

}  // namespace netc::frontend
