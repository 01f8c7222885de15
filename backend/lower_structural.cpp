// Structural ops that are more than a change of index: their elements, computed.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <functional>

#include "backend/lower.h"
#include "backend/pull.h"
#include "ir/philox.h"

namespace netc::backend {

using ir::Dim;
using llvm::Value;

Value* Pull::iota(const ir::Value& value, const Coords& at) {
  Value* v = at[0].uniform() ? at[0].base : e_.lane_vector(at[0]);
  Emitter::Place place(e_, {v});
  return convert(e_, v, ir::DType::i64, value.type.dtype);
}

Value* Pull::random(const ir::Value& value, const Coords& at) {
  auto& b = e_.b;
  Value* seed = this->value(value.args[0], {});
  Value* step = this->value(value.args[1], {});
  std::vector<Dim> strides(at.size(), Dim(1));
  for (size_t d = at.size(); d-- > 1;) strides[d - 1] = strides[d] * value.type.shape[d];
  Coord linear = e_.offset(0, strides, at);
  Value* index = linear.uniform() ? linear.base : e_.lane_vector(linear);
  Value* first = value.args.size() == 3 ? this->value(value.args[2], {}) : nullptr;
  if (Emitter::is_vector(index)) {
    seed = e_.splat(seed), step = e_.splat(step);
    if (first) first = e_.splat(first);
  }
  Emitter::Place place(e_, {seed, step, index, first});
  if (first) index = b.CreateAdd(index, first);
  llvm::Type* t = index->getType();
  // 32-bit words in 64-bit lanes: products need both halves.
  auto number = [&](uint64_t v) { return e_.integer(static_cast<int64_t>(v), t); };
  Value* word = number(0xffffffffu);
  auto low = [&](Value* v) { return b.CreateAnd(v, word); };
  auto high = [&](Value* v) { return b.CreateLShr(v, number(32)); };
  Value* c0 = low(step);
  Value* c1 = high(step);
  Value* c2 = low(index);
  Value* c3 = high(index);
  Value* k0 = b.CreateXor(low(seed), high(seed));
  Value* k1 = number(ir::site_key(std::get<std::string>(value.attrs[1])));
  for (int round = 0; round < 10; ++round) {
    Value* p = b.CreateMul(c0, number(0xD2511F53u));
    Value* q = b.CreateMul(c2, number(0xCD9E8D57u));
    c0 = b.CreateXor(b.CreateXor(high(q), c1), k0);
    c1 = low(q);
    c2 = b.CreateXor(b.CreateXor(high(p), c3), k1);
    c3 = low(p);
    k0 = low(b.CreateAdd(k0, number(0x9E3779B9u)));
    k1 = low(b.CreateAdd(k1, number(0xBB67AE85u)));
  }
  return c0;
}

Value* Pull::checked_index(const ir::Value& value, const Coords& at) {
  auto& b = e_.b;
  Value* i = this->value(value.args[0], at);
  Value* n = e_.size(std::get<Dim>(value.attrs[0]));
  bool wraps = std::get<bool>(value.attrs[1]);
  if (Emitter::is_vector(i)) n = e_.splat(n);
  Emitter::Place place(e_, {i, n, e_.mask});
  i = convert(e_, i, f_[value.args[0]].type.dtype, ir::DType::i64);
  Value* zero = llvm::Constant::getNullValue(i->getType());
  if (wraps) i = b.CreateSelect(b.CreateICmpSLT(i, zero), b.CreateAdd(i, n), i);
  Value* bad = b.CreateICmpUGE(i, n);
  // Where there is no element, what is read before the loop of no rounds is none.
  for (const Dim& size : value.type.shape) {
    if (size.is_constant() && size.constant() > 0) continue;
    Value* some = b.CreateICmpNE(e_.size(size), e_.i64(0));
    bad = b.CreateAnd(bad, Emitter::is_vector(bad) ? e_.splat(some) : some);
  }
  e_.fault(bad);
  Value* last = b.CreateSub(n, e_.integer(1, n->getType()));
  i = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, i, last);
  i = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, i, zero);
  return convert(e_, i, ir::DType::i64, value.type.dtype);
}

Value* Pull::gathered(const ir::Value& value, const Coords& at) {
  auto d = static_cast<size_t>(std::get<int64_t>(value.attrs[0]));
  Value* i = this->value(value.args[1], at);
  Coord where;
  {
    Emitter::Place place(e_, {i});
    i = convert(e_, i, f_[value.args[1]].type.dtype, ir::DType::i64);
    where = Emitter::is_vector(i) ? Coord{nullptr, nullptr, i} : e_.uniform(i);
  }
  Coords source = at;
  source[d] = clamped(where, f_[value.args[0]].type.shape[d]);
  return this->value(value.args[0], source);
}

Coord Pull::clamped(const Coord& c, const Dim& size) {
  Value* v = c.uniform() ? c.base : e_.lane_vector(c);
  Value* n = e_.size(size);
  if (Emitter::is_vector(v)) n = e_.splat(n);
  Emitter::Place place(e_, {v, n});
  auto& b = e_.b;
  Value* last = b.CreateSub(n, e_.integer(1, n->getType()));
  v = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, v, last);
  v = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, v, llvm::Constant::getNullValue(v->getType()));
  return Emitter::is_vector(v) ? Coord{nullptr, nullptr, v} : e_.uniform(v);
}

Value* Pull::compare(const Coord& c, llvm::CmpInst::Predicate predicate, Value* limit) {
  Value* v = c.uniform() ? c.base : e_.lane_vector(c);
  if (Emitter::is_vector(v)) limit = e_.splat(limit);
  Emitter::Place place(e_, {v, limit});
  return e_.b.CreateICmp(predicate, v, limit);
}

Value* Pull::guarded(ir::ValueId v, Coords at, size_t dim, Value* inside) {
  if (!Emitter::is_vector(inside)) {
    at[dim] = clamped(at[dim], f_[v].type.shape[dim]);
    return value(v, at);
  }
  // Lanes outside are masked off, so that neighbouring lanes still load together.
  Value* outer = e_.mask;
  bool was_strict = strict_;
  {
    Emitter::Place place(e_, {inside, outer});
    e_.mask = outer ? e_.b.CreateAnd(outer, inside) : inside;
  }
  strict_ = true;
  Value* r = value(v, at);
  e_.mask = outer;
  strict_ = was_strict;
  return r;
}

Value* Pull::padded(const ir::Value& value, const Coords& at) {
  const auto& before = std::get<ir::Shape>(value.attrs[0]);
  const auto& after = std::get<ir::Shape>(value.attrs[1]);
  const ir::Shape& shape = f_[value.args[0]].type.shape;
  Value* fill = constant(std::get<ir::Scalar>(value.attrs[2]), value.type.dtype);
  for (const Dim& d : shape)
    if (d == Dim(0)) return fill;
  Coords source = at;
  Value* inside = nullptr;
  size_t lane_dim = at.size();
  for (size_t d = 0; d < at.size(); ++d) {
    if (before[d] == Dim(0) && after[d] == Dim(0)) continue;
    source[d] = e_.add(at[d], e_.size(Dim(0) - before[d]));
    Value* in = compare(source[d], llvm::CmpInst::ICMP_ULT, e_.size(shape[d]));
    if (Emitter::is_vector(in))
      lane_dim = d;
    else
      source[d] = clamped(source[d], shape[d]);
    inside = inside ? both(inside, in) : in;
  }
  if (!inside) return this->value(value.args[0], source);
  Value* element = lane_dim == at.size() ? this->value(value.args[0], source)
                                         : guarded(value.args[0], source, lane_dim, inside);
  if (Emitter::is_vector(inside) || Emitter::is_vector(element))
    inside = e_.splat(inside), element = e_.splat(element), fill = e_.splat(fill);
  Emitter::Place place(e_, {inside, element, fill});
  return e_.b.CreateSelect(inside, element, fill);
}

/// The elements of all windows that hold index `at`, added in the order of the window's elements.
Value* Pull::unwindowed(const ir::Value& value, const Coords& at) {
  auto& b = e_.b;
  const auto& stride = std::get<ir::Shape>(value.attrs[1]);
  const auto& dilation = std::get<ir::Shape>(value.attrs[2]);
  const ir::Shape& from = f_[value.args[0]].type.shape;
  const size_t moved = stride.size(), first = at.size() - moved;
  const bool vector =
      std::any_of(at.begin(), at.end(), [](const Coord& c) { return !c.uniform(); });
  llvm::Type* t = e_.scalar_type(value.type.dtype);
  if (vector) t = e_.widen(t);
  Value* zero = llvm::Constant::getNullValue(t);
  llvm::AllocaInst* sum = e_.slot(t);
  b.CreateStore(zero, sum);
  Coords source = at;
  std::function<void(size_t, Value*)> add = [&](size_t i, Value* inside) {
    if (i < moved) {
      e_.loop(e_.i64(0), e_.size(from[at.size() + i]), 1, [&](Value* k) {
        // Place q of the window has this element as its k-th where q * stride = at - k * dilation.
        Coord back = e_.mul(e_.uniform(k), e_.size(Dim(0) - dilation[i]));
        Coord numerator = e_.add(at[first + i], back);
        Dim span = from[first + i] * stride[i];
        Value* in = compare(numerator, llvm::CmpInst::ICMP_ULT, e_.size(span));
        Coord safe = clamped(numerator, span);
        if (!(stride[i] == Dim(1)))
          in = both(in, compare(e_.mod(safe, stride[i]), llvm::CmpInst::ICMP_EQ, e_.i64(0)));
        source[first + i] = e_.div(safe, stride[i]);
        source.push_back(e_.uniform(k));
        add(i + 1, inside ? both(inside, in) : in);
        source.pop_back();
      });
      return;
    }
    Value* element = this->value(value.args[0], source);
    if (vector) element = e_.splat(element), inside = e_.splat(inside);
    element = b.CreateSelect(inside, element, zero);
    Value* before = b.CreateLoad(t, sum);
    b.CreateStore(ir::is_float(value.type.dtype) ? b.CreateFAdd(before, element)
                                                 : b.CreateAdd(before, element),
                  sum);
  };
  add(0, nullptr);
  return b.CreateLoad(t, sum);
}

/// Where both conditions hold.
Value* Pull::both(Value* x, Value* y) {
  if (Emitter::is_vector(x) || Emitter::is_vector(y)) x = e_.splat(x), y = e_.splat(y);
  Emitter::Place place(e_, {x, y});
  return e_.b.CreateAnd(x, y);
}

Value* Pull::concatenated(const ir::Value& value, const Coords& at) {
  auto d = static_cast<size_t>(std::get<int64_t>(value.attrs[0]));
  Value* result = nullptr;
  Dim start = 0;
  for (ir::ValueId part : value.args) {
    const Dim& size = f_[part].type.shape[d];
    if (size == Dim(0)) continue;
    Coords source = at;
    source[d] = e_.add(at[d], e_.size(Dim(0) - start));
    Value* inside = compare(source[d], llvm::CmpInst::ICMP_ULT, e_.size(size));
    Value* element = guarded(part, source, d, inside);
    start = start + size;
    if (!result) {
      result = element;
      continue;
    }
    if (Emitter::is_vector(inside) || Emitter::is_vector(element) || Emitter::is_vector(result))
      inside = e_.splat(inside), element = e_.splat(element), result = e_.splat(result);
    Emitter::Place place(e_, {inside, element, result});
    result = e_.b.CreateSelect(inside, element, result);
  }
  return result ? result : llvm::Constant::getNullValue(e_.scalar_type(value.type.dtype));
}

/// Index of an operand element of a reshape. Runs of dims with the same product on both sides are
/// mapped apart, so that dims that a reshape leaves alone keep their coordinates.
Coords Pull::reshaped(const ir::Shape& from, const ir::Shape& to, const Coords& at) {
  Coords source(from.size(), e_.constant(0));
  std::vector<size_t> f, t;  // dims other than 1
  for (size_t d = 0; d < from.size(); ++d)
    if (!(from[d] == Dim(1))) f.push_back(d);
  for (size_t d = 0; d < to.size(); ++d)
    if (!(to[d] == Dim(1))) t.push_back(d);
  size_t i = 0, j = 0;
  while (i < f.size() && j < t.size()) {
    size_t i_end = i + 1, j_end = j + 1;
    Dim left = from[f[i]], right = to[t[j]];
    while (!(left == right) && (i_end < f.size() || j_end < t.size())) {
      bool grow_left =
          j_end == t.size() || (i_end < f.size() && e_.at_capacity(left) <= e_.at_capacity(right));
      if (grow_left)
        left = left * from[f[i_end++]];
      else
        right = right * to[t[j_end++]];
    }
    if (i_end - i == 1 && j_end - j == 1) {
      source[f[i]] = at[t[j]];
    } else {
      Coord linear = e_.constant(0);
      for (size_t d = j; d < j_end; ++d)
        linear = e_.add(e_.mul(linear, e_.size(to[t[d]])), at[t[d]]);
      for (size_t d = i_end; d-- > i;) {
        source[f[d]] = d == i ? linear : e_.mod(linear, from[f[d]]);
        if (d != i) linear = e_.div(linear, from[f[d]]);
      }
    }
    i = i_end, j = j_end;
  }
  return source;
}

}  // namespace netc::backend
