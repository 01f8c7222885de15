// The safetensors format: an 8-byte length, a JSON header, values. Reading trusts nothing.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/durable_file.h"
#include "runtime/error.h"
#include "runtime/tensor.h"

namespace netc::runtime {

constexpr int64_t kMaxFileHeader = 16 << 20;

/// A tensor of a file: dense, row-major, not owned.
struct TensorView {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;
};

using Metadata = std::map<std::string, std::string>;

/// A whole file in memory.
struct TensorFile {
  std::string path;
  Buffer content;
  size_t header_bytes = 0;  ///< length word and JSON
  Metadata metadata;
  std::vector<TensorView> tensors;   ///< in the order of their offsets
  std::vector<std::string> skipped;  ///< tensors of types that netc does not have (F16 …)

  const TensorView* find(std::string_view name) const;
};

/// Reads and checks a file: header limit, offsets without holes or overlaps that fill the file,
/// sizes that agree with shapes, no name twice. Values are copied as they are. Throws Error(fault).
TensorFile read_safetensors(const std::string& path, Fault fault = Fault::Weights);

/// Length word and header for tensors stored in this order, padded to 8 bytes.
std::string safetensors_header(std::span<const TensorView> tensors, const Metadata& metadata);
/// Replaces `path` with a file of these tensors, atomically.
void write_safetensors(const std::string& path, std::span<const TensorView> tensors,
                       const Metadata& metadata);

}  // namespace netc::runtime
