// Pulling elements through a kernel: what is known is reused, stored values are loaded through
// their strides, maps are lowered op by op. Structural ops are in lower_structural.cpp.
#include "backend/pull.h"

#include <algorithm>

#include "backend/lower.h"

namespace netc::backend {

using ir::ValueId;
using llvm::Value;

Pull::Pull(Emitter& e, const ir::Function& function, const Kernel& kernel)
    : e_(e), f_(function), k_(kernel) {
  e_.on_close = [this](int depth) {
    std::erase_if(known_, [&](const auto& entry) {
      if (e_.depth_of(entry.second) >= depth) return true;
      return entry.first.mask && e_.depth_of(entry.first.mask) >= depth;
    });
  };
}

void Pull::give(ValueId v, const Coords& at, Value* element) {
  given_[v].emplace_back(at, element);
}

void Pull::forget() {
  given_.clear();
  readers_.clear();
  known_.clear();
}

Value* Pull::value(ValueId v, const Coords& at) {
  Key key{v, at, strict_ ? e_.mask : nullptr};
  if (auto found = known_.find(key); found != known_.end()) return found->second;
  Value* made = compute(v, at);
  known_[key] = made;
  return made;
}

Value* Pull::compute(ValueId v, const Coords& at) {
  if (auto kept = kept_.find(v); kept != kept_.end()) {
    ir::Access dense{v, 0, std::vector<ir::Dim>(at.size(), ir::Dim(1)), {}};
    for (size_t d = at.size(); d-- > 1;)
      dense.strides[d - 1] = dense.strides[d] * f_[v].type.shape[d];
    return load(dense, kept->second, at);
  }
  if (auto reader = readers_.find(v); reader != readers_.end()) return reader->second(at);
  if (auto given = given_.find(v); given != given_.end()) {
    for (const auto& [where, element] : given->second)
      if (where == at) return element;
    // What stands in memory can be read anywhere else too.
    if (!outside_access(f_, k_, v)) throw NotFused("an element of another row is needed");
  }
  const ir::Value& value = f_[v];
  if (auto access = outside_access(f_, k_, v))
    return load(*access, k_.base_index.at(access->base), at);
  switch (ir::def(value.op).form) {
    case ir::Form::Map:
      return map(value, at);
    case ir::Form::Leaf:
    case ir::Form::View:
    case ir::Form::Gather:
      return structural(value, at);
    case ir::Form::Reduce:
    case ir::Form::Contract:
    case ir::Form::Scatter:
    case ir::Form::Call:
      break;
  }
  throw NotFused("a result is needed before it is complete");
}

Value* Pull::map(const ir::Value& value, const Coords& at) {
  std::vector<Value*> args;
  std::vector<ir::DType> types;
  bool vector = false;
  for (ValueId a : value.args) {
    args.push_back(this->value(a, at));
    types.push_back(f_[a].type.dtype);
    vector |= Emitter::is_vector(args.back());
  }
  if (vector)
    for (Value*& a : args) a = e_.splat(a);
  Emitter::Place place(e_, args);
  return lower_scalar(e_, value, args, types);
}

Value* Pull::load(const ir::Access& access, int number, const Coords& at) {
  Coord element = e_.offset(access, at);
  return e_.load(e_.base(number), f_[access.base].type.dtype, element, strict_);
}

void Pull::store(ValueId yield, const Coords& at, Value* element) {
  const ir::Value& value = f_[yield];
  Coord where = e_.offset(ir::stored_access(f_, yield), at);
  e_.store(element, e_.base(k_.base_index.at(yield)), value.type.dtype, where);
}

Value* Pull::constant(const ir::Scalar& number, ir::DType type) {
  llvm::Type* t = e_.scalar_type(type);
  if (ir::is_float(type)) {
    Value* v = e_.scalar_number(number);
    Emitter::Place place(e_, {v});
    return e_.b.CreateFPCast(v, t);
  }
  // Integers are exact: a size, times a whole factor.
  Value* v = e_.whole_size(number.numerator);
  Emitter::Place place(e_, {v});
  if (number.factor != 1) {
    if (number.numerator == ir::Dim(1))
      v = e_.i64(static_cast<int64_t>(number.factor));
    else
      v = e_.b.CreateMul(v, e_.i64(static_cast<int64_t>(number.factor)));
  }
  if (type == ir::DType::boolean) return e_.b.CreateICmpNE(v, e_.i64(0));
  return e_.b.CreateTrunc(v, t);
}

}  // namespace netc::backend
