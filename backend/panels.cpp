// Packing of contraction operands.
#include "backend/panels.h"

#include <algorithm>

#include "backend/space.h"

namespace netc::backend {

using ir::Dim;
using llvm::Value;

Panels emit_panels(Emitter& e, const ir::Function& f, const Kernel& k, const ContractionPlan& p,
                   int which, const std::string& name, Emitted& out) {
  const Label& lane = p.labels[size_t(p.lane)];
  int64_t vectors_most = (e.at_capacity(lane.size) + p.lanes - 1) / p.lanes;
  Panels panels;
  panels.strides.assign(p.labels.size(), Dim(0));
  // Sizes at full batch, so that the layout does not move with n.
  int64_t stride = p.lanes;
  std::vector<int> loops;  // folded labels of the operand, outermost first
  for (int l : p.folded)
    if (p.labels[size_t(l)].present[which]) loops.push_back(l);
  for (size_t i = loops.size(); i-- > 0;) {
    panels.strides[size_t(loops[i])] = stride;
    stride *= e.at_capacity(p.labels[size_t(loops[i])].size);
  }
  panels.vector_stride = stride;
  stride *= vectors_most;
  std::vector<int> others;
  for (int l = 0; l < int(p.labels.size()); ++l) {
    const Label& label = p.labels[size_t(l)];
    if (l == p.lane || label.folded() || !label.present[which]) continue;
    others.push_back(l);
    panels.strides[size_t(l)] = stride;
    stride *= e.at_capacity(label.size);
  }
  ir::DType type = f[p.einsum].type.dtype;
  out.scratch_bytes.push_back(stride * ir::byte_size(type) + 256);
  panels.base = int(k.bases.size() + out.scratch_bytes.size() - 1);

  Space space;
  for (int l : others) space.shape.push_back(p.labels[size_t(l)].size);
  space.shape.push_back(vectors_most);
  for (int l : loops) space.shape.push_back(p.labels[size_t(l)].size);
  space.work = double(stride) * 2;
  std::string function = name + ".pack" + std::to_string(which);
  e.begin(function);
  over(e, space, [&](const std::vector<Coords>& units) {
    Coords at(p.labels.size(), e.constant(0)), to = at;
    std::vector<Dim> strides;
    for (const Label& l : p.labels) strides.push_back(l.present[which] ? l.stride[which] : 0);
    size_t i = 0;
    for (int l : others) at[size_t(l)] = to[size_t(l)] = units[0][i++];
    Value* vector = units[0][i++].base;
    for (int l : loops) at[size_t(l)] = to[size_t(l)] = units[0][i++];
    Value* first = e.b.CreateMul(vector, e.i64(p.lanes));
    at[size_t(p.lane)] = {first, p.lanes > 1 ? e.i64(1) : nullptr, nullptr};
    Coord target = e.offset(0, panels.strides, to);
    target = e.add(target, e.b.CreateMul(vector, e.size(panels.vector_stride)));
    if (p.lanes > 1) target.step = e.i64(1);
    e.mask = p.lanes > 1 ? e.lanes_below(e.b.CreateSub(e.size(lane.size), first)) : nullptr;
    Value* element = e.load(e.base(p.bases[size_t(which)]), type,
                            e.offset(p.operands[size_t(which)].offset, strides, at), true);
    e.mask = nullptr;
    e.store(element, e.base(panels.base), type, target);
  });
  e.end();
  Step step;
  step.function = function;
  step.chunks = chunk_count(e, space);
  step.bytes = double(stride * ir::byte_size(type)) * 2;
  step.reads = {p.bases[size_t(which)]};
  step.writes = {panels.base};
  out.steps.push_back(step);
  return panels;
}

}  // namespace netc::backend
