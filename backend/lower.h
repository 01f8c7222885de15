// Ops -> instructions for the elements at an index.
#pragma once

#include <vector>

#include "backend/emitter.h"
#include "ir/graph.h"

namespace netc::backend {

/// A scalar primitive applied to operands that are all scalars or all vectors.
llvm::Value* lower_scalar(Emitter& e, const ir::Value& op,
                          const std::vector<llvm::Value*>& operands, std::vector<ir::DType> types);

/// `v` as another element type, by the rules of `cast`.
llvm::Value* convert(Emitter& e, llvm::Value* v, ir::DType from, ir::DType to);

}  // namespace netc::backend
