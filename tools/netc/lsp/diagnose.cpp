// Diagnostics and what can be done about them.
#include <fmt/format.h>

#include <optional>
#include <regex>

#include "tools/netc/lsp/features.h"

namespace netc::tools::lsp {

namespace {
using frontend::SourceSet;

/// A place in lines and code points as a range in UTF-16.
json range_of_place(const SourceSet& sources, const ir::Place& p) {
  const std::string_view line = sources.line(p.file, p.line);
  auto units = [&](uint32_t code_points) {
    size_t at = 0;
    uint32_t n = 0;
    for (; at < line.size() && n < code_points; ++n)
      for (++at; at < line.size() && (uint8_t(line[at]) & 0xC0) == 0x80;) ++at;
    return utf16_length(line.substr(0, at));
  };
  if (p.line == 0) return range_json({0, 0}, {0, 0});
  return range_json({p.line - 1, units(p.column - 1)},
                    {p.line - 1, units(p.column - 1 + p.length)});
}

json location(const SourceSet& sources, const ir::Place& p, const std::string& main_path) {
  std::string path = sources[p.file].path;
  if (p.file == 0) path = main_path;
  if (path.empty()) path = library_file(sources[p.file].name);
  if (path.empty()) return nullptr;
  return {{"uri", uri_of(path)}, {"range", range_of_place(sources, p)}};
}

/// The text that a help proposes in place of what is marked.
std::optional<std::string> replacement(const std::string& help) {
  static const std::regex pattern(
      R"(did you mean `([^`]+)`\?|is (?:called|written) `([^`]+)` here)");
  std::smatch found;
  if (!std::regex_search(help, found, pattern)) return {};
  const std::string text = found[1].matched ? found[1] : found[2];
  // `train.lr` proposes the key alone where a key is marked.
  return text.starts_with("train.") ? text.substr(6) : text;
}
}  // namespace

json range_of(const SourceSet& sources, frontend::Span span) {
  const ir::Place begin = sources.place({span.file, span.begin, span.begin});
  const std::string_view text = sources.text(span);
  const json start = range_of_place(sources, begin)["start"];
  Position end{start["line"], start["character"]};
  const size_t newline = text.rfind('\n');
  if (newline == std::string_view::npos) {
    end.character += utf16_length(text);
  } else {
    end.line += uint32_t(std::count(text.begin(), text.end(), '\n'));
    end.character = utf16_length(text.substr(newline + 1));
  }
  return {{"start", start}, {"end", to_json(end)}};
}

json diagnostics_json(const Analysis& a, const Document& document) {
  json list = json::array();
  const SourceSet& sources = a.program_sources();
  for (const ir::Diagnostic& d : a.diagnostics()) {
    json j;
    const bool elsewhere = d.place.line != 0 && d.place.file != 0;
    std::string message = d.message;
    if (elsewhere)
      message = fmt::format("{}:{}:{}: {}", sources[d.place.file].name, d.place.line,
                            d.place.column, message);
    else if (!d.label.empty() && message.find(d.label) == std::string::npos)
      message += "\n" + d.label;
    for (const std::string& note : d.notes) message += "\nnote: " + note;
    for (const std::string& help : d.helps) message += "\nhelp: " + help;
    j["range"] = elsewhere ? range_json({0, 0}, document.position(document.text().find('\n')))
                           : range_of_place(sources, d.place);
    j["severity"] = d.severity == ir::Severity::Error ? 1 : 2;
    j["code"] = d.code;
    j["source"] = "netc";
    j["message"] = message;
    if (d.code == "W0210") j["tags"] = {1};  // shown faded
    json related = json::array();
    if (elsewhere)
      if (json place = location(sources, d.place, a.path()); !place.is_null())
        related.push_back({{"location", place}, {"message", d.message}});
    for (const auto& [place, label] : d.others)
      if (json where = location(sources, place, a.path()); !where.is_null())
        related.push_back({{"location", where}, {"message", label}});
    if (!related.empty()) j["relatedInformation"] = related;
    json fixes = json::array();
    if (!elsewhere && d.place.line != 0)
      for (const std::string& help : d.helps)
        if (const auto text = replacement(help)) fixes.push_back(*text);
    if (!fixes.empty()) j["data"] = {{"fixes", fixes}};
    list.push_back(std::move(j));
  }
  return list;
}

json code_actions(const json& diagnostics, const std::string& uri) {
  json actions = json::array();
  for (const json& d : diagnostics) {
    if (!d.is_object() || !d.contains("data") || !d["data"].is_object()) continue;
    for (const json& fix : d["data"].value("fixes", json::array())) {
      const std::string text = fix.get<std::string>();
      json edit = {{"range", d.at("range")}, {"newText", text}};
      actions.push_back({{"title", fmt::format("Replace by `{}`", text)},
                         {"kind", "quickfix"},
                         {"isPreferred", true},
                         {"diagnostics", json::array({d})},
                         {"edit", {{"changes", {{uri, json::array({edit})}}}}}});
    }
  }
  return actions;
}

}  // namespace netc::tools::lsp
