// Floating-point arithmetic on lanes, short to write: what elementary functions are made of.
#pragma once

#include <llvm/IR/Intrinsics.h>

#include <vector>

#include "backend/emitter.h"
#include "backend/math.h"

namespace netc::backend::math {

/// f32 or f64, one element or a vector.
struct Lanes {
  Emitter& e;
  llvm::Type* type;
  llvm::Type* bits;  ///< integers of the same width

  Lanes(Emitter& emitter, llvm::Type* t)
      : e(emitter),
        type(t),
        bits(t->getWithNewType(emitter.b.getIntNTy(t->getScalarSizeInBits()))) {}

  llvm::Value* c(double v) { return e.number(v, type); }
  llvm::Value* add(llvm::Value* a, llvm::Value* b) { return e.b.CreateFAdd(a, b); }
  llvm::Value* sub(llvm::Value* a, llvm::Value* b) { return e.b.CreateFSub(a, b); }
  llvm::Value* mul(llvm::Value* a, llvm::Value* b) { return e.b.CreateFMul(a, b); }
  llvm::Value* div(llvm::Value* a, llvm::Value* b) { return e.b.CreateFDiv(a, b); }
  llvm::Value* neg(llvm::Value* a) { return e.b.CreateFNeg(a); }
  llvm::Value* fma(llvm::Value* a, llvm::Value* b, llvm::Value* d) {
    return multiply_add(e, a, b, d);
  }
  llvm::Value* abs(llvm::Value* a) { return e.b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, a); }
  llvm::Value* copysign(llvm::Value* a, llvm::Value* sign) {
    return e.b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, a, sign);
  }
  llvm::Value* select(llvm::Value* s, llvm::Value* a, llvm::Value* b) {
    return e.b.CreateSelect(s, a, b);
  }
  llvm::Value* less(llvm::Value* a, double v) { return e.b.CreateFCmpOLT(a, c(v)); }
  llvm::Value* greater(llvm::Value* a, double v) { return e.b.CreateFCmpOGT(a, c(v)); }
  llvm::Value* equal(llvm::Value* a, double v) { return e.b.CreateFCmpOEQ(a, c(v)); }
  llvm::Value* is_nan(llvm::Value* a) { return e.b.CreateFCmpUNO(a, a); }
  /// Within [lo, hi]; NaN stays NaN.
  llvm::Value* clamp(llvm::Value* a, double lo, double hi) {
    a = select(less(a, lo), c(lo), a);
    return select(greater(a, hi), c(hi), a);
  }
  llvm::Value* to_bits(llvm::Value* a) { return e.b.CreateBitCast(a, bits); }
  llvm::Value* from_bits(llvm::Value* a) { return e.b.CreateBitCast(a, type); }
  llvm::Value* whole(int64_t v) { return e.integer(v, bits); }
  /// c[0] + c[1] x + c[2] x^2 + …
  llvm::Value* polynomial(llvm::Value* x, const std::vector<double>& coefficients) {
    llvm::Value* sum = c(coefficients.back());
    for (size_t i = coefficients.size() - 1; i-- > 0;) sum = fma(sum, x, c(coefficients[i]));
    return sum;
  }
};

}  // namespace netc::backend::math
