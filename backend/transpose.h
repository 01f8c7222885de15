// Squares of elements turned in registers.
#pragma once

#include <vector>

#include "backend/emitter.h"

namespace netc::backend {

/// As many vectors as they have lanes: result i holds element i of each.
std::vector<llvm::Value*> transpose(Emitter& e, std::vector<llvm::Value*> rows);

}  // namespace netc::backend
