// Collects diagnostics and renders them as text, one-liners or JSON.
#pragma once

#include <string>
#include <vector>

#include "frontend/source.h"
#include "ir/diagnostic.h"

namespace netc::frontend {

/// Errors and warnings of one run, in the order found; identical ones are kept once.
class Diagnostics {
 public:
  void add(ir::Diagnostic d);
  bool has_errors() const;
  size_t error_count() const;
  const std::vector<ir::Diagnostic>& all() const { return list_; }

 private:
  std::vector<ir::Diagnostic> list_;
};

enum class DiagnosticFormat : uint8_t { Full, Short, Json };

struct RenderOptions {
  DiagnosticFormat format = DiagnosticFormat::Full;
  bool colour = false;
  bool ascii = false;  ///< netc's own words in ASCII; source lines stay as they are
  size_t width = 0;    ///< columns at which notes and helps are wrapped; 0: they are not
  size_t max_errors = 20;
};

/// All of `diagnostics` in source order (file, line, column), at most max_errors errors, ending
/// with how many were left out. Control characters in source text are escaped.
std::string render(const std::vector<ir::Diagnostic>& diagnostics, const SourceSet& sources,
                   const RenderOptions& options);

/// The candidate nearest to `word` within max(1, length/3) edits, or empty.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace netc::frontend
