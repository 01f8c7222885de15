// What a loop kernel is: its full and row shapes, its reductions by level, the dim that lanes run
// along, and whether reductions are cut into blocks.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "backend/emitter.h"
#include "backend/kernel.h"
#include "ir/graph.h"

namespace netc::backend {

/// The decisions for one loop kernel; throws NotFused when it is none.
class LoopAnalysis {
 protected:
  LoopAnalysis(llvm::Module& module, CpuLevel level, int64_t capacity, const ir::Function& f,
               const Kernel& k)
      : e_(module, level, capacity), f_(f), k_(k) {
    find_shapes();
    merge_dims();
    choose_lanes();
  }

  /// A costly value that several nests of a row need: computed in the first, then read back.
  struct Kept {
    ir::ValueId v;
    int first;  ///< nest
  };

  Emitter e_;
  const ir::Function& f_;
  const Kernel& k_;

  ir::Shape full_;            ///< S
  std::vector<bool> folded_;  ///< dims of S that are reduced
  std::vector<ir::ValueId> reduces_;
  std::map<ir::ValueId, int> level_;     ///< of reductions: reductions upstream
  std::map<ir::ValueId, int> upstream_;  ///< of members: reductions on the way to them
  int levels_ = 0;
  std::vector<ir::ValueId> row_yields_, full_yields_;
  bool stores_with_fold_ = false;  ///< full yields need no reduction: the first nest stores them
  std::vector<Kept> kept_;
  int lane_dim_ = -1;  ///< dim of S
  int unroll_ = 1;
  // Split reductions.
  int64_t blocks_ = 1, block_ = 0;  ///< their number and size along split_dim_
  size_t split_dim_ = 0;

  double cost() const;           ///< of an element of S
  double elements() const;       ///< of S, at full batch
  int64_t row_elements() const;  ///< of S that are folded into one
  bool folds_lanes() const { return lane_dim_ >= 0 && folded_[size_t(lane_dim_)]; }

 private:
  void find_shapes();
  void find_levels();
  bool yields_without_reductions() const;
  /// The members of shape S that `roots` are computed from in one nest.
  std::set<ir::ValueId> of_nest(const std::vector<ir::ValueId>& roots) const;
  void choose_kept();
  /// Strides by dims of S from those by dims of P; others stay.
  std::vector<ir::Dim> of_full(const std::vector<ir::Dim>& strides) const;
  /// Strides, per dim of S, of everything that is loaded or stored at S or P; nothing when some
  /// operand is not simply strided.
  std::optional<std::vector<std::vector<ir::Dim>>> all_strides() const;
  /// Neighbouring dims through which everything runs as through one become one: the outer gets
  /// size 1 and its index is counted by the inner.
  void merge_dims();
  /// A dim along which results of rows are stored and that fills vectors: for folds of so few
  /// elements that across the lanes they cost more.
  std::optional<int> lanes_across_rows(int natural) const;
  /// Lanes run along the dim in which most bytes are contiguous; stores count double.
  void choose_lanes();
  void choose_blocks();
};

}  // namespace netc::backend
