// Packing of contraction operands.
#include "backend/panels.h"

#include <llvm/IR/Intrinsics.h>

#include <utility>

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
    const bool rows = packs_rows(p, which);
    panel_ = rows ? p.row : p.lane;
    width_ = rows ? p.rows : p.lanes;
    for (int l : p.folded)
      if (label(l).present[which]) folded_.push_back(l);
    for (int l = 0; l < int(p.labels.size()); ++l)
      if (l != panel_ && !label(l).folded() && label(l).present[which]) others_.push_back(l);
    for (int l : folded_)
      if (!rows && width_ > 1 && label(l).stride[which] == Dim(1) && size(l) >= width_) along_ = l;
  }

  /// Sizes at full batch, so that the layout does not move with n.
  Panels lay_out() {
    panels_.strides.assign(p_.labels.size(), Dim(0));
    int64_t stride = width_;
    for (size_t i = folded_.size(); i-- > 0;) {
      const int l = folded_[i];
      panels_.strides[size_t(l)] = stride;
      stride *= l == along_ ? squares() * width_ : size(l);
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
    const int lanes = std::exchange(e_.lanes, width_);
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
    e_.lanes = lanes;
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
  int panel_ = -1, width_ = 1;        ///< label of the lanes, or of the rows; elements side by side
  std::vector<int> folded_, others_;  ///< the operand's other labels, outermost first
  int along_ = -1;                    ///< folded label that is contiguous in the operand
  Panels panels_;
  int64_t elements_ = 0;
  Value* vector_ = nullptr;  ///< its number

  const Label& label(int l) const { return p_.labels[size_t(l)]; }
  int64_t size(int l) const { return e_.at_capacity(label(l).size); }
  int64_t blocks(int l) const { return ceil_div(size(l), width_); }
  int64_t vectors() const { return blocks(panel_); }
  int64_t squares() const { return blocks(along_); }

  Coord source(const Coords& at) { return e_.offset(operand_access(p_, which_), at); }
  Value* load(const Coords& at) {
    return e_.load(e_.base(p_.bases[size_t(which_)]), type_, source(at), true);
  }
  void store(Value* element, const Coords& at) {
    Coord target = e_.offset(0, panels_.strides, at);
    target = e_.add(target, e_.b.CreateMul(vector_, e_.size(panels_.vector_stride)));
    if (width_ > 1) target.step = e_.i64(1);
    e_.store(element, e_.base(panels_.base), type_, target);
  }

  /// One vector of lanes, gathered; or the rows of a tile, which lie side by side. Of rows beyond
  /// the end whatever memory holds.
  void copy_lanes(Coords at) {
    Value* first = e_.b.CreateMul(vector_, e_.i64(width_));
    Coords to = at;
    at[size_t(panel_)] = {first, width_ > 1 ? e_.i64(1) : nullptr, nullptr};
    e_.mask = width_ > 1 && panel_ == p_.lane
                  ? e_.lanes_below(e_.b.CreateSub(e_.size(label(panel_).size), first))
                  : nullptr;
    Value* element = load(at);
    e_.mask = nullptr;
    store(element, to);
  }

  /// As many vectors as they have lanes, read along the operand's contiguous label and turned in
  /// registers. Lanes beyond the end repeat the last element.
  void turn_square(Coords at) {
    auto& b = e_.b;
    auto along = size_t(along_), lane = size_t(panel_);
    Value* start = b.CreateMul(at[along].base, e_.i64(width_));
    Value* first = b.CreateMul(vector_, e_.i64(width_));
    Value* last = b.CreateBinaryIntrinsic(
        llvm::Intrinsic::smax, b.CreateSub(e_.size(label(panel_).size), e_.i64(1)), e_.i64(0));
    if (size(along_) % width_ != 0)
      e_.mask = e_.lanes_below(b.CreateSub(e_.i64(size(along_)), start));
    std::vector<Value*> lines;
    at[along] = {start, e_.i64(1), nullptr};
    for (int l = 0; l < width_; ++l) {
      Value* row = b.CreateAdd(first, e_.i64(l));
      at[lane] = e_.uniform(b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, row, last));
      lines.push_back(load(at));
    }
    e_.mask = nullptr;
    lines = transpose(e_, std::move(lines));
    at[lane] = e_.constant(0);
    for (int l = 0; l < width_; ++l) {
      at[along] = e_.uniform(b.CreateAdd(start, e_.i64(l)));
      store(lines[size_t(l)], at);
    }
  }
};

}  // namespace

bool packs_rows(const ContractionPlan& p, int which) {
  return p.pack[which] && p.row >= 0 && p.labels[size_t(p.row)].present[which];
}

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
