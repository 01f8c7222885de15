// Folding by kind: the identities, the merge of two partial results, the order across lanes.
#include "backend/accumulate.h"

#include <limits>

#include "backend/lower.h"

namespace netc::backend {

using ir::DType;
using ir::ReduceKind;
using llvm::Value;

namespace {

bool is_smallest(ReduceKind k) { return k == ReduceKind::min || k == ReduceKind::argmin; }

/// The first (or second) half of a vector.
Value* half(llvm::IRBuilder<>& b, Value* v, int count, bool second) {
  std::vector<int> picks;
  for (int i = 0; i < count; ++i) picks.push_back(second ? count + i : i);
  if (count == 1) return b.CreateExtractElement(v, b.getInt32(second ? 1 : 0));
  return b.CreateShuffleVector(v, picks);
}

}  // namespace

Accumulator::Accumulator(Emitter& e, ReduceKind kind, DType from, DType to)
    : e_(e), kind_(kind), from_(from), to_(to), carried_(from) {
  bool counts = kind == ReduceKind::sum || kind == ReduceKind::prod;
  if (counts) carried_ = to == DType::f32 ? DType::f64 : to;
}

bool Accumulator::has_position() const {
  return kind_ == ReduceKind::argmax || kind_ == ReduceKind::argmin;
}

Running Accumulator::start(bool vector) {
  llvm::Type* t = e_.scalar_type(carried_);
  if (vector) t = e_.widen(t);
  bool floating = ir::is_float(carried_);
  auto number = [&](double real, int64_t whole) {
    return floating ? e_.number(real, t) : e_.integer(whole, t);
  };
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  bool small = is_smallest(kind_);
  switch (kind_) {
    case ReduceKind::sum:
    case ReduceKind::any:
      return {number(0, 0), nullptr};
    case ReduceKind::prod:
      return {number(1, 1), nullptr};
    case ReduceKind::all:
      return {llvm::Constant::getAllOnesValue(t), nullptr};
    case ReduceKind::max:
    case ReduceKind::min:
    case ReduceKind::argmax:
    case ReduceKind::argmin:
      break;
  }
  unsigned bits = carried_ == DType::boolean ? 1 : unsigned(ir::byte_size(carried_) * 8);
  bool is_unsigned = carried_ == DType::u8 || carried_ == DType::boolean;
  llvm::APInt lowest =
      is_unsigned ? llvm::APInt::getMinValue(bits) : llvm::APInt::getSignedMinValue(bits);
  llvm::APInt highest =
      is_unsigned ? llvm::APInt::getMaxValue(bits) : llvm::APInt::getSignedMaxValue(bits);
  Value* worst = floating ? number(small ? kInfinity : -kInfinity, 0)
                          : llvm::ConstantInt::get(t, small ? highest : lowest);
  llvm::Type* index = vector ? e_.widen(e_.b.getInt64Ty()) : e_.b.getInt64Ty();
  return {worst, has_position() ? e_.integer(std::numeric_limits<int64_t>::max(), index) : nullptr};
}

Running Accumulator::element(Value* x, Value* position) {
  if (has_position() && Emitter::is_vector(x) != Emitter::is_vector(position))
    x = e_.splat(x), position = e_.splat(position);
  return {convert(e_, x, from_, carried_), has_position() ? position : nullptr};
}

Running Accumulator::merge(const Running& a, const Running& c) {
  auto& b = e_.b;
  bool floating = ir::is_float(carried_);
  bool is_unsigned = carried_ == DType::u8 || carried_ == DType::boolean;
  auto beats = [&](Value* x, Value* y) {
    using P = llvm::CmpInst;
    if (is_smallest(kind_)) std::swap(x, y);
    if (floating) return b.CreateFCmpOGT(x, y);
    return b.CreateICmp(is_unsigned ? P::ICMP_UGT : P::ICMP_SGT, x, y);
  };
  auto is_nan = [&](Value* x) { return b.CreateFCmpUNO(x, x); };
  switch (kind_) {
    case ReduceKind::sum:
      return {floating ? b.CreateFAdd(a.value, c.value) : b.CreateAdd(a.value, c.value), nullptr};
    case ReduceKind::prod:
      return {floating ? b.CreateFMul(a.value, c.value) : b.CreateMul(a.value, c.value), nullptr};
    case ReduceKind::any:
      return {b.CreateOr(a.value, c.value), nullptr};
    case ReduceKind::all:
      return {b.CreateAnd(a.value, c.value), nullptr};
    case ReduceKind::max:
    case ReduceKind::min: {
      // NaN is chosen apart: what waits for `a` is one instruction.
      Value* larger = b.CreateSelect(beats(c.value, a.value), c.value, a.value);
      if (floating) larger = b.CreateSelect(is_nan(c.value), c.value, larger);
      return {larger, nullptr};
    }
    case ReduceKind::argmax:
    case ReduceKind::argmin:
      break;
  }
  // NaN beats every number; the first of equals stays.
  Value* take = beats(c.value, a.value);
  Value* tie = floating ? b.CreateFCmpOEQ(a.value, c.value) : b.CreateICmpEQ(a.value, c.value);
  if (floating) {
    Value *a_nan = is_nan(a.value), *c_nan = is_nan(c.value);
    take = b.CreateOr(take, b.CreateAnd(c_nan, b.CreateNot(a_nan)));
    tie = b.CreateOr(tie, b.CreateAnd(c_nan, a_nan));
  }
  Value* earlier = b.CreateICmpSLT(c.position, a.position);
  take = b.CreateOr(take, b.CreateAnd(tie, earlier));
  return choose(take, c, a);
}

Running Accumulator::choose(Value* condition, const Running& a, const Running& c) {
  auto pick = [&](Value* x, Value* y) -> Value* {
    return x ? e_.b.CreateSelect(condition, x, y) : nullptr;
  };
  return {pick(a.value, c.value), pick(a.position, c.position)};
}

Running Accumulator::across_lanes(Running r) {
  while (Emitter::is_vector(r.value)) {
    auto* type = llvm::cast<llvm::FixedVectorType>(r.value->getType());
    int count = static_cast<int>(type->getNumElements()) / 2;
    auto part = [&](bool second) -> Running {
      return {half(e_.b, r.value, count, second),
              r.position ? half(e_.b, r.position, count, second) : nullptr};
    };
    r = merge(part(false), part(true));
  }
  return r;
}

Value* Accumulator::finish(const Running& r) {
  if (has_position()) return r.position;
  return convert(e_, r.value, carried_, to_);
}

}  // namespace netc::backend
