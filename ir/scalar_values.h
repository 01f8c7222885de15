// The rows of scalar.def as numbers.
#pragma once

#include <span>

#include "ir/op.h"

namespace netc::ir {

/// One entry a row, in the order of scalar.def.
std::span<const ScalarInfo> scalar_rows();
/// The value column as text, for documentation.
std::span<const char* const> scalar_value_texts();

}  // namespace netc::ir
