// Contraction kernels: the folded loops of a tile, whole or in segments, and what they prefetch.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <map>
#include <set>

#include "backend/contraction_kernel.h"
#include "backend/loops.h"
#include "backend/math.h"

namespace netc::backend {

using ir::Dim;
using ir::ValueId;
using llvm::Value;

namespace {

constexpr int64_t kAhead = 8;   ///< rounds of the innermost loop between a prefetch and its use
constexpr double kFewMaps = 8;  ///< a bias with its activation, a step of plain descent

}  // namespace

ContractKernel::Rounds ContractKernel::rounds(const Tile& tile, int l) {
  Value *first = e_.i64(0), *last = e_.size(label(l).size);
  if (splits_ > 1 && l == split_) {
    first = e_.b.CreateMul(tile.split, e_.i64(split_block_));
    Value* next = e_.b.CreateAdd(first, e_.i64(split_block_));
    last = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, next, last);
  }
  return {first, last};
}

ContractKernel::SegmentLoops ContractKernel::segment_loops(const Tile& panel) {
  auto& b = e_.b;
  SegmentLoops loops{{}, {}, e_.i64(1)};
  for (int at = p_.segmented; at >= 0; --at) {
    const Rounds r = rounds(panel, p_.folded[size_t(at)]);
    Value* count = b.CreateSub(r.last, r.first);
    if (at == p_.segmented)
      count = b.CreateSDiv(b.CreateAdd(count, e_.i64(p_.segment - 1)), e_.i64(p_.segment));
    count = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, count, e_.i64(0));
    loops.rounds.push_back(r);
    loops.counts.push_back(count);
    loops.all = b.CreateMul(loops.all, count);
  }
  return loops;
}

void ContractKernel::enter(Tile& tile, const SegmentLoops& loops, Value* number) {
  auto& b = e_.b;
  Value* rest = number;
  for (size_t i = 0; i < loops.counts.size(); ++i) {
    Value* count = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, loops.counts[i], e_.i64(1));
    Value* round = b.CreateURem(rest, count);
    rest = b.CreateUDiv(rest, count);
    const auto& [first, last] = loops.rounds[i];
    if (i > 0) {
      const int l = p_.folded[size_t(p_.segmented) - i];
      tile.labels[size_t(l)] = e_.uniform(b.CreateAdd(first, round));
      continue;
    }
    Value* from = b.CreateAdd(first, b.CreateMul(round, e_.i64(p_.segment)));
    Value* to =
        b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateAdd(from, e_.i64(p_.segment)), last);
    tile.segment = {from, b.CreateSelect(b.CreateICmpSGT(loops.all, e_.i64(0)), to, from)};
  }
}

Value* ContractKernel::all_but_last_segment(Tile& panel, Value* row_start) {
  auto& b = e_.b;
  const SegmentLoops loops = segment_loops(panel);
  Value* last =
      b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, b.CreateSub(loops.all, e_.i64(1)), e_.i64(0));
  e_.loop(e_.i64(0), last, 1, [&](Value* number) {
    Tile segment = panel;
    enter(segment, loops, number);
    e_.loop(row_start, panel.row_end, p_.rows, [&](Value* row) {
      Tile tile = at_row(segment, row);
      const Sums sums = take_up(tile, number, row_start, row);
      fold(tile, 0, sums);
      for (size_t i = 0; i < sums.size(); ++i)
        b.CreateStore(b.CreateLoad(sums[i]->getAllocatedType(), sums[i]),
                      carried(tile, row_start, row, i));
    });
  });
  enter(panel, loops, last);
  return last;
}

ContractKernel::Sums ContractKernel::take_up(const Tile& tile, Value* number, Value* row_start,
                                             Value* row) {
  auto& b = e_.b;
  const Sums sums = zeros(tile);
  e_.when(b.CreateICmpSGT(number, e_.i64(0)), [&] {
    for (size_t i = 0; i < sums.size(); ++i)
      b.CreateStore(b.CreateLoad(sums[i]->getAllocatedType(), carried(tile, row_start, row, i)),
                    sums[i]);
  });
  return sums;
}

Value* ContractKernel::carried(const Tile& tile, Value* row_start, Value* row, size_t i) {
  auto& b = e_.b;
  const int64_t width = int64_t(p_.columns) * p_.lanes;
  llvm::Type* t = e_.scalar_type(type_);
  if (!carried_) carried_ = e_.slot(t, (row_block_ + 2 * p_.rows) * width);
  Value* at = b.CreateMul(b.CreateSub(row, row_start), e_.i64(width));
  const int64_t within = int64_t(i) / tile.columns * width + int64_t(i) % tile.columns * p_.lanes;
  return b.CreateGEP(t, carried_, b.CreateAdd(at, e_.i64(within)));
}

void ContractKernel::fold(Tile& tile, int depth, const Sums& sums) {
  if (depth == int(p_.folded.size())) return step(tile, sums);
  if (depth < p_.segmented) return fold(tile, depth + 1, sums);
  int l = p_.folded[size_t(depth)];
  const bool in_segment = depth == p_.segmented, cut = splits_ > 1 && l == split_;
  const auto [first, last] = in_segment ? *tile.segment : rounds(tile, l);
  if (dot() && l == p_.lane) {
    vectors(e_, first, last, label(l).size, !cut, 1, [&](const std::vector<Coord>& at) {
      tile.labels[size_t(l)] = at[0];
      step(tile, sums);
    });
    return;
  }
  const auto round = [&](Value* i) {
    tile.labels[size_t(l)] = e_.uniform(i);
    fold(tile, depth + 1, sums);
  };
  e_.loop(first, last, 1, round, in_segment ? p_.segment : cut ? split_block_ : size(l));
}

bool ContractKernel::finishes_late() const {
  if (dot() || p_.row < 0 || p_.rows < 2 || p_.folded.empty()) return false;
  int l = p_.folded[size_t(first_loop())];
  const int64_t part = cost_of_maps(f_, k_) < kFewMaps ? 16 : 2;
  return tile_rounds() >= part * p_.rows && !(splits_ > 1 && l == split_);
}

void ContractKernel::fold_in_parts(Tile& tile, Value* row_start, Value* row, const Sums& sums) {
  auto& b = e_.b;
  int l = p_.folded[size_t(first_loop())];
  Value* rows = e_.i64(p_.rows);
  const auto [from, to] = tile.segment ? *tile.segment : rounds(tile, l);
  Value* all = b.CreateSelect(b.CreateICmpSLT(row, tile.row_end), b.CreateSub(to, from), e_.i64(0));
  Value* first = b.CreateSub(row, rows);
  Value* count =
      b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, rows, b.CreateSub(tile.row_end, first));
  count = b.CreateSelect(b.CreateICmpSGT(row, row_start), count, e_.i64(0));
  e_.loop(e_.i64(0), rows, 1, [&](Value* i) {
    if (tile_rounds() >= 8 * p_.rows) prefetch(tile, i);
    e_.when(b.CreateICmpSLT(i, count), [&] { finish_row(tile, b.CreateAdd(first, i), i); });
    Value* next = b.CreateAdd(i, e_.i64(1));
    Value* part = b.CreateAdd(from, b.CreateUDiv(b.CreateMul(all, i), rows));
    Value* end = b.CreateAdd(from, b.CreateUDiv(b.CreateMul(all, next), rows));
    const auto round = [&](Value* k) {
      tile.labels[size_t(l)] = e_.uniform(k);
      fold(tile, first_loop() + 1, sums);
    };
    e_.loop(part, end, 1, round, tile_rounds() / p_.rows);
  });
}

void ContractKernel::find_touched() {
  std::set<int64_t> offsets;
  auto note = [&](const ir::Access& access) {
    const std::vector<Dim>& strides = access.strides;
    size_t column = 0, row = 0, d = 0;
    for (size_t l = 0; l < p_.labels.size(); ++l) {
      if (!p_.labels[l].present[2]) continue;
      if (int(l) == p_.column) column = d;
      if (int(l) == p_.row) row = d;
      ++d;
    }
    if (strides.size() != d || !(strides[column] == Dim(1)) || strides[row] == Dim(0)) return;
    if (offsets.insert(f_[access.base].storage->offset).second) touched_.push_back(access);
  };
  if (p_.row < 0 || p_.column < 0) return;
  for (ValueId v : k_.values)
    for (ValueId a : f_[v].args)
      if (v != p_.einsum && !k_.contains(a))
        if (auto access = outside_access(f_, k_, a)) note(*access);
  for (ValueId y : k_.yields) note(ir::stored_access(f_, y));
}

void ContractKernel::prefetch(const Tile& tile, Value* row) {
  auto& b = e_.b;
  Coords at;
  for (size_t l = 0; l < p_.labels.size(); ++l) {
    if (!p_.labels[l].present[2]) continue;
    Coord c = tile.labels[l];
    at.push_back(int(l) == p_.row ? e_.uniform(b.CreateAdd(c.base, row)) : e_.uniform(c.base));
  }
  for (const ir::Access& a : touched_) {
    llvm::Type* t = e_.memory_type(f_[a.base].type.dtype);
    Value* element = e_.offset(a, at).base;
    Value* start = b.CreateGEP(t, e_.base(k_.base_index.at(a.base)), element);
    int64_t bytes = tile.columns * p_.lanes * ir::byte_size(f_[a.base].type.dtype);
    for (int64_t line = 0; line < bytes; line += 64)
      b.CreateIntrinsic(llvm::Intrinsic::prefetch, {start->getType()},
                        {b.CreateConstGEP1_64(b.getInt8Ty(), start, uint64_t(line)), b.getInt32(0),
                         b.getInt32(3), b.getInt32(1)});
  }
}

Value* ContractKernel::element(const Tile& tile, int which, int i, int j) {
  Coords at = tile.labels;
  ir::Access access = operand_access(p_, which);
  Value* base = e_.base(p_.bases[size_t(which)]);
  Dim displacement = 0;
  bool has_column = p_.column >= 0 && label(p_.column).present[which];
  if (p_.pack[which]) {
    const Panels& panels = packed_[which];
    access = {access.base, 0, panels.strides, {}};
    base = e_.base(panels.base);
    const bool rows = packs_rows(p_, which);
    const auto l = size_t(rows ? p_.row : p_.column);
    Value* vector = rows ? e_.b.CreateUDiv(at[l].base, e_.i64(p_.rows)) : tile.panel_vector;
    at[l] = e_.uniform(e_.b.CreateMul(vector, e_.size(panels.vector_stride)));
    if (!rows) at[l].step = e_.i64(1);
    access.strides[l] = 1;
    displacement = rows ? Dim(i) : panels.vector_stride * Dim(j);
  } else {
    if (p_.row >= 0) displacement = access.strides[size_t(p_.row)] * Dim(i);
    if (has_column) {
      displacement = displacement + access.strides[size_t(p_.column)] * Dim(j * column_unit());
      if (!dot() && p_.lanes > 1) at[size_t(p_.column)].step = e_.i64(1);
    }
  }
  // Constant displacements last, so that they fold into the address of the load.
  Coord offset = e_.add(e_.offset(access, at), e_.size(displacement));
  return e_.load(base, type_, offset, dot());
}

void ContractKernel::prefetch_ahead(const Tile& tile) {
  int l = p_.folded.empty() ? -1 : p_.folded.back();
  if (l < 0 || dot() || size(l) < 4 * kAhead) return;
  auto& b = e_.b;
  int64_t bytes = ir::byte_size(type_);
  for (int which : {0, 1}) {
    const Label& folded = label(l);
    if (!folded.present[which] || p_.pack[which] || folded.panels[which]) continue;
    auto unit = [&](int label_number) {
      return label_number >= 0 && label(label_number).present[which] &&
             label(label_number).stride[which] == Dim(1);
    };
    int64_t elements = unit(p_.column) ? tile.columns * p_.lanes : unit(p_.row) ? 1 : 0;
    int64_t stride = e_.at_capacity(folded.stride[which]);
    // The processor sees for itself what lies one behind the other.
    if (elements == 0 || stride * bytes < 256 || stride <= elements) continue;
    Coords at = tile.labels;
    for (Coord& c : at) c = e_.uniform(c.base);
    Dim ahead = folded.stride[which] * Dim(kAhead);
    Coord offset = e_.add(e_.offset(operand_access(p_, which), at), e_.size(ahead));
    llvm::Type* t = e_.memory_type(type_);
    Value* start = b.CreateGEP(t, e_.base(p_.bases[size_t(which)]), offset.base);
    for (int64_t line = 0; line < elements * bytes; line += 64)
      b.CreateIntrinsic(llvm::Intrinsic::prefetch, {start->getType()},
                        {b.CreateConstGEP1_64(b.getInt8Ty(), start, uint64_t(line)), b.getInt32(0),
                         b.getInt32(3), b.getInt32(1)});
  }
}

void ContractKernel::step(Tile& tile, const Sums& sums) {
  prefetch_ahead(tile);
  auto has = [&](int l, int which) { return l >= 0 && label(l).present[which]; };
  std::map<std::pair<int, int>, Value*> loaded[2];
  auto get = [&](int which, int i, int j) {
    if (!has(p_.row, which)) i = 0;
    if (!has(p_.column, which)) j = 0;
    Value*& v = loaded[which][{i, j}];
    if (!v) v = e_.splat(element(tile, which, i, j));
    return v;
  };
  for (int i = 0; i < p_.rows; ++i)
    for (int j = 0; j < tile.columns; ++j) {
      auto* slot = sums[size_t(i * tile.columns + j)];
      Value* sum = e_.b.CreateLoad(slot->getAllocatedType(), slot);
      Value *x = low(tile, j, get(0, i, j)), *y = low(tile, j, get(1, i, j));
      sum = ir::is_float(type_) ? math::multiply_add(e_, x, y, sum)
                                : e_.b.CreateAdd(sum, e_.b.CreateMul(x, y));
      e_.b.CreateStore(sum, slot);
    }
}

}  // namespace netc::backend
