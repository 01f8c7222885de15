// PNG through libpng's simplified interface, then base64.
#include "tools/netc/report/picture.h"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace netc::tools {

namespace {
std::string base64(const std::vector<uint8_t>& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? bytes[i + k] : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}
}  // namespace

std::string Picture::address() const {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = png_uint_32(width);
  image.height = png_uint_32(height);
  image.format = channels == 1 ? PNG_FORMAT_GRAY : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  std::vector<uint8_t> file(PNG_IMAGE_PNG_SIZE_MAX(image));
  png_alloc_size_t size = file.size();
  if (!png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr))
    throw std::logic_error(std::string("libpng: ") + image.message);
  file.resize(size);
  return "data:image/png;base64," + base64(file);
}

std::optional<PictureShape> picture_shape(const std::vector<int64_t>& sample) {
  constexpr int64_t kLeast = 4, kMost = 512;
  const auto fits = [](int64_t side) { return side >= kLeast && side <= kMost; };
  const auto colours = [](int64_t n) { return n == 1 || n == 3; };
  if (sample.size() == 2 && fits(sample[0]) && fits(sample[1]))
    return PictureShape{int(sample[1]), int(sample[0]), 1, false};
  if (sample.size() != 3) return std::nullopt;
  if (colours(sample[2]) && fits(sample[0]) && fits(sample[1]))
    return PictureShape{int(sample[1]), int(sample[0]), int(sample[2]), false};
  if (colours(sample[0]) && fits(sample[1]) && fits(sample[2]))
    return PictureShape{int(sample[2]), int(sample[1]), int(sample[0]), true};
  return std::nullopt;
}

Picture picture_of(const PictureShape& shape, runtime::ElementType type, const std::byte* data,
                   double low, double high) {
  Picture picture{shape.width, shape.height, shape.channels, {}};
  const int64_t area = int64_t(shape.width) * shape.height;
  picture.pixels.resize(size_t(area * shape.channels));
  const bool bytes = type == runtime::ElementType::u8;
  const double range = high > low ? high - low : 1;
  for (int64_t pixel = 0; pixel < area; ++pixel)
    for (int64_t c = 0; c < shape.channels; ++c) {
      const int64_t from = shape.channels_first ? c * area + pixel : pixel * shape.channels + c;
      const double v = runtime::load_number(type, data + from * runtime::byte_size(type));
      const double level = bytes ? v : 255 * (v - low) / range;
      picture.pixels[size_t(pixel * shape.channels + c)] =
          std::isfinite(level) ? uint8_t(std::clamp(std::round(level), 0.0, 255.0)) : 0;
    }
  return picture;
}

}  // namespace netc::tools
