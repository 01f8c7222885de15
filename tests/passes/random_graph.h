// Random well-typed training steps for property tests.
#pragma once

#include <random>

#include "tests/passes/graphs.h"

namespace netc::passes::test {

struct RandomGraphOptions {
  ir::DType dtype = ir::DType::f32;
  int ops = 14;
  bool smooth = false;  ///< only ops whose derivative is continuous, for central differences
};

/// A module in forward form with `m.step` (inputs, parameters, one loss, one more result),
/// `m.update` (plain gradient descent) over random ops of every form. The same seed gives the same
/// module.
ir::Module random_model(uint32_t seed, const RandomGraphOptions& options);

}  // namespace netc::passes::test
