// How an einsum is computed: the roles of its labels and the size of the register tile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/emitter.h"
#include "backend/kernel.h"

namespace netc::backend {

/// One label of an einsum. Strides are absent (not `present`) where the label does not occur.
struct Label {
  char name = 0;
  ir::Dim size;
  bool present[3] = {};                      ///< left, right, result
  ir::Dim stride[3];                         ///< elements
  std::optional<ir::PanelledDim> panels[3];  ///< where the stride holds within a panel only
  bool folded() const { return !present[2]; }
};

/// Lanes along a column label (present in the result), rows of scalars broadcast:
/// acc[i][j] += a[i] * b[j]. Or lanes along a folded label: acc[i][j] is summed over its lanes at
/// the end.
enum class TileKind : uint8_t { Outer, Dot };

/// How the vectors of the column label are dealt to panels, each as wide as a tile.
struct ColumnPanels {
  int64_t count = 1;
  int64_t wide = 1;  ///< the first so many are as wide as the widest tile
  int narrow = 0;    ///< vectors of each of the others
};

struct ContractionPlan {
  ir::ValueId einsum;
  std::vector<ir::Access> operands;  ///< left, right
  std::vector<int> bases;            ///< their numbers in the kernel
  std::vector<Label> labels;
  TileKind kind = TileKind::Outer;
  int row = -1, column = -1;  ///< labels of the tile; -1: one element
  int lane = -1;              ///< Outer: the column; Dot: the folded label with lanes
  std::vector<int> outer;     ///< other labels of the result
  std::vector<int> folded;    ///< folded labels, innermost loop last
  bool pack[2] = {};          ///< operand is first copied to panels
  int lanes = 1;
  int rows = 1, columns = 1;  ///< of a tile; columns in vectors for Outer
  bool half = false;          ///< the last vector of the column label has half the lanes
  bool whole_panels = false;  ///< no tile lies across the end of a panel: the last is narrower
  ColumnPanels panels;
  double multiplications = 0;  ///< at full batch
  int split = -1;           ///< folded label whose blocks give partial sums, to stay in the cache
  int64_t split_block = 0;  ///< elements of a block
  int segmented = -1;       ///< position in `folded`: this loop is cut, those around it are outside
  int64_t segment = 0;      ///< its rounds in a segment
};

/// Bytes of a tensor of this type at full batch.
double bytes_at_capacity(const Emitter& e, const ir::Type& type);

/// The left or right operand by the coordinates of all labels.
ir::Access operand_access(const ContractionPlan& plan, int which);

/// Reads the kernel's einsum and decides. Throws NotFused when the kernel is not a contraction.
ContractionPlan plan_contraction(const Emitter& e, const ir::Function& function,
                                 const Kernel& kernel);

}  // namespace netc::backend
