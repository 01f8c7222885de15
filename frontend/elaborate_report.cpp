// How elaboration reports: a diagnostic at a place of the source, with one note for each layer that
// led there.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "frontend/elaborate_state.h"

namespace netc::frontend {

ir::Diagnostic Elaborator::error(const char* code, std::string message, Span place,
                                 std::string label) {
  ir::Diagnostic d;
  d.code = code;
  d.message = std::move(message);
  d.place = sources_.place(place);
  d.label = std::move(label);
  return d;
}

Level Elaborator::level_of(const std::string& name, const CallSite& site, bool is_layer,
                           bool is_std) const {
  Level level{name, site.at, is_layer, is_std, {}};
  for (const CallArg& arg : site.args)
    if (const auto* t = arg.value ? arg.value->as<TensorVal>() : nullptr; t && arg.expr)
      level.given.emplace_back(arg.expr->span, type(t->id));
  return level;
}

void Elaborator::label_arguments(ir::Diagnostic& d, const Level& call) {
  for (const auto& [span, t] : call.given) {
    if (text(span).find('\n') == std::string::npos)
      other(d, span, ir::str(t));
    else if (d.label.empty())
      d.label = "given " + ir::str(t);
  }
}

void Elaborator::help_caller(ir::Diagnostic& d, const Level& call) const {
  // Functions that the compiler carries are called by what the program called.
  const size_t end = d.message.find('`', 1);
  if (d.message.starts_with('`') && end != std::string::npos) {
    const std::string name = d.message.substr(1, end - 1);
    const bool is_operator = !std::isalpha(static_cast<unsigned char>(name[0]));
    if (is_operator || find_builtin(name)) d.message.replace(1, name.size(), call.name);
  }
  std::erase_if(d.helps, [](const std::string& help) {  // what is to be typed, but for options
    return help.find('`') != std::string::npos && help.find("`--") == std::string::npos;
  });
  if (d.code != "E0305" || call.given.empty()) return;
  const auto given = std::find_if(call.given.begin(), call.given.end(),
                                  [](const auto& g) { return !ir::is_float(g.second.dtype); });
  if (given == call.given.end() && call.given.size() > 1) return;
  const bool integers = given == call.given.end();
  const std::string written = text(integers ? call.given[0].first : given->first);
  d.helps.push_back(fmt::format("convert it: `{}({})`", integers ? "i64" : "float",
                                written.find('\n') == std::string::npos ? written : "…"));
}

void Elaborator::report(ir::Diagnostic d) {
  constexpr size_t kMostLevels = 12;
  const size_t levels = levels_.size();
  size_t outer = levels;
  const Level* moved_to = nullptr;
  const auto in_std = [&](const ir::Place& p) { return sources_[p.file].name.starts_with("std/"); };
  if (in_std(d.place)) {
    // What goes wrong in the text of std is said at the program's call.
    while (outer > 0 && levels_[outer - 1].is_std) --outer;
    if (outer < levels) {
      const Level& call = levels_[outer];
      if (!call.is_layer) moved_to = &call;  // there is no level above that the place is in
      d.notes.push_back(fmt::format("this is what `{}` does at {}:{}:{}", call.name,
                                    sources_[d.place.file].name, d.place.line, d.place.column));
      d.place = sources_.place(call.called_from);
      d.label = "in this call";
      std::erase_if(d.others, [&](const auto& o) { return in_std(o.first); });
      label_arguments(d, call);
      help_caller(d, call);
      // Whatever else goes wrong in this call is an echo.
      for (const ir::Diagnostic& known : diagnostics_->all())
        if (known.place == d.place && known.severity == d.severity) return;
    }
  }
  for (size_t i = levels; i-- > 0;) {
    if (levels - i > kMostLevels) {
      d.notes.push_back(fmt::format("and {} levels above", i + 1));
      break;
    }
    const Level& level = levels_[i];
    if (&level == moved_to) continue;
    d.notes.push_back(
        fmt::format("in {}, called from {}", level.name, place_text(level.called_from)));
  }
  diagnostics_->add(std::move(d));
}

void Elaborator::fail(ir::Diagnostic d) {
  report(std::move(d));
  throw Failed{};
}

void Elaborator::fail(const char* code, std::string message, Span place, std::string label,
                      std::string help) {
  ir::Diagnostic d = error(code, std::move(message), place, std::move(label));
  if (!help.empty()) d.helps.push_back(std::move(help));
  fail(std::move(d));
}

void Elaborator::fail(const ir::OpError& e, Span place, const std::vector<Span>& spans) {
  ir::Diagnostic d = error(e.code.c_str(), e.what(), place);
  for (const auto& [operand, label] : e.labels)
    if (operand >= 0 && size_t(operand) < spans.size()) other(d, spans[size_t(operand)], label);
  d.notes = e.notes;
  d.helps = e.helps;
  fail(std::move(d));
}

void Elaborator::other(ir::Diagnostic& d, Span place, std::string label) {
  d.others.emplace_back(sources_.place(place), std::move(label));
}

std::string Elaborator::text(Span span) const { return std::string(sources_.text(span)); }

std::string Elaborator::short_place(Span span) const {
  ir::Place p = sources_.place(span);
  return fmt::format("{}:{}", p.line, p.column);
}

std::string Elaborator::place_text(Span span) const {
  return sources_[span.file].name + ":" + short_place(span);
}

ir::LocId Elaborator::loc(Span at) {
  ir::Place place = sources_.place(at);
  return module_.add(ir::Loc{place, called_from_.back()});
}

}  // namespace netc::frontend
