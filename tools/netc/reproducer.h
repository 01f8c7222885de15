// What is left behind after an internal error: a folder with the program and the command line.
#pragma once

#include <string>

#include "tools/netc/options.h"

namespace netc::tools {

/// Says what happened on stderr, writes the reproducer and names its path.
Exit report_internal_error(const std::string& what, int argc, char** argv);

}  // namespace netc::tools
