// The command `netc lsp`.
#pragma once

#include "tools/netc/options.h"

namespace netc::tools {

void add_lsp(CLI::App& app, Action& action);

}  // namespace netc::tools
