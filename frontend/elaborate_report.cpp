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

void Elaborator::report(ir::Diagnostic d) {
  constexpr size_t kMostLevels = 12;
  for (size_t i = levels_.size(); i-- > 0;) {
    if (levels_.size() - i > kMostLevels) {
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
