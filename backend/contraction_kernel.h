// Emits one contraction kernel: register tiles over the folded labels, then the kernel's maps on
// each tile. contraction.cpp cuts the result into units, contraction_fold.cpp sums a tile,
// contraction_results.cpp evaluates the maps on the sums.
//
// The folded loops keep rows x columns vectors of sums in registers; at their end the sums go to a
// small buffer on the stack. The maps are evaluated from there, row by row, during the folded loop
// of the next tile. Rows beyond the end are computed from whatever memory holds and not stored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "backend/contraction.h"
#include "backend/panels.h"
#include "backend/pull.h"
#include "backend/space.h"

namespace netc::backend {

class ContractKernel {
 public:
  ContractKernel(llvm::Module& module, CpuLevel level, int64_t capacity, const ir::Function& f,
                 const Kernel& k, std::string name)
      : e_(module, level, capacity), f_(f), k_(k), pull_(e_, f, k), name_(std::move(name)) {
    e_.block_of_rows = k.blocks.rows > 0;
  }

  Emitted run();

 private:
  using Value = llvm::Value;

  Emitter e_;
  const ir::Function& f_;
  const Kernel& k_;
  Pull pull_;
  std::string name_;
  Emitted out_;
  ContractionPlan p_;
  ir::DType type_{};
  Panels packed_[2];
  Space space_;
  int64_t row_block_ = 1;
  // Long sums with few results: blocks of the folded label `split_` give partial results.
  int64_t splits_ = 1, split_block_ = 0;
  int split_ = -1;
  int partial_ = -1;                      ///< scratch area: [block][result]
  std::vector<ir::Dim> partial_strides_;  ///< per label
  int64_t partial_size_ = 1;              ///< elements of a block
  llvm::AllocaInst* buffer_ = nullptr;
  llvm::AllocaInst* carried_ = nullptr;  ///< sums of a unit between segments
  std::vector<ir::Access> touched_;      ///< what the epilogue reads and writes along the columns

  const Label& label(int l) const { return p_.labels[size_t(l)]; }
  int64_t size(int l) const { return l < 0 ? 1 : e_.at_capacity(label(l).size); }
  bool dot() const { return p_.kind == TileKind::Dot; }
  /// Elements of a column step: a vector, or one column of a Dot.
  int64_t column_unit() const { return dot() ? 1 : p_.lanes; }

  /// Cuts the result into units: other labels x column panels x row blocks.
  void divide();

  /// The label of the result along which vectors of results run.
  int result_lane() const;
  void choose_splits();

  void add_partial();

  /// Adds the blocks' partial results in order and evaluates the maps on the sums.
  void merge(Step step);
  void overrun(int which, int l, int64_t count);

  /// The rounds of a folded loop.
  struct Rounds {
    Value *first, *last;
  };

  /// What is fixed while a tile is computed.
  struct Tile {
    Coords labels;   ///< coordinate of each label (rows, columns: of the first)
    Value* row_end;  ///< rows stop here
    Value* column_end;
    Value* split;         ///< number of the block of the folded label split_
    Value* panel_vector;  ///< number of the first column vector, for packed operands
    int columns;
    bool half;                      ///< the last column vector has half the lanes
    std::optional<Rounds> segment;  ///< of the loop that is cut
  };

  int lanes_of(const Tile& tile, int j) const {
    return tile.half && j + 1 == tile.columns ? p_.lanes / 2 : p_.lanes;
  }
  /// The low lanes of a vector, as many as column j has.
  Value* low(const Tile& tile, int j, Value* v);
  void unit(const Coords& at);

  void rows(Tile panel, Value* row_start);
  Tile at_row(const Tile& panel, Value* row);

  /// The sums of a tile, row by row: in registers once the function is optimised.
  using Sums = std::vector<llvm::AllocaInst*>;
  Sums zeros(const Tile& tile);

  // Segments of the folded loops ------------------------------------------------------------

  /// The rounds of a folded label in this unit: all, or those of its block of a split sum.
  Rounds rounds(const Tile& tile, int l);

  /// The loops around a segment: the one that is cut, then those outside of it.
  struct SegmentLoops {
    std::vector<Rounds> rounds;
    std::vector<Value*> counts;  ///< of segments, of rounds
    Value* all;
  };

  SegmentLoops segment_loops(const Tile& panel);

  /// Puts a tile or panel into segment `number`. Where there are none, none of its rounds is run.
  void enter(Tile& tile, const SegmentLoops& loops, Value* number);

  /// Takes all rows through every segment but the last; the panel is then at that, whose number is
  /// returned.
  Value* all_but_last_segment(Tile& panel, Value* row_start);

  /// The sums of a tile as the segment before `number` left them.
  Sums take_up(const Tile& tile, Value* number, Value* row_start, Value* row);

  /// Where sum `i` of a tile waits for the next segment. A round behind the last tile reads too.
  Value* carried(const Tile& tile, Value* row_start, Value* row, size_t i);

  // The folded loops --------------------------------------------------------------------------
  void fold(Tile& tile, int depth, const Sums& sums);

  /// The outermost loop that a tile's fold runs through, by its place in `folded`.
  int first_loop() const { return std::max(p_.segmented, 0); }

  /// Whether the maps of a tile wait for the folded loop of the next one: it has to be long enough
  /// to be cut into a part for each row, much longer where a few maps are soon done.
  bool finishes_late() const;

  /// Rounds of that loop for one tile, at full batch.
  int64_t tile_rounds() const { return p_.segmented < 0 ? size(p_.folded[0]) : p_.segment; }

  /// The folded loop in as many parts as the tile has rows. Before each of them the maps of one row
  /// of the tile before are evaluated: divisions and roots take their time beside multiplications.
  /// And the lines that the maps of one row of this tile touch come into the cache meanwhile. After
  /// the last tile comes a round with nothing to fold.
  void fold_in_parts(Tile& tile, Value* row_start, Value* row, const Sums& sums);

  /// Operands of the maps and yields that run along the tile's columns.
  void find_touched();
  void prefetch(const Tile& tile, Value* row);

  /// Element `which` operand of row i and column j of the tile, lanes as the plan says.
  Value* element(const Tile& tile, int which, int i, int j);

  /// Asks for what the innermost loop will need some rounds later. The processor's own prefetching
  /// stops at pages, and rounds are often a page apart.
  void prefetch_ahead(const Tile& tile);
  void step(Tile& tile, const Sums& sums);

  // The tile's results --------------------------------------------------------------------------
  Value* buffer(int64_t count);

  Coords result_index(const Tile& tile) const;

  /// Evaluates the kernel's maps for one vector (or element) of results and stores what it yields;
  /// or keeps a part of the sums, on top of what blocks of rows before this one gave.
  void epilogue(const Tile& tile, Value* element);
  void evaluate(const Coords& at, Value* element);

  /// Keeps a tile's sums until its maps are evaluated.
  void put_aside(const Sums& sums);

  /// Evaluates the maps of row `row`, whose sums are row `i` of those put aside.
  void finish_row(Tile tile, Value* row, Value* i);
  void finish_dot(Tile tile, Value* row, const Sums& sums);

  /// The sum of all lanes, in a fixed tree.
  Value* sum_lanes(Value* v);
};

}  // namespace netc::backend
