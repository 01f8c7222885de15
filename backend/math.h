// Elementary functions as vector code.
#pragma once

#include "backend/emitter.h"

namespace netc::backend::math {

/// a * b + c: fused where the CPU level has it, else rounded twice.
llvm::Value* multiply_add(Emitter& e, llvm::Value* a, llvm::Value* b, llvm::Value* c);

/// Each takes and gives f32 or f64, one element or a vector. Maximum error over all inputs: f32
/// 1 ULP, f64 2 ULP. Infinities, NaN, signed zeros and subnormals as in C's libm.
llvm::Value* exp(Emitter& e, llvm::Value* x);
llvm::Value* expm1(Emitter& e, llvm::Value* x);
llvm::Value* log(Emitter& e, llvm::Value* x);
llvm::Value* log1p(Emitter& e, llvm::Value* x);
llvm::Value* tanh(Emitter& e, llvm::Value* x);
llvm::Value* erf(Emitter& e, llvm::Value* x);
llvm::Value* sin(Emitter& e, llvm::Value* x);
llvm::Value* cos(Emitter& e, llvm::Value* x);
llvm::Value* pow(Emitter& e, llvm::Value* x, llvm::Value* y);

}  // namespace netc::backend::math
