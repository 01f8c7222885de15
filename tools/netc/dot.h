// A module as a Graphviz drawing.
#pragma once

#include <string>

#include "ir/graph.h"

namespace netc::tools {

/// One cluster a function and, inside, one a kernel; an edge from each operand to its user.
/// `entry`: only this function; empty: all.
std::string to_dot(const ir::Module& module, const std::string& entry);

}  // namespace netc::tools
