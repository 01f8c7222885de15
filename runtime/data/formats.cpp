// Magic numbers.
#include "runtime/data/formats.h"

#include <fmt/format.h>

#include <string_view>

namespace netc::runtime {
namespace {

struct Format {
  std::string_view start;
  const char* name;
  const char* cure;
};

constexpr const char* kSaveAsPng = "save it as a PNG picture";

constexpr Format kFormats[] = {
    {"\xff\xd8\xff", "a JPEG picture", kSaveAsPng},
    {"GIF8", "a GIF picture", kSaveAsPng},
    {"RIFF", "a WebP picture", kSaveAsPng},
    {"BM", "a BMP picture", kSaveAsPng},
    {{"II*\0", 4}, "a TIFF picture", kSaveAsPng},
    {{"MM\0*", 4}, "a TIFF picture", kSaveAsPng},
    {"\x89PNG", "a PNG picture", "give it a name that ends in .png"},
    {"\x93NUMPY", "a NumPy array", "give it a name that ends in .npy"},
    {"PK\x03\x04", "a ZIP archive", "give it a name that ends in .npz, if it is one of arrays"},
    {"\x89HDF", "an HDF5 file", "save it with `numpy.save`"},
};

}  // namespace

Error wrong_format(const ByteSource& source, std::span<const std::byte> start, const char* wanted) {
  if (start.empty()) return source.error(fmt::format("is empty, not {}", wanted));
  const std::string_view bytes(reinterpret_cast<const char*>(start.data()), start.size());
  for (const Format& format : kFormats) {
    if (!bytes.starts_with(format.start)) continue;
    return source.error(fmt::format("is {}, not {}", format.name, wanted)).help(format.cure);
  }
  return source.error(fmt::format("is not {}", wanted));
}

}  // namespace netc::runtime
