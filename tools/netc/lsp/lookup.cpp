// Hover, definition and the outline.
#include <fmt/format.h>

#include <cmath>

#include "frontend/elaborate.h"
#include "frontend/explain.h"
#include "tools/netc/console.h"
#include "tools/netc/lsp/features.h"

namespace netc::tools::lsp {

namespace {
using frontend::Span;
using frontend::Tok;
using frontend::Token;

/// `12.8 MFLOP`.
std::string flop_text(double flops) {
  const char* units[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"};
  size_t unit = 0;
  while (flops >= 1000 && unit + 1 < std::size(units)) flops /= 1000, ++unit;
  return unit == 0 ? fmt::format("{:.0f} FLOP", flops)
                   : fmt::format("{:.3g} {}", flops, units[unit]);
}

std::string cost_text(const Computed& c) {
  std::string text = fmt::format("At batch {}: {}, {} read and written", c.batch,
                                 flop_text(c.flops), byte_text(c.bytes));
  if (c.places > 1) text += fmt::format(", in all {} places where it is used", c.places);
  return text + ".";
}

std::string code_block(const std::string& text) { return fmt::format("```net\n{}\n```\n", text); }

/// The setting of the `train` block that the token is the key of.
const frontend::Setting* setting_at(const Analysis& a, uint32_t offset) {
  for (const frontend::Item& item : a.tree().items)
    if (const auto* train = std::get_if<frontend::TrainItem>(&item.node))
      for (const frontend::Setting& s : train->settings)
        if (s.key_span.begin <= offset && offset <= s.key_span.end) return &s;
  return nullptr;
}

/// The type of what a name stands for, from the module; empty when it is not known.
std::string type_text(const Analysis& a, const Declaration& d) {
  if (d.value)
    if (const auto c = a.computed(d.value->at)) return ir::str(c->type);
  for (const ir::Function& f : a.program().module.functions)
    for (const ir::Parameter& p : f.params)
      if (f.entry && f[p.value].name == d.name && d.kind != NameKind::Setting)
        return ir::str(f[p.value].type);
  return "";
}

std::string of_declaration(const Analysis& a, const Declaration& d) {
  std::string head = d.detail;
  if (head.empty()) {
    const std::string type = type_text(a, d);
    const std::string_view whole = a.sources().text(d.whole);
    // Of an instance of a layer, how it was made.
    head = !type.empty() ? fmt::format("{}: {}", d.name, type)
           : d.value && whole.find('\n') == std::string_view::npos
               ? std::string(whole)
               : fmt::format("{} {}", word(d.kind), d.name);
  } else if (d.kind == NameKind::Parameter || d.kind == NameKind::Input) {
    if (const std::string type = type_text(a, d); !type.empty())
      head = fmt::format("{}\n# {}", head, type);
  }
  return code_block(head) + (d.doc.empty() ? "" : "\n" + d.doc + "\n");
}

std::string of_library(const LibraryItem& item) {
  return code_block(item.signature) + "\n" + item.doc + "\n" +
         (item.file.empty() ? "" : fmt::format("\n({})\n", item.file));
}

json marked(const Analysis& a, const Token& t, const std::string& text) {
  return {{"contents", {{"kind", "markdown"}, {"value", text}}},
          {"range", range_of(a.sources(), {0, t.begin, t.end})}};
}

int symbol_kind(NameKind kind) {
  switch (kind) {
    case NameKind::Function:
      return 12;
    case NameKind::Layer:
    case NameKind::Model:
      return 5;  // class
    case NameKind::Optimizer:
      return 12;
    case NameKind::Constant:
      return 14;
    case NameKind::Parameter:
    case NameKind::State:
      return 8;  // field
    case NameKind::Input:
    case NameKind::Output:
      return 7;  // property
    default:
      return 13;  // variable
  }
}
}  // namespace

json hover(const Analysis& a, uint32_t offset) {
  const auto token = a.token_at(offset);
  if (!token) return nullptr;
  const Token& t = a.tokens().tokens[*token];
  if (const frontend::Setting* setting = setting_at(a, offset))
    return marked(a, t, frontend::explain("train." + setting->key));
  std::string text;
  if (t.kind == Tok::Name) {
    if (const Meaning m = a.meaning(a.path_at(*token), t.begin); m.declaration)
      text = of_declaration(a, *m.declaration);
    else if (m.library)
      text = of_library(*m.library);
    else
      text = frontend::explain(a.text(t));  // loaders, schedules
  }
  if (const auto c = a.computed({0, t.begin, t.end})) {
    const bool value = t.kind == Tok::Name || text.empty();
    if (value) text += (text.empty() ? "" : "\n") + code_block("-> " + ir::str(c->type));
    text += "\n" + cost_text(*c) + "\n";
  }
  return text.empty() ? json() : marked(a, t, text);
}

json definition(const Analysis& a, uint32_t offset) {
  if (const std::string* path = a.used_path(offset))
    return {{"uri", uri_of(*path)}, {"range", range_json({0, 0}, {0, 0})}};
  const auto token = a.token_at(offset);
  if (!token || a.tokens().tokens[*token].kind != Tok::Name) return nullptr;
  const Meaning m = a.meaning(a.path_at(*token), a.tokens().tokens[*token].begin);
  if (m.declaration)
    return {{"uri", uri_of((*m.sources)[0].path)},
            {"range", range_of(*m.sources, m.declaration->span)}};
  if (!m.library || m.library->file.empty()) return nullptr;
  const std::string path = library_file(m.library->file);
  if (path.empty()) return nullptr;
  frontend::SourceSet sources;
  for (const frontend::StdFile& file : frontend::std_files())
    if (file.name == m.library->file) sources.add(file.name, path, file.text);
  return {{"uri", uri_of(path)}, {"range", range_of(sources, m.library->span)}};
}

json document_symbols(const Analysis& a) {
  json list = json::array();
  for (const Declaration& d : a.names()) {
    if (d.kind == NameKind::Size) continue;
    json j = {{"name", d.name},
              {"detail", d.from == 0 ? word(d.kind) : type_text(a, d)},
              {"kind", symbol_kind(d.kind)},
              {"range", range_of(a.sources(), d.whole)},
              {"selectionRange", range_of(a.sources(), d.span)},
              {"children", json::array()}};
    const bool item = d.scope.begin == 0 && d.from == 0;
    if (item || list.empty())
      list.push_back(std::move(j));
    else
      list.back()["children"].push_back(std::move(j));
  }
  return list;
}

}  // namespace netc::tools::lsp
