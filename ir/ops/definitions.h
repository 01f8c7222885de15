// One function a structural op, each in the file of that name.
#pragma once

#include "ir/op.h"

namespace netc::ir::ops {

#define STRUCTURAL(name) OpDef name##_definition();
#include "ir/ops.def"

}  // namespace netc::ir::ops
