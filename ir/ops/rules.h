// What the files of this folder share: typed access to attributes, errors, and the strided walks of
// the reference loops.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/array.h"
#include "ir/builder.h"
#include "ir/graph.h"
#include "ir/ops/definitions.h"
#include "ir/shape_rules.h"

namespace netc::ir::ops {

template <class T>
const T& attribute(const Value& value, size_t i) {
  return std::get<T>(value.attrs[i]);
}

/// The constant sizes of a shape under evaluation.
std::vector<int64_t> constant_sizes(const Shape& shape);

/// Row-major strides of an array of these sizes.
std::vector<int64_t> row_major(const std::vector<int64_t>& sizes);

/// Calls visit(i, at) for i = 0, 1, … over the index space `sizes` in row-major order, where `at`
/// is offset plus the sum of index times stride.
template <class Visit>
void walk(const std::vector<int64_t>& sizes, int64_t offset, const std::vector<int64_t>& strides,
          Visit visit) {
  int64_t count = 1;
  for (int64_t n : sizes) count *= n;
  std::vector<int64_t> index(sizes.size(), 0);
  int64_t at = offset;
  for (int64_t i = 0; i < count; ++i) {
    visit(i, at);
    for (size_t d = sizes.size(); d-- > 0;) {
      at += strides[d];
      if (++index[d] < sizes[d]) break;
      at -= strides[d] * sizes[d];
      index[d] = 0;
    }
  }
}

/// out[i] = in[at] over the walk of out's shape.
void read_strided(const Array& in, int64_t offset, const std::vector<int64_t>& strides, Array& out);
/// out[at] = in[i] over the walk of in's shape.
void write_strided(const Array& in, int64_t offset, const std::vector<int64_t>& strides,
                   Array& out);

/// Throws E0202 unless there are `count` operands.
void check_operands(const Value& value, std::span<const Type> args, size_t count);
/// Throws E0305 unless operand `i` holds integers.
void check_integers(const char* operation, std::span<const Type> args, size_t i);
/// Throws E0306 unless 0 <= dim < rank.
void check_dim(const char* operation, int64_t dim, int rank);

}  // namespace netc::ir::ops
