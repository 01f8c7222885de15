// Tensors of the reference interpreter: row-major, floats held in double (f32 values are doubles
// that are exactly representable in f32), everything else in int64.
#pragma once

#include <cstddef>
#include <vector>

#include "ir/type.h"

namespace netc::ir {

/// `v` as an integer type holds it: wrapped; bool: whether it is not 0.
int64_t wrap(DType dtype, int64_t v);
/// A float as an integer: towards zero, NaN is 0, what does not fit saturates to 64 bits.
int64_t to_integer(double v);
/// `v` rounded to f32 or f64.
double round_to(DType dtype, double v);

struct Array {
  DType dtype = DType::f32;
  std::vector<int64_t> shape;
  std::vector<double> floats;  ///< f32, f64
  std::vector<int64_t> ints;   ///< i32, i64, u8 (wrapped to the type), bool (0 or 1)

  int64_t size() const;  ///< number of elements
  /// Zeros of a type and shape.
  static Array zeros(DType dtype, std::vector<int64_t> shape);
  double number(int64_t i) const {
    return is_float(dtype) ? floats[size_t(i)] : double(ints[size_t(i)]);
  }
  /// Stores `v`, rounded or wrapped to the dtype.
  void set(int64_t i, double v);
  void set_int(int64_t i, int64_t v);
  /// Raw little-endian elements as they stand in memory and in files.
  void store(std::byte* out) const;
  static Array load(DType dtype, std::vector<int64_t> shape, const std::byte* in);
  /// One element, between place `i` here and place `slot` of raw memory.
  void store_element(std::byte* out, int64_t slot, int64_t i) const;
  void load_element(const std::byte* in, int64_t slot, int64_t i);
};

}  // namespace netc::ir
