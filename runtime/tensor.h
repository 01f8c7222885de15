// A dense tensor in host memory, as files hold it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/plan.h"

namespace netc::runtime {

/// Bytes that are not zeroed when they are allocated; the reader fills them. Large ones ask for
/// huge pages: reading MNIST then costs 24 page faults instead of 11,500.
struct Buffer {
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte[], Free> data;
  size_t size = 0;

  Buffer() = default;
  /// Throws Error(Memory) when the system has not that much.
  explicit Buffer(size_t bytes);
  std::span<std::byte> span() { return {data.get(), size}; }
  std::span<const std::byte> span() const { return {data.get(), size}; }
};

/// Row-major values; shape {} is one number.
struct Tensor {
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;
  Buffer bytes;

  int64_t count() const;
  template <typename T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(bytes.data.get()), bytes.size / sizeof(T)};
  }
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data.get()), bytes.size / sizeof(T)};
  }
  /// Value `index` in row-major order as a double.
  double number(int64_t index) const;
};

/// An unfilled tensor. Throws Error(Memory) when it is beyond the limits.
Tensor make_tensor(ElementType type, std::vector<int64_t> shape);
/// The same values in another type: exact or rounded to nearest; bool is `!= 0`.
Tensor convert(const Tensor& tensor, ElementType type);
/// Dims in reverse order.
Tensor transpose(const Tensor& tensor);

/// f32 f64 i32 i64 u8 bool.
const char* name(ElementType type);
std::optional<ElementType> parse_element_type(std::string_view text);
bool is_floating(ElementType type);
/// `f32[784, 10]`; rank 0 is `f32`.
std::string type_text(ElementType type, std::span<const int64_t> shape);
/// The number at `data` as a double.
double load_number(ElementType type, const std::byte* data);
/// Calls `function(T{})` with the C++ type of `type`; bool is uint8_t.
template <typename Function>
decltype(auto) with_type(ElementType type, Function&& function) {
  switch (type) {
    case ElementType::f32:
      return function(float{});
    case ElementType::f64:
      return function(double{});
    case ElementType::i32:
      return function(int32_t{});
    case ElementType::i64:
      return function(int64_t{});
    case ElementType::u8:
      return function(uint8_t{});
    case ElementType::boolean:
      return function(uint8_t{});
  }
  return function(uint8_t{});
}

}  // namespace netc::runtime
