// Diagnostics as people read them: header, marked source lines, notes and helps; or one line each,
// or JSON. Nothing from a source reaches the terminal unescaped.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "frontend/diagnostics.h"
#include "frontend/terminal_text.h"

namespace netc::frontend {
namespace {

enum class Style { None, Error, Warning, Gutter, Help, Bold };

// Columns of a source line that are shown at most, and how many stand before the first mark when a
// longer line is cut.
constexpr size_t kMaxColumns = 200;
constexpr size_t kColumnsBeforeMark = 60;
constexpr size_t kMaxJsonText = 4000;
constexpr size_t kLeastRoom = 20;  // columns for the text of a note, however narrow the terminal

struct Mark {
  ir::Place place;
  std::string label;
  bool primary = false;
  // Columns on the screen, from 0; filled in by the line that shows it.
  size_t begin = 0;
  size_t end = 0;
};

/// netc's own words, and what they quote, for the screen.
std::string prose(std::string_view text, const RenderOptions& options) {
  const std::string shown = terminal_text(text);
  return options.ascii ? ascii_text(shown) : shown;
}

class Renderer {
 public:
  Renderer(const SourceSet& sources, const RenderOptions& options)
      : sources_(sources), options_(options), colour_(options.colour) {}

  std::string full(const ir::Diagnostic& d) {
    out_.clear();
    const bool error = d.severity == ir::Severity::Error;
    severity_ = error ? Style::Error : Style::Warning;
    std::string head = error ? "error" : "warning";
    if (!d.code.empty()) head += fmt::format("[{}]", d.code);
    out_ += paint(head, severity_) + paint(": " + prose(d.message, options_), Style::Bold) + '\n';
    const std::vector<Mark> marks = marks_of(d);
    uint32_t last_line = 1;
    for (const Mark& mark : marks) last_line = std::max(last_line, mark.place.line);
    width_ = fmt::formatted_size("{}", last_line);
    files(marks);
    for (const std::string& help : d.helps) remark("help", help, Style::Help);
    for (const std::string& note : d.notes) remark("note", note, Style::Bold);
    return out_;
  }

 private:
  std::string paint(std::string_view text, Style style) const {
    if (!colour_ || style == Style::None || text.empty()) return std::string(text);
    const char* code = style == Style::Error     ? "1;31"
                       : style == Style::Warning ? "1;33"
                       : style == Style::Gutter  ? "1;34"
                       : style == Style::Help    ? "1;32"
                                                 : "1";
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }

  std::vector<Mark> marks_of(const ir::Diagnostic& d) const {
    std::vector<Mark> marks;
    const auto add = [&](const ir::Place& place, const std::string& label, bool primary) {
      if (place.line == 0 || place.file >= sources_.size()) return;
      marks.push_back({place, prose(label, options_), primary});
    };
    add(d.place, d.label, true);
    for (const auto& [place, label] : d.others) add(place, label, false);
    return marks;
  }

  // The marked lines, one block a file, the file of the first mark first.
  void files(const std::vector<Mark>& marks) {
    std::vector<uint32_t> order;
    for (const Mark& mark : marks) {
      if (std::find(order.begin(), order.end(), mark.place.file) == order.end()) {
        order.push_back(mark.place.file);
      }
    }
    for (const uint32_t file : order) {
      std::map<uint32_t, std::vector<Mark>> lines;
      const Mark* first = nullptr;
      for (const Mark& mark : marks) {
        if (mark.place.file != file) continue;
        if (first == nullptr) first = &mark;
        lines[mark.place.line].push_back(mark);
      }
      out_ += std::string(width_, ' ') +
              paint(file == order.front() ? "--> " : "::: ", Style::Gutter) +
              fmt::format("{}:{}:{}\n", terminal_text(sources_[file].name), first->place.line,
                          first->place.column);
      uint32_t before = 0;
      for (auto& [number, on_line] : lines) {
        if (before != 0 && number > before + 1) out_ += paint("...", Style::Gutter) + '\n';
        line(file, number, on_line);
        before = number;
      }
    }
  }

  void line(uint32_t file, uint32_t number, std::vector<Mark>& marks) {
    ScreenLine screen(sources_.line(file, number));
    for (Mark& mark : marks) {
      const size_t first = mark.place.column - 1;
      mark.begin = screen.column(first);
      mark.end = std::max(mark.begin + 1, screen.column(first + mark.place.length));
    }
    std::stable_sort(marks.begin(), marks.end(),
                     [](const Mark& a, const Mark& b) { return a.begin < b.begin; });
    const size_t shift = screen.cut(marks.front().begin, kColumnsBeforeMark, kMaxColumns);
    for (Mark& mark : marks) {
      mark.begin = std::min(mark.begin - std::min(mark.begin, shift), kMaxColumns);
      mark.end = std::clamp(mark.end - std::min(mark.end, shift), mark.begin + 1, kMaxColumns + 1);
    }
    out_ += paint(fmt::format("{:>{}} |", number, width_), Style::Gutter);
    out_ += screen.text().empty() ? "\n" : " " + screen.text() + '\n';
    mark_rows(marks);
  }

  // The row of ^ and -, with the rightmost label behind it; the others on rows of their own below,
  // each under its mark.
  void mark_rows(const std::vector<Mark>& marks) {
    std::vector<std::pair<char, Style>> row;
    const auto draw = [&](const Mark& mark) {
      if (row.size() < mark.end) row.resize(mark.end, {' ', Style::None});
      std::fill(row.begin() + static_cast<std::ptrdiff_t>(mark.begin),
                row.begin() + static_cast<std::ptrdiff_t>(mark.end), style_of(mark));
    };
    for (const Mark& mark : marks) {
      if (!mark.primary) draw(mark);
    }
    for (const Mark& mark : marks) {
      if (mark.primary) draw(mark);
    }
    std::string text;
    for (const auto& [c, style] : row) text += paint(std::string_view(&c, 1), style);
    std::vector<const Mark*> labelled;
    for (const Mark& mark : marks) {
      if (!mark.label.empty()) labelled.push_back(&mark);
    }
    if (!labelled.empty() && labelled.back() == &marks.back()) {
      text += ' ';
      text += paint(labelled.back()->label, style_of(*labelled.back()).second);
      labelled.pop_back();
    }
    gutter_row(text);
    while (!labelled.empty()) {
      const Mark& mark = *labelled.back();
      labelled.pop_back();
      std::string under(mark.begin, ' ');
      for (const Mark* waiting : labelled) {
        if (waiting->begin < mark.begin) under[waiting->begin] = '|';
      }
      gutter_row(under + paint(mark.label, style_of(mark).second));
    }
  }

  std::pair<char, Style> style_of(const Mark& mark) const {
    return mark.primary ? std::pair{'^', severity_} : std::pair{'-', Style::Gutter};
  }

  void gutter_row(const std::string& text) {
    out_ += std::string(width_ + 1, ' ') + paint("|", Style::Gutter) + ' ' + text + '\n';
  }

  void remark(std::string_view kind, const std::string& text, Style style) {
    const std::string indent(width_ + 1, ' '), under(indent.size() + kind.size() + 4, ' ');
    std::string before = indent + paint("=", Style::Gutter) + ' ' + paint(kind, style) + ": ";
    const size_t room = options_.width > under.size() + kLeastRoom ? options_.width - under.size()
                        : options_.width > 0                       ? kLeastRoom
                                                                   : std::string::npos;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const std::string line = prose(std::string_view(text).substr(begin, end - begin), options_);
      for (const std::string& part : wrapped_text(line, room))
        out_ += std::exchange(before, under) + part + '\n';
      begin = end + 1;
    }
  }

  const SourceSet& sources_;
  const RenderOptions& options_;
  bool colour_;
  Style severity_ = Style::Error;
  size_t width_ = 1;  // of the line numbers
  std::string out_;
};

std::string file_name(const SourceSet& sources, const ir::Place& place) {
  return place.file < sources.size() ? sources[place.file].name : std::string();
}

const char* word(ir::Severity severity) {
  return severity == ir::Severity::Error ? "error" : "warning";
}

std::string one_line(const ir::Diagnostic& d, const SourceSet& sources,
                     const RenderOptions& options) {
  std::string out;
  const std::string name = terminal_text(file_name(sources, d.place));
  if (d.place.line != 0 && !name.empty()) {
    out = fmt::format("{}:{}:{}: ", name, d.place.line, d.place.column);
  }
  out += word(d.severity);
  if (!d.code.empty()) out += fmt::format("[{}]", d.code);
  return out + ": " + prose(d.message, options) + '\n';
}

nlohmann::ordered_json place_json(const ir::Place& place, const std::string& label,
                                  const SourceSet& sources) {
  nlohmann::ordered_json json;
  if (place.line != 0) {
    json["file"] = file_name(sources, place);
    json["line"] = place.line;
    json["column"] = place.column;
    json["length"] = place.length;
  }
  json["label"] = label;
  return json;
}

std::string dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

std::string json_line(const ir::Diagnostic& d, const SourceSet& sources) {
  nlohmann::ordered_json json;
  json["severity"] = word(d.severity);
  json["code"] = d.code;
  json["message"] = d.message.substr(0, kMaxJsonText);
  json.update(place_json(d.place, d.label, sources));
  json["others"] = nlohmann::ordered_json::array();
  for (const auto& [place, label] : d.others) {
    json["others"].push_back(place_json(place, label, sources));
  }
  json["notes"] = d.notes;
  json["helps"] = d.helps;
  return dump(json);
}

}  // namespace

std::string render(const std::vector<ir::Diagnostic>& diagnostics, const SourceSet& sources,
                   const RenderOptions& options) {
  std::vector<const ir::Diagnostic*> order;
  for (const ir::Diagnostic& d : diagnostics) order.push_back(&d);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::tie(a->place.file, a->place.line, a->place.column) <
           std::tie(b->place.file, b->place.line, b->place.column);
  });
  Renderer renderer(sources, options);
  std::string out;
  std::map<ir::Severity, size_t> count;
  for (const ir::Diagnostic* d : order) {
    if (++count[d->severity] > options.max_errors) continue;
    switch (options.format) {
      case DiagnosticFormat::Full:
        out += renderer.full(*d);
        break;
      case DiagnosticFormat::Short:
        out += one_line(*d, sources, options);
        break;
      case DiagnosticFormat::Json:
        out += json_line(*d, sources);
        break;
    }
  }
  for (const auto& [severity, n] : count) {
    if (n <= options.max_errors) continue;
    const size_t more = n - options.max_errors;
    const std::string text = fmt::format("{} more {}{} not shown (`--max-errors N` shows more)",
                                         more, word(severity), more == 1 ? "" : "s");
    if (options.format == DiagnosticFormat::Json) {
      out += dump({{"severity", "note"}, {"message", text}});
    } else {
      out += text + '\n';
    }
  }
  return out;
}

}  // namespace netc::frontend
