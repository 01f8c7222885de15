// pow in f64 lanes: |x|^y = e^(y log |x|) with the logarithm and the product in two parts each, so
// that their errors stay small against 1 although the product reaches 745. For f32 one part does.
#include <limits>

#include "backend/cpu.h"
#include "backend/math.h"
#include "backend/math_double.h"

namespace netc::backend::math {
namespace {

using llvm::Value;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A sum of two, the second below the last bit of the first.
struct Pair {
  Value *high, *low;
};

/// a b and what its rounding lost.
Pair product(Lanes& l, Value* a, Value* b) {
  Value* high = l.mul(a, b);
  if (has_fma(l.e.level)) return {high, l.fma(a, b, l.neg(high))};
  auto top = [&](Value* v) {
    return l.from_bits(l.e.b.CreateAnd(l.to_bits(v), l.whole(~int64_t{0x7ffffff})));
  };
  Value *a_top = top(a), *b_top = top(b);
  Value *a_rest = l.sub(a, a_top), *b_rest = l.sub(b, b_top);
  Value* low = l.sub(l.mul(a_top, b_top), high);
  low = l.add(l.add(low, l.mul(a_top, b_rest)), l.mul(a_rest, b_top));
  return {high, l.add(low, l.mul(a_rest, b_rest))};
}

/// a + b for |a| >= |b|, and `more` of their low parts.
Pair sum(Lanes& l, Value* a, Value* b, Value* more) {
  Value* high = l.add(a, b);
  return {high, l.add(l.add(l.sub(a, high), b), more)};
}

/// log of a positive finite number to about 2^-65 of it: 2 artanh(s) with s = f / (2 + f) for
/// x = 2^k (1 + f); the first two terms of the series in two parts.
Pair log_in_parts(Wide& l, Value* x) {
  static const std::vector<double> kSeries = {
      0.1999999999999999,  0.14285714285722556,  0.11111111108767077,  0.0909090943538889,
      0.07692278414695676, 0.066681596640871421, 0.058373873842898688, 0.059947052634860984};
  auto [k, f] = split(l, x);
  Value* below = l.add(l.c(2), f);
  Value* below_low = l.sub(f, l.sub(below, l.c(2)));
  Pair s{l.div(f, below), nullptr};
  Pair back = product(l, s.high, below);
  Value* left = l.sub(l.sub(l.sub(f, back.high), back.low), l.mul(s.high, below_low));
  s.low = l.div(left, below);
  Pair z = product(l, s.high, s.high);
  z.low = l.add(z.low, l.mul(l.mul(s.high, s.low), l.c(2)));
  // t = z / 3 + z^2 (1/5 + z / 7 + …)
  Pair third = product(l, z.high, l.c(0x1.5555555555555p-2));
  third.low = l.add(third.low, l.add(l.mul(z.high, l.c(0x1.5555555555555p-56)),
                                     l.mul(z.low, l.c(0x1.5555555555555p-2))));
  Pair t =
      sum(l, third.high, l.mul(l.mul(z.high, z.high), l.polynomial(z.high, kSeries)), third.low);
  Pair st = product(l, s.high, t.high);
  st.low = l.add(st.low, l.add(l.mul(s.high, t.low), l.mul(s.low, t.high)));
  Pair half = sum(l, s.high, st.high, l.add(st.low, s.low));
  Value* low = l.fma(l.c(2), half.low, l.mul(k, l.c(0x1.ef35793c76730p-45)));
  return sum(l, l.mul(k, l.c(0x1.62e42fefa3800p-1)), l.mul(l.c(2), half.high), low);
}

/// a^y for a >= 0 and any y; NaN stays.
Value* positive_power(Wide& l, Value* a, Value* y) {
  Value* exponent;
  Value* low = nullptr;
  if (l.single) {
    exponent = l.mul(y, log(l, a));
  } else {
    Pair parts = log_in_parts(l, a);
    Value* inside = l.e.b.CreateAnd(l.greater(a, 0), l.less(a, kInfinity));
    Value* high = l.select(inside, parts.high, l.select(l.equal(a, 0), l.c(-kInfinity), a));
    Pair p = product(l, y, high);
    exponent = p.high;
    low = l.fma(y, parts.low, p.low);
    low = l.select(l.less(l.abs(p.high), 800), low, l.c(0));
    low = l.select(inside, low, l.c(0));
  }
  Value* r = exp(l, exponent, low);
  return l.select(l.equal(a, 1), l.c(1), r);  // also for an infinite y
}

Value* is_whole(Lanes& l, Value* size) {
  // From 2^52 on all are; below, adding 2^52 rounds to whole numbers.
  Value* rounded = l.sub(l.add(size, l.c(0x1p52)), l.c(0x1p52));
  return l.e.b.CreateOr(l.e.b.CreateFCmpOGE(size, l.c(0x1p52)), l.e.b.CreateFCmpOEQ(rounded, size));
}

/// The cases of C's pow (annex F of the standard).
Value* power(Wide& l, Value* x, Value* y) {
  auto& b = l.e.b;
  Value *a = l.abs(x), *size = l.abs(y);
  Value* r = positive_power(l, a, y);
  Value* whole = is_whole(l, size);
  Value* odd = b.CreateAnd(whole, b.CreateNot(is_whole(l, l.mul(size, l.c(0.5)))));
  r = l.select(odd, l.copysign(r, x), r);
  Value* undefined = b.CreateAnd(b.CreateAnd(l.less(x, 0), l.less(a, kInfinity)),
                                 b.CreateNot(b.CreateOr(whole, l.is_nan(y))));
  Value* nan = l.c(std::numeric_limits<double>::quiet_NaN());
  r = l.select(undefined, nan, r);
  r = l.select(b.CreateFCmpUNO(x, y), nan, r);
  return l.select(b.CreateOr(l.equal(y, 0), l.equal(x, 1)), l.c(1), r);
}

}  // namespace

Value* pow(Emitter& e, Value* x, Value* y) {
  llvm::Type* type = x->getType();
  Wide l = wide_lanes(e, x);
  if (l.single) x = e.b.CreateFPExt(x, l.type), y = e.b.CreateFPExt(y, l.type);
  Value* r = power(l, x, y);
  return l.single ? e.b.CreateFPTrunc(r, type) : r;
}

}  // namespace netc::backend::math
