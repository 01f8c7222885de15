// The order of elaboration: items, checks of what is declared, models or the functions of a dump.
#include "frontend/elaborate.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_state.h"
#include "frontend/parse.h"

namespace netc::frontend {

extern const std::pair<std::string_view, std::string_view> std_texts[];
extern const size_t std_texts_count;

std::span<const StdFile> std_files() {
  static const std::vector<StdFile> files = [] {
    std::vector<StdFile> list;
    for (size_t i = 0; i < std_texts_count; ++i)
      list.push_back({"std/" + std::string(std_texts[i].first), std::string(std_texts[i].second)});
    return list;
  }();
  return files;
}

Elaborator::Elaborator(const std::vector<Unit>& units, SourceSet& sources,
                       const ElaborateOptions& options, Diagnostics& diagnostics)
    : units_(units),
      sources_(sources),
      options_(options),
      diagnostics_(&diagnostics),
      module_(out_.module) {
  for (const StdFile& library : std_files()) {
    uint32_t file = sources_.add(library.name, "", library.text);
    std_asts_.push_back(parse(sources_, file, diagnostics));
  }
}

Elaborated Elaborator::run() {
  const File& program = units_[0].ast;
  for (const ir::Stage stage : {ir::Stage::Forward, ir::Stage::Backward, ir::Stage::Optimised,
                                ir::Stage::Fused, ir::Stage::Plan})
    if (program.stage == ir::name(stage)) module_.stage = stage;
  for (size_t f = 0; f < sources_.size(); ++f) module_.files.push_back(sources_[uint32_t(f)].name);
  const Item* first_dtype = nullptr;
  for (const Item& item : program.items)
    if (const auto* d = std::get_if<DTypeItem>(&item.node)) {
      if (first_dtype) {
        ir::Diagnostic twice = error("E0203", "`dtype` is set twice", item.span, "set again here");
        other(twice, first_dtype->span, "first set here");
        report(std::move(twice));
      }
      first_dtype = &item;
      if (d->dtype == "f64")
        module_.default_float = ir::DType::f64;
      else if (d->dtype != "f32" && d->dtype != "float")
        report(error("E0305", fmt::format("`dtype` is f32 or f64, not {}", d->dtype), item.span));
    }
  if (options_.dtype) module_.default_float = *options_.dtype;
  collect_items();
  Scope top;
  scope_ = &top;
  for (size_t u = 0; u < first_std_; ++u) {
    top.unit = u;
    for (const Item& item : items_[u].file->items) {
      try {
        if (std::holds_alternative<LetItem>(item.node)) let_value(u, item);
      } catch (const Failed&) {
      }
    }
  }
  top.unit = 0;
  for (const Item& item : program.items)
    if (is_concrete(item, 0)) {
      const auto& fn = std::get<FnItem>(item.node);
      ir::Function f;
      f.name = f.source_name = fn.name.str();
      function_names_.insert(f.name);
      module_.functions.push_back(std::move(f));
      entries_[&item] = ir::FunctionId(module_.functions.size() - 1);
    }
  for (size_t u = 0; u < first_std_; ++u) {
    top.unit = u;
    for (const Item& item : items_[u].file->items) {
      bool checked =
          std::holds_alternative<FnItem>(item.node) || std::holds_alternative<LayerItem>(item.node);
      if (checked && !is_concrete(item, u)) check_declared(item, u);
    }
  }
  top.unit = 0;
  for (const Item& item : program.items) {
    try {
      if (entries_.count(&item)) entry_function(item, 0);
    } catch (const Failed&) {
    }
  }
  for (const Item& item : program.items)
    if (std::holds_alternative<ModelItem>(item.node)) model(item, 0);
  try {
    if (!diagnostics_->has_errors()) derive_missing();
  } catch (const Failed&) {
  }
  if (!diagnostics_->has_errors()) warn_unused();
  prune();
  scope_ = nullptr;
  return std::move(out_);
}

void Elaborator::prune() {
  std::vector<bool> keep(module_.functions.size(), false);
  std::vector<size_t> stack;
  for (size_t f = 0; f < keep.size(); ++f)
    if (module_.functions[f].entry) stack.push_back(f);
  for (const auto& [item, id] : entries_)
    if (items_[0].staged) stack.push_back(id.index);
  while (!stack.empty()) {
    size_t f = stack.back();
    stack.pop_back();
    if (keep[f]) continue;
    keep[f] = true;
    const ir::Function& function = module_.functions[f];
    if (function.grad) stack.push_back(function.grad.index);
    for (const ir::Value& v : function.values)
      if (v.op == ir::Op::call) stack.push_back(std::get<ir::FunctionId>(v.attrs[0]).index);
  }
  std::vector<ir::FunctionId> moved(keep.size());
  std::vector<ir::Function> kept;
  for (size_t f = 0; f < keep.size(); ++f)
    if (keep[f]) {
      moved[f] = ir::FunctionId(kept.size());
      kept.push_back(std::move(module_.functions[f]));
    }
  const bool kernels = module_.stage >= ir::Stage::Fused && items_[0].staged;
  for (ir::Function& f : kept) {
    if (f.grad) f.grad = moved[f.grad.index];
    if (!kernels) f.kernels.clear();
    for (ir::Value& v : f.values) {
      if (v.op == ir::Op::call) {
        auto& callee = std::get<ir::FunctionId>(v.attrs[0]);
        callee = moved[callee.index];
      }
      if (!kernels) v.kernel = {};
      if (module_.stage != ir::Stage::Plan) v.storage.reset();
    }
  }
  module_.functions = std::move(kept);
}

Elaborated elaborate(const std::vector<Unit>& units, SourceSet& sources,
                     const ElaborateOptions& options, Diagnostics& diagnostics) {
  return Elaborator(units, sources, options, diagnostics).run();
}

}  // namespace netc::frontend
