// How elaboration reports: a diagnostic at a place of the source, with one note for each layer that
// led there.
#include <fmt/format.h>

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

void Elaborator::report(ir::Diagnostic d) {
  constexpr size_t kMostLevels = 12;
  size_t levels = levels_.size();
  const auto in_std = [&](const ir::Place& p) { return sources_[p.file].name.starts_with("std/"); };
  if (in_std(d.place)) {
    // What goes wrong in the text of std is said at the program's call.
    while (levels > 0 && levels_[levels - 1].is_std) --levels;
    if (levels < levels_.size()) {
      const Level& call = levels_[levels];
      d.notes.push_back(fmt::format("this is what `{}` does at {}:{}:{}", call.name,
                                    sources_[d.place.file].name, d.place.line, d.place.column));
      d.place = sources_.place(call.called_from);
      d.label = "in this call";
      std::erase_if(d.others, [&](const auto& o) { return in_std(o.first); });
      label_arguments(d, call);
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
