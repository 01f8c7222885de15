// sin and cos in f64 lanes: a reduction by multiples of pi/2 to two parts, then polynomials on
// [-pi/4, pi/4]. From 2^20 on the multiple is found by integers, a lane at a time, from the bits of
// 2/pi that matter (Payne and Hanek, 1983).
#include <llvm/IR/Intrinsics.h>

#include <limits>
#include <string>

#include "backend/lanes.h"
#include "backend/math.h"

namespace netc::backend::math {
namespace {

using llvm::Value;

/// 2/pi after the binary point, behind one word of zeros.
constexpr uint64_t kTwoOverPi[] = {0,
                                   0xa2f9836e4e441529,
                                   0xfc2757d1f534ddc0,
                                   0xdb6295993c439041,
                                   0xfe5163abdebbc561,
                                   0xb7246e3a424dd2e0,
                                   0x06492eea09d1921c,
                                   0xfe1deb1cb129a73e,
                                   0xe88235f52ebb4484,
                                   0xe99c7026b45f7e41,
                                   0x3991d639835339f4,
                                   0x9c845f8bbdf9283b,
                                   0x1ff897ffde05980f,
                                   0xef2f118b5a0a6d1f,
                                   0x6d367ecf27cb09b7,
                                   0x4f463f669e5fea2d,
                                   0x7527bac7ebe5f17b,
                                   0x3d0739f78a5292ea,
                                   0x6bfb5fb11f8d5d08,
                                   0x56033046fc7b6bab};

constexpr double kFewBits = 0x1p20;  ///< below this the multiple of pi/2 has at most 20 bits

/// x = k pi/2 + r + low with |r| <= pi/4; the low two bits of `k` (an integer) are right.
struct Quadrant {
  Value *r, *low, *k;
};

/// a - b and what its rounding lost, whichever is the larger.
std::pair<Value*, Value*> two_difference(Lanes& l, Value* a, Value* b) {
  Value* sum = l.sub(a, b);
  Value* of_b = l.sub(sum, a);
  return {sum, l.sub(l.sub(a, l.sub(sum, of_b)), l.add(b, of_b))};
}

/// For |x| < 2^20: three parts of pi/2 with 33 bits each, times k exact, and the rest.
Quadrant reduce_few_bits(Lanes& l, Value* x) {
  constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to whole numbers
  Value* magic = l.add(l.mul(x, l.c(0.63661977236758134)), l.c(kMagic));
  Value* k = l.sub(magic, l.c(kMagic));
  Value* r = l.sub(x, l.mul(k, l.c(0x1.921fb544p+0)));
  auto [second, lost] = two_difference(l, r, l.mul(k, l.c(0x1.0b4611a6p-34)));
  auto [third, more] = two_difference(l, second, l.mul(k, l.c(0x1.3198a2ep-69)));
  Value* rest = l.sub(l.add(lost, more), l.mul(k, l.c(0x1.b839a252049c1p-104)));
  r = l.add(third, rest);
  return {r, l.sub(rest, l.sub(r, third)), l.to_bits(magic)};
}

/// One finite element of at least 2^20. x = M 2^E with a whole M of 53 bits; of 2/pi 2^E the bits
/// of weight 4 and more count whole turns, and 192 bits from weight 2 down leave an error below
/// 2^-136 of a quarter turn.
Quadrant reduce_many_bits(Lanes& l, Value* x, Value* table) {
  auto& b = l.e.b;
  llvm::Type *word = b.getInt64Ty(), *wide = b.getInt128Ty();
  auto whole = [&](uint64_t n) { return b.getInt64(n); };
  Value* pattern = b.CreateBitCast(x, word);
  Value* exponent = b.CreateAnd(b.CreateLShr(pattern, whole(52)), whole(0x7ff));
  Value* m = b.CreateOr(b.CreateAnd(pattern, whole(0xfffffffffffff)), whole(1ull << 52));
  // Bits start at E - 1 with E = exponent - 1075, of which the first table word is bits -64 to -1.
  Value* first = b.CreateSub(exponent, whole(1075 + 1 - 63));
  Value* index = b.CreateLShr(first, whole(6));
  Value* shift = b.CreateAnd(first, whole(63));
  auto window = [&](uint64_t i) {
    Value* at = b.CreateAdd(index, whole(i));
    auto load = [&](Value* n) { return b.CreateLoad(word, b.CreateGEP(word, table, n)); };
    return b.CreateIntrinsic(llvm::Intrinsic::fshl, {word},
                             {load(at), load(b.CreateAdd(at, whole(1))), shift});
  };
  auto extend = [&](Value* v) { return b.CreateZExt(v, wide); };
  auto bits = [&](uint64_t n) { return llvm::ConstantInt::get(wide, n); };
  Value* turns = b.CreateShl(extend(b.CreateMul(m, window(0))), bits(64));
  turns = b.CreateAdd(turns, b.CreateMul(extend(m), extend(window(1))));
  turns = b.CreateAdd(turns, b.CreateLShr(b.CreateMul(extend(m), extend(window(2))), bits(64)));
  // Quarter turns with 126 bits behind the point; the nearest whole number is k.
  Value* half = b.CreateShl(bits(1), bits(125));
  Value* k = b.CreateLShr(b.CreateAdd(turns, half), bits(126));
  Value* part = b.CreateSub(turns, b.CreateShl(k, bits(126)));
  Value* negative = b.CreateICmpSLT(part, bits(0));
  part = b.CreateSelect(negative, b.CreateNeg(part), part);
  Value* zeros = b.CreateIntrinsic(llvm::Intrinsic::ctlz, {wide}, {part, b.getFalse()});
  zeros = b.CreateBinaryIntrinsic(llvm::Intrinsic::umin, zeros, bits(64));
  part = b.CreateShl(part, zeros);
  zeros = b.CreateTrunc(zeros, word);
  // 26 leading bits, and 53 behind them, as numbers.
  auto top = [&](uint64_t from, uint64_t count) {
    Value* v = b.CreateTrunc(b.CreateLShr(part, bits(128 - from - count)), word);
    return b.CreateUIToFP(b.CreateAnd(v, whole((1ull << count) - 1)), l.type);
  };
  Value* unit = b.CreateShl(b.CreateSub(whole(1023 + 2 - 26), zeros), whole(52));
  unit = b.CreateBitCast(unit, l.type);
  Value* high = l.mul(top(0, 26), unit);
  Value* low = l.mul(l.mul(top(26, 53), l.c(0x1p-53)), unit);
  // Times pi/2, whose first part has 26 bits too.
  Value* product = l.mul(high, l.c(0x1.921fb5p+0));
  Value* rest =
      l.add(l.mul(high, l.c(0x1.110b4611a6263p-26)), l.mul(low, l.c(0x1.921fb54442d18p+0)));
  Value* r = l.add(product, rest);
  rest = l.sub(rest, l.sub(r, product));
  auto with_sign = [&](Value* v, Value* minus) { return l.select(minus, l.neg(v), v); };
  Value* below = b.CreateICmpSLT(pattern, whole(0));
  Value* minus = b.CreateXor(negative, below);
  k = b.CreateTrunc(k, word);
  return {with_sign(r, minus), with_sign(rest, minus), b.CreateSelect(below, b.CreateNeg(k), k)};
}

/// sin (of `quarter` 0) or cos (1) of x, within the function that holds nothing else.
class Angle {
 public:
  Angle(Emitter& e, Value* x, int64_t quarter) : l_(e, x->getType()), x_(x), quarter_(quarter) {}

  void emit() {
    auto& b = l_.e.b;
    llvm::Function* function = b.GetInsertBlock()->getParent();
    llvm::LLVMContext& c = function->getContext();
    auto* many = llvm::BasicBlock::Create(c, "many", function);
    auto* rest = llvm::BasicBlock::Create(c, "rest", function);
    Value* size = l_.abs(x_);
    Value* large = b.CreateFCmpOGE(size, l_.c(kFewBits));
    Quadrant few = reduce_few_bits(l_, x_);
    auto* start = b.GetInsertBlock();
    b.CreateCondBr(Emitter::is_vector(large) ? b.CreateOrReduce(large) : large, many, rest);
    b.SetInsertPoint(many);
    Quadrant other = each_lane(large, few);
    auto* end = b.GetInsertBlock();
    b.CreateBr(rest);
    b.SetInsertPoint(rest);
    auto join = [&](Value* from_start, Value* from_many) {
      auto* phi = b.CreatePHI(from_start->getType(), 2);
      phi->addIncoming(from_start, start), phi->addIncoming(from_many, end);
      return phi;
    };
    Quadrant q{join(few.r, other.r), join(few.low, other.low), join(few.k, other.k)};
    b.CreateRet(of_quadrant(q, size));
  }

 private:
  Lanes l_;
  Value* x_;
  int64_t quarter_;

  /// The reduction of the lanes in which `large` is set.
  Quadrant each_lane(Value* large, Quadrant q) {
    auto& b = l_.e.b;
    llvm::Module* module = b.GetInsertBlock()->getModule();
    constexpr const char* kName = "two_over_pi";
    Value* table = module->getGlobalVariable(kName, true);
    if (!table) {
      auto* words = llvm::ConstantDataArray::get(b.getContext(), llvm::ArrayRef(kTwoOverPi));
      table = new llvm::GlobalVariable(*module, words->getType(), true,
                                       llvm::GlobalValue::InternalLinkage, words, kName);
    }
    Lanes one(l_.e, b.getDoubleTy());
    auto reduced = [&](Value* x, Value* is_large, const Quadrant& few) -> Quadrant {
      // Other lanes take a number along for which the table has words.
      Value* finite = b.CreateFCmpOLT(one.abs(x), one.c(std::numeric_limits<double>::infinity()));
      Value* used = b.CreateAnd(is_large, finite);
      Quadrant r = reduce_many_bits(one, one.select(used, x, one.c(kFewBits)), table);
      return {one.select(used, r.r, few.r), one.select(used, r.low, few.low),
              b.CreateSelect(used, r.k, few.k)};
    };
    auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(l_.type);
    if (!vector) return reduced(x_, large, q);
    for (unsigned lane = 0; lane < vector->getNumElements(); ++lane) {
      auto pick = [&](Value* v) { return b.CreateExtractElement(v, lane); };
      Quadrant r = reduced(pick(x_), pick(large), {pick(q.r), pick(q.low), pick(q.k)});
      q.r = b.CreateInsertElement(q.r, r.r, lane);
      q.low = b.CreateInsertElement(q.low, r.low, lane);
      q.k = b.CreateInsertElement(q.k, r.k, lane);
    }
    return q;
  }

  Value* of_quadrant(const Quadrant& q, Value* size) {
    static const std::vector<double> kSin = {-0.16666666666666632,    0.0083333333333224305,
                                             -0.00019841269829819807, 2.7557313695723485e-06,
                                             -2.5050758660025436e-08, 1.5896824697925364e-10};
    static const std::vector<double> kCos = {0.041666666666666602,   -0.0013888888888874136,
                                             2.4801587289488991e-05, -2.7557314354106182e-07,
                                             2.0875723496693482e-09, -1.1359658766863523e-11};
    Lanes& l = l_;
    auto& b = l.e.b;
    Value* z = l.mul(q.r, q.r);
    Value* half = l.mul(z, l.c(0.5));
    // sin(r + low) = sin r + low cos r, cos(r + low) = cos r - low sin r.
    Value* tail = l.fma(l.mul(z, q.r), l.polynomial(z, kSin), l.mul(q.low, l.sub(l.c(1), half)));
    Value* sine = l.add(q.r, tail);
    Value* most = l.sub(l.c(1), half);
    Value* lost = l.sub(l.sub(l.c(1), most), half);
    tail = l.sub(l.mul(l.mul(z, z), l.polynomial(z, kCos)), l.mul(q.r, q.low));
    Value* cosine = l.add(most, l.add(lost, tail));
    Value* k = b.CreateAdd(q.k, l.whole(quarter_));
    auto bit = [&](int64_t n) { return b.CreateICmpNE(b.CreateAnd(k, l.whole(n)), l.whole(0)); };
    Value* r = l.select(bit(1), cosine, sine);
    r = l.select(bit(2), l.neg(r), r);
    if (quarter_ == 0) r = l.select(l.less(size, 0x1p-27), x_, r);  // keeps -0 and subnormals
    Value* nan = l.c(std::numeric_limits<double>::quiet_NaN());
    return l.select(l.less(size, std::numeric_limits<double>::infinity()), r, nan);
  }
};

/// Calls the module's function for these lanes, which is written at the first call: it branches,
/// and a kernel is one expression.
Value* call(Emitter& e, Value* x, int64_t quarter) {
  auto& b = e.b;
  llvm::Module* module = e.function()->getParent();
  std::string name = "angle" + std::to_string(quarter);
  if (auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(x->getType()))
    name += ".x" + std::to_string(vector->getNumElements());
  name += "." + std::string(backend::name(e.level));
  llvm::Function* function = module->getFunction(name);
  if (!function) {
    auto* type = llvm::FunctionType::get(x->getType(), {x->getType()}, false);
    function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, module);
    function->addFnAttrs(
        llvm::AttrBuilder(module->getContext(), e.function()->getAttributes().getFnAttrs()));
    function->addFnAttr(llvm::Attribute::NoInline);
    auto saved = b.saveIP();
    b.SetInsertPoint(llvm::BasicBlock::Create(module->getContext(), "entry", function));
    Angle(e, function->getArg(0), quarter).emit();
    b.restoreIP(saved);
  }
  return b.CreateCall(function, {x});
}

Value* in_double(Emitter& e, Value* x, int64_t quarter) {
  if (x->getType()->getScalarType()->isDoubleTy()) return call(e, x, quarter);
  Value* wide = e.b.CreateFPExt(x, x->getType()->getWithNewType(e.b.getDoubleTy()));
  return e.b.CreateFPTrunc(call(e, wide, quarter), x->getType());
}

}  // namespace

Value* sin(Emitter& e, Value* x) { return in_double(e, x, 0); }
Value* cos(Emitter& e, Value* x) { return in_double(e, x, 1); }

}  // namespace netc::backend::math
