// Packing of contraction operands.
#include "backend/panels.h"

#include <llvm/IR/Intrinsics.h>

#include "backend/space.h"
#include "backend/transpose.h"

namespace netc::backend {

using ir::Dim;
using llvm::Value;

namespace {

class Packing {
 public:
  Packing(Emitter& e, const ir::Function& f, const ContractionPlan& p, int which)
      : e_(e), p_(p), which_(which), type_(f[p.einsum].type.dtype) {
    for (int l : p.folded)
      if (label(l).present[which]) folded_.push_back(l);
    for (int l = 0; l < int(p.labels.size()); ++l)
      if (l != p.lane && !label(l).folded() && label(l).present[which]) others_.push_back(l);
    for (int l : folded_)
      if (p.lanes > 1 && label(l).stride[which] == Dim(1) && size(l) >= p.lanes) along_ = l;
  }

  /// Sizes at full batch, so that the layout does not move with n.
  Panels lay_out() {
    panels_.strides.assign(p_.labels.size(), Dim(0));
    int64_t stride = p_.lanes;
    for (size_t i = folded_.size(); i-- > 0;) {
      const int l = folded_[i];
      panels_.strides[size_t(l)] = stride;
      stride *= l == along_ ? squares() * p_.lanes : size(l);
    }
    panels_.vector_stride = stride;
    stride *= vectors();
    for (int l : others_) {
      panels_.strides[size_t(l)] = stride;
      stride *= size(l);
    }
    elements_ = stride;
    return panels_;
  }

  int64_t bytes() const { return elements_ * ir::byte_size(type_); }

  Step emit(const std::string& name, int to) {
    panels_.base = to;
    Space space;
    for (int l : others_) space.shape.push_back(label(l).size);
    space.shape.push_back(vectors());
    for (int l : folded_) space.shape.push_back(l == along_ ? Dim(squares()) : label(l).size);
    space.work = double(elements_) * 2;
    e_.begin(name);
    over(e_, space, [&](const std::vector<Coords>& units) {
      Coords at(p_.labels.size(), e_.constant(0));
      size_t i = 0;
      for (int l : others_) at[size_t(l)] = units[0][i++];
      vector_ = units[0][i++].base;
      for (int l : folded_) at[size_t(l)] = units[0][i++];
      along_ < 0 ? copy_lanes(std::move(at)) : turn_square(std::move(at));
    });
    e_.end();
    Step step;
    step.function = name;
    step.chunks = chunk_count(e_, space);
    step.bytes = double(bytes()) * 2;
    step.reads = {p_.bases[size_t(which_)]};
    step.writes = {to};
    return step;
  }

 private:
  Emitter& e_;
  const ContractionPlan& p_;
  int which_;
  ir::DType type_;
  std::vector<int> folded_, others_;  ///< labels of the operand beside the lanes, outermost first
  int along_ = -1;                    ///< folded label that is contiguous in the operand
  Panels panels_;
  int64_t elements_ = 0;
  Value* vector_ = nullptr;  ///< number of the vector of lanes

  const Label& label(int l) const { return p_.labels[size_t(l)]; }
  int64_t size(int l) const { return e_.at_capacity(label(l).size); }
  int64_t blocks(int l) const { return ceil_div(size(l), p_.lanes); }
  int64_t vectors() const { return blocks(p_.lane); }
  int64_t squares() const { return blocks(along_); }

  Coord source(const Coords& at) { return e_.offset(operand_access(p_, which_), at); }
  Value* load(const Coords& at) {
    return e_.load(e_.base(p_.bases[size_t(which_)]), type_, source(at), true);
  }
  void store(Value* element, const Coords& at) {
    Coord target = e_.offset(0, panels_.strides, at);
    target = e_.add(target, e_.b.CreateMul(vector_, e_.size(panels_.vector_stride)));
    if (p_.lanes > 1) target.step = e_.i64(1);
    e_.store(element, e_.base(panels_.base), type_, target);
  }

  /// One vector of lanes, gathered.
  void copy_lanes(Coords at) {
    Value* first = e_.b.CreateMul(vector_, e_.i64(p_.lanes));
    Coords to = at;
    at[size_t(p_.lane)] = {first, p_.lanes > 1 ? e_.i64(1) : nullptr, nullptr};
    e_.mask = p_.lanes > 1 ? e_.lanes_below(e_.b.CreateSub(e_.size(label(p_.lane).size), first))
                           : nullptr;
    Value* element = load(at);
    e_.mask = nullptr;
    store(element, to);
  }

  /// As many vectors as they have lanes, read along the operand's contiguous label and turned in
  /// registers. Lanes beyond the end repeat the last element.
  void turn_square(Coords at) {
    auto& b = e_.b;
    auto along = size_t(along_), lane = size_t(p_.lane);
    Value* start = b.CreateMul(at[along].base, e_.i64(p_.lanes));
    Value* first = b.CreateMul(vector_, e_.i64(p_.lanes));
    Value* last = b.CreateBinaryIntrinsic(
        llvm::Intrinsic::smax, b.CreateSub(e_.size(label(p_.lane).size), e_.i64(1)), e_.i64(0));
    if (size(along_) % p_.lanes != 0)
      e_.mask = e_.lanes_below(b.CreateSub(e_.i64(size(along_)), start));
    std::vector<Value*> lines;
    at[along] = {start, e_.i64(1), nullptr};
    for (int l = 0; l < p_.lanes; ++l) {
      Value* row = b.CreateAdd(first, e_.i64(l));
      at[lane] = e_.uniform(b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, row, last));
      lines.push_back(load(at));
    }
    e_.mask = nullptr;
    lines = transpose(e_, std::move(lines));
    at[lane] = e_.constant(0);
    for (int l = 0; l < p_.lanes; ++l) {
      at[along] = e_.uniform(b.CreateAdd(start, e_.i64(l)));
      store(lines[size_t(l)], at);
    }
  }
};

}  // namespace

Panels emit_panels(Emitter& e, const ir::Function& f, const Kernel& k, const ContractionPlan& p,
                   int which, const std::string& name, Emitted& out) {
  Packing packing(e, f, p, which);
  Panels panels = packing.lay_out();
  out.scratch_bytes.push_back(packing.bytes() + 256);
  panels.base = int(k.bases.size() + out.scratch_bytes.size() - 1);
  out.steps.push_back(packing.emit(name + ".pack" + std::to_string(which), panels.base));
  return panels;
}

}  // namespace netc::backend
