// Which scalar primitives do not care for the order of their operands.
#pragma once

#include "ir/op.h"

namespace netc::ir {

/// True when the two operands of a scalar primitive may change places: no bit of any result
/// differs.
bool commutes(Op op);

}  // namespace netc::ir
