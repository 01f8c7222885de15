// Loop kernels. A kernel's values have the full shape S or the row shape P (S without the reduced
// dims). For each row the reductions run level by level over the reduced dims, then values of shape
// P and S are stored. Reductions of much data to few rows are cut into blocks: partial results in
// scratch memory, then a step that merges them in order, then the rest.
#include "backend/loops.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "backend/accumulate.h"
#include "backend/loop_analysis.h"
#include "backend/pull.h"
#include "backend/space.h"
#include "backend/transpose.h"

namespace netc::backend {

using ir::Dim;
using ir::Form;
using ir::Shape;
using ir::ValueId;
using llvm::Value;

namespace {

class LoopKernel : LoopAnalysis {
 public:
  LoopKernel(llvm::Module& module, CpuLevel level, int64_t capacity, const ir::Function& f,
             const Kernel& k, std::string name)
      : LoopAnalysis(module, level, capacity, f, k), pull_(e_, f, k), name_(std::move(name)) {
    e_.block_of_rows = k.blocks.rows > 0;
  }

  Emitted run() {
    if (k_.sums_rows) {
      emit_sums();
    } else if (auto transposed = transposed_operand(); transposed && reduces_.empty()) {
      emit_transposed(*transposed);
    } else if (reduces_.empty()) {
      begin("", full_, lane_dim_, 1, elements() * cost());
      store_all(k_.yields);
    } else if (blocks_ > 1) {
      emit_split();
    } else {
      emit_direct();
    }
    return std::move(out_);
  }

 private:
  Pull pull_;
  std::string name_;
  Emitted out_;
  Space space_;
  std::map<ValueId, std::pair<int, int>> partial_;  ///< bases of values and positions
  std::map<ValueId, llvm::AllocaInst*> copies_;     ///< of a row: values that are kept

  Accumulator accumulator(ValueId r) {
    return Accumulator(e_, std::get<ir::ReduceKind>(f_[r].attrs[0]), f_[f_[r].args[0]].type.dtype,
                       f_[r].type.dtype);
  }

  // Emission ----------------------------------------------------------------------------------

  /// An operand that runs across the lanes but along another dim.
  struct Transposed {
    ValueId operand;
    size_t dim;   ///< of S, contiguous in the operand
    bool blocks;  ///< both dims are whole numbers of vectors
  };

  std::optional<Transposed> transposed_operand() const {
    if (lane_dim_ < 0) return {};
    for (ValueId v : k_.values)
      for (ValueId a : f_[v].args) {
        auto access = k_.contains(a) ? std::nullopt : outside_access(f_, k_, a);
        if (!access || access->strides.size() != full_.size()) continue;
        const Dim& along = access->strides[size_t(lane_dim_)];
        if (along == Dim(0) || along == Dim(1)) continue;
        for (size_t d = 0; d < full_.size(); ++d) {
          if (!(access->strides[d] == Dim(1)) || e_.at_capacity(full_[d]) <= 1) continue;
          const Dim& lanes = full_[size_t(lane_dim_)];
          auto whole = [&](const Dim& n) {
            return n.is_constant() && n.constant() % e_.lanes == 0;
          };
          return Transposed{a, d, whole(full_[d]) && whole(lanes) && k_.values.size() <= 4};
        }
      }
    return {};
  }

  /// Squares of lanes x lanes elements, loaded along the operand's rows and turned in registers.
  void emit_transposed(const Transposed& t) {
    if (!t.blocks) {
      begin("", full_, lane_dim_, 1, elements() * cost());
      return store_all(k_.yields);
    }
    auto lane_dim = size_t(lane_dim_);
    Shape squares = full_;
    squares[t.dim] = full_[t.dim].constant() / e_.lanes;
    squares[lane_dim] = full_[lane_dim].constant() / e_.lanes;
    begin("", squares, -1, 1, elements() * cost());
    over(e_, space_, [&](const std::vector<Coords>& units) {
      Coords at = units[0];
      Value* row = e_.b.CreateMul(at[t.dim].base, e_.i64(e_.lanes));
      Value* column = e_.b.CreateMul(at[lane_dim].base, e_.i64(e_.lanes));
      std::vector<Value*> lines;
      for (int l = 0; l < e_.lanes; ++l) {
        at[t.dim] = {row, e_.i64(1), nullptr};
        at[lane_dim] = e_.uniform(e_.b.CreateAdd(column, e_.i64(l)));
        lines.push_back(pull_.value(t.operand, at));
      }
      lines = transpose(e_, std::move(lines));
      at[lane_dim] = {column, e_.i64(1), nullptr};
      for (int l = 0; l < e_.lanes; ++l) {
        at[t.dim] = e_.uniform(e_.b.CreateAdd(row, e_.i64(l)));
        pull_.give(t.operand, at, lines[size_t(l)]);
        store_at(k_.yields, at);
      }
    });
    e_.end();
  }

  /// Opens the function of a step over `shape` with lanes along `lane_dim`.
  Step& begin(const std::string& suffix, const Shape& shape, int lane_dim, int unroll,
              double work) {
    pull_.forget();
    e_.begin(name_ + suffix);
    space_ = {shape, lane_dim, 0, unroll, work};
    if (lane_dim >= 0) {
      int64_t group = int64_t(e_.lanes) * unroll, others = unit_count(e_, space_);
      int64_t n = e_.at_capacity(shape[size_t(lane_dim)]);
      int64_t pieces = std::max<int64_t>(1, 64 / std::max<int64_t>(others, 1));
      space_.block = std::max(group * 4, (n / pieces + group - 1) / group * group);
      if (!reduces_.empty() && suffix.empty()) space_.block = group;
      if (space_.block >= n) space_.block = 0;
    }
    if (reduces_.empty() && lane_dim >= 0 && transposed_operand()) {
      // Lines of the strided operand are used whole while they are in the cache.
      space_.block = int64_t(e_.lanes) * 4;
      space_.blocks_outside = true;
    }
    Step step;
    step.function = name_ + suffix;
    step.chunks = chunk_count(e_, space_);
    step.flops = elements() * double(k_.values.size());
    for (ValueId v : k_.bases) {
      double bytes = double(ir::byte_size(f_[v].type.dtype));
      for (const Dim& d : f_[v].type.shape) bytes *= double(e_.at_capacity(d));
      step.bytes += bytes;
    }
    for (size_t i = 0; i < k_.bases.size(); ++i)
      (k_.contains(k_.bases[i]) ? step.writes : step.reads).push_back(int(i));
    out_.steps.push_back(step);
    return out_.steps.back();
  }

  /// Element-wise over S: loads of all yields come before the first store.
  void store_all(const std::vector<ValueId>& yields) {
    over(e_, space_, [&](const std::vector<Coords>& cells) {
      for (const Coords& at : cells) store_at(yields, at);
    });
    e_.end();
  }

  std::vector<Value*> at_index(const std::vector<ValueId>& values, const Coords& at) {
    std::vector<Value*> elements;
    for (ValueId v : values) elements.push_back(pull_.value(v, at));
    return elements;
  }
  void store(const std::vector<ValueId>& yields, const Coords& at,
             const std::vector<Value*>& elements) {
    for (size_t i = 0; i < yields.size(); ++i) pull_.store(yields[i], at, elements[i]);
  }
  void store_at(const std::vector<ValueId>& yields, const Coords& at) {
    store(yields, at, at_index(yields, at));
  }

  Coords row_of(const Coords& at) const {
    Coords row;
    for (size_t d = 0; d < at.size(); ++d)
      if (!folded_[d]) row.push_back(at[d]);
    return row;
  }
  Shape row_shape() const {
    Shape row;
    for (size_t d = 0; d < full_.size(); ++d)
      if (!folded_[d]) row.push_back(full_[d]);
    return row;
  }
  /// The dim of P along which lanes run, or -1.
  int row_lane_dim() const {
    if (lane_dim_ < 0 || folds_lanes()) return -1;
    int p = 0;
    for (int d = 0; d < lane_dim_; ++d) p += !folded_[size_t(d)];
    return p;
  }

  /// Loops over the reduced dims of the rows `cells`; `body` gets full coordinates. With lanes
  /// along a reduced dim one row is handed out as several vectors, else each row as one.
  void fold_nest(const std::vector<Coords>& cells, Value* block,
                 const std::function<void(const std::vector<Coords>&)>& body) {
    std::vector<size_t> dims;
    for (size_t d = 0; d < full_.size(); ++d)
      if (folded_[d] && !(folds_lanes() && int(d) == lane_dim_)) dims.push_back(d);
    if (folds_lanes()) dims.push_back(size_t(lane_dim_));
    fold_dim(dims, 0, cells, block, body);
  }

  void fold_dim(const std::vector<size_t>& dims, size_t i, const std::vector<Coords>& cells,
                Value* block, const std::function<void(const std::vector<Coords>&)>& body) {
    if (i == dims.size()) return body(cells);
    size_t d = dims[i];
    Value *lo = e_.i64(0), *hi = e_.size(full_[d]);
    bool cut = block && d == split_dim_;
    if (cut) {
      lo = e_.b.CreateMul(block, e_.i64(block_));
      hi =
          e_.b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, e_.b.CreateAdd(lo, e_.i64(block_)), hi);
    }
    auto with = [&](const Coord& c) {
      std::vector<Coords> next = cells;
      for (Coords& at : next) at[d] = c;
      return next;
    };
    if (folds_lanes() && int(d) == lane_dim_) {
      vectors(e_, lo, hi, full_[d], !cut, unroll_, [&](const std::vector<Coord>& lanes) {
        std::vector<Coords> next;
        for (const Coord& lane : lanes) next.push_back(with(lane)[0]);
        body(next);
      });
    } else if (!cut && is_short(full_[d])) {
      for (int64_t k = 0; k < full_[d].constant(); ++k)
        fold_dim(dims, i + 1, with(e_.constant(k)), block, body);
    } else {
      e_.loop(lo, hi, 1,
              [&](Value* iv) { fold_dim(dims, i + 1, with(e_.uniform(iv)), block, body); });
    }
  }

  /// A loop that is written out: the places of its elements are then known. Not one of no rounds,
  /// before which what it reads is still checked.
  bool is_short(const Dim& size) const {
    constexpr int64_t kMostRounds = 4;
    if (!size.is_constant() || size.constant() < 1) return false;
    return size == Dim(1) || (size.constant() <= kMostRounds && cost() <= 16);
  }

  /// Row-major number of an element among the reduced dims.
  Value* position(const Coords& at) {
    Coord linear = in_row(at);
    return linear.uniform() ? linear.base : e_.lane_vector(linear);
  }

  struct Slots {
    llvm::AllocaInst* value;
    llvm::AllocaInst* position;
  };

  /// Runs the reductions of one level for the rows `cells`; gives one result a row and reduction.
  std::map<ValueId, std::vector<Running>> reduce_level(const std::vector<Coords>& cells,
                                                       const std::vector<ValueId>& reduces,
                                                       Value* block) {
    bool vector = e_.lanes > 1;
    size_t copies = folds_lanes() ? size_t(unroll_) : cells.size();
    std::map<ValueId, std::vector<Slots>> slots;
    auto write = [&](const Slots& s, const Running& r) {
      e_.b.CreateStore(r.value, s.value);
      if (s.position) e_.b.CreateStore(r.position, s.position);
    };
    auto read = [&](const Slots& s) -> Running {
      return {e_.b.CreateLoad(s.value->getAllocatedType(), s.value),
              s.position ? e_.b.CreateLoad(s.position->getAllocatedType(), s.position) : nullptr};
    };
    for (ValueId r : reduces) {
      Running first = accumulator(r).start(vector);
      for (size_t i = 0; i < copies; ++i) {
        Slots s{e_.slot(first.value->getType()),
                first.position ? e_.slot(first.position->getType()) : nullptr};
        write(s, first);
        slots[r].push_back(s);
      }
    }
    fold_nest(cells, block, [&](const std::vector<Coords>& ats) {
      for (ValueId r : reduces) {
        Accumulator a = accumulator(r);
        for (size_t i = 0; i < ats.size(); ++i) {
          Value* x = pull_.value(f_[r].args[0], ats[i]);
          x = vector ? e_.splat(x) : x;
          Value* where = a.has_position() ? position(ats[i]) : nullptr;
          if (where && vector) where = e_.splat(where);
          Running before = read(slots[r][i]);
          Running after = a.merge(before, a.element(x, where));
          if (e_.mask && folds_lanes()) after = a.choose(e_.mask, after, before);
          write(slots[r][i], after);
        }
      }
      keep_in_nest(level_.at(reduces[0]), ats);
      if (!stores_with_fold_) return;
      std::vector<std::vector<Value*>> elements;
      for (const Coords& at : ats) elements.push_back(at_index(full_yields_, at));
      for (size_t i = 0; i < ats.size(); ++i) store(full_yields_, ats[i], elements[i]);
    });
    std::map<ValueId, std::vector<Running>> results;
    for (ValueId r : reduces) {
      Accumulator a = accumulator(r);
      if (!folds_lanes()) {
        for (const Slots& s : slots[r]) results[r].push_back(read(s));
        continue;
      }
      std::vector<Running> parts;
      for (const Slots& s : slots[r]) parts.push_back(read(s));
      for (size_t gap = 1; gap < parts.size(); gap *= 2)
        for (size_t i = 0; i + gap < parts.size(); i += 2 * gap)
          parts[i] = a.merge(parts[i], parts[i + gap]);
      results[r].push_back(a.across_lanes(parts[0]));
    }
    return results;
  }

  /// Where the element at `at` of the reduced dims lies in a copy of one row.
  Coord in_row(const Coords& at) {
    Coord linear = e_.constant(0);
    for (size_t d = 0; d < full_.size(); ++d)
      if (folded_[d]) linear = e_.add(e_.mul(linear, e_.size(full_[d])), at[d]);
    return linear;
  }

  /// A nest over the row of `cells` that also writes down what later nests need again.
  void keep_in_nest(int nest, const std::vector<Coords>& ats) {
    for (const Kept& kept : kept_) {
      if (kept.first != nest) continue;
      for (const Coords& at : ats)
        e_.store(pull_.value(kept.v, at), copies_.at(kept.v), f_[kept.v].type.dtype, in_row(at));
    }
  }

  void read_kept(int nest) {
    for (const Kept& kept : kept_) {
      if (kept.first != nest) continue;
      pull_.read_by(kept.v, [this, v = kept.v](const Coords& at) {
        const bool saved = std::exchange(e_.pinned, true);
        Value* element = e_.load(copies_.at(v), f_[v].type.dtype, in_row(at));
        e_.pinned = saved;
        return element;
      });
    }
  }

  std::vector<ValueId> reduces_of_level(int level) const {
    std::vector<ValueId> some;
    for (ValueId r : reduces_)
      if (level_.at(r) == level) some.push_back(r);
    return some;
  }

  /// Coordinates of S with the reduced dims still at 0, from coordinates of P.
  Coords spread(const Coords& row, size_t skip = 0) {
    Coords at;
    for (size_t d = 0, p = skip; d < full_.size(); ++d)
      at.push_back(folded_[d] ? e_.constant(0) : row[p++]);
    return at;
  }

  /// Room for one row of `v`, to the end of its last vector.
  llvm::AllocaInst* row_copy(ValueId v) {
    return e_.slot(e_.scalar_type(f_[v].type.dtype), row_elements() + e_.lanes);
  }

  void emit_direct() {
    begin("", row_shape(), row_lane_dim(), folds_lanes() ? 1 : unroll_, elements() * cost());
    for (const Kept& kept : kept_) copies_[kept.v] = row_copy(kept.v);
    over(e_, space_, [&](const std::vector<Coords>& rows) {
      std::vector<Coords> cells;
      for (const Coords& row : rows) cells.push_back(spread(row));
      for (int level = 0; level < levels_; ++level) {
        auto results = reduce_level(cells, reduces_of_level(level), nullptr);
        for (auto& [r, running] : results)
          for (size_t i = 0; i < running.size(); ++i)
            pull_.give(r, rows[i], accumulator(r).finish(running[i]));
        read_kept(level);
      }
      // Row values are computed before and stored after the last nest: it may read what they
      // replace.
      std::vector<std::vector<Value*>> elements;
      for (const Coords& row : rows) elements.push_back(at_index(row_yields_, row));
      if (!full_yields_.empty() && !stores_with_fold_)
        fold_nest(cells, nullptr, [&](const std::vector<Coords>& ats) {
          for (const Coords& at : ats) store_at(full_yields_, at);
        });
      for (size_t i = 0; i < rows.size(); ++i) store(row_yields_, rows[i], elements[i]);
    });
    e_.end();
  }

  // Split reductions ----------------------------------------------------------------------------

  int scratch(int64_t bytes) {
    out_.scratch_bytes.push_back(bytes);
    return int(k_.bases.size() + out_.scratch_bytes.size() - 1);
  }

  Coord row_number(const Coords& row) {
    std::vector<Dim> strides(row.size(), Dim(1));
    Shape shape = row_shape();
    for (size_t d = row.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
    return e_.offset(0, strides, row);
  }

  Dim row_count() const {
    Dim rows = 1;
    for (const Dim& d : row_shape()) rows = rows * d;
    return rows;
  }

  /// Scratch areas for the blocks' results of some reductions.
  std::vector<int> add_partial(const std::vector<ValueId>& some) {
    int64_t count = e_.at_capacity(row_count()) * blocks_;
    std::vector<int> areas;
    for (ValueId r : some) {
      int64_t bytes = ir::byte_size(accumulator(r).carried());
      partial_[r] = {scratch(count * bytes + 64), -1};
      areas.push_back(partial_[r].first);
      if (!accumulator(r).has_position()) continue;
      partial_[r].second = scratch(count * 8 + 64);
      areas.push_back(partial_[r].second);
    }
    return areas;
  }

  /// Sums over the batch, of which a block of rows is at hand: added to those before it.
  void emit_sums() {
    if (levels_ != 1 || !full_yields_.empty()) throw NotFused("more than sums over the batch");
    blocks_ = k_.blocks.chunks;
    std::vector<int> areas = add_partial(reduces_);
    for (ValueId r : reduces_)
      out_.sums[partial_[r].first] =
          e_.at_capacity(row_count()) * ir::byte_size(accumulator(r).carried());
    emit_partial(0, reduces_, row_count(), areas);
    e_.block_of_rows = false;
    emit_merge(0, reduces_, row_count(), areas);
    out_.steps.back().after_rows = true;
  }

  void emit_split() {
    Dim rows = row_count();
    for (int level = 0; level < levels_; ++level) {
      std::vector<ValueId> some = reduces_of_level(level);
      std::vector<int> areas = add_partial(some);
      emit_partial(level, some, rows, areas);
      emit_merge(level, some, rows, areas);
    }
    if (full_yields_.empty() || stores_with_fold_) return;
    store_later(".rest", full_, lane_dim_, full_yields_);
    if (!row_yields_.empty()) store_later(".rows", row_shape(), row_lane_dim(), row_yields_);
  }
  void store_later(const std::string& suffix, const Shape& shape, int lane_dim,
                   const std::vector<ValueId>& yields) {
    int saved_lanes = e_.lanes;
    if (lane_dim < 0) e_.lanes = 1;
    double count = 1;
    for (const Dim& d : shape) count *= double(e_.at_capacity(d));
    Step& s = begin(suffix, shape, lane_dim, 1, count * cost());
    for (int i : done_) s.reads.push_back(i);
    store_all(yields);
    e_.lanes = saved_lanes;
  }
  std::vector<int> done_;  ///< bases of finished reductions

  void emit_partial(int level, const std::vector<ValueId>& some, const Dim& rows,
                    const std::vector<int>& areas) {
    Shape shape = row_shape();
    shape.insert(shape.begin(), Dim(k_.sums_rows ? 1 : blocks_));
    int lane_dim = row_lane_dim();
    Step& s = begin(".part" + std::to_string(level), shape, lane_dim < 0 ? -1 : lane_dim + 1,
                    folds_lanes() ? 1 : unroll_, elements() * cost());
    s.writes = areas;
    if (stores_with_fold_)
      for (ValueId y : full_yields_) s.writes.push_back(k_.base_index.at(y));
    for (int i : done_) s.reads.push_back(i);
    over(e_, space_, [&](const std::vector<Coords>& units) {
      std::vector<Coords> cells;
      for (const Coords& unit : units) cells.push_back(spread(unit, 1));
      Value* block = units[0][0].base;
      auto results = reduce_level(cells, some, k_.sums_rows ? nullptr : block);
      for (auto& [r, running] : results) {
        Accumulator a = accumulator(r);
        for (size_t i = 0; i < running.size(); ++i) {
          Coords row(units[i].begin() + 1, units[i].end());
          Coord at = e_.add(row_number(row), e_.b.CreateMul(block, e_.size(rows)));
          if (k_.sums_rows) {
            Running before{e_.load(e_.base(partial_[r].first), a.carried(), at), nullptr};
            running[i] = a.merge(before, running[i]);
          }
          e_.store(running[i].value, e_.base(partial_[r].first), a.carried(), at);
          if (a.has_position())
            e_.store(running[i].position, e_.base(partial_[r].second), ir::DType::i64, at);
        }
      }
    });
    e_.end();
  }

  void emit_merge(int level, const std::vector<ValueId>& some, const Dim& rows,
                  const std::vector<int>& areas) {
    int row_lanes = row_lane_dim();
    int saved_lanes = e_.lanes;
    if (row_lanes < 0) e_.lanes = 1;
    bool last = level + 1 == levels_ && (full_yields_.empty() || stores_with_fold_);
    Step& s = begin(".merge" + std::to_string(level), row_shape(), row_lanes, 1,
                    double(e_.at_capacity(rows)) * double(blocks_ + 1));
    if (!last) s.writes.clear();
    s.flops = double(e_.at_capacity(rows)) * double(blocks_) * double(some.size());
    s.bytes = 8 * s.flops;
    s.reads.insert(s.reads.end(), areas.begin(), areas.end());
    for (int i : done_) s.reads.push_back(i);
    size_t step = out_.steps.size() - 1;
    std::map<ValueId, int> result;
    for (ValueId r : some) {
      int64_t bytes = ir::byte_size(f_[r].type.dtype);
      result[r] = scratch(e_.at_capacity(rows) * bytes + 64);
      done_.push_back(result[r]);
      out_.steps[step].writes.push_back(result[r]);
    }
    over(e_, space_, [&](const std::vector<Coords>& units) {
      const Coords& row = units[0];
      for (ValueId r : some) {
        Accumulator a = accumulator(r);
        Running total = merge_blocks(a, partial_[r], row, rows);
        Value* finished = a.finish(total);
        pull_.give(r, row, finished);
        e_.store(finished, e_.base(result[r]), f_[r].type.dtype, row_number(row));
      }
      if (last) store_at(row_yields_, row);
    });
    e_.end();
    e_.lanes = saved_lanes;
    for (ValueId r : some) pull_.read_from(r, result[r]);
  }

  /// Blocks one after the other, in order.
  Running merge_blocks(Accumulator& a, std::pair<int, int> areas, const Coords& row,
                       const Dim& rows) {
    Running first = a.start(e_.lanes > 1);
    Slots s{e_.slot(first.value->getType()),
            first.position ? e_.slot(first.position->getType()) : nullptr};
    auto write = [&](const Running& r) {
      e_.b.CreateStore(r.value, s.value);
      if (s.position) e_.b.CreateStore(r.position, s.position);
    };
    auto read = [&]() -> Running {
      return {e_.b.CreateLoad(s.value->getAllocatedType(), s.value),
              s.position ? e_.b.CreateLoad(s.position->getAllocatedType(), s.position) : nullptr};
    };
    write(first);
    Coord number = row_number(row);
    e_.loop(e_.i64(0), e_.i64(blocks_), 1, [&](Value* block) {
      Coord at = e_.add(number, e_.b.CreateMul(block, e_.size(rows)));
      Running part{e_.load(e_.base(areas.first), a.carried(), at), nullptr};
      if (s.position) part.position = e_.load(e_.base(areas.second), ir::DType::i64, at);
      write(a.merge(read(), part));
    });
    return read();
  }
};

}  // namespace

Emitted emit_loops(llvm::Module& module, CpuLevel level, int64_t capacity,
                   const ir::Function& function, const Kernel& kernel, const std::string& name) {
  return LoopKernel(module, level, capacity, function, kernel, name).run();
}

}  // namespace netc::backend
