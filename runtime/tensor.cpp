// Allocation, conversion and description of host tensors.
#include "runtime/tensor.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime/arena.h"
#include "runtime/checked.h"
#include "runtime/error.h"

namespace netc::runtime {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

void Buffer::Free::operator()(std::byte* bytes) const { std::free(bytes); }

Buffer::Buffer(size_t bytes) : size(bytes) {
  const size_t alignment = bytes >= 2 * kHugePage ? kHugePage : 64;
  const size_t rounded = (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  data.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, rounded)));
  if (!data) throw Error(Fault::Memory, fmt::format("cannot get {} bytes", bytes));
  if (alignment == kHugePage) madvise(data.get(), rounded, MADV_HUGEPAGE);  // advice only
}

int64_t Tensor::count() const { return static_cast<int64_t>(bytes.size) / byte_size(type); }

double load_number(ElementType type, const std::byte* data) {
  return with_type(type, [&](auto sample) {
    std::memcpy(&sample, data, sizeof sample);
    return static_cast<double>(sample);
  });
}

double Tensor::number(int64_t index) const {
  return load_number(type, bytes.data.get() + index * byte_size(type));
}

Tensor make_tensor(ElementType type, std::vector<int64_t> shape) {
  const std::optional<int64_t> count = element_count(shape);
  if (!count || *count > memory_limit() / byte_size(type)) {
    throw Error(Fault::Memory,
                fmt::format("a tensor {} is beyond the memory limit", type_text(type, shape)));
  }
  return {type, std::move(shape), Buffer(static_cast<size_t>(*count * byte_size(type)))};
}

Tensor convert(const Tensor& tensor, ElementType type) {
  Tensor result = make_tensor(type, tensor.shape);
  with_type(tensor.type, [&](auto from) {
    with_type(type, [&](auto to) {
      const auto source = tensor.as<decltype(from)>();
      const auto target = result.as<decltype(to)>();
      for (size_t i = 0; i < source.size(); ++i) {
        target[i] = type == ElementType::boolean
                        ? static_cast<decltype(to)>(source[i] != decltype(from){})
                        : static_cast<decltype(to)>(source[i]);
      }
    });
  });
  return result;
}

Tensor transpose(const Tensor& tensor) {
  Tensor result = make_tensor(tensor.type, {tensor.shape.rbegin(), tensor.shape.rend()});
  const size_t rank = tensor.shape.size();
  const int64_t width = byte_size(tensor.type);
  std::vector<int64_t> index(rank, 0), stride(rank, 1);
  for (size_t i = 1; i < rank; ++i) stride[i] = stride[i - 1] * tensor.shape[i - 1];
  int64_t target = 0;
  for (int64_t source = 0, n = tensor.count(); source < n; ++source) {
    std::memcpy(result.bytes.data.get() + target * width, tensor.bytes.data.get() + source * width,
                static_cast<size_t>(width));
    for (size_t i = rank; i-- > 0;) {
      target += stride[i];
      if (++index[i] < tensor.shape[i]) break;
      target -= stride[i] * tensor.shape[i];
      index[i] = 0;
    }
  }
  return result;
}

const char* name(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "f32";
    case ElementType::f64:
      return "f64";
    case ElementType::i32:
      return "i32";
    case ElementType::i64:
      return "i64";
    case ElementType::u8:
      return "u8";
    case ElementType::boolean:
      return "bool";
  }
  return "";
}

std::optional<ElementType> parse_element_type(std::string_view text) {
  for (const ElementType type : {ElementType::f32, ElementType::f64, ElementType::i32,
                                 ElementType::i64, ElementType::u8, ElementType::boolean}) {
    if (text == name(type)) return type;
  }
  return std::nullopt;
}

bool is_floating(ElementType type) { return type == ElementType::f32 || type == ElementType::f64; }

std::string type_text(ElementType type, std::span<const int64_t> shape) {
  return shape.empty() ? name(type) : fmt::format("{}[{}]", name(type), fmt::join(shape, ", "));
}

}  // namespace netc::runtime
