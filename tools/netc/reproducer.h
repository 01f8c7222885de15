// What is left behind after an internal error: a folder with the program and the command line.
#pragma once

#include <string>

#include "ir/diagnostic.h"

namespace netc::tools {

/// Writes the reproducer; the result, I9901, says what happened and names its path.
ir::Diagnostic internal_error(const std::string& what, int argc, char** argv);

}  // namespace netc::tools
