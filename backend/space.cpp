// Chunks of units, and vectors with a masked rest.
#include "backend/space.h"

#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <cmath>

namespace netc::backend {

using ir::Dim;
using llvm::Value;

namespace {

constexpr double kWorkOfChunk = 16384;  // element operations: about 2 us
constexpr int64_t kMostChunks = 64;

int64_t units_of_chunk(const Emitter& e, const Space& space) {
  int64_t units = std::max<int64_t>(unit_count(e, space), 1);
  auto wanted = static_cast<int64_t>(std::min(space.work / kWorkOfChunk, double(kMostChunks)));
  wanted += wanted % 2;  // a few chunks are dealt evenly to two threads, or four
  return ceil_div(units, std::clamp<int64_t>(wanted, 1, units));
}

}  // namespace

int lanes_for(const Emitter& e, const Dim& size, int most) {
  int64_t n = e.at_capacity(size);
  int lanes = 1;
  while (lanes < most && lanes < n) lanes *= 2;
  return lanes;
}

int64_t unit_count(const Emitter& e, const Space& space) {
  int64_t units = 1;
  for (size_t d = 0; d < space.shape.size(); ++d) {
    int64_t n = e.at_capacity(space.shape[d]);
    if (static_cast<int>(d) != space.lane_dim)
      units *= n;
    else if (space.block)
      units *= ceil_div(n, space.block);
  }
  return units;
}

int64_t chunk_count(const Emitter& e, const Space& space) {
  return std::max<int64_t>(1, ceil_div(unit_count(e, space), units_of_chunk(e, space)));
}

void vectors(Emitter& e, Value* lo, Value* hi, const Dim& size, bool whole, int unroll,
             const std::function<void(const std::vector<Coord>&)>& body, bool exact,
             int64_t rounds) {
  auto& b = e.b;
  int64_t step = int64_t(e.lanes) * unroll;
  auto at = [&](Value* i, int count) {
    std::vector<Coord> coords;
    for (int u = 0; u < count; ++u) {
      Value* start = u == 0 ? i : b.CreateAdd(i, e.i64(int64_t(u) * e.lanes));
      coords.push_back(e.lanes == 1 ? e.uniform(start) : Coord{start, e.i64(1), nullptr});
    }
    return coords;
  };
  Value* outer = e.mask;
  bool fixed = whole && size.is_constant();
  int64_t n = fixed ? size.constant() : 0;
  if (!fixed || n >= step) {
    Value* end = hi;
    if (step > 1) {
      if (fixed) {
        end = e.i64(n / step * step);
      } else {
        Value* count = b.CreateSub(hi, lo);
        Value* rest = b.CreateSRem(count, e.i64(step));
        end = b.CreateSub(hi, rest);
      }
    }
    e.loop(lo, end, step, [&](Value* i) { body(at(i, unroll)); }, rounds);
    lo = end;
  }
  if (step == 1 || (fixed && n % step == 0) || (exact && unroll == 1)) return;
  auto masked = [&](Value* i) {
    e.mask = e.lanes == 1 ? outer : e.lanes_below(b.CreateSub(hi, i));
    body(at(i, 1));
    e.mask = outer;
  };
  if (fixed && n % step < e.lanes) {
    masked(e.i64(n / step * step));
    return;
  }
  e.loop(lo, hi, e.lanes, masked, unroll);
}

void over(Emitter& e, const Space& space,
          const std::function<void(const std::vector<Coords>&)>& body) {
  auto& b = e.b;
  auto lane_dim = static_cast<size_t>(space.lane_dim);
  bool has_lanes = space.lane_dim >= 0;
  bool blocked = has_lanes && space.block && e.at_capacity(space.shape[lane_dim]) > space.block;
  Value* units = e.i64(1);
  Value* blocks = nullptr;
  {
    Emitter::Place place(e, {e.batch()});
    for (size_t d = 0; d < space.shape.size(); ++d) {
      if (has_lanes && d == lane_dim) continue;
      units = b.CreateMul(units, e.size(space.shape[d]));
    }
    if (blocked) {
      Value* n = e.size(space.shape[lane_dim]);
      blocks = b.CreateSDiv(b.CreateAdd(n, e.i64(space.block - 1)), e.i64(space.block));
      units = b.CreateMul(units, blocks);
    }
  }
  int64_t run = units_of_chunk(e, space), chunks = chunk_count(e, space);
  Value *first = e.i64(0), *last = units;
  if (chunks > 1) {
    first = b.CreateMul(e.chunk(), e.i64(run));
    Value* next =
        b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateAdd(first, e.i64(run)), units);
    last = b.CreateSelect(b.CreateICmpEQ(e.chunk(), e.i64(chunks - 1)), units, next);
  }
  e.loop(first, last, 1, [&](Value* unit) {
    Coords at(space.shape.size(), e.constant(0));
    Value* rest = unit;
    Value* number = nullptr;
    auto take = [&](Value* count) {
      Value* r = b.CreateURem(rest, count);
      rest = b.CreateUDiv(rest, count);
      return r;
    };
    if (blocked && !space.blocks_outside) number = take(blocks);
    std::vector<size_t> outer;
    for (size_t d = 0; d < space.shape.size(); ++d)
      if (!(has_lanes && d == lane_dim) && !(space.shape[d] == Dim(1))) outer.push_back(d);
    for (size_t i = outer.size(); i-- > 0;)
      at[outer[i]] = e.uniform(i == 0 && !(blocked && space.blocks_outside)
                                   ? rest
                                   : take(e.size(space.shape[outer[i]])));
    if (blocked && space.blocks_outside) number = rest;
    if (!has_lanes) {
      body({at});
      return;
    }
    const Dim& size = space.shape[lane_dim];
    Value *lo = e.i64(0), *hi = e.size(size);
    if (blocked) {
      lo = b.CreateMul(number, e.i64(space.block));
      hi = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateAdd(lo, e.i64(space.block)), hi);
    }
    vectors(e, lo, hi, size, !blocked, space.unroll, [&](const std::vector<Coord>& lanes) {
      std::vector<Coords> cells;
      for (const Coord& lane : lanes) cells.push_back(at), cells.back()[lane_dim] = lane;
      body(cells);
    });
  });
}

}  // namespace netc::backend
