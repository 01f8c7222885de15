// The graph of an entry point in Graphviz's language.
#pragma once

#include <string>

#include "frontend/source.h"
#include "ir/graph.h"

namespace netc::tools {

/// What a value does: the name of its op, with the kind of a reduction or the text of an einsum; of
/// a call the name of the function.
std::string operation(const ir::Module& module, const ir::Value& value);

/// Draws one function: ops as nodes in clusters by kernel and, within, by the layer or function of
/// the program that they came from; tensors as edges with their types; weights and inputs apart
/// from what is computed, gradients apart from the forward. `sources` are those of the module.
std::string to_dot(const ir::Module& module, ir::FunctionId function,
                   const frontend::SourceSet& sources);

}  // namespace netc::tools
