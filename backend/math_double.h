// Elementary functions within f64 lanes, for those that are made of others.
#pragma once

#include "backend/lanes.h"

namespace netc::backend::math {

/// f64 lanes.
struct Wide : Lanes {
  bool single;  ///< the result is rounded to f32: shorter series do
};

/// Lanes as many as `x`, of f32 or f64, has.
Wide wide_lanes(Emitter& e, llvm::Value* x);

/// e^(x + low), `low` absent or small against 1; at both ends 0 and infinity.
llvm::Value* exp(Wide& l, llvm::Value* x, llvm::Value* low = nullptr);
llvm::Value* log(Wide& l, llvm::Value* x);

/// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), x positive and finite.
struct Split {
  llvm::Value *k, *f;
};
Split split(Wide& l, llvm::Value* x);

}  // namespace netc::backend::math
