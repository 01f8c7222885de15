// A run directory in place of a program.
#pragma once

#include <string>

#include "tools/netc/session.h"

namespace netc::tools {

/// Loads options.file, or when that is a directory the `config.net` in it. Returns the weights that
/// belong to it: `last.safetensors` of a run directory, else nothing.
std::string load_program_or_run(Session& session);

}  // namespace netc::tools
