// `--set PATH=VALUE`: changes the syntax tree of the program before anything looks at it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/ast.h"
#include "frontend/diagnostics.h"
#include "frontend/elaborate.h"
#include "frontend/program.h"
#include "frontend/source.h"

namespace netc::frontend {

/// Applies the overrides to the program, `units[0]`, in their order. Each becomes a file `<--set>`
/// of `sources`, in which its errors (E0501, E0507, E0508 and those of the expression grammar) have
/// their places.
void apply_overrides(const std::vector<Override>& overrides, SourceSet& sources,
                     Diagnostics& diagnostics, std::vector<Unit>& units);

/// The parameters, in order, of a schedule or an optimizer of the program or of std; nothing when
/// the name is unknown, which is reported where the call is read.
std::optional<std::vector<std::string>> parameters_of(const std::string& callee,
                                                      const File& program);

/// The names a --set path of `program` can have: `train.epochs`, `train.optimizer.momentum`,
/// `data.dir`, `hidden`.
std::vector<std::string> override_paths(const File& program);

}  // namespace netc::frontend
