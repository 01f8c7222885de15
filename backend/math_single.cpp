// exp, log, tanh, erf and their kin of f32 in f32 lanes. A result is a large exact part plus a
// small one, so that the roundings before the last reach it scaled down. Polynomials are minimax
// fits with coefficients rounded to f32.
#include "backend/math_single.h"

#include <llvm/IR/IntrinsicsX86.h>

#include <limits>

#include "backend/lanes.h"

namespace netc::backend::math::single {
namespace {

using llvm::Value;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLog2High = 0.693145751953125;  // 16 bits: k times this is exact
constexpr double kLog2Low = 1.4286068203094172e-06;
constexpr double kMagic = 12582912;  // 1.5 * 2^23: adding it rounds to whole numbers
constexpr int64_t kMagicBits = 0x4b400000;

Lanes lanes_of(Emitter& e, Value* x) { return Lanes(e, x->getType()); }

/// x = k ln 2 + r + low with |r| <= ln 2 / 2; `magic` holds k in its low bits.
struct Reduced {
  Value *r, *low, *k, *magic;
};

Reduced reduce(Lanes& l, Value* x, bool with_low = false) {
  Value* magic = l.fma(x, l.c(1.4426950408889634), l.c(kMagic));
  Value* k = l.sub(magic, l.c(kMagic));
  Value* near = l.fma(k, l.c(-kLog2High), x);  // exact
  Value* r = l.fma(k, l.c(-kLog2Low), near);
  Value* low = with_low ? l.fma(k, l.c(-kLog2Low), l.sub(near, r)) : nullptr;
  return {r, low, k, magic};
}

/// p 2^k, rounded once; -150 <= k <= 128 and 1/2 <= p <= 2.
Value* scale(Lanes& l, Value* p, const Reduced& at) {
  auto& b = l.e.b;
  if (l.e.level == CpuLevel::avx512 && l.e.lanes == 16 && Emitter::is_vector(p))
    return b.CreateIntrinsic(llvm::Intrinsic::x86_avx512_mask_scalef_ps_512, {},
                             {p, at.k, p, b.getInt16(0xffff), b.getInt32(4)});
  // In two factors, of which the first is exact.
  Value* k = b.CreateSub(l.to_bits(at.magic), l.whole(kMagicBits));
  Value* half = b.CreateAShr(k, l.whole(1));
  auto power = [&](Value* n) {
    return l.from_bits(b.CreateShl(b.CreateAdd(n, l.whole(127)), l.whole(23)));
  };
  return l.mul(l.mul(p, power(half)), power(b.CreateSub(k, half)));
}

/// e^x for -104 <= x <= 89.
Value* exp_inside(Lanes& l, Value* x) {
  static const std::vector<double> kSeries = {
      1, 1, 0.49999994, 0.166665211, 0.0416682661, 0.00836867746, 0.00138207339};
  Reduced at = reduce(l, x);
  return scale(l, l.polynomial(at.r, kSeries), at);
}

/// x = 2^k m with 2/3 <= m < 4/3, x normal and positive.
struct Parts {
  Value *k, *m, *k_bits;  ///< k as a number; as an integer
};

Parts split(Lanes& l, Value* x) {
  auto& b = l.e.b;
  Value* pattern = l.to_bits(x);
  Value* k = b.CreateAShr(b.CreateSub(pattern, l.whole(0x3f2aaaab)), l.whole(23));
  Value* m = l.from_bits(b.CreateSub(pattern, b.CreateShl(k, l.whole(23))));
  return {b.CreateSIToFP(k, l.type), m, k};
}

/// k ln 2 + log(1 + f) + low for |f| <= 1/3.
Value* log_inside(Lanes& l, Value* k, Value* f, Value* low) {
  static const std::vector<double> kSeries = {-0.5,         0.333332151,  -0.249998048,
                                              0.200104356,  -0.166802213, 0.140055433,
                                              -0.121874534, 0.139855936,  -0.128792912};
  Value* small = l.fma(k, l.c(kLog2Low), low);
  small = l.fma(l.mul(f, f), l.polynomial(f, kSeries), small);
  return l.fma(k, l.c(kLog2High), l.add(f, small));
}

/// Values outside (0, inf): log(0) = -inf, log(negative) = NaN, log(inf) = inf, NaN stays.
Value* log_edges(Lanes& l, Value* x, Value* inside) {
  Value* r = l.select(l.less(x, kInfinity), inside, x);
  Value* edge =
      l.select(l.equal(x, 0), l.c(-kInfinity), l.c(std::numeric_limits<double>::quiet_NaN()));
  return l.select(l.e.b.CreateFCmpOLE(x, l.c(0)), edge, r);
}

}  // namespace

Value* exp(Emitter& e, Value* x) {
  Lanes l = lanes_of(e, x);
  return exp_inside(l, l.clamp(x, -104, 89));  // beyond the result is 0 or infinite
}

Value* expm1(Emitter& e, Value* x) {
  static const std::vector<double> kSeries = {0.49999994, 0.166665211, 0.0416682661, 0.00836867746,
                                              0.00138207339};
  Lanes l = lanes_of(e, x);
  Reduced at = reduce(l, l.clamp(x, -20, 89), true);
  // Half of 2^k - 1 + 2^k r + 2^k (e^r - 1 - r), as 2^128 is no f32; `lost` is what the first two
  // sums round off.
  Value* power = scale(l, l.c(0.5), at);
  Value* base = l.sub(power, l.c(0.5));
  Value* high = l.fma(power, at.r, base);
  Value* lost = l.sub(l.sub(power, base), l.c(0.5));
  lost = l.add(lost, l.fma(power, at.r, l.sub(base, high)));
  Value* tail = l.fma(l.mul(at.r, at.r), l.polynomial(at.r, kSeries), at.low);
  Value* r = l.mul(l.add(high, l.fma(power, tail, lost)), l.c(2));
  return l.select(l.less(l.abs(x), 0x1p-26), x, r);
}

Value* log(Emitter& e, Value* x) {
  Lanes l = lanes_of(e, x);
  Value* tiny = l.less(x, 0x1p-126);
  Parts parts = split(l, l.select(tiny, l.mul(x, l.c(0x1p24)), x));
  Value* k = l.select(tiny, l.sub(parts.k, l.c(24)), parts.k);
  return log_edges(l, x, log_inside(l, k, l.sub(parts.m, l.c(1)), l.c(0)));
}

Value* log1p(Emitter& e, Value* x) {
  Lanes l = lanes_of(e, x);
  Value* u = l.add(l.c(1), x);
  // What the addition lost, for either operand being the larger.
  Value* lost = l.select(l.greater(x, 1), l.sub(l.c(1), l.sub(u, x)), l.sub(x, l.sub(u, l.c(1))));
  Parts parts = split(l, u);
  Value* k_bits = e.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, parts.k_bits, l.whole(126));
  Value* down = l.from_bits(e.b.CreateShl(e.b.CreateSub(l.whole(127), k_bits), l.whole(23)));
  lost = l.mul(lost, down);
  Value* near = l.sub(parts.m, l.c(1));
  Value* f = l.add(near, lost);
  Value* low = l.sub(lost, l.sub(f, near));
  Value* r = log_edges(l, u, log_inside(l, parts.k, f, low));
  return l.select(l.equal(x, 0), x, r);
}

Value* tanh(Emitter& e, Value* x) {
  static const std::vector<double> kNear = {-0.333332956,   0.133323461,    -0.0538798459,
                                            0.0214866772,   -0.00794601627, 0.00230122916,
                                            -0.000358396734};
  Lanes l = lanes_of(e, x);
  Value* square = l.mul(x, x);
  Value* near = l.fma(x, l.mul(square, l.polynomial(square, kNear)), x);
  Value* a = l.abs(x);
  Value* limited = l.select(l.greater(a, 10), l.c(10), a);
  Value* below = l.add(exp_inside(l, l.add(limited, limited)), l.c(1));
  Value* far = l.sub(l.c(1), l.div(l.c(2), below));
  return l.copysign(l.select(l.less(a, 1), near, far), x);
}

Value* erf(Emitter& e, Value* x) {
  static const std::vector<double> kNear = {0.128379166,   -0.37612626,  0.112835787,
                                            -0.0268533472, 0.0051871622, -0.00079978531,
                                            7.80690316e-05};
  // log(1 - erf(1 + x))
  static const std::vector<double> kFar = {-1.84960556,   -2.63896275,   -0.84317261,
                                           -0.0412593782, 0.00944564398, -0.00147509365,
                                           8.85269183e-05};
  Lanes l = lanes_of(e, x);
  Value* near = l.fma(x, l.polynomial(l.mul(x, x), kNear), x);
  Value* a = l.abs(x);
  Value* limited = l.select(l.greater(a, 4), l.c(4), a);  // from there on the result is 1
  Value* log_rest = l.polynomial(l.sub(limited, l.c(1)), kFar);
  Value* far = l.copysign(l.sub(l.c(1), exp_inside(l, log_rest)), x);
  return l.select(l.less(a, 1), near, far);
}

}  // namespace netc::backend::math::single
