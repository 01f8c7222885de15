// exp, log, erf and their kin in LLVM IR, computed in f64 lanes; f32 where it is computed in f32
// lanes is in math_single.cpp. Rounded to f32 the polynomials are shorter, and the one rounding at
// the end leaves errors of hardly more than 0.5 ULP.
#include "backend/math.h"

#include <llvm/IR/Intrinsics.h>

#include <limits>

#include "backend/cpu.h"
#include "backend/math_double.h"
#include "backend/math_single.h"

namespace netc::backend::math {
namespace {

using llvm::Value;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr double kLog2High = 6.93147180369123816490e-01;  // 33 bits: k * this is exact
constexpr double kLog2Low = 1.90821492927058770002e-10;

/// x = k ln 2 + r with |r| <= ln 2 / 2; `magic` holds k in its low bits.
struct Reduced {
  Value *r, *magic, *k;
};

Reduced reduce(Wide& l, Value* x) {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to whole numbers
  Value* magic = l.fma(x, l.c(1.4426950408889634074), l.c(kMagic));
  Value* k = l.sub(magic, l.c(kMagic));
  Value* r = l.fma(k, l.c(-kLog2High), x);
  return {l.fma(k, l.c(-kLog2Low), r), magic, k};
}

/// 2^k for the whole number in the low bits of `magic`, -1022 <= k <= 1023.
Value* power_of_two(Wide& l, Value* magic) {
  Value* biased = l.e.b.CreateAdd(l.to_bits(magic), l.whole(1023));
  return l.from_bits(l.e.b.CreateShl(biased, l.whole(52)));
}

/// (e^r - 1 - r) / r^2 by its Taylor series: |r| <= 0.35 needs 8 terms for f32 and 13 for f64.
Value* exp_tail(Wide& l, Value* r, int terms) {
  std::vector<double> series;
  double factorial = 1;
  for (int i = 2; i < 2 + terms; ++i) factorial *= i, series.push_back(1 / factorial);
  return l.polynomial(r, series);
}

/// The two factors of 2^k, so that results below the normal range and k = 1024 come out right.
std::pair<Value*, Value*> split_power(Wide& l, Value* magic) {
  Value* k = l.e.b.CreateShl(l.to_bits(magic), l.whole(40));  // k in the top 24 bits, signed
  k = l.e.b.CreateAShr(k, l.whole(40));
  Value* half = l.e.b.CreateAShr(k, l.whole(1));
  Value* rest = l.e.b.CreateSub(k, half);
  auto power = [&](Value* n) {
    return l.from_bits(l.e.b.CreateShl(l.e.b.CreateAdd(n, l.whole(1023)), l.whole(52)));
  };
  return {power(half), power(rest)};
}

Value* exp_tail(Wide& l, Value* r) { return exp_tail(l, r, l.single ? 8 : 13); }

Value* exp_lanes(Wide& l, Value* x, Value* low = nullptr) {
  // Beyond these the f32 (f64) result is exactly 0 or infinite whatever the argument.
  x = l.single ? l.clamp(x, -120, 100) : l.clamp(x, -760, 720);
  Reduced at = reduce(l, x);
  if (low) at.r = l.add(at.r, low);
  Value* square = l.mul(at.r, at.r);
  Value* p = l.add(l.c(1), l.fma(square, exp_tail(l, at.r), at.r));
  if (l.single) return l.mul(p, power_of_two(l, at.magic));
  auto [first, second] = split_power(l, at.magic);
  return l.mul(l.mul(p, first), second);
}

Value* expm1_lanes(Wide& l, Value* x) {
  Value* limited = l.single ? l.clamp(x, -60, 100) : l.clamp(x, -60, 710);
  Reduced at = reduce(l, limited);
  Value* square = l.mul(at.r, at.r);
  Value* p = l.fma(square, exp_tail(l, at.r), at.r);  // e^r - 1
  Value* result;
  if (l.single) {
    Value* scale = power_of_two(l, at.magic);
    result = l.fma(p, scale, l.sub(scale, l.c(1)));
  } else {
    // 2 (2^(k-1) p + 2^(k-1) - 1/2): k = 1024 must not overflow before the sum.
    Value* down = l.e.b.CreateSub(l.to_bits(at.magic), l.whole(1));
    Value* scale = power_of_two(l, l.from_bits(down));
    result = l.mul(l.fma(p, scale, l.sub(scale, l.c(0.5))), l.c(2));
    Value* whole = l.equal(at.k, 0);
    result = l.select(whole, p, result);
  }
  return l.select(l.equal(x, 0), x, result);  // keeps -0
}

/// log of a positive, normal or subnormal number; `correction` is added to it before the last
/// rounding steps (0 for plain log). The scheme is that of fdlibm's e_log.c.
Value* log_core(Wide& l, Value* x, Value* correction) {
  auto [k, f] = split(l, x);
  Value* s = l.div(f, l.add(l.c(2), f));
  Value* z = l.mul(s, s);
  static const std::vector<double> kSeries = {6.666666666666735130e-01, 3.999999999940941908e-01,
                                              2.857142874366239149e-01, 2.222219843214978396e-01,
                                              1.818357216161805012e-01, 1.531383769920937332e-01,
                                              1.479819860511658591e-01};
  Value* r = l.mul(z, l.polynomial(z, kSeries));
  Value* half_square = l.mul(l.mul(f, f), l.c(0.5));
  Value* low = l.add(l.mul(k, l.c(kLog2Low)), correction);
  Value* inner = l.add(l.mul(s, l.add(half_square, r)), low);
  return l.sub(l.mul(k, l.c(kLog2High)), l.sub(l.sub(half_square, inner), f));
}

/// Values outside (0, inf): log(0) = -inf, log(negative) = NaN, log(inf) = inf, NaN stays.
Value* log_edges(Wide& l, Value* x, Value* inside) {
  Value* r = l.select(l.greater(x, 0), inside, l.c(std::numeric_limits<double>::quiet_NaN()));
  r = l.select(l.equal(x, 0), l.c(-kInfinity), r);
  r = l.select(l.equal(x, kInfinity), x, r);
  return l.select(l.is_nan(x), x, r);
}

Value* log_lanes(Wide& l, Value* x) { return log_edges(l, x, log_core(l, x, l.c(0))); }

Value* log1p_lanes(Wide& l, Value* x) {
  Value* u = l.add(l.c(1), x);
  // What the addition lost, for either operand being the larger.
  Value* lost = l.select(l.greater(x, 1), l.sub(l.c(1), l.sub(u, x)), l.sub(x, l.sub(u, l.c(1))));
  Value* inside = log_core(l, u, l.div(lost, u));
  Value* r = log_edges(l, u, inside);
  return l.select(l.equal(x, 0), x, r);
}

Value* tanh_lanes(Wide& l, Value* x) {
  Value* a = l.abs(x);
  Value* small = l.less(a, 0.55);
  // t = e^(2a) - 1: tanh = t / (t + 2), and 1 - 2 / (t + 2) where that is the more exact.
  Value* twice = l.mul(l.select(l.greater(a, 22), l.c(22), a), l.c(2));
  Value* t = expm1_lanes(l, twice);
  if (!l.single) {
    // Without range reduction, which would cost two roundings where t is small.
    Value* r = l.select(small, twice, l.c(0));
    t = l.select(small, l.fma(l.mul(r, r), exp_tail(l, r, 20), r), t);
  }
  Value* below = l.add(t, l.c(2));
  Value* q = l.div(l.select(small, t, l.c(2)), below);
  if (!l.single) {
    Value* lost = l.sub(t, l.sub(below, l.c(2)));  // by the rounding of t + 2
    q = l.sub(q, l.div(l.mul(q, lost), below));
  }
  Value* r = l.select(small, q, l.sub(l.c(1), q));
  r = l.copysign(r, x);
  return l.select(l.is_nan(x), x, r);
}

/// erf(x) = x + x q(x^2) up to |x| = 2 (f64: 1.25, beyond which that sum loses digits), then
/// 1 - exp(-x^2) g(|x| - c). q and g are Chebyshev fits, exact to 5e-10 and 6e-8 for f32, to 1e-18
/// and 1e-16 for f64.
Value* erf_lanes(Wide& l, Value* x) {
  static const std::vector<double> kNearSingle = {
      0.12837916660366774,     -0.37612635923291976,    0.11283761658062828,
      -0.026864984341003626,   0.0052215547628071393,   -0.00085191721473283004,
      0.00011833479179779159,  -1.3817015739341561e-05, 1.2764469943218856e-06,
      -8.1245669148991364e-08, 2.5875639785010781e-09};
  static const std::vector<double> kNear = {
      0.12837916709551259,     -0.37612638903183732,    0.11283791670954209,
      -0.026866170644980581,   0.0052239776241494876,   -0.00085483269569266648,
      0.00012055330760279799,  -1.4925599893253706e-05, 1.6461312961700254e-06,
      -1.6356836994794651e-07, 1.473560215188159e-08,   -1.1894502173635332e-09,
      7.9509269674076154e-11,  -3.2756931982422068e-12};
  static const std::vector<double> kFarSingle = {0.17900110611405992,    -0.054372249257669092,
                                                 0.015885810804183973,   -0.0044797744279758524,
                                                 0.0012159084785168734,  -0.00032242398002209116,
                                                 9.4693858006886686e-05, -2.3650323226958906e-05};
  static const std::vector<double> kFar = {
      0.15028972247426942,     -0.038778679157059723,   0.0097170105299239553,
      -0.0023696773240467167,  0.0005634651151672352,   -0.00013084651268963641,
      2.971550206517147e-05,   -6.6079477309870941e-06, 1.4404232064384364e-06,
      -3.0809221522148809e-07, 6.4717394932622327e-08,  -1.3361809455750501e-08,
      2.7137765832203529e-09,  -5.4242171484964706e-10, 1.0662694235117263e-10,
      -2.0688160849201963e-11, 4.0105350914088299e-12,  -7.5543646803385308e-13,
      1.2752917204628752e-13,  -2.3661752456426334e-14, 6.4539362211837599e-15,
      -1.1314942478297352e-15, -2.8438947465693423e-17, 3.2063015190606167e-18,
      1.3594098446850245e-17,  -2.2783622209696014e-18};
  Value* a = l.abs(x);
  Value* near = l.fma(x, l.polynomial(l.mul(x, x), l.single ? kNearSingle : kNear), x);
  a = l.clamp(a, 0, l.single ? 4 : 6);  // from there on the result is 1
  Value* g = l.polynomial(l.sub(a, l.c(l.single ? 3 : 3.625)), l.single ? kFarSingle : kFar);
  Value* far = l.sub(l.c(1), l.mul(exp_lanes(l, l.mul(a, l.neg(a))), g));
  far = l.copysign(far, x);
  return l.select(l.less(a, l.single ? 2 : 1.25), near, far);
}

/// Runs `body` in f64 lanes and rounds back.
template <class Body>
Value* in_double(Emitter& e, Value* x, Body body) {
  Wide l = wide_lanes(e, x);
  Value* r = body(l, l.single ? e.b.CreateFPExt(x, l.type) : x);
  return l.single ? e.b.CreateFPTrunc(r, x->getType()) : r;
}

/// f32 is computed in f32 where the errors of products can be had.
bool in_single(const Emitter& e, const Value* x) {
  return x->getType()->getScalarType()->isFloatTy() && has_fma(e.level);
}

}  // namespace

Value* multiply_add(Emitter& e, Value* a, Value* b, Value* c) {
  if (!has_fma(e.level)) return e.b.CreateFAdd(e.b.CreateFMul(a, b), c);
  return e.b.CreateIntrinsic(llvm::Intrinsic::fma, {a->getType()}, {a, b, c});
}

Wide wide_lanes(Emitter& e, Value* x) {
  llvm::Type* type = x->getType()->getWithNewType(e.b.getDoubleTy());
  return {Lanes(e, type), x->getType()->getScalarType()->isFloatTy()};
}

Value* exp(Wide& l, Value* x, Value* low) { return exp_lanes(l, x, low); }
Value* log(Wide& l, Value* x) { return log_lanes(l, x); }

Split split(Wide& l, Value* x) {
  auto& b = l.e.b;
  Value* exponent_shift = l.c(0);
  if (!l.single) {
    Value* tiny = l.less(x, 2.2250738585072014e-308);
    x = l.select(tiny, l.mul(x, l.c(18014398509481984.0)), x);  // 2^54
    exponent_shift = l.select(tiny, l.c(-54), l.c(0));
  }
  Value* pattern = l.to_bits(x);
  Value* moved = b.CreateSub(pattern, l.whole(0x3fe6a09e667f3bcd));
  Value* k_bits = b.CreateAShr(moved, l.whole(52));
  Value* m = l.from_bits(b.CreateSub(pattern, b.CreateShl(k_bits, l.whole(52))));
  // Whole numbers below 2^51 become floats by the magic constant's low bits.
  Value* magic_bits = l.whole(0x4338000000000000);
  Value* k = l.sub(l.from_bits(b.CreateAdd(k_bits, magic_bits)), l.c(6755399441055744.0));
  return {l.add(k, exponent_shift), l.sub(m, l.c(1))};
}

Value* exp(Emitter& e, Value* x) {
  return in_single(e, x) ? single::exp(e, x)
                         : in_double(e, x, [](Wide& l, Value* v) { return exp_lanes(l, v); });
}
Value* expm1(Emitter& e, Value* x) {
  return in_single(e, x) ? single::expm1(e, x) : in_double(e, x, expm1_lanes);
}
Value* log(Emitter& e, Value* x) {
  return in_single(e, x) ? single::log(e, x) : in_double(e, x, log_lanes);
}
Value* log1p(Emitter& e, Value* x) {
  return in_single(e, x) ? single::log1p(e, x) : in_double(e, x, log1p_lanes);
}
Value* tanh(Emitter& e, Value* x) {
  return in_single(e, x) ? single::tanh(e, x) : in_double(e, x, tanh_lanes);
}
Value* erf(Emitter& e, Value* x) {
  return in_single(e, x) ? single::erf(e, x) : in_double(e, x, erf_lanes);
}

}  // namespace netc::backend::math
