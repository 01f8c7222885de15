// Elementary functions of f32 computed in f32, for CPU levels with fused multiply-add.
#pragma once

#include "backend/emitter.h"

namespace netc::backend::math::single {

/// Each takes and gives f32, one element or a vector; see math.h for what holds of the results.
/// The figures are the greatest errors in ULP over all 2^32 inputs, at avx512 and avx2 alike.
llvm::Value* exp(Emitter& e, llvm::Value* x);
llvm::Value* expm1(Emitter& e, llvm::Value* x);
llvm::Value* log(Emitter& e, llvm::Value* x);
llvm::Value* log1p(Emitter& e, llvm::Value* x);
llvm::Value* tanh(Emitter& e, llvm::Value* x);
llvm::Value* erf(Emitter& e, llvm::Value* x);

}  // namespace netc::backend::math::single
