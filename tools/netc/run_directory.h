// A run directory in place of a program.
#pragma once

#include <string>

#include "tools/netc/session.h"

namespace netc::tools {

/// Loads options.file, or when that is a directory the `config.net` in it. Returns the weights that
/// belong to it, as load_weights takes them: the run directory, else nothing.
std::string load_program_or_run(Session& session);

/// The weights that a run directory holds. Throws runtime::Error with the cure when there are none.
std::string weights_of_run(const std::string& directory);

/// `fit//` -> `fit`: paths in it are shown with one slash.
std::string without_last_slashes(std::string path);

}  // namespace netc::tools
