// What the compiler tells the user: plain data. Only frontend/ renders it, since only frontend/
// owns source text.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace netc::ir {

/// A stretch of source: file index (0 is the program's main file), 1-based line and column in code
/// points, and a length in code points. line 0 means "no place".
struct Place {
  uint32_t file = 0;
  uint32_t line = 0;
  uint32_t column = 0;
  uint32_t length = 1;
  auto operator<=>(const Place&) const = default;
};

enum class Severity : uint8_t { Error, Warning };

/// One message in the form of the diagnostics page: code, cause, places with labels, note, help.
struct Diagnostic {
  Severity severity = Severity::Error;
  std::string code;                                   ///< E0301, W0303, R0601 …
  std::string message;                                ///< one line, in the user's terms
  Place place;                                        ///< marked with ^
  std::string label;                                  ///< text after the ^ marks
  std::vector<std::pair<Place, std::string>> others;  ///< marked with -
  std::vector<std::string> notes;                     ///< `= note: …`; may contain newlines
  std::vector<std::string> helps;                     ///< `= help: …`
};

/// Carries one diagnostic out of code that cannot go on (a failed read, a bad file, a bad setting).
class DiagnosticError : public std::runtime_error {
 public:
  explicit DiagnosticError(Diagnostic d)
      : std::runtime_error(d.message), diagnostic(std::move(d)) {}
  Diagnostic diagnostic;
};

}  // namespace netc::ir
