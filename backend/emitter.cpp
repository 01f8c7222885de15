// Loops, placement, index arithmetic, memory: see emitter.h.
#include "backend/emitter.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/MDBuilder.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "backend/cpu.h"
#include "backend/kernel.h"
#include "runtime/plan.h"

namespace netc::backend {

using llvm::Value;

Emitter::Emitter(llvm::Module& module, CpuLevel l, int64_t batch_capacity)
    : b(module.getContext()), level(l), capacity(batch_capacity), module_(module) {}

void Emitter::begin(const std::string& name) {
  llvm::LLVMContext& c = module_.getContext();
  llvm::Type* pointer = llvm::PointerType::get(c, 0);
  auto* type = llvm::FunctionType::get(b.getVoidTy(), {pointer, b.getInt64Ty()}, false);
  function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module_);
  function_->addFnAttr(llvm::Attribute::NoUnwind);
  function_->addFnAttr("target-cpu", target_cpu(level));
  std::string bits = std::to_string(vector_bytes(level) * 8);
  function_->addFnAttr("prefer-vector-width", bits);
  function_->addFnAttr("min-legal-vector-width", bits);
  function_->addParamAttr(0, llvm::Attribute::NoAlias);
  context_ = function_->getArg(0);
  chunk_ = function_->getArg(1);
  block_depth_.clear(), sizes_.clear(), bases_.clear(), scopes_.clear();
  fault_flag_ = nullptr;
  mask = nullptr;
  entry_ = llvm::BasicBlock::Create(c, "entry", function_);
  auto* body = llvm::BasicBlock::Create(c, "body", function_);
  block_depth_[entry_] = 0, block_depth_[body] = 1;
  b.SetInsertPoint(entry_);
  auto field = [&](llvm::Type* t, size_t at) {
    return b.CreateLoad(t, b.CreateConstGEP1_64(b.getInt8Ty(), context_, at));
  };
  arena_ = field(pointer, offsetof(runtime::Context, arena));
  batch_ = field(b.getInt64Ty(), offsetof(runtime::Context, batch));
  user_ = field(pointer, offsetof(runtime::Context, user));
  whole_batch_ = block_of_rows ? field(b.getInt64Ty(), sizeof(runtime::Context)) : batch_;
  scopes_.push_back({b.CreateBr(body)});
  b.SetInsertPoint(body);
}

void Emitter::end() {
  if (fault_flag_) {
    Value* flag = b.CreateLoad(b.getInt32Ty(), fault_flag_);
    when(b.CreateICmpNE(flag, b.getInt32(0)), [&] {
      Value* at = b.CreateConstGEP1_64(b.getInt8Ty(), context_, offsetof(runtime::Context, fault));
      Value* word = b.CreateLoad(llvm::PointerType::get(module_.getContext(), 0), at);
      b.CreateAtomicRMW(llvm::AtomicRMWInst::Or, word, b.getInt32(1), llvm::Align(4),
                        llvm::AtomicOrdering::Monotonic);
    });
  }
  b.CreateRetVoid();
}

llvm::Type* Emitter::scalar_type(ir::DType t) {
  switch (t) {
    case ir::DType::f32:
      return b.getFloatTy();
    case ir::DType::f64:
      return b.getDoubleTy();
    case ir::DType::i32:
      return b.getInt32Ty();
    case ir::DType::i64:
      return b.getInt64Ty();
    case ir::DType::u8:
      return b.getInt8Ty();
    case ir::DType::boolean:
      return b.getInt1Ty();
  }
  return nullptr;
}

llvm::Type* Emitter::memory_type(ir::DType t) {
  return t == ir::DType::boolean ? b.getInt8Ty() : scalar_type(t);
}

llvm::Type* Emitter::widen(llvm::Type* t) const {
  return lanes == 1 ? t : llvm::FixedVectorType::get(t, static_cast<unsigned>(lanes));
}

Value* Emitter::splat(Value* v) {
  if (lanes == 1 || is_vector(v)) return v;
  Place place(*this, {v});
  return b.CreateVectorSplat(static_cast<unsigned>(lanes), v);
}

Value* Emitter::number(double v, llvm::Type* like) { return llvm::ConstantFP::get(like, v); }
Value* Emitter::integer(int64_t v, llvm::Type* like) {
  return llvm::ConstantInt::get(like, static_cast<uint64_t>(v), true);
}

// Sizes ---------------------------------------------------------------------------------------

int64_t Emitter::at_capacity(const ir::Dim& dim) const {
  auto value = dim.evaluate({{"batch", capacity}});
  if (!value) throw std::logic_error("backend: size " + dim.str() + " depends on more than batch");
  return *value;
}

Value* Emitter::polynomial(const std::vector<int64_t>& coefficients, Value* batch) {
  Value* sum = i64(0);
  for (size_t k = coefficients.size(); k-- > 0;) {
    if (!is_number(sum, 0)) sum = b.CreateMul(sum, batch);
    if (coefficients[k])
      sum = is_number(sum, 0) ? i64(coefficients[k]) : b.CreateAdd(sum, i64(coefficients[k]));
  }
  return sum;
}

/// Sizes that are no polynomials (`batch // 2`): their values for every n, looked up.
Value* Emitter::table(const ir::Dim& dim) {
  std::vector<int64_t> values = dim.values("batch", capacity);
  auto* data = llvm::ConstantDataArray::get(module_.getContext(), values);
  auto* global = new llvm::GlobalVariable(module_, data->getType(), true,
                                          llvm::GlobalValue::PrivateLinkage, data, "sizes");
  return b.CreateLoad(b.getInt64Ty(), b.CreateGEP(b.getInt64Ty(), global, batch_));
}

Value* Emitter::size(const ir::Dim& dim) {
  if (dim.is_constant()) return i64(dim.constant());
  Value*& known = sizes_[dim];
  if (known) return known;
  Place place(*this, {batch_});
  if (auto coefficients = dim.coefficients("batch"))
    return known = polynomial(*coefficients, batch_);
  return known = table(dim);
}

Value* Emitter::whole_size(const ir::Dim& dim) {
  if (!block_of_rows || dim.is_constant()) return size(dim);
  const auto coefficients = dim.coefficients("batch");
  if (!coefficients) throw NotFused("a number that is no polynomial of the batch");
  Place place(*this, {whole_batch_});
  return polynomial(*coefficients, whole_batch_);
}

Value* Emitter::scalar_number(const ir::Scalar& s) {
  Value* v = number(s.factor, b.getDoubleTy());
  auto as_double = [&](const ir::Dim& d) -> Value* {
    if (d.is_constant()) return number(static_cast<double>(d.constant()), b.getDoubleTy());
    Value* n = whole_size(d);
    Place place(*this, {n});
    return b.CreateSIToFP(n, b.getDoubleTy());
  };
  Value* top = as_double(s.numerator);
  Value* bottom = as_double(s.denominator);
  Place place(*this, {top, bottom});
  if (!(s.numerator == ir::Dim(1))) v = b.CreateFMul(v, top);
  if (!(s.denominator == ir::Dim(1))) v = b.CreateFDiv(v, bottom);
  return v;
}

// Placement -----------------------------------------------------------------------------------

int Emitter::depth_of(const Value* v) const {
  auto* instruction = llvm::dyn_cast<llvm::Instruction>(v);
  return instruction ? block_depth_.at(instruction->getParent()) : 0;
}

Emitter::Place::Place(Emitter& e, std::initializer_list<Value*> operands)
    : e_(e), saved_(e.b.saveIP()) {
  int deepest = 0;
  for (Value* v : operands)
    if (v) deepest = std::max(deepest, e.depth_of(v));
  move(deepest);
}

Emitter::Place::Place(Emitter& e, const std::vector<Value*>& operands)
    : e_(e), saved_(e.b.saveIP()) {
  int deepest = 0;
  for (Value* v : operands)
    if (v) deepest = std::max(deepest, e.depth_of(v));
  move(deepest);
}

void Emitter::Place::move(int depth) {
  if (e_.pinned) return;
  // An insertion point that was already moved out stays the outer limit of what may be used.
  int current = e_.block_depth_.at(e_.b.GetInsertBlock());
  if (depth < current) e_.b.SetInsertPoint(e_.scopes_[static_cast<size_t>(depth)].entry);
}

Emitter::Place::~Place() { e_.b.restoreIP(saved_); }

llvm::BasicBlock* Emitter::block(const char* name) {
  auto* made = llvm::BasicBlock::Create(module_.getContext(), name, function_);
  block_depth_[made] = depth();
  return made;
}

void Emitter::loop(Value* lo, Value* hi, int64_t step, const std::function<void(Value*)>& body,
                   int64_t rounds) {
  auto* before = b.GetInsertBlock();
  auto* after = block("after");
  llvm::Instruction* entry = b.CreateBr(after);  // replaced below; code placed outside goes before
  scopes_.push_back({entry});
  auto* head = block("loop");
  auto* inside = block("inside");
  b.SetInsertPoint(entry);
  auto* branch = b.CreateBr(head);
  entry->eraseFromParent();
  scopes_.back().entry = branch;
  b.SetInsertPoint(head);
  auto* i = b.CreatePHI(b.getInt64Ty(), 2);
  i->addIncoming(lo, before);
  auto* turn = b.CreateCondBr(b.CreateICmpSLT(i, hi), inside, after);
  const auto *from = llvm::dyn_cast<llvm::ConstantInt>(lo),
             *to = llvm::dyn_cast<llvm::ConstantInt>(hi);
  if (from && to) rounds = (to->getSExtValue() - from->getSExtValue() + step - 1) / step;
  if (rounds > 0) {
    constexpr int64_t kMost = 1 << 20;
    llvm::MDBuilder weights(module_.getContext());
    turn->setMetadata(llvm::LLVMContext::MD_prof,
                      weights.createBranchWeights(uint32_t(std::min(rounds, kMost)), 1));
  }
  b.SetInsertPoint(inside);
  body(i);
  Value* next = b.CreateNSWAdd(i, i64(step));
  i->addIncoming(next, b.GetInsertBlock());
  auto* back = b.CreateBr(head);
  llvm::LLVMContext& c = module_.getContext();
  auto* no_unroll = llvm::MDNode::get(c, {llvm::MDString::get(c, "llvm.loop.unroll.disable")});
  // Processors keep decoded instructions by lines of 64 bytes: a short loop should be in few.
  auto* align = llvm::MDNode::get(c, {llvm::MDString::get(c, "llvm.loop.align"),
                                      llvm::ConstantAsMetadata::get(b.getInt32(64))});
  auto* id = llvm::MDNode::getDistinct(c, {nullptr, no_unroll, align});
  id->replaceOperandWith(0, id);
  back->setMetadata(llvm::LLVMContext::MD_loop, id);
  if (on_close) on_close(depth());
  scopes_.pop_back();
  b.SetInsertPoint(after);
}

void Emitter::when(Value* condition, const std::function<void()>& body) {
  auto* then = block("then");
  auto* after = block("after");
  // Values placed at this depth must not hide in the branch: it counts as a loop that runs once.
  auto* branch = b.CreateCondBr(condition, then, after);
  scopes_.push_back({branch});
  block_depth_[then] = depth();
  b.SetInsertPoint(then);
  body();
  b.CreateBr(after);
  if (on_close) on_close(depth());
  scopes_.pop_back();
  b.SetInsertPoint(after);
}

llvm::AllocaInst* Emitter::slot(llvm::Type* type, int64_t count) {
  auto saved = b.saveIP();
  b.SetInsertPoint(entry_, entry_->begin());
  auto* made = b.CreateAlloca(type, count == 1 ? nullptr : i64(count));
  if (count != 1) made->setAlignment(llvm::Align(64));
  b.restoreIP(saved);
  return made;
}

// Index arithmetic ----------------------------------------------------------------------------

bool Emitter::is_number(const Value* v, int64_t n) {
  auto* c = llvm::dyn_cast<llvm::ConstantInt>(v);
  return c && c->getSExtValue() == n;
}

Value* Emitter::lane_vector(const Coord& c) {
  if (c.lanes) return c.lanes;
  if (c.uniform() || lanes == 1) return c.base;
  std::vector<llvm::Constant*> steps;
  for (int l = 0; l < lanes; ++l) steps.push_back(b.getInt64(static_cast<uint64_t>(l)));
  Value* step = splat(c.step);
  Value* base = splat(c.base);
  Place place(*this, {step, base});
  return b.CreateAdd(base, b.CreateMul(llvm::ConstantVector::get(steps), step));
}

Coord Emitter::add(const Coord& a, const Coord& c) {
  if (c.uniform()) return add(a, c.base);
  if (a.uniform()) return add(c, a.base);
  if (a.step && c.step) {
    Value *base, *step;
    {
      Place place(*this, {a.base, c.base});
      base = b.CreateAdd(a.base, c.base);
    }
    Place place(*this, {a.step, c.step});
    step = b.CreateAdd(a.step, c.step);
    return {base, step, nullptr};
  }
  Value *x = lane_vector(a), *y = lane_vector(c);
  Place place(*this, {x, y});
  return {nullptr, nullptr, b.CreateAdd(x, y)};
}

Coord Emitter::add(const Coord& a, Value* s) {
  if (is_number(s, 0)) return a;
  if (a.lanes) {
    Value* wide = splat(s);
    Place place(*this, {a.lanes, wide});
    return {nullptr, nullptr, b.CreateAdd(a.lanes, wide)};
  }
  if (is_number(a.base, 0)) return {s, a.step, nullptr};
  Place place(*this, {a.base, s});
  return {b.CreateAdd(a.base, s), a.step, nullptr};
}

Coord Emitter::mul(const Coord& a, Value* s) {
  if (is_number(s, 1)) return a;
  if (is_number(s, 0)) return constant(0);
  if (a.lanes) {
    Value* wide = splat(s);
    Place place(*this, {a.lanes, wide});
    return {nullptr, nullptr, b.CreateMul(a.lanes, wide)};
  }
  auto times = [&](Value* v) -> Value* {
    if (is_number(v, 0)) return v;
    if (is_number(v, 1)) return s;
    Place place(*this, {v, s});
    return b.CreateMul(v, s);
  };
  return {times(a.base), a.step ? times(a.step) : nullptr, nullptr};
}

Coord Emitter::div(const Coord& a, const ir::Dim& by) {
  if (by == ir::Dim(1)) return a;
  Value* d = size(by);
  if (by.is_constant()) {
    if (by.constant() == 0) return constant(0);
  } else {
    Place place(*this, {d});
    d = b.CreateSelect(b.CreateICmpEQ(d, i64(0)), i64(1), d);
  }
  if (a.uniform()) {
    Place place(*this, {a.base, d});
    return uniform(b.CreateUDiv(a.base, d));
  }
  // Vector division of 64-bit lanes is slow: offsets inside an arena dim fit 32 bits.
  Value *x = lane_vector(a), *y = splat(d);
  Place place(*this, {x, y});
  if (lanes == 1) return uniform(b.CreateUDiv(x, y));
  llvm::Type* narrow = widen(b.getInt32Ty());
  Value* q = b.CreateUDiv(b.CreateTrunc(x, narrow), b.CreateTrunc(y, narrow));
  return {nullptr, nullptr, b.CreateZExt(q, widen(b.getInt64Ty()))};
}

Coord Emitter::mod(const Coord& a, const ir::Dim& by) {
  if (by == ir::Dim(1)) return constant(0);
  Coord q = mul(div(a, by), size(by));
  Value *x = a.uniform() ? a.base : lane_vector(a), *y = q.uniform() ? q.base : lane_vector(q);
  if (is_vector(x) != is_vector(y)) x = splat(x), y = splat(y);
  Place place(*this, {x, y});
  Value* r = b.CreateSub(x, y);
  return is_vector(r) ? Coord{nullptr, nullptr, r} : uniform(r);
}

// Memory --------------------------------------------------------------------------------------

Value* Emitter::base(int i) {
  Value*& known = bases_[i];
  if (known) return known;
  Place place(*this, {user_});
  Value* at = b.CreateConstGEP1_64(b.getInt64Ty(), user_, static_cast<uint64_t>(i));
  return known = b.CreateGEP(b.getInt8Ty(), arena_, b.CreateLoad(b.getInt64Ty(), at));
}

Coord Emitter::offset(const ir::Dim& start, const std::vector<ir::Dim>& strides,
                      const Coords& coords) {
  Coord sum = uniform(size(start));
  std::vector<Coord> terms;
  for (size_t d = 0; d < coords.size(); ++d) terms.push_back(mul(coords[d], size(strides[d])));
  // Outer terms first, so that what an inner loop adds is one term.
  auto depth_key = [&](const Coord& c) {
    int deepest = 0;
    for (Value* v : {c.base, c.step, c.lanes})
      if (v) deepest = std::max(deepest, depth_of(v));
    return deepest;
  };
  std::stable_sort(terms.begin(), terms.end(),
                   [&](const Coord& x, const Coord& y) { return depth_key(x) < depth_key(y); });
  for (const Coord& t : terms) sum = add(sum, t);
  return sum;
}

Coord Emitter::offset(const ir::Access& access, const Coords& coords) {
  if (!access.panels) return offset(access.offset, access.strides, coords);
  const auto [dim, width, distance] = *access.panels;
  const Coord& c = coords[dim];
  Coord panel, within;
  const bool in_one = c.step && is_number(c.step, 1) && aligned_lanes && width % lanes == 0;
  if (c.uniform() || in_one) {
    panel = div(uniform(c.base), width);
    within = {mod(uniform(c.base), width).base, c.step, nullptr};
  } else {
    const Coord vector{nullptr, nullptr, lane_vector(c)};
    panel = div(vector, width);
    within = mod(vector, width);
  }
  Coords split = coords;
  split[dim] = within;
  split.push_back(panel);
  std::vector<ir::Dim> strides = access.strides;
  strides.push_back(distance);
  return offset(access.offset, strides, split);
}

Value* Emitter::load(Value* base, ir::DType type, const Coord& element, bool strict) {
  llvm::Type* t = memory_type(type);
  llvm::Align align(static_cast<uint64_t>(ir::byte_size(type)));
  auto narrow = [&](Value* v) {
    if (type != ir::DType::boolean) return v;
    return b.CreateICmpNE(v, llvm::Constant::getNullValue(v->getType()));
  };
  bool one = element.uniform() || (element.step && is_number(element.step, 0));
  if (one || lanes == 1) {
    Value* at = element.lanes ? element.lanes : element.base;
    Place place(*this, {base, at});
    return narrow(b.CreateAlignedLoad(t, b.CreateGEP(t, base, at), align));
  }
  if (element.step && is_number(element.step, 1)) {
    Place place(*this, {base, element.base, strict ? mask : nullptr});
    if (strict && mask)
      return narrow(b.CreateMaskedLoad(widen(t), b.CreateGEP(t, base, element.base), align, mask,
                                       llvm::Constant::getNullValue(widen(t))));
    return narrow(b.CreateAlignedLoad(widen(t), b.CreateGEP(t, base, element.base), align));
  }
  if (element.step && is_number(element.step, 2) && !(strict && mask)) {  // every other of two
    Place place(*this, {base, element.base});
    Value* at = b.CreateGEP(t, base, element.base);
    Value* first = b.CreateAlignedLoad(widen(t), at, align);
    Value* second =
        b.CreateAlignedLoad(widen(t), b.CreateConstGEP1_64(t, at, uint64_t(lanes)), align);
    std::vector<int> even;
    for (int l = 0; l < lanes; ++l) even.push_back(2 * l);
    return narrow(b.CreateShuffleVector(first, second, even));
  }
  Value* at = lane_vector(element);
  Place place(*this, {base, at, mask});
  Value* on = mask ? mask : llvm::Constant::getAllOnesValue(widen(b.getInt1Ty()));
  return narrow(b.CreateMaskedGather(widen(t), b.CreateGEP(t, base, at), align, on,
                                     llvm::Constant::getNullValue(widen(t))));
}

void Emitter::store(Value* value, Value* base, ir::DType type, const Coord& element) {
  llvm::Type* t = memory_type(type);
  llvm::Align align(static_cast<uint64_t>(ir::byte_size(type)));
  if (element.uniform() || lanes == 1) {
    // Rows of an empty tensor have stride 0, so that lanes along them share an element; none runs.
    if (is_vector(value)) value = b.CreateExtractElement(value, uint64_t{0});
    if (type == ir::DType::boolean) value = b.CreateZExt(value, t);
    Value* at = element.lanes ? element.lanes : element.base;
    b.CreateAlignedStore(value, b.CreateGEP(t, base, at), align);
    return;
  }
  value = splat(value);
  if (type == ir::DType::boolean) value = b.CreateZExt(value, widen(t));
  if (element.step && is_number(element.step, 1)) {
    Value* at = b.CreateGEP(t, base, element.base);
    if (mask)
      b.CreateMaskedStore(value, at, align, mask);
    else
      b.CreateAlignedStore(value, at, align);
    return;
  }
  Value* on = mask ? mask : llvm::Constant::getAllOnesValue(widen(b.getInt1Ty()));
  b.CreateMaskedScatter(value, b.CreateGEP(t, base, lane_vector(element)), align, on);
}

Value* Emitter::active(Value* condition) {
  if (!mask) return condition;
  Value* wide = splat(condition);
  Place place(*this, {wide, mask});
  return b.CreateAnd(wide, mask);
}

Value* Emitter::lanes_below(Value* count) {
  if (lanes == 1) return b.CreateICmpSGT(count, i64(0));
  std::vector<llvm::Constant*> numbers;
  for (int l = 0; l < lanes; ++l) numbers.push_back(b.getInt32(static_cast<uint32_t>(l)));
  Value* limit = b.CreateTrunc(b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, count, i64(lanes)),
                               b.getInt32Ty());
  return b.CreateICmpSLT(llvm::ConstantVector::get(numbers),
                         b.CreateVectorSplat(static_cast<unsigned>(lanes), limit));
}

void Emitter::fault(Value* bad) {
  if (!fault_flag_) {
    fault_flag_ = slot(b.getInt32Ty());
    auto saved = b.saveIP();
    b.SetInsertPoint(scopes_[0].entry);
    b.CreateStore(b.getInt32(0), fault_flag_);
    b.restoreIP(saved);
  }
  bad = active(bad);
  Value* any = is_vector(bad) ? b.CreateOrReduce(bad) : bad;
  Value* flag =
      b.CreateOr(b.CreateLoad(b.getInt32Ty(), fault_flag_), b.CreateZExt(any, b.getInt32Ty()));
  b.CreateStore(flag, fault_flag_);
}

}  // namespace netc::backend
