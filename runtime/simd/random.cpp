// Philox in vectors, one block a 64-bit lane, and the normal quantile by Wichura's AS 241 (PPND16).
// Only correctly rounded operations (+ - * / sqrt, never a fused multiply-add) are used on floating
// point, which is what makes the bits independent of the vector size.
#include "runtime/simd/random.h"

#include <algorithm>

#include "runtime/simd/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/simd/random.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace netc::runtime::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::ScalableTag<double>;
using Words = hn::ScalableTag<uint64_t>;
using Vector = hn::Vec<Doubles>;
using WordVector = hn::Vec<Words>;

/// Product of the low 32 bits of each lane with a constant.
HWY_INLINE WordVector Multiply32(WordVector x, uint32_t factor) {
#if HWY_TARGET == HWY_SCALAR
  return WordVector((x.raw & 0xFFFFFFFF) * factor);
#else
  const Words tag;
  const hn::Repartition<uint32_t, Words> halves;
  return hn::MulEven(hn::BitCast(halves, x), hn::BitCast(halves, hn::Set(tag, factor)));
#endif
}

/// Words of blocks first_block … first_block + Lanes - 1: words[0] even ones, words[1] odd ones.
HWY_INLINE void RandomWords(const Stream& stream, uint64_t first_block, WordVector words[2]) {
  const Words tag;
  const WordVector low_half = hn::Set(tag, 0xFFFFFFFF);
  const WordVector number = hn::Iota(tag, first_block);
  WordVector c0 = hn::And(number, low_half);
  WordVector c1 = hn::ShiftRight<32>(number);
  WordVector c2 = hn::Set(tag, stream.seed >> 32);
  WordVector c3 = hn::Set(tag, stream.name >> 32);
  auto key0 = static_cast<uint32_t>(stream.seed);
  auto key1 = static_cast<uint32_t>(stream.name);
  for (int round = 0; round < 10; ++round) {
    const WordVector product_a = Multiply32(c0, 0xD2511F53);
    const WordVector product_b = Multiply32(c2, 0xCD9E8D57);
    c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_b), c1), hn::Set(tag, key0));
    c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_a), c3), hn::Set(tag, key1));
    c1 = hn::And(product_b, low_half);
    c3 = hn::And(product_a, low_half);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  words[0] = hn::Or(hn::ShiftLeft<32>(c1), c0);
  words[1] = hn::Or(hn::ShiftLeft<32>(c3), c2);
}

/// As unit_interval(): [1, 2) by its bits, minus 1, plus half a step; all exact.
HWY_INLINE Vector UnitInterval(WordVector word) {
  const Doubles tag;
  const Words words;
  const WordVector bits =
      hn::Or(hn::ShiftRight<12>(word), hn::Set(words, uint64_t{0x3FF0000000000000}));
  return hn::Add(hn::Sub(hn::BitCast(tag, bits), hn::Set(tag, 1.0)), hn::Set(tag, 0x1p-53));
}

/// Natural logarithm of normal positive numbers: m * 2^e with m in [sqrt(1/2), sqrt(2)), and
/// log m = 2 atanh((m - 1) / (m + 1)) by its series. Absolute error < 4e-16 * max(1, |log x|).
HWY_INLINE Vector Log(Vector x) {
  const Doubles tag;
  const Words words;
  const hn::RebindToSigned<Words> integers;
  const WordVector offset = hn::Set(words, uint64_t{0x3FE6A09E667F3BCD});  // bits of sqrt(1/2)
  const WordVector shifted = hn::Sub(hn::BitCast(words, x), offset);
  const auto exponent = hn::ShiftRight<52>(hn::BitCast(integers, shifted));
  const WordVector mantissa =
      hn::Add(hn::And(shifted, hn::Set(words, uint64_t{0x000FFFFFFFFFFFFF})), offset);
  const Vector m = hn::BitCast(tag, mantissa);
  const Vector one = hn::Set(tag, 1.0);
  const Vector s = hn::Div(hn::Sub(m, one), hn::Add(m, one));
  const Vector s2 = hn::Mul(s, s);
  Vector sum = hn::Set(tag, 1.0 / 23);
  for (const double odd : {21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0}) {
    sum = hn::Add(hn::Mul(sum, s2), hn::Set(tag, 1.0 / odd));
  }
  // The exponent is small: as a double by the bits of 2^52 + 2^51 + e.
  const Vector magic = hn::Set(tag, 0x1.8p52);
  const Vector e =
      hn::Sub(hn::BitCast(tag, hn::Add(hn::BitCast(integers, magic), exponent)), magic);
  const Vector twice = hn::Mul(hn::Set(tag, 2.0), hn::Mul(s, sum));
  return hn::Add(hn::Mul(e, hn::Set(tag, 0x1.62e42fefa39efp-1)), twice);
}

HWY_INLINE Vector Polynomial(Vector x, const double (&coefficients)[8]) {
  const Doubles tag;
  Vector sum = hn::Set(tag, coefficients[0]);
  for (int i = 1; i < 8; ++i) sum = hn::Add(hn::Mul(sum, x), hn::Set(tag, coefficients[i]));
  return sum;
}

constexpr double kCentre[8] = {2.50908'09287'30122'6727e+3, 3.34305'75583'58812'8105e+4,
                               6.72657'70927'00870'0853e+4, 4.59219'53931'54987'1457e+4,
                               1.37316'93765'50946'1125e+4, 1.97159'09503'06551'4427e+3,
                               1.33141'66789'17843'7745e+2, 3.38713'28727'96366'6080e+0};
constexpr double kCentreBelow[8] = {5.22649'52788'52854'5610e+3, 2.87290'85735'72194'2674e+4,
                                    3.93078'95800'09271'0610e+4, 2.12137'94301'58659'5867e+4,
                                    5.39419'60214'24751'1077e+3, 6.87187'00749'20579'0830e+2,
                                    4.23133'30701'60091'1252e+1, 1.0};
constexpr double kTail[8] = {7.74545'01427'83414'07640e-4, 2.27238'44989'26918'45833e-2,
                             2.41780'72517'74506'11770e-1, 1.27045'82524'52368'38258e+0,
                             3.64784'83247'63204'60504e+0, 5.76949'72214'60691'40550e+0,
                             4.63033'78461'56545'29590e+0, 1.42343'71107'49683'57734e+0};
constexpr double kTailBelow[8] = {1.05075'00716'44416'84324e-9, 5.47593'80849'95344'94600e-4,
                                  1.51986'66563'61645'71966e-2, 1.48103'97642'74800'74590e-1,
                                  6.89767'33498'51000'04550e-1, 1.67638'48301'83803'84940e+0,
                                  2.05319'16266'37758'82187e+0, 1.0};
constexpr double kFar[8] = {2.01033'43992'92288'13265e-7, 2.71155'55687'43487'57815e-5,
                            1.24266'09473'88078'43860e-3, 2.65321'89526'57612'30930e-2,
                            2.96560'57182'85048'91230e-1, 1.78482'65399'17291'33580e+0,
                            5.46378'49111'64114'36990e+0, 6.65790'46435'01103'77720e+0};
constexpr double kFarBelow[8] = {2.04426'31033'89939'78564e-15, 1.42151'17583'16445'88870e-7,
                                 1.84631'83175'10054'68180e-5,  7.86869'13114'56132'59100e-4,
                                 1.48753'61290'85061'48525e-2,  1.36929'88092'27358'05310e-1,
                                 5.99832'20655'58879'37690e-1,  1.0};

/// The normal quantile of p with |p - 0.5| <= 0.425. Relative error < 1e-15.
HWY_INLINE Vector CentralQuantile(Vector p) {
  const Doubles tag;
  const Vector q = hn::Sub(p, hn::Set(tag, 0.5));
  const Vector r = hn::Sub(hn::Set(tag, 0.180625), hn::Mul(q, q));
  return hn::Div(hn::Mul(Polynomial(r, kCentre), q), Polynomial(r, kCentreBelow));
}

/// The same for the other p in 2^-53 <= p <= 1 - 2^-53.
HWY_INLINE Vector OuterQuantile(Vector p) {
  const Doubles tag;
  const Vector nearer = hn::Min(p, hn::Sub(hn::Set(tag, 1.0), p));
  const Vector root = hn::Sqrt(hn::Neg(Log(nearer)));
  const Vector t = hn::Sub(root, hn::Set(tag, 1.6));
  Vector tail = hn::Div(Polynomial(t, kTail), Polynomial(t, kTailBelow));
  const auto far = hn::Gt(root, hn::Set(tag, 5.0));
  if (!hn::AllFalse(tag, far)) {
    const Vector f = hn::Sub(root, hn::Set(tag, 5.0));
    tail = hn::IfThenElse(far, hn::Div(Polynomial(f, kFar), Polynomial(f, kFarBelow)), tail);
  }
  return hn::CopySign(tail, hn::Sub(p, hn::Set(tag, 0.5)));
}

constexpr size_t kBlock = 512;  ///< numbers that are transformed together

/// Replaces kBlock numbers of (0, 1) by their normal quantiles. The 15 % far from the centre are
/// put together first, so that whole vectors of them take the long way.
HWY_INLINE void NormalQuantiles(double* values) {
  const Doubles tag;
  const Words words;
  const size_t lanes = hn::Lanes(tag);
  constexpr size_t kRoom = kBlock + HWY_MAX_BYTES / sizeof(double);
  HWY_ALIGN double outer[kRoom];
  HWY_ALIGN uint64_t places[kRoom];
  size_t found = 0;
  for (size_t i = 0; i < kBlock; i += lanes) {
    const Vector p = hn::Load(tag, values + i);
    const auto outside = hn::Gt(hn::Abs(hn::Sub(p, hn::Set(tag, 0.5))), hn::Set(tag, 0.425));
    hn::StoreU(hn::Compress(p, outside), tag, outer + found);
    hn::StoreU(hn::Compress(hn::Iota(words, i), hn::RebindMask(words, outside)), words,
               places + found);
    found += hn::CountTrue(tag, outside);
    hn::Store(CentralQuantile(p), tag, values + i);
  }
  hn::StoreU(hn::Set(tag, 0.01), tag, outer + found);
  for (size_t i = 0; i < found; i += lanes)
    hn::Store(OuterQuantile(hn::Load(tag, outer + i)), tag, outer + i);
  for (size_t i = 0; i < found; ++i) values[places[i]] = outer[i];
}

HWY_INLINE void Store(Vector value, double* out) { hn::StoreU(value, Doubles(), out); }
HWY_INLINE void Store(Vector value, float* out) {
  const hn::Rebind<float, Doubles> tag;
  hn::StoreU(hn::DemoteTo(tag, value), tag, out);
}

/// Fills `out` with transform(unit interval); element i takes word first + i.
template <typename T, typename Transform>
void Fill(const Stream& stream, uint64_t first, T* out, size_t count, Transform transform) {
  const Doubles tag;
  const Words words_tag;
  const size_t lanes = hn::Lanes(tag);
  HWY_ALIGN uint64_t words[2 * HWY_MAX_BYTES / sizeof(uint64_t)];
  HWY_ALIGN T values[2 * HWY_MAX_BYTES / sizeof(double)];
  for (size_t i = 0; i < count; i += 2 * lanes) {
    WordVector pair[2];
    RandomWords(stream, (first + i) / 2, pair);
    hn::StoreInterleaved2(pair[0], pair[1], words_tag, words);
    const size_t left = count - i;
    T* target = left >= 2 * lanes ? out + i : values;
    for (size_t half = 0; half < 2; ++half) {
      const WordVector word = hn::Load(words_tag, words + half * lanes);
      Store(transform(UnitInterval(word)), target + half * lanes);
    }
    for (size_t k = 0; target == values && k < left; ++k) out[i + k] = values[k];
  }
}

template <typename T>
void FillUniform(const Stream& stream, uint64_t first, double low, double high, T* out,
                 size_t count) {
  const Doubles tag;
  const Vector base = hn::Set(tag, low);
  const Vector range = hn::Set(tag, high - low);
  Fill(stream, first, out, count, [&](Vector u) { return hn::Add(base, hn::Mul(range, u)); });
}

template <typename T>
void FillNormal(const Stream& stream, uint64_t first, double deviation, T* out, size_t count) {
  const Doubles tag;
  const Vector scale = hn::Set(tag, deviation);
  const size_t lanes = hn::Lanes(tag);
  HWY_ALIGN double values[kBlock];
  HWY_ALIGN T scaled[kBlock];
  for (size_t i = 0; i < count; i += kBlock) {
    Fill(stream, first + i, values, kBlock, [](Vector u) { return u; });
    NormalQuantiles(values);
    const size_t left = count - i;
    T* target = left >= kBlock ? out + i : scaled;
    for (size_t k = 0; k < kBlock; k += lanes)
      Store(hn::Mul(scale, hn::Load(tag, values + k)), target + k);
    if (target == scaled) std::copy_n(scaled, left, out + i);
  }
}

void FillUniformF32(const Stream& stream, uint64_t first, double low, double high, float* out,
                    size_t count) {
  FillUniform(stream, first, low, high, out, count);
}
void FillUniformF64(const Stream& stream, uint64_t first, double low, double high, double* out,
                    size_t count) {
  FillUniform(stream, first, low, high, out, count);
}
void FillNormalF32(const Stream& stream, uint64_t first, double deviation, float* out,
                   size_t count) {
  FillNormal(stream, first, deviation, out, count);
}
void FillNormalF64(const Stream& stream, uint64_t first, double deviation, double* out,
                   size_t count) {
  FillNormal(stream, first, deviation, out, count);
}

}  // namespace netc::runtime::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netc::runtime {

void fill_uniform(const Stream& stream, uint64_t first, double low, double high,
                  std::span<float> out) {
  NETC_TARGET_FUNCTION(FillUniformF32)(stream, first, low, high, out.data(), out.size());
}

void fill_uniform(const Stream& stream, uint64_t first, double low, double high,
                  std::span<double> out) {
  NETC_TARGET_FUNCTION(FillUniformF64)(stream, first, low, high, out.data(), out.size());
}

void fill_normal(const Stream& stream, uint64_t first, double deviation, std::span<float> out) {
  NETC_TARGET_FUNCTION(FillNormalF32)(stream, first, deviation, out.data(), out.size());
}

void fill_normal(const Stream& stream, uint64_t first, double deviation, std::span<double> out) {
  NETC_TARGET_FUNCTION(FillNormalF64)(stream, first, deviation, out.data(), out.size());
}

}  // namespace netc::runtime
#endif  // HWY_ONCE
