// Shared checks and strided copies of the structural ops.
#include "ir/ops/rules.h"

namespace netc::ir::ops {

std::vector<int64_t> constant_sizes(const Shape& shape) {
  std::vector<int64_t> sizes;
  for (const Dim& d : shape) sizes.push_back(d.constant());
  return sizes;
}

std::vector<int64_t> row_major(const std::vector<int64_t>& sizes) {
  std::vector<int64_t> strides(sizes.size());
  int64_t stride = 1;
  for (size_t d = sizes.size(); d-- > 0;) strides[d] = stride, stride *= sizes[d];
  return strides;
}

void read_strided(const Array& in, int64_t offset, const std::vector<int64_t>& strides,
                  Array& out) {
  if (is_float(out.dtype)) {
    walk(out.shape, offset, strides,
         [&](int64_t i, int64_t at) { out.floats[size_t(i)] = in.floats[size_t(at)]; });
  } else {
    walk(out.shape, offset, strides,
         [&](int64_t i, int64_t at) { out.ints[size_t(i)] = in.ints[size_t(at)]; });
  }
}

void write_strided(const Array& in, int64_t offset, const std::vector<int64_t>& strides,
                   Array& out) {
  if (is_float(out.dtype)) {
    walk(in.shape, offset, strides,
         [&](int64_t i, int64_t at) { out.floats[size_t(at)] = in.floats[size_t(i)]; });
  } else {
    walk(in.shape, offset, strides,
         [&](int64_t i, int64_t at) { out.ints[size_t(at)] = in.ints[size_t(i)]; });
  }
}

void check_operands(const Value& value, std::span<const Type> args, size_t count) {
  if (args.size() == count) return;
  throw OpError("E0202", fmt::format("`{}` takes {} operand{}, not {}", op_name(value.op), count,
                                     count == 1 ? "" : "s", args.size()));
}

void check_integers(const char* operation, std::span<const Type> args, size_t i) {
  if (is_integer(args[i].dtype)) return;
  OpError error("E0305", fmt::format("`{}`: the index must hold integers, this has type {}",
                                     operation, str(args[i])));
  error.labels = {{int(i), str(args[i])}};
  throw error;
}

void check_dim(const char* operation, int64_t dim, int rank) {
  if (dim < 0) dim = rank;  // in the graph dims count from the front
  normalise_dim(operation, dim, rank);
}

}  // namespace netc::ir::ops
