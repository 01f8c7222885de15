// Contraction kernels: register tiles over the folded labels, then the kernel's maps on each tile.
//
// The folded loops keep rows x columns vectors of sums in registers; at their end the sums go to a
// small buffer on the stack. The maps are evaluated from there, row by row, during the folded loop
// of the next tile. Rows beyond the end are computed from whatever memory holds and not stored.
#include "backend/contraction.h"

#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "backend/loops.h"
#include "backend/math.h"
#include "backend/panels.h"
#include "backend/pull.h"
#include "backend/space.h"

namespace netc::backend {

using ir::Dim;
using ir::ValueId;
using llvm::Value;

namespace {

constexpr int64_t kAhead = 8;       ///< rounds of the innermost loop between a prefetch and its use
constexpr double kSplitWork = 1e6;  ///< multiplications of one block of a split sum
constexpr int64_t kFewUnits = 16, kMostSplits = 32;
constexpr double kFewMaps = 8;  ///< a bias with its activation, a step of plain descent
constexpr double kUnitMost = 2e6, kUnitLeast = 65536;  ///< multiplications of one unit

class ContractKernel {
 public:
  ContractKernel(llvm::Module& module, CpuLevel level, int64_t capacity, const ir::Function& f,
                 const Kernel& k, std::string name)
      : e_(module, level, capacity), f_(f), k_(k), pull_(e_, f, k), name_(std::move(name)) {
    e_.block_of_rows = k.blocks.rows > 0;
  }

  Emitted run() {
    p_ = plan_contraction(e_, f_, k_);
    type_ = f_[p_.einsum].type.dtype;
    e_.lanes = p_.lanes;
    for (int which : {0, 1})
      if (p_.pack[which]) packed_[which] = emit_panels(e_, f_, k_, p_, which, name_, out_);
    divide();
    find_touched();
    Step step;
    step.function = name_;
    for (size_t i = 0; i < k_.bases.size(); ++i)
      (k_.contains(k_.bases[i]) ? step.writes : step.reads).push_back(int(i));
    for (int which : {0, 1})
      if (p_.pack[which]) step.reads.push_back(packed_[which].base);
    step.chunks = chunk_count(e_, space_);
    step.flops = 2 * p_.multiplications;
    for (ValueId v : k_.bases) step.bytes += bytes_at_capacity(e_, f_[v].type);
    if (partial_ >= 0) {
      step.writes = {partial_};
      step.function += ".part";
    }
    out_.steps.push_back(step);
    e_.begin(step.function);
    over(e_, space_, [&](const std::vector<Coords>& units) { unit(units[0]); });
    e_.end();
    if (partial_ >= 0) merge(step);
    return std::move(out_);
  }

 private:
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
  int partial_ = -1;                  ///< scratch area: [block][result]
  std::vector<Dim> partial_strides_;  ///< per label
  int64_t partial_size_ = 1;          ///< elements of a block
  llvm::AllocaInst* buffer_ = nullptr;
  llvm::AllocaInst* carried_ = nullptr;  ///< sums of a unit between segments
  std::vector<ir::Access> touched_;      ///< what the epilogue reads and writes along the columns

  const Label& label(int l) const { return p_.labels[size_t(l)]; }
  int64_t size(int l) const { return l < 0 ? 1 : e_.at_capacity(label(l).size); }
  bool dot() const { return p_.kind == TileKind::Dot; }
  /// Elements of a column step: a vector, or one column of a Dot.
  int64_t column_unit() const { return dot() ? 1 : p_.lanes; }

  /// Cuts the result into units: other labels x column panels x row blocks.
  void divide() {
    double wanted = std::clamp(p_.multiplications / 16, kUnitLeast, kUnitMost);
    double per_row = 1;
    for (int l : p_.folded) per_row *= double(size(l));
    per_row *= double(p_.columns * column_unit());
    int64_t m = std::max<int64_t>(size(p_.row), 1);
    int64_t rows = std::clamp<int64_t>(int64_t(wanted / std::max(per_row, 1.0)), 1, m);
    row_block_ = ceil_div(ceil_div(m, ceil_div(m, rows)), p_.rows) * p_.rows;
    for (int l : p_.outer) space_.shape.push_back(label(l).size);
    space_.shape.push_back(p_.panels.count);
    space_.shape.push_back(ceil_div(m, row_block_));
    choose_splits();
    space_.shape.insert(space_.shape.begin(), Dim(k_.sums_rows ? 1 : splits_));
    space_.work = p_.multiplications / 8;
    for (int which : {0, 1}) {
      if (p_.row >= 0 && label(p_.row).present[which]) overrun(which, p_.row, p_.rows);
      if (p_.column >= 0 && label(p_.column).present[which])
        overrun(which, p_.column, p_.columns * column_unit());
    }
  }

  /// The label of the result along which vectors of results run.
  int result_lane() const {
    if (!dot()) return p_.column;
    bool along_rows = p_.row >= 0 && (p_.column < 0 || label(p_.row).stride[2] == Dim(1));
    return along_rows ? p_.row : p_.column;
  }

  void choose_splits() {
    if (p_.folded.empty()) return;
    if (k_.sums_rows) {
      splits_ = k_.blocks.chunks;
      return add_partial();
    }
    split_ = p_.folded.back();
    int64_t n = size(split_);
    int64_t wanted = std::min(int64_t(p_.multiplications / kSplitWork), n / 1024);
    if (wanted < 2 || unit_count(e_, space_) >= kFewUnits) {
      if (p_.split < 0) return;
      split_ = p_.split;
      split_block_ = p_.split_block;
    } else {
      wanted = std::min(wanted, kMostSplits);
      split_block_ = ceil_div(ceil_div(n, wanted), p_.lanes) * p_.lanes;
    }
    splits_ = ceil_div(size(split_), split_block_);
    add_partial();
  }

  void add_partial() {
    partial_strides_.assign(p_.labels.size(), Dim(0));
    auto add = [&](int l) {
      partial_strides_[size_t(l)] = partial_size_;
      partial_size_ *= size(l);
    };
    if (result_lane() >= 0) add(result_lane());
    for (int l = 0; l < int(p_.labels.size()); ++l)
      if (l != result_lane() && !label(l).folded()) add(l);
    int64_t bytes = ir::byte_size(type_);
    partial_size_ = ceil_div(partial_size_ * bytes, 64) * 64 / bytes;
    out_.scratch_bytes.push_back(splits_ * partial_size_ * bytes + 256);
    partial_ = int(k_.bases.size() + out_.scratch_bytes.size() - 1);
    if (k_.sums_rows) out_.sums[partial_] = partial_size_ * bytes;
  }

  /// Adds the blocks' partial results in order and evaluates the maps on the sums.
  void merge(Step step) {
    pull_.forget();
    e_.block_of_rows = false;
    step.after_rows = k_.sums_rows;
    step.function = name_ + ".merge";
    step.reads.push_back(partial_);
    step.writes.clear();
    for (size_t i = 0; i < k_.bases.size(); ++i)
      if (k_.contains(k_.bases[i])) step.writes.push_back(int(i));
    std::vector<int> labels;
    Space space;
    for (int l = 0; l < int(p_.labels.size()); ++l) {
      if (label(l).folded()) continue;
      if (l == result_lane()) space.lane_dim = int(labels.size());
      labels.push_back(l);
      space.shape.push_back(label(l).size);
    }
    int lanes = e_.lanes;
    if (space.lane_dim < 0) e_.lanes = 1;
    space.work = double(partial_size_) * double(splits_ + 1);
    step.chunks = chunk_count(e_, space);
    step.flops = double(partial_size_ * splits_);
    out_.steps.push_back(step);
    e_.begin(step.function);
    llvm::Type* t = e_.widen(e_.scalar_type(type_));
    over(e_, space, [&](const std::vector<Coords>& units) {
      std::vector<Dim> strides;
      for (int l : labels) strides.push_back(partial_strides_[size_t(l)]);
      Coord at = e_.offset(0, strides, units[0]);
      llvm::AllocaInst* sum = e_.slot(t);
      e_.b.CreateStore(llvm::Constant::getNullValue(t), sum);
      e_.loop(e_.i64(0), e_.i64(splits_), 1, [&](Value* block) {
        Coord element = e_.add(at, e_.b.CreateMul(block, e_.i64(partial_size_)));
        Value* part = e_.splat(e_.load(e_.base(partial_), type_, element));
        Value* before = e_.b.CreateLoad(t, sum);
        e_.b.CreateStore(
            ir::is_float(type_) ? e_.b.CreateFAdd(before, part) : e_.b.CreateAdd(before, part),
            sum);
      });
      evaluate(units[0], e_.b.CreateLoad(t, sum));
    });
    e_.end();
    e_.lanes = lanes;
  }

  void overrun(int which, int l, int64_t count) {
    int64_t bytes = ir::byte_size(type_);
    int64_t stride = std::abs(e_.at_capacity(label(l).stride[which]));
    out_.overrun += count * stride * bytes;
  }

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
  Value* low(const Tile& tile, int j, Value* v) {
    if (lanes_of(tile, j) == p_.lanes) return v;
    std::vector<int> lanes(size_t(lanes_of(tile, j)));
    std::iota(lanes.begin(), lanes.end(), 0);
    return e_.b.CreateShuffleVector(v, lanes);
  }

  void unit(const Coords& at) {
    auto& b = e_.b;
    Tile tile;
    tile.labels.assign(p_.labels.size(), e_.constant(0));
    for (size_t i = 0; i < p_.outer.size(); ++i) tile.labels[size_t(p_.outer[i])] = at[i + 1];
    Value* panel = at[p_.outer.size() + 1].base;
    Value* block = at[p_.outer.size() + 2].base;
    tile.split = at[0].base;
    Value* row_size = p_.row < 0 ? e_.i64(1) : e_.size(label(p_.row).size);
    Value* row_start = b.CreateMul(block, e_.i64(row_block_));
    tile.row_end = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                           b.CreateAdd(row_start, e_.i64(row_block_)), row_size);
    Value* column_size = p_.column < 0 ? e_.i64(1) : e_.size(label(p_.column).size);
    auto panels = [&](int columns, Value* first_vector, bool half) {
      Tile t = tile;
      t.columns = columns;
      t.half = half;
      t.panel_vector = first_vector;
      Value* start = b.CreateMul(first_vector, e_.i64(column_unit()));
      if (p_.column >= 0) t.labels[size_t(p_.column)] = e_.uniform(start);
      t.column_end = b.CreateBinaryIntrinsic(
          llvm::Intrinsic::smin, b.CreateAdd(start, e_.i64(columns * column_unit())), column_size);
      rows(t, row_start);
    };
    // Wide panels, then narrow ones; the very last may end with half a vector.
    const auto [count, wide, narrow] = p_.panels;
    int64_t halves = p_.half ? 1 : 0;
    auto panels_from = [&](int64_t from, int64_t to, bool half) {
      if (from >= to) return;
      const bool is_wide = from < wide;
      auto emit = [&] {
        if (is_wide) return panels(p_.columns, b.CreateMul(panel, e_.i64(p_.columns)), half);
        Value* beyond = b.CreateSub(panel, e_.i64(wide));
        panels(narrow, b.CreateAdd(b.CreateMul(beyond, e_.i64(narrow)), e_.i64(wide * p_.columns)),
               half);
      };
      if (from == 0 && to == count) return emit();
      Value* is_in = b.CreateICmpSGE(panel, e_.i64(from));
      e_.when(b.CreateAnd(is_in, b.CreateICmpSLT(panel, e_.i64(to))), emit);
    };
    panels_from(0, std::min(wide, count - halves), false);
    panels_from(wide, count - halves, false);
    panels_from(count - halves, count, true);
  }

  void rows(Tile panel, Value* row_start) {
    Value* segment = p_.segmented < 0 ? nullptr : all_but_last_segment(panel, row_start);
    bool late = finishes_late();
    Value* end = late ? e_.b.CreateAdd(panel.row_end, e_.i64(p_.rows)) : panel.row_end;
    e_.loop(row_start, end, p_.rows, [&](Value* row) {
      Tile tile = at_row(panel, row);
      const Sums sums = segment ? take_up(tile, segment, row_start, row) : zeros(tile);
      if (late)
        fold_in_parts(tile, row_start, row, sums);
      else
        fold(tile, 0, sums);
      if (dot()) return finish_dot(tile, row, sums);
      put_aside(sums);
      if (late) return;
      Value* count = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, e_.i64(p_.rows),
                                                e_.b.CreateSub(tile.row_end, row));
      e_.loop(e_.i64(0), count, 1, [&](Value* i) { finish_row(tile, e_.b.CreateAdd(row, i), i); });
    });
  }

  Tile at_row(const Tile& panel, Value* row) {
    Tile tile = panel;
    if (p_.row >= 0) tile.labels[size_t(p_.row)] = e_.uniform(row);
    return tile;
  }

  /// The sums of a tile, row by row: in registers once the function is optimised.
  using Sums = std::vector<llvm::AllocaInst*>;

  Sums zeros(const Tile& tile) {
    Sums sums;
    for (int i = 0; i < p_.rows * tile.columns; ++i) {
      int lanes = lanes_of(tile, i % tile.columns);
      llvm::Type* t = e_.scalar_type(type_);
      if (p_.lanes > 1) t = llvm::FixedVectorType::get(t, unsigned(lanes));
      sums.push_back(e_.slot(t));
      e_.b.CreateStore(llvm::Constant::getNullValue(t), sums.back());
    }
    return sums;
  }

  // Segments of the folded loops ------------------------------------------------------------

  /// The rounds of a folded label in this unit: all, or those of its block of a split sum.
  Rounds rounds(const Tile& tile, int l) {
    Value *first = e_.i64(0), *last = e_.size(label(l).size);
    if (splits_ > 1 && l == split_) {
      first = e_.b.CreateMul(tile.split, e_.i64(split_block_));
      Value* next = e_.b.CreateAdd(first, e_.i64(split_block_));
      last = e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, next, last);
    }
    return {first, last};
  }

  /// The loops around a segment: the one that is cut, then those outside of it.
  struct SegmentLoops {
    std::vector<Rounds> rounds;
    std::vector<Value*> counts;  ///< of segments, of rounds
    Value* all;
  };

  SegmentLoops segment_loops(const Tile& panel) {
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

  /// Puts a tile or panel into segment `number`. Where there are none, none of its rounds is run.
  void enter(Tile& tile, const SegmentLoops& loops, Value* number) {
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
      Value* to = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin,
                                          b.CreateAdd(from, e_.i64(p_.segment)), last);
      tile.segment = {from, b.CreateSelect(b.CreateICmpSGT(loops.all, e_.i64(0)), to, from)};
    }
  }

  /// Takes all rows through every segment but the last; the panel is then at that, whose number is
  /// returned.
  Value* all_but_last_segment(Tile& panel, Value* row_start) {
    auto& b = e_.b;
    const SegmentLoops loops = segment_loops(panel);
    Value* last = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, b.CreateSub(loops.all, e_.i64(1)),
                                          e_.i64(0));
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

  /// The sums of a tile as the segment before `number` left them.
  Sums take_up(const Tile& tile, Value* number, Value* row_start, Value* row) {
    auto& b = e_.b;
    const Sums sums = zeros(tile);
    e_.when(b.CreateICmpSGT(number, e_.i64(0)), [&] {
      for (size_t i = 0; i < sums.size(); ++i)
        b.CreateStore(b.CreateLoad(sums[i]->getAllocatedType(), carried(tile, row_start, row, i)),
                      sums[i]);
    });
    return sums;
  }

  /// Where sum `i` of a tile waits for the next segment. A round behind the last tile reads too.
  Value* carried(const Tile& tile, Value* row_start, Value* row, size_t i) {
    auto& b = e_.b;
    const int64_t width = int64_t(p_.columns) * p_.lanes;
    llvm::Type* t = e_.scalar_type(type_);
    if (!carried_) carried_ = e_.slot(t, (row_block_ + 2 * p_.rows) * width);
    Value* at = b.CreateMul(b.CreateSub(row, row_start), e_.i64(width));
    const int64_t within = int64_t(i) / tile.columns * width + int64_t(i) % tile.columns * p_.lanes;
    return b.CreateGEP(t, carried_, b.CreateAdd(at, e_.i64(within)));
  }

  // The folded loops --------------------------------------------------------------------------

  void fold(Tile& tile, int depth, const Sums& sums) {
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
    e_.loop(first, last, 1, [&](Value* i) {
      tile.labels[size_t(l)] = e_.uniform(i);
      fold(tile, depth + 1, sums);
    });
  }

  /// The outermost loop that a tile's fold runs through, by its place in `folded`.
  int first_loop() const { return std::max(p_.segmented, 0); }

  /// Whether the maps of a tile wait for the folded loop of the next one: it has to be long enough
  /// to be cut into a part for each row, much longer where a few maps are soon done.
  bool finishes_late() const {
    if (dot() || p_.row < 0 || p_.rows < 2 || p_.folded.empty()) return false;
    int l = p_.folded[size_t(first_loop())];
    const int64_t part = cost_of_maps(f_, k_) < kFewMaps ? 16 : 2;
    return tile_rounds() >= part * p_.rows && !(splits_ > 1 && l == split_);
  }

  /// Rounds of that loop for one tile, at full batch.
  int64_t tile_rounds() const { return p_.segmented < 0 ? size(p_.folded[0]) : p_.segment; }

  /// The folded loop in as many parts as the tile has rows. Before each of them the maps of one row
  /// of the tile before are evaluated: divisions and roots take their time beside multiplications.
  /// And the lines that the maps of one row of this tile touch come into the cache meanwhile. After
  /// the last tile comes a round with nothing to fold.
  void fold_in_parts(Tile& tile, Value* row_start, Value* row, const Sums& sums) {
    auto& b = e_.b;
    int l = p_.folded[size_t(first_loop())];
    Value* rows = e_.i64(p_.rows);
    const auto [from, to] = tile.segment ? *tile.segment : rounds(tile, l);
    Value* all =
        b.CreateSelect(b.CreateICmpSLT(row, tile.row_end), b.CreateSub(to, from), e_.i64(0));
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
      e_.loop(part, end, 1, [&](Value* k) {
        tile.labels[size_t(l)] = e_.uniform(k);
        fold(tile, first_loop() + 1, sums);
      });
    });
  }

  /// Operands of the maps and yields that run along the tile's columns.
  void find_touched() {
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

  void prefetch(const Tile& tile, Value* row) {
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
                          {b.CreateConstGEP1_64(b.getInt8Ty(), start, uint64_t(line)),
                           b.getInt32(0), b.getInt32(3), b.getInt32(1)});
    }
  }

  /// Element `which` operand of row i and column j of the tile, lanes as the plan says.
  Value* element(const Tile& tile, int which, int i, int j) {
    Coords at = tile.labels;
    ir::Access access = operand_access(p_, which);
    Value* base = e_.base(p_.bases[size_t(which)]);
    Dim displacement = 0;
    bool has_column = p_.column >= 0 && label(p_.column).present[which];
    if (p_.pack[which]) {
      const Panels& panels = packed_[which];
      access = {access.base, 0, panels.strides, {}};
      base = e_.base(panels.base);
      Value* offset = e_.b.CreateMul(tile.panel_vector, e_.size(panels.vector_stride));
      at[size_t(p_.column)] = {offset, e_.i64(1), nullptr};
      access.strides[size_t(p_.column)] = 1;
      displacement = panels.vector_stride * Dim(j);
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

  /// Asks for what the innermost loop will need some rounds later. The processor's own prefetching
  /// stops at pages, and rounds are often a page apart.
  void prefetch_ahead(const Tile& tile) {
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
                          {b.CreateConstGEP1_64(b.getInt8Ty(), start, uint64_t(line)),
                           b.getInt32(0), b.getInt32(3), b.getInt32(1)});
    }
  }

  void step(Tile& tile, const Sums& sums) {
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

  // The tile's results --------------------------------------------------------------------------

  Value* buffer(int64_t count) {
    if (!buffer_) {
      int64_t most = int64_t(p_.rows + p_.lanes) * (p_.columns * column_unit() + p_.lanes);
      buffer_ = e_.slot(e_.scalar_type(type_), std::max(most, count));
    }
    return buffer_;
  }

  Coords result_index(const Tile& tile) const {
    Coords at;
    for (const Label& l : p_.labels)  // labels of the result come first, in its order
      if (l.present[2]) at.push_back(tile.labels[size_t(&l - p_.labels.data())]);
    return at;
  }

  /// Evaluates the kernel's maps for one vector (or element) of results and stores what it yields;
  /// or keeps a part of the sums, on top of what blocks of rows before this one gave.
  void epilogue(const Tile& tile, Value* element) {
    if (partial_ < 0) return evaluate(result_index(tile), element);
    Coords at = tile.labels;
    for (size_t l = 0; l < at.size(); ++l)
      if (p_.labels[l].folded()) at[l] = e_.constant(0);
    Coord where = e_.offset(0, partial_strides_, at);
    where = e_.add(where, e_.b.CreateMul(tile.split, e_.i64(partial_size_)));
    if (k_.sums_rows) {
      Value* before = e_.load(e_.base(partial_), type_, where);
      element =
          ir::is_float(type_) ? e_.b.CreateFAdd(before, element) : e_.b.CreateAdd(before, element);
    }
    e_.store(element, e_.base(partial_), type_, where);
  }

  void evaluate(const Coords& at, Value* element) {
    pull_.give(p_.einsum, at, element);
    std::vector<Value*> values;
    for (ValueId y : k_.yields) values.push_back(pull_.value(y, at));
    for (size_t i = 0; i < values.size(); ++i) pull_.store(k_.yields[i], at, values[i]);
  }

  /// Keeps a tile's sums until its maps are evaluated.
  void put_aside(const Sums& sums) {
    auto& b = e_.b;
    Value* buffer = this->buffer(int64_t(sums.size()) * p_.lanes);
    for (size_t s = 0; s < sums.size(); ++s) {
      Value* sum = b.CreateLoad(sums[s]->getAllocatedType(), sums[s]);
      b.CreateStore(sum, b.CreateConstGEP1_64(e_.scalar_type(type_), buffer, s * size_t(p_.lanes)));
    }
  }

  /// Evaluates the maps of row `row`, whose sums are row `i` of those put aside.
  void finish_row(Tile tile, Value* row, Value* i) {
    auto& b = e_.b;
    llvm::Type* scalar = e_.scalar_type(type_);
    int64_t width = int64_t(tile.columns) * p_.lanes;
    Value* buffer = this->buffer(p_.rows * width);
    Value* start = p_.column < 0 ? e_.i64(0) : tile.labels[size_t(p_.column)].base;
    bool exact =
        p_.column >= 0 && label(p_.column).size.is_constant() && size(p_.column) % p_.lanes == 0;
    if (p_.row >= 0) tile.labels[size_t(p_.row)] = e_.uniform(row);
    Value* line = b.CreateMul(i, e_.i64(width));
    auto read = [&](Value* at) {
      return b.CreateLoad(e_.widen(scalar), b.CreateGEP(scalar, buffer, at));
    };
    if (p_.column < 0) return epilogue(tile, read(line));
    auto finish = [&](const Coord& at, Value* from_start) {
      tile.labels[size_t(p_.column)] = at;
      epilogue(tile, read(b.CreateAdd(line, from_start)));
    };
    if (exact) {  // every column of the tile is there, so their displacements are constants
      for (int j = 0; j < tile.columns; ++j) {
        Value* from_start = e_.i64(int64_t(j) * p_.lanes);
        Value* at = b.CreateAdd(start, from_start);
        finish(p_.lanes == 1 ? e_.uniform(at) : Coord{at, e_.i64(1), nullptr}, from_start);
      }
      return;
    }
    vectors(e_, start, tile.column_end, label(p_.column).size, false, 1,
            [&](const std::vector<Coord>& at) { finish(at[0], b.CreateSub(at[0].base, start)); });
  }

  void finish_dot(Tile tile, Value* row, const Sums& sums) {
    auto& b = e_.b;
    llvm::Type* scalar = e_.scalar_type(type_);
    // Lanes of the results run along the tile's label that is contiguous in the result.
    int lane = result_lane();
    bool along_rows = lane >= 0 && lane == p_.row;
    int other = along_rows ? p_.column : p_.row;
    int64_t extent = along_rows ? p_.rows : p_.columns;
    int64_t width = ceil_div(extent, p_.lanes) * p_.lanes;
    int64_t others = along_rows ? p_.columns : p_.rows;
    Value* buffer = this->buffer(others * width);
    for (int i = 0; i < p_.rows; ++i)
      for (int j = 0; j < p_.columns; ++j) {
        auto* slot = sums[size_t(i * p_.columns + j)];
        Value* sum = b.CreateLoad(slot->getAllocatedType(), slot);
        int64_t at = along_rows ? j * width + i : i * width + j;
        b.CreateStore(sum_lanes(sum), b.CreateConstGEP1_64(scalar, buffer, uint64_t(at)));
      }
    Value* row_count = b.CreateSub(tile.row_end, row);
    Value* column = p_.column < 0 ? e_.i64(0) : tile.labels[size_t(p_.column)].base;
    Value* column_count = b.CreateSub(tile.column_end, column);
    Value* lane_start = along_rows ? row : column;
    Value* lane_count = along_rows ? row_count : column_count;
    lane_count = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, lane_count, e_.i64(extent));
    Value* other_start = along_rows ? column : row;
    Value* other_count = b.CreateBinaryIntrinsic(
        llvm::Intrinsic::smin, along_rows ? column_count : row_count, e_.i64(others));
    e_.aligned_lanes = false;
    e_.loop(e_.i64(0), other_count, 1, [&](Value* o) {
      if (other >= 0) tile.labels[size_t(other)] = e_.uniform(b.CreateAdd(other_start, o));
      Value* line = b.CreateMul(o, e_.i64(width));
      auto read = [&](Value* at) {
        return b.CreateLoad(e_.widen(scalar), b.CreateGEP(scalar, buffer, at));
      };
      if (lane < 0) {
        int lanes = e_.lanes;
        e_.lanes = 1;
        epilogue(tile, b.CreateLoad(scalar, b.CreateGEP(scalar, buffer, line)));
        e_.lanes = lanes;
        return;
      }
      vectors(e_, lane_start, b.CreateAdd(lane_start, lane_count), label(lane).size, false, 1,
              [&](const std::vector<Coord>& at) {
                tile.labels[size_t(lane)] = at[0];
                epilogue(tile, read(b.CreateAdd(line, b.CreateSub(at[0].base, lane_start))));
              });
      tile.labels[size_t(lane)] = e_.uniform(lane_start);
    });
    e_.aligned_lanes = true;
  }

  /// The sum of all lanes, in a fixed tree.
  Value* sum_lanes(Value* v) {
    auto& b = e_.b;
    for (int half = e_.lanes / 2; half >= 1; half /= 2) {
      Value *low, *high;
      if (half == 1) {
        low = b.CreateExtractElement(v, b.getInt32(0));
        high = b.CreateExtractElement(v, b.getInt32(1));
      } else {
        std::vector<int> first, second;
        for (int i = 0; i < half; ++i) first.push_back(i), second.push_back(half + i);
        low = b.CreateShuffleVector(v, first);
        high = b.CreateShuffleVector(v, second);
      }
      v = ir::is_float(type_) ? b.CreateFAdd(low, high) : b.CreateAdd(low, high);
    }
    return v;
  }
};

}  // namespace

Emitted emit_contraction(llvm::Module& module, CpuLevel level, int64_t capacity,
                         const ir::Function& function, const Kernel& kernel,
                         const std::string& name) {
  return ContractKernel(module, level, capacity, function, kernel, name).run();
}

}  // namespace netc::backend
