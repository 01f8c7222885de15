// Pixels as images that stand in the page itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/tensor.h"

namespace netc::tools {

struct Picture {
  int width = 0, height = 0, channels = 1;  ///< 1 grey, 3 RGB, 4 RGB and alpha
  std::vector<uint8_t> pixels;              ///< row by row, channels of a pixel side by side

  /// A `data:` address of a PNG file.
  std::string address() const;
};

/// How the numbers of one record form a picture: [h, w], [1 or 3, h, w] or [h, w, 1 or 3].
struct PictureShape {
  int width = 0, height = 0, channels = 1;
  bool channels_first = false;
};
/// Nothing when tensors of this shape (without the batch) are no pictures.
std::optional<PictureShape> picture_shape(const std::vector<int64_t>& sample);

/// The picture at `data`. Bytes are taken as they are; other numbers from `low` to `high`.
Picture picture_of(const PictureShape& shape, runtime::ElementType type, const std::byte* data,
                   double low, double high);

}  // namespace netc::tools
