// Scatter kernels: out = 0, then out[.., i[p], ..] += src[p] in the order of p. A unit owns one
// line of the result along the scattered dim (or as many lines as it has lanes), so that chunks
// never add to the same element.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>

#include "backend/loops.h"
#include "backend/lower.h"
#include "backend/pull.h"
#include "backend/space.h"

namespace netc::backend {
namespace {

using ir::Dim;
using ir::ValueId;
using llvm::Value;

class ScatterKernel {
 public:
  ScatterKernel(llvm::Module& module, CpuLevel level, int64_t capacity, const ir::Function& f,
                const Kernel& k)
      : e_(module, level, capacity), f_(f), k_(k), pull_(e_, f, k) {}

  Emitted run(const std::string& name) {
    for (ValueId v : k_.values)
      if (ir::def(f_[v].op).form == ir::Form::Scatter) scatter_ = v;
    if (!scatter_ || k_.yields != std::vector<ValueId>{scatter_})
      throw NotFused("not a scatter kernel");
    const ir::Value& value = f_[scatter_];
    dim_ = size_t(std::get<int64_t>(value.attrs[0]));
    const ir::Shape& source = f_[value.args[1]].type.shape;
    Space space;
    space.shape = source;
    space.shape[dim_] = 1;
    space.work = 20;
    for (const Dim& d : source) space.work *= double(e_.at_capacity(d));
    if (dim_ + 1 < source.size()) {
      e_.lanes = lanes_for(e_, source.back(), natural_lanes(e_.level, f_, k_));
      if (e_.lanes > 1) space.lane_dim = int(source.size()) - 1, space.block = e_.lanes;
    }
    e_.begin(name);
    over(e_, space, [&](const std::vector<Coords>& units) { line(units[0]); });
    e_.end();
    Step step;
    step.function = name;
    step.chunks = chunk_count(e_, space);
    step.flops = step.bytes = space.work;
    for (size_t i = 0; i < k_.bases.size(); ++i)
      (k_.contains(k_.bases[i]) ? step.writes : step.reads).push_back(int(i));
    return {{step}, {}, 0};
  }

 private:
  Emitter e_;
  const ir::Function& f_;
  const Kernel& k_;
  Pull pull_;
  ValueId scatter_;
  size_t dim_ = 0;

  void line(const Coords& unit) {
    const ir::Value& value = f_[scatter_];
    ir::DType type = value.type.dtype;
    Coords at = unit;
    e_.loop(e_.i64(0), e_.size(value.type.shape[dim_]), 1, [&](Value* i) {
      at[dim_] = e_.uniform(i);
      pull_.store(scatter_, at, llvm::Constant::getNullValue(e_.scalar_type(type)));
    });
    e_.loop(e_.i64(0), e_.size(f_[value.args[1]].type.shape[dim_]), 1, [&](Value* p) {
      at[dim_] = e_.uniform(p);
      Value* index = pull_.value(value.args[0], at);
      Value* source = pull_.value(value.args[1], at);
      Coords to = at;
      to[dim_] = target(index);
      Coord element = e_.offset(ir::stored_access(f_, scatter_), to);
      Value* base = e_.base(k_.base_index.at(scatter_));
      e_.pinned = true;  // the last round may have written the same element
      Value* before = e_.load(base, type, element, true);
      e_.pinned = false;
      if (e_.lanes > 1) before = e_.splat(before), source = e_.splat(source);
      Value* sum =
          ir::is_float(type) ? e_.b.CreateFAdd(before, source) : e_.b.CreateAdd(before, source);
      e_.store(sum, base, type, element);
    });
  }

  /// The place along the scattered dim, kept inside it.
  Coord target(Value* index) {
    auto& b = e_.b;
    index = convert(e_, index, f_[f_[scatter_].args[0]].type.dtype, ir::DType::i64);
    Value* n = e_.size(f_[scatter_].type.shape[dim_]);
    if (Emitter::is_vector(index)) n = e_.splat(n);
    Value* last = b.CreateSub(n, e_.integer(1, n->getType()));
    index = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, index, last);
    index = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, index,
                                    llvm::Constant::getNullValue(index->getType()));
    return Emitter::is_vector(index) ? Coord{nullptr, nullptr, index} : e_.uniform(index);
  }
};

}  // namespace

Emitted emit_scatter(llvm::Module& module, CpuLevel level, int64_t capacity,
                     const ir::Function& function, const Kernel& kernel, const std::string& name) {
  return ScatterKernel(module, level, capacity, function, kernel).run(name);
}

}  // namespace netc::backend
