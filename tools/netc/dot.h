// A module as a Graphviz drawing.
#pragma once

#include <string>

#include "ir/graph.h"

namespace netc::tools {

/// What a value does: the name of its op, with the kind of a reduction or the text of an einsum; of
/// a call the name of the function.
std::string operation(const ir::Module& module, const ir::Value& value);

/// One cluster a function and, inside, one a kernel; an edge from each operand to its user.
/// `entry`: only this function; empty: all.
std::string to_dot(const ir::Module& module, const std::string& entry);

}  // namespace netc::tools
