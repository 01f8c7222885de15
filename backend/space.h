// Iteration over an index space that is dealt out in chunks, with lanes along one dim.
#pragma once

#include <functional>
#include <vector>

#include "backend/emitter.h"

namespace netc::backend {

/// Which elements a step visits and how. A unit is one index of all dims but `lane_dim`, and one
/// block along it; chunks are runs of units.
struct Space {
  ir::Shape shape;
  int lane_dim = -1;            ///< -1: no lanes
  int64_t block = 0;            ///< elements of a unit along lane_dim; 0: all
  int unroll = 1;               ///< vectors handed out together
  double work = 1;              ///< of the whole space at full batch, in element operations
  bool blocks_outside = false;  ///< blocks of lane_dim: the outermost loop, not the innermost
};

/// Numbers of units and chunks at full batch. They depend on shape and capacity only.
int64_t unit_count(const Emitter& e, const Space& space);
int64_t chunk_count(const Emitter& e, const Space& space);

/// Emits the loops of the current chunk around `body`, which gets the coordinates of one or more
/// vectors; `e.mask` is set where not all lanes are inside.
void over(Emitter& e, const Space& space,
          const std::function<void(const std::vector<Coords>&)>& body);

/// Vectors that cover [lo, hi) of a dim of size `size`: `unroll` at a time, then the rest singly.
/// `whole`: lo is 0 and hi is the size. `exact`: hi - lo is a multiple of the lanes. `rounds`: as
/// for Emitter::loop.
void vectors(Emitter& e, llvm::Value* lo, llvm::Value* hi, const ir::Dim& size, bool whole,
             int unroll, const std::function<void(const std::vector<Coord>&)>& body,
             bool exact = false, int64_t rounds = 0);

/// The smallest number of lanes that holds `size` elements, at most `most`.
int lanes_for(const Emitter& e, const ir::Dim& size, int most);

}  // namespace netc::backend
