// Element storage of the reference interpreter, and its conversion to and from raw bytes.
#include "ir/array.h"

#include <cstring>
#include <limits>
#include <utility>

namespace netc::ir {
namespace {

/// Reads or writes one element of C type `T` at index i.
template <class T>
void put(std::byte* out, int64_t i, T v) {
  std::memcpy(out + i * int64_t(sizeof(T)), &v, sizeof(T));
}

template <class T>
T get(const std::byte* in, int64_t i) {
  T v;
  std::memcpy(&v, in + i * int64_t(sizeof(T)), sizeof(T));
  return v;
}

}  // namespace

int64_t wrap(DType dtype, int64_t v) {
  switch (dtype) {
    case DType::i32:
      return int32_t(uint32_t(uint64_t(v)));
    case DType::u8:
      return uint8_t(uint64_t(v));
    case DType::boolean:
      return v != 0;
    case DType::f32:
    case DType::f64:
    case DType::i64:
      return v;
  }
  return v;
}

int64_t to_integer(double v) {
  constexpr double kLimit = 9223372036854775808.0;
  if (v != v) return 0;
  if (v >= kLimit) return std::numeric_limits<int64_t>::max();
  if (v < -kLimit) return std::numeric_limits<int64_t>::min();
  return int64_t(v);
}

double round_to(DType dtype, double v) { return dtype == DType::f32 ? double(float(v)) : v; }

int64_t Array::size() const {
  int64_t count = 1;
  for (int64_t n : shape) count *= n;
  return count;
}

Array Array::zeros(DType dtype, std::vector<int64_t> shape) {
  Array a;
  a.dtype = dtype;
  a.shape = std::move(shape);
  if (is_float(dtype))
    a.floats.assign(size_t(a.size()), 0.0);
  else
    a.ints.assign(size_t(a.size()), 0);
  return a;
}

void Array::set(int64_t i, double v) {
  if (is_float(dtype))
    floats[size_t(i)] = round_to(dtype, v);
  else
    ints[size_t(i)] = dtype == DType::boolean ? v != 0 : wrap(dtype, to_integer(v));
}

void Array::set_int(int64_t i, int64_t v) {
  if (is_float(dtype))
    floats[size_t(i)] = dtype == DType::f32 ? double(float(v)) : double(v);
  else
    ints[size_t(i)] = wrap(dtype, v);
}

void Array::store(std::byte* out) const {
  for (int64_t i = 0, n = size(); i < n; ++i) store_element(out, i, i);
}

void Array::store_element(std::byte* out, int64_t slot, int64_t i) const {
  switch (dtype) {
    case DType::f32:
      put(out, slot, float(floats[size_t(i)]));
      break;
    case DType::f64:
      put(out, slot, floats[size_t(i)]);
      break;
    case DType::i32:
      put(out, slot, int32_t(ints[size_t(i)]));
      break;
    case DType::i64:
      put(out, slot, ints[size_t(i)]);
      break;
    case DType::u8:
    case DType::boolean:
      put(out, slot, uint8_t(ints[size_t(i)]));
      break;
  }
}

void Array::load_element(const std::byte* in, int64_t slot, int64_t i) {
  switch (dtype) {
    case DType::f32:
      floats[size_t(i)] = double(get<float>(in, slot));
      break;
    case DType::f64:
      floats[size_t(i)] = get<double>(in, slot);
      break;
    case DType::i32:
      ints[size_t(i)] = get<int32_t>(in, slot);
      break;
    case DType::i64:
      ints[size_t(i)] = get<int64_t>(in, slot);
      break;
    case DType::u8:
      ints[size_t(i)] = get<uint8_t>(in, slot);
      break;
    case DType::boolean:
      ints[size_t(i)] = get<uint8_t>(in, slot) != 0;
      break;
  }
}

Array Array::load(DType dtype, std::vector<int64_t> shape, const std::byte* in) {
  Array a = zeros(dtype, std::move(shape));
  for (int64_t i = 0, n = a.size(); i < n; ++i) a.load_element(in, i, i);
  return a;
}

}  // namespace netc::ir
