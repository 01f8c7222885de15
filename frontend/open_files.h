// Loading a program while its files are open in an editor.
#pragma once

#include <map>
#include <string>

#include "frontend/program.h"

namespace netc::frontend {

/// Texts that take the place of what is on disk, by canonical path.
using OpenFiles = std::map<std::string, std::string>;

/// As load(), with the texts of `open`.
Program load(const std::string& path, const LoadOptions& options, const OpenFiles& open,
             SourceSet& sources, Diagnostics& diagnostics);

}  // namespace netc::frontend
