// `--set PATH=VALUE`: changes the syntax tree of the program before anything looks at it.
#pragma once

#include <vector>

#include "frontend/ast.h"
#include "frontend/diagnostics.h"
#include "frontend/program.h"
#include "frontend/source.h"

namespace netc::frontend {

/// Applies the overrides in their order. Each becomes a file `<--set>` of `sources`, in which its
/// errors (E0501, E0507, E0508 and those of the expression grammar) have their places.
void apply_overrides(const std::vector<Override>& overrides, SourceSet& sources,
                     Diagnostics& diagnostics, File& program);

/// The names a --set path of `program` can have: `train.epochs`, `train.optimizer.momentum`,
/// `data.dir`, `hidden`.
std::vector<std::string> override_paths(const File& program);

}  // namespace netc::frontend
