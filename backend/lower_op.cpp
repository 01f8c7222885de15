// The one place in the backend that names ops. Two switches without default, so that a new op does
// not compile until it has a case: scalar primitives become vector instructions, structural ops
// that can be pulled become a change of index or a call of the function that computes an element.
#include <llvm/IR/Intrinsics.h>

#include <stdexcept>

#include "backend/lower.h"
#include "backend/math.h"
#include "backend/pull.h"

namespace netc::backend {
namespace {

using ir::DType;
using ir::Op;
using llvm::Value;

/// One application: operands, their element type (of the last operand: `where` has a bool first).
struct Lowering {
  Emitter& e;
  const ir::Value& op;
  const std::vector<Value*>& x;
  DType type;  ///< of the operands that carry the numbers
  llvm::IRBuilder<>& b = e.b;

  bool floating() const { return ir::is_float(type); }
  bool is_signed() const { return type == DType::i32 || type == DType::i64; }
  Value* zero() { return llvm::Constant::getNullValue(x.back()->getType()); }
  Value* one() {
    llvm::Type* t = x.back()->getType();
    return floating() ? e.number(1, t) : e.integer(1, t);
  }
  Value* unary(llvm::Intrinsic::ID id) { return b.CreateUnaryIntrinsic(id, x[0]); }
  Value* is_nan(Value* v) { return b.CreateFCmpUNO(v, v); }

  Value* absolute() {
    if (floating()) return unary(llvm::Intrinsic::fabs);
    if (!is_signed()) return x[0];
    return b.CreateSelect(b.CreateICmpSLT(x[0], zero()), b.CreateNeg(x[0]), x[0]);
  }
  Value* sign() {
    if (!floating()) {
      Value* positive = b.CreateSelect(b.CreateICmpNE(x[0], zero()), one(), zero());
      if (!is_signed()) return positive;
      return b.CreateSelect(b.CreateICmpSLT(x[0], zero()), b.CreateNeg(one()), positive);
    }
    Value* r = b.CreateSelect(b.CreateFCmpOGT(x[0], zero()), one(), zero());
    r = b.CreateSelect(b.CreateFCmpOLT(x[0], zero()), b.CreateFNeg(one()), r);
    return b.CreateSelect(is_nan(x[0]), x[0], r);
  }
  Value* compare(llvm::CmpInst::Predicate on_float, llvm::CmpInst::Predicate on_signed,
                 llvm::CmpInst::Predicate on_unsigned) {
    if (floating()) return b.CreateFCmp(on_float, x[0], x[1]);
    return b.CreateICmp(is_signed() ? on_signed : on_unsigned, x[0], x[1]);
  }
  /// The first operand when it is not less (not greater) or NaN, else the second.
  Value* extreme(bool maximum) {
    using P = llvm::CmpInst;
    Value* first = maximum ? compare(P::FCMP_OGE, P::ICMP_SGE, P::ICMP_UGE)
                           : compare(P::FCMP_OLE, P::ICMP_SLE, P::ICMP_ULE);
    if (floating()) first = b.CreateOr(first, is_nan(x[0]));
    return b.CreateSelect(first, x[0], x[1]);
  }
  Value* power_of_square_root(bool reciprocal) {
    if (!reciprocal) return unary(llvm::Intrinsic::sqrt);
    llvm::Type* t = x[0]->getType();
    bool single = type == DType::f32;
    llvm::Type* f64 = Emitter::is_vector(x[0]) ? e.widen(b.getDoubleTy()) : b.getDoubleTy();
    Value* wide = single ? b.CreateFPExt(x[0], f64) : x[0];
    Value* root = b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, wide);
    Value* r = b.CreateFDiv(e.number(1, wide->getType()), root);
    return single ? b.CreateFPTrunc(r, t) : r;
  }
  /// Floored quotient or remainder; division by zero gives 0 and nothing traps.
  Value* floored(bool quotient) {
    Value* by_zero = b.CreateICmpEQ(x[1], zero());
    Value* divisor = b.CreateSelect(by_zero, one(), x[1]);
    if (!is_signed()) {
      Value* r = quotient ? b.CreateUDiv(x[0], divisor) : b.CreateURem(x[0], divisor);
      return b.CreateSelect(by_zero, zero(), r);
    }
    // By -1 it is a negation; the division itself would trap for the smallest number.
    Value* minus_one = llvm::Constant::getAllOnesValue(x[1]->getType());
    Value* by_minus_one = b.CreateICmpEQ(x[1], minus_one);
    divisor = b.CreateSelect(by_minus_one, one(), divisor);
    Value* q = b.CreateSDiv(x[0], divisor);
    Value* r = b.CreateSub(x[0], b.CreateMul(q, divisor));
    Value* other_sign = b.CreateICmpSLT(b.CreateXor(r, divisor), zero());
    Value* adjust = b.CreateAnd(b.CreateICmpNE(r, zero()), other_sign);
    if (quotient) {
      q = b.CreateSelect(adjust, b.CreateSub(q, one()), q);
      q = b.CreateSelect(by_minus_one, b.CreateNeg(x[0]), q);
      return b.CreateSelect(by_zero, zero(), q);
    }
    r = b.CreateSelect(adjust, b.CreateAdd(r, divisor), r);
    return b.CreateSelect(b.CreateOr(by_zero, by_minus_one), zero(), r);
  }
  Value* arithmetic(llvm::Instruction::BinaryOps on_float, llvm::Instruction::BinaryOps on_int) {
    return b.CreateBinOp(floating() ? on_float : on_int, x[0], x[1]);
  }
};

/// Brings operands of different integer types (comparisons) to i64.
std::vector<Value*> common_type(Emitter& e, const std::vector<Value*>& x,
                                std::vector<DType>& types) {
  std::vector<Value*> r = x;
  for (size_t i = 0; i < x.size(); ++i)
    r[i] = convert(e, x[i], types[i], DType::i64), types[i] = DType::i64;
  return r;
}

}  // namespace

Value* convert(Emitter& e, Value* v, DType from, DType to) {
  if (from == to) return v;
  auto& b = e.b;
  auto typed = [&](llvm::Type* t) { return Emitter::is_vector(v) ? e.widen(t) : t; };
  llvm::Type* target = typed(e.scalar_type(to));
  bool negative = from == DType::i32 || from == DType::i64;
  if (to == DType::boolean) {
    llvm::Value* zero = llvm::Constant::getNullValue(v->getType());
    return ir::is_float(from) ? b.CreateFCmpUNE(v, zero) : b.CreateICmpNE(v, zero);
  }
  if (ir::is_float(to)) {
    if (ir::is_float(from)) return b.CreateFPCast(v, target);
    return negative ? b.CreateSIToFP(v, target) : b.CreateUIToFP(v, target);
  }
  if (ir::is_float(from)) {
    // Out of range: the nearest i64, then wrapped; NaN is 0.
    llvm::Type* wide = typed(b.getInt64Ty());
    Value* whole = b.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {wide, v->getType()}, {v});
    return b.CreateTruncOrBitCast(whole, target);
  }
  return negative ? b.CreateSExtOrTrunc(v, target) : b.CreateZExtOrTrunc(v, target);
}

Value* lower_scalar(Emitter& e, const ir::Value& op, const std::vector<Value*>& operands,
                    std::vector<DType> types) {
  std::vector<Value*> x = operands;
  if (x.size() == 2 && types[0] != types[1]) x = common_type(e, x, types);
  using P = llvm::CmpInst;
  using I = llvm::Instruction;
  Lowering l{e, op, x, types.back()};
  auto& b = e.b;
  switch (op.op) {
    case Op::neg:
      return l.floating() ? b.CreateFNeg(x[0]) : b.CreateNeg(x[0]);
    case Op::abs:
      return l.absolute();
    case Op::sign:
      return l.sign();
    case Op::exp:
      return math::exp(e, x[0]);
    case Op::expm1:
      return math::expm1(e, x[0]);
    case Op::log:
      return math::log(e, x[0]);
    case Op::log1p:
      return math::log1p(e, x[0]);
    case Op::sqrt:
      return l.power_of_square_root(false);
    case Op::rsqrt:
      return l.power_of_square_root(true);
    case Op::sin:
      return math::sin(e, x[0]);
    case Op::cos:
      return math::cos(e, x[0]);
    case Op::tanh:
      return math::tanh(e, x[0]);
    case Op::erf:
      return math::erf(e, x[0]);
    case Op::floor:
      return l.unary(llvm::Intrinsic::floor);
    case Op::ceil:
      return l.unary(llvm::Intrinsic::ceil);
    case Op::round:
      return l.unary(llvm::Intrinsic::nearbyint);
    case Op::stop_gradient:
      return x[0];
    case Op::cast:
      return convert(e, x[0], types[0], op.type.dtype);
    case Op::add:
      return l.arithmetic(I::FAdd, I::Add);
    case Op::sub:
      return l.arithmetic(I::FSub, I::Sub);
    case Op::mul:
      return l.arithmetic(I::FMul, I::Mul);
    case Op::div:
      return b.CreateFDiv(x[0], x[1]);
    case Op::floordiv:
      return l.floored(true);
    case Op::mod:
      return l.floored(false);
    case Op::pow:
      return math::pow(e, x[0], x[1]);
    case Op::maximum:
      return l.extreme(true);
    case Op::minimum:
      return l.extreme(false);
    case Op::lt:
      return l.compare(P::FCMP_OLT, P::ICMP_SLT, P::ICMP_ULT);
    case Op::le:
      return l.compare(P::FCMP_OLE, P::ICMP_SLE, P::ICMP_ULE);
    case Op::gt:
      return l.compare(P::FCMP_OGT, P::ICMP_SGT, P::ICMP_UGT);
    case Op::ge:
      return l.compare(P::FCMP_OGE, P::ICMP_SGE, P::ICMP_UGE);
    case Op::eq:
      return l.compare(P::FCMP_OEQ, P::ICMP_EQ, P::ICMP_EQ);
    case Op::ne:
      return l.compare(P::FCMP_UNE, P::ICMP_NE, P::ICMP_NE);
    case Op::logical_and:
      return b.CreateAnd(x[0], x[1]);
    case Op::logical_or:
      return b.CreateOr(x[0], x[1]);
    case Op::logical_not:
      return b.CreateNot(x[0]);
    case Op::where:
      return b.CreateSelect(x[0], x[1], x[2]);
#define STRUCTURAL(name) case Op::name:
#include "ir/ops.def"
      break;
  }
  throw std::logic_error(std::string("backend: not a scalar primitive: ") + ir::op_name(op.op));
}

Value* Pull::structural(const ir::Value& value, const Coords& at) {
  auto operand_shape = [&](size_t i) -> const ir::Shape& { return f_[value.args[i]].type.shape; };
  switch (value.op) {
    case Op::constant:
      return constant(std::get<ir::Scalar>(value.attrs[0]), value.type.dtype);
    case Op::iota:
      return iota(value, at);
    case Op::random:
      return random(value, at);
    case Op::index:
      return checked_index(value, at);
    case Op::reshape:
      return this->value(value.args[0], reshaped(operand_shape(0), value.type.shape, at));
    case Op::permute: {
      const auto& dims = std::get<std::vector<int64_t>>(value.attrs[0]);
      Coords source(at.size());
      for (size_t d = 0; d < at.size(); ++d) source[static_cast<size_t>(dims[d])] = at[d];
      return this->value(value.args[0], source);
    }
    case Op::broadcast: {
      const ir::Shape& shape = operand_shape(0);
      size_t missing = at.size() - shape.size();
      Coords source;
      for (size_t d = 0; d < shape.size(); ++d)
        source.push_back(shape[d] == ir::Dim(1) ? e_.constant(0) : at[d + missing]);
      return this->value(value.args[0], source);
    }
    case Op::slice: {
      Coords source = at;
      auto d = static_cast<size_t>(std::get<int64_t>(value.attrs[0]));
      Coord scaled = e_.mul(at[d], e_.i64(std::get<int64_t>(value.attrs[3])));
      source[d] = e_.add(scaled, e_.size(std::get<ir::Dim>(value.attrs[1])));
      return this->value(value.args[0], source);
    }
    case Op::diagonal: {
      auto i = std::get<int64_t>(value.attrs[0]), j = std::get<int64_t>(value.attrs[1]);
      Coords source = at;
      source.insert(source.begin() + j, at[static_cast<size_t>(i)]);
      return this->value(value.args[0], source);
    }
    case Op::windows: {
      const auto& stride = std::get<ir::Shape>(value.attrs[1]);
      const auto& dilation = std::get<ir::Shape>(value.attrs[2]);
      size_t rank = at.size() - stride.size(), first = rank - stride.size();
      Coords source(at.begin(), at.begin() + int64_t(rank));
      for (size_t i = 0; i < stride.size(); ++i)
        source[first + i] = e_.add(e_.mul(at[first + i], e_.size(stride[i])),
                                   e_.mul(at[rank + i], e_.size(dilation[i])));
      return this->value(value.args[0], source);
    }
    case Op::fold_windows:
      return unwindowed(value, at);
    case Op::pad:
      return padded(value, at);
    case Op::concat:
      return concatenated(value, at);
    case Op::gather:
      return gathered(value, at);
    case Op::parameter:
    case Op::reduce:
    case Op::einsum:
    case Op::scatter_add:
    case Op::call:
    case Op::result:
#define SCALAR(name, ...) case Op::name:
#include "ir/scalar.def"
      break;
  }
  throw std::logic_error(std::string("backend: cannot be pulled: ") + ir::op_name(value.op));
}

}  // namespace netc::backend
