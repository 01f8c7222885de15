// Size arithmetic on numbers that come from files: a result that would overflow is no value, so
// that no reader can go on with a wrapped one.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace netc::runtime {

/// No tensor has more elements than this.
constexpr int64_t kMaxElements = int64_t{1} << 40;

inline std::optional<int64_t> checked_multiply(int64_t a, int64_t b) {
  int64_t product = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

inline std::optional<int64_t> checked_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (a < 0 || b < 0 || __builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// Number of elements of a tensor; none when a dim is negative or the product of the other dims
/// exceeds the limit even though one of them is 0.
inline std::optional<int64_t> element_count(std::span<const int64_t> shape) {
  int64_t count = 1;
  bool empty = false;
  for (const int64_t dim : shape) {
    if (dim == 0) {
      empty = true;
      continue;
    }
    const std::optional<int64_t> product = checked_multiply(count, dim);
    if (!product || *product > kMaxElements) return std::nullopt;
    count = *product;
  }
  return empty ? 0 : count;
}

}  // namespace netc::runtime
