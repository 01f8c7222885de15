// Terminal detection and the number formats of the command line.
#include "tools/netc/console.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "frontend/terminal_text.h"

namespace netc::tools {

namespace {
bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool wants_colour(ColourChoice choice, bool terminal) {
  switch (choice) {
    case ColourChoice::always:
      return true;
    case ColourChoice::never:
      return false;
    case ColourChoice::automatic:
      break;
  }
  if (is_set("NO_COLOR")) return false;
  if (is_set("CLICOLOR_FORCE") && std::strcmp(std::getenv("CLICOLOR_FORCE"), "0") != 0) return true;
  const char* term = std::getenv("TERM");
  return terminal && term != nullptr && std::strcmp(term, "dumb") != 0;
}
}  // namespace

Console Console::detect(ColourChoice choice) {
  Console c;
  c.stdout_is_terminal = isatty(STDOUT_FILENO) != 0;
  c.stderr_is_terminal = isatty(STDERR_FILENO) != 0;
  c.colour = wants_colour(choice, c.stderr_is_terminal);
  c.result_colour = wants_colour(choice, c.stdout_is_terminal);
  return c;
}

void Console::note(const std::string& text) const {
  if (!quiet) print_error(text);
}

void Console::note_line(const std::string& line) const {
  note((stderr_is_terminal ? wrapped(line, size_t(width())) : line) + "\n");
}

frontend::RenderOptions Console::diagnostics() const {
  frontend::RenderOptions options;
  options.colour = colour;
  options.ascii = !stderr_is_terminal;
  if (stderr_is_terminal) options.width = size_t(width());
  return options;
}

int Console::width() const {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::optional<size_t> result_columns() {
  winsize size{};
  if (isatty(STDOUT_FILENO) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size.ws_col > 0 ? std::optional<size_t>(size.ws_col) : std::nullopt;
}

namespace {
int first_output_error = 0;
}  // namespace

void print_out(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if ((std::fflush(stdout) != 0 || !written) && errno != EPIPE && first_output_error == 0)
    first_output_error = errno;
}

std::string prose(std::string text, std::FILE* stream) {
  return isatty(fileno(stream)) != 0 ? text : frontend::ascii_text(std::move(text));
}

int output_error() { return first_output_error; }

void print_error(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::string wrapped(std::string line, size_t width, size_t indent) {
  std::string out;
  while (line.size() > width) {
    size_t at = std::string::npos;
    for (const char* gap : {"   ", "; ", "  ", " ", "|"}) {
      at = line.rfind(gap, width - 1);
      if (at != std::string::npos && line.find_first_not_of(' ') < at) break;
      at = std::string::npos;
    }
    if (at == std::string::npos) break;
    if (line[at] != ' ') ++at;
    out += line.substr(0, at) + "\n";
    line = std::string(indent, ' ') +
           line.substr(std::min(line.find_first_not_of(' ', at), line.size()));
  }
  return out + line;
}

std::string with_commas(int64_t n) {
  std::string digits = std::to_string(n < 0 ? -n : n), text = n < 0 ? "-" : "";
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string byte_text(double bytes) {
  const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) bytes /= 1024, ++unit;
  return unit == 0 ? fmt::format("{} B", int64_t(bytes))
                   : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string duration_text(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "?";
  if (seconds < 100) return fmt::format("{:.1f}s", seconds);
  auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  return fmt::format("{}h {:02}m", whole / 3600, whole / 60 % 60);
}

std::string short_number(double v) {
  if (v == 0 || (std::abs(v) >= 1e-3 && std::abs(v) < 1e5)) return fmt::format("{:.4g}", v);
  std::string text = fmt::format("{:.2e}", v);
  size_t e = text.find('e');
  std::string mantissa = text.substr(0, e);
  while (mantissa.back() == '0') mantissa.pop_back();
  if (mantissa.back() == '.') mantissa.pop_back();
  return mantissa + text.substr(e);
}

}  // namespace netc::tools
