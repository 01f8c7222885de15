// Contraction kernels: how a result is cut into units, panels and tiles, and long sums into blocks.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <numeric>

#include "backend/contraction_kernel.h"
#include "backend/loops.h"

namespace netc::backend {

using ir::Dim;
using ir::ValueId;
using llvm::Value;

namespace {

constexpr double kSplitWork = 1e6;  ///< multiplications of one block of a split sum
constexpr int64_t kFewUnits = 16, kMostSplits = 32;
constexpr double kUnitMost = 2e6, kUnitLeast = 65536;  ///< multiplications of one unit

}  // namespace

Emitted ContractKernel::run() {
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

void ContractKernel::divide() {
  double wanted = std::clamp(p_.multiplications / 16, kUnitLeast, kUnitMost);
  double per_row = 1;
  for (int l : p_.folded) per_row *= double(l == p_.split ? p_.split_block : size(l));
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

int ContractKernel::result_lane() const {
  if (!dot()) return p_.column;
  bool along_rows = p_.row >= 0 && (p_.column < 0 || label(p_.row).stride[2] == Dim(1));
  return along_rows ? p_.row : p_.column;
}

void ContractKernel::choose_splits() {
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

void ContractKernel::add_partial() {
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

void ContractKernel::merge(Step step) {
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
          ir::is_float(type_) ? e_.b.CreateFAdd(before, part) : e_.b.CreateAdd(before, part), sum);
    });
    evaluate(units[0], e_.b.CreateLoad(t, sum));
  });
  e_.end();
  e_.lanes = lanes;
}

void ContractKernel::overrun(int which, int l, int64_t count) {
  int64_t bytes = ir::byte_size(type_);
  int64_t stride = std::abs(e_.at_capacity(label(l).stride[which]));
  out_.overrun += count * stride * bytes;
}

Value* ContractKernel::low(const Tile& tile, int j, Value* v) {
  if (lanes_of(tile, j) == p_.lanes) return v;
  std::vector<int> lanes(size_t(lanes_of(tile, j)));
  std::iota(lanes.begin(), lanes.end(), 0);
  return e_.b.CreateShuffleVector(v, lanes);
}

void ContractKernel::unit(const Coords& at) {
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

void ContractKernel::rows(Tile panel, Value* row_start) {
  Value* segment = p_.segmented < 0 ? nullptr : all_but_last_segment(panel, row_start);
  bool late = finishes_late();
  Value* end = late ? e_.b.CreateAdd(panel.row_end, e_.i64(p_.rows)) : panel.row_end;
  const auto next = [&](Value* row) {
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
    const auto finish = [&](Value* i) { finish_row(tile, e_.b.CreateAdd(row, i), i); };
    e_.loop(e_.i64(0), count, 1, finish, p_.rows);
  };
  e_.loop(row_start, end, p_.rows, next, row_block_ / p_.rows);
}

ContractKernel::Tile ContractKernel::at_row(const Tile& panel, Value* row) {
  Tile tile = panel;
  if (p_.row >= 0) tile.labels[size_t(p_.row)] = e_.uniform(row);
  return tile;
}

ContractKernel::Sums ContractKernel::zeros(const Tile& tile) {
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

Emitted emit_contraction(llvm::Module& module, CpuLevel level, int64_t capacity,
                         const ir::Function& function, const Kernel& kernel,
                         const std::string& name) {
  return ContractKernel(module, level, capacity, function, kernel, name).run();
}

}  // namespace netc::backend
