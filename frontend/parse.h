// Text to syntax tree. Recovers at statements, so one run reports several errors.
#pragma once

#include "frontend/ast.h"
#include "frontend/diagnostics.h"
#include "frontend/source.h"

namespace netc::frontend {

struct ParseLimits {
  size_t max_source = 16u << 20;
  int max_nesting = 256;
};

/// Parses file `file` of `sources`. On errors the tree holds what could be read.
File parse(const SourceSet& sources, uint32_t file, Diagnostics& diagnostics,
           const ParseLimits& limits = {});

/// Parses one expression that must be the whole text (a value of --set, an --expect).
ExprPtr parse_expression(const SourceSet& sources, uint32_t file, uint32_t begin,
                         Diagnostics& diagnostics);

}  // namespace netc::frontend
