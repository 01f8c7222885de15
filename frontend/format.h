// Canonical source text: two spaces, one statement a line, comments kept.
#pragma once

#include <string>

#include "frontend/ast.h"
#include "frontend/source.h"

namespace netc::frontend {

/// The file in canonical style, comments included. format(parse(format(x))) == format(x).
std::string format(const File& file, const SourceSet& sources);
/// One item, without comments (for `data` and `train` items kept in dumps).
std::string format(const Item& item);
std::string format(const Expr& expr);

}  // namespace netc::frontend
