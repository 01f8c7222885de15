// Contraction kernels: the maps of a tile's sums.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>

#include "backend/contraction_kernel.h"

namespace netc::backend {

using ir::Dim;
using ir::ValueId;
using llvm::Value;

Value* ContractKernel::buffer(int64_t count) {
  if (!buffer_) {
    int64_t most = int64_t(p_.rows + p_.lanes) * (p_.columns * column_unit() + p_.lanes);
    buffer_ = e_.slot(e_.scalar_type(type_), std::max(most, count));
  }
  return buffer_;
}

Coords ContractKernel::result_index(const Tile& tile) const {
  Coords at;
  for (const Label& l : p_.labels)  // labels of the result come first, in its order
    if (l.present[2]) at.push_back(tile.labels[size_t(&l - p_.labels.data())]);
  return at;
}

void ContractKernel::epilogue(const Tile& tile, Value* element) {
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

void ContractKernel::evaluate(const Coords& at, Value* element) {
  pull_.give(p_.einsum, at, element);
  std::vector<Value*> values;
  for (ValueId y : k_.yields) values.push_back(pull_.value(y, at));
  for (size_t i = 0; i < values.size(); ++i) pull_.store(k_.yields[i], at, values[i]);
}

void ContractKernel::put_aside(const Sums& sums) {
  auto& b = e_.b;
  Value* buffer = this->buffer(int64_t(sums.size()) * p_.lanes);
  for (size_t s = 0; s < sums.size(); ++s) {
    Value* sum = b.CreateLoad(sums[s]->getAllocatedType(), sums[s]);
    b.CreateStore(sum, b.CreateConstGEP1_64(e_.scalar_type(type_), buffer, s * size_t(p_.lanes)));
  }
}

void ContractKernel::finish_row(Tile tile, Value* row, Value* i) {
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
  const auto column = [&](const std::vector<Coord>& at) {
    finish(at[0], b.CreateSub(at[0].base, start));
  };
  vectors(e_, start, tile.column_end, label(p_.column).size, false, 1, column, false, tile.columns);
}

void ContractKernel::finish_dot(Tile tile, Value* row, const Sums& sums) {
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

Value* ContractKernel::sum_lanes(Value* v) {
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

}  // namespace netc::backend
