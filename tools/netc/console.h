// Streams of the command line: which are terminals, whether colour is wanted, and how numbers,
// sizes and times are written for people.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "frontend/diagnostics.h"

namespace netc::tools {

enum class ColourChoice : uint8_t { automatic, always, never };

/// What stdout and stderr can show. Results go to stdout, progress and diagnostics to stderr.
struct Console {
  bool stdout_is_terminal = false;
  bool stderr_is_terminal = false;
  bool colour = false;         ///< of diagnostics and progress, on stderr
  bool result_colour = false;  ///< of results, on stdout
  bool quiet = false;          ///< nothing on stderr but errors
  bool verbose = false;

  /// Asks the system; `--color` beats NO_COLOR, which beats CLICOLOR_FORCE, which beats the
  /// terminal.
  static Console detect(ColourChoice choice);
  /// Writes to stderr unless quiet.
  void note(const std::string& text) const;
  /// The same, of one line that is wrapped to the terminal.
  void note_line(const std::string& line) const;
  /// How diagnostics are rendered for stderr.
  frontend::RenderOptions diagnostics() const;
  /// Columns of the terminal at stderr, 80 when unknown.
  int width() const;
};

/// Columns of the terminal at stdout; nothing when it is none.
std::optional<size_t> result_columns();

/// Writes to stdout; a closed pipe is not an error, what else keeps it from being written is
/// remembered as output_error().
void print_out(const std::string& text);
/// netc's own prose as `stream` takes it: where that is no terminal, in ASCII (`x * w` for `x ·
/// w`).
std::string prose(std::string text, std::FILE* stream);
/// errno of the first print_out() that failed; 0: all was written.
int output_error();
/// Writes to stderr.
void print_error(const std::string& text);

/// A line with line breaks where it would be wider than `width`: between its parts, which several
/// spaces or a semicolon separate, else between its words, else behind a `|`. Further lines are
/// indented by `indent` spaces.
std::string wrapped(std::string line, size_t width, size_t indent = 2);

/// 2913290 -> `2,913,290`.
std::string with_commas(int64_t n);
/// Bytes with a binary unit: `11.1 MiB`.
std::string byte_text(double bytes);
/// Seconds: `214 ms`, `6.1s`, `2m 05s`.
std::string duration_text(double seconds);
/// A learning rate or the like in few digits: `1e-04`, `0.01`.
std::string short_number(double v);

}  // namespace netc::tools
