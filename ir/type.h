// Types of values: an element type and a shape whose sizes may depend on `batch`.
#pragma once

#include <string>
#include <vector>

#include "ir/dim.h"

namespace netc::ir {

enum class DType : uint8_t { f32, f64, i32, i64, u8, boolean };

constexpr bool is_float(DType d) { return d == DType::f32 || d == DType::f64; }
constexpr bool is_integer(DType d) { return d == DType::i32 || d == DType::i64 || d == DType::u8; }
/// Bytes of one element in memory (bool takes one).
constexpr int64_t byte_size(DType d) {
  return d == DType::f64 || d == DType::i64 ? 8 : d == DType::f32 || d == DType::i32 ? 4 : 1;
}
/// The name in the language: f32 f64 i32 i64 u8 bool.
const char* name(DType d);

using Shape = std::vector<Dim>;

/// Element type and shape; rank 0 is an empty shape.
struct Type {
  DType dtype = DType::f32;
  Shape shape;

  int rank() const { return static_cast<int>(shape.size()); }
  bool operator==(const Type&) const = default;
};

/// Number of elements; poisoned on overflow.
Dim element_count(const Shape& shape);
/// `[batch, 784]`
std::string str(const Shape& shape);
/// `f32[batch, 784]`, or `f32` for rank 0.
std::string str(const Type& type);

}  // namespace netc::ir
