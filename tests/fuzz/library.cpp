#include "tests/fuzz/library.h"

#include <fmt/format.h>

#include <map>
#include <variant>

#include "frontend/elaborate.h"
#include "frontend/parse.h"

namespace netc::fuzz {
namespace {

using namespace frontend;

struct Library {
  std::vector<LibraryItem> functions, layers, optimizers;
};

fuzz::Parameter parameter(const ParamDecl& decl, const SourceSet& sources) {
  fuzz::Parameter p;
  p.name = decl.path.str();
  if (decl.value) {
    p.kind = fuzz::Parameter::Kind::Setting;
    p.standard = sources.text(decl.value->span);
    return p;
  }
  if (!decl.type) return p;
  p.dtype = decl.type->dtype;
  if (p.dtype == "int") p.kind = fuzz::Parameter::Kind::Int;
  p.typed = decl.type->dims.has_value();
  if (p.typed)
    for (const DimSyntax& d : *decl.type->dims) p.dims.emplace_back(sources.text(d.span));
  return p;
}

std::vector<fuzz::Parameter> parameters(const std::vector<ParamDecl>& decls,
                                        const SourceSet& sources) {
  std::vector<fuzz::Parameter> list;
  for (const ParamDecl& d : decls) list.push_back(parameter(d, sources));
  return list;
}

/// What is public of the standard library: items with a docstring.
Library read() {
  Library library;
  SourceSet sources;
  Diagnostics diagnostics;
  for (const StdFile& file : std_files()) {
    const File ast = parse(sources, sources.add(file.name, "", file.text), diagnostics);
    for (const Item& item : ast.items) {
      if (item.docstring.empty()) continue;
      if (const auto* fn = std::get_if<FnItem>(&item.node)) {
        LibraryItem f{fn->name.str(), {}, parameters(fn->params, sources)};
        library.functions.push_back(std::move(f));
      } else if (const auto* layer = std::get_if<LayerItem>(&item.node)) {
        library.layers.push_back({layer->name, parameters(layer->settings, sources),
                                  parameters(layer->params, sources)});
        // A layer's settings without a standard value are numbers.
        for (fuzz::Parameter& p : library.layers.back().settings)
          if (p.kind == fuzz::Parameter::Kind::Tensor) p.kind = fuzz::Parameter::Kind::Int;
      } else if (const auto* optimizer = std::get_if<OptimizerItem>(&item.node)) {
        library.optimizers.push_back(
            {optimizer->name, parameters(optimizer->settings, sources), {}});
      }
    }
  }
  return library;
}

const Library& library() {
  static const Library contents = read();
  return contents;
}

}  // namespace

const std::vector<LibraryItem>& library_functions() { return library().functions; }
const std::vector<LibraryItem>& library_layers() { return library().layers; }
const std::vector<LibraryItem>& library_optimizers() { return library().optimizers; }

std::optional<ir::Type> type_of(const std::string& expression,
                                const std::vector<std::pair<std::string, ir::Type>>& names,
                                ir::DType default_float) {
  std::string text = default_float == ir::DType::f64 ? "dtype f64\nmodel m {\n" : "model m {\n";
  for (const auto& [name, type] : names)
    text += fmt::format("  input {}: {}\n", name, ir::str(type));
  text += fmt::format("  output result = {}\n}}\n", expression);
  thread_local std::map<std::string, std::optional<ir::Type>> known;
  const auto found = known.find(text);
  if (found != known.end()) return found->second;

  SourceSet sources;
  Diagnostics diagnostics;
  std::vector<Unit> units(1);
  const uint32_t file = sources.add("probe.net", "", text);
  units[0].ast = parse(sources, file, diagnostics);
  std::optional<ir::Type> type;
  if (!diagnostics.has_errors()) {
    const Elaborated e = elaborate(units, sources, {}, diagnostics);
    const ir::FunctionId f = e.module.find("m.predict");
    if (!diagnostics.has_errors() && f) type = e.module[f][e.module[f].results.at(0).value].type;
  }
  known[text] = type;
  return type;
}

}  // namespace netc::fuzz
