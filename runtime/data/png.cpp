// PNG pictures through libpng. Its errors come as longjmp, so nothing between a setjmp and the
// calls it guards has a destructor.
#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/checked.h"
#include "runtime/data/byte_source.h"
#include "runtime/data/formats.h"
#include "runtime/data/loaders.h"

namespace netc::runtime {
namespace {

// deflate cannot shrink by more than 1032 : 1.
constexpr int64_t kMostExpansion = 1040;

/// A file in memory on its way through libpng.
struct Reading {
  const std::byte* data = nullptr;
  size_t size = 0, at = 0;
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[96] = {};

  ~Reading() { png_destroy_read_struct(&png, &info, nullptr); }
};

void on_error(png_structp png, png_const_charp text) {
  auto& reading = *static_cast<Reading*>(png_get_error_ptr(png));
  std::strncpy(reading.message, text, sizeof reading.message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, size_t count) {
  auto& reading = *static_cast<Reading*>(png_get_io_ptr(png));
  if (count > reading.size - reading.at) png_error(png, "it ends early");
  std::memcpy(out, reading.data + reading.at, count);
  reading.at += count;
}

/// Reads the header and asks for 8-bit grey or RGB rows. False: `message` says what is wrong.
bool read_header(Reading& reading) {
  if (setjmp(png_jmpbuf(reading.png))) return false;
  png_read_info(reading.png, reading.info);
  png_set_palette_to_rgb(reading.png);
  if (png_get_bit_depth(reading.png, reading.info) < 8) png_set_expand_gray_1_2_4_to_8(reading.png);
  png_set_scale_16(reading.png);
  png_set_strip_alpha(reading.png);
  png_set_interlace_handling(reading.png);
  png_read_update_info(reading.png, reading.info);
  return true;
}

bool read_rows(Reading& reading, png_bytep* rows) {
  if (setjmp(png_jmpbuf(reading.png))) return false;
  png_read_image(reading.png, rows);
  png_read_end(reading.png, nullptr);
  return true;
}

bool is_png(std::span<const std::byte> start) {
  return start.size() >= 8 &&
         png_sig_cmp(reinterpret_cast<png_const_bytep>(start.data()), 0, 8) == 0;
}

}  // namespace

Tensor read_png(const std::string& path) {
  ByteSource source(path);
  if (source.compressed()) throw source.error("is not a PNG picture");
  Buffer file(static_cast<size_t>(source.most_left()));
  source.read_exactly(file.span(), "the picture");
  if (!is_png(file.span())) throw source.error("is not a PNG picture");
  Reading reading{file.data.get(), file.size};
  reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, on_error, on_warning);
  reading.info = reading.png ? png_create_info_struct(reading.png) : nullptr;
  if (!reading.info) throw Error(Fault::Memory, "there is no memory for reading a picture");
  png_set_read_fn(reading.png, &reading, on_read);
  auto damaged = [&] {
    return source
        .error(fmt::format("is a damaged PNG picture: {} (at byte {} of {})",
                           printable(reading.message), reading.at, reading.size))
        .help("write it again with the program it came from");
  };
  if (!read_header(reading)) throw damaged();
  const int64_t width = png_get_image_width(reading.png, reading.info);
  const int64_t height = png_get_image_height(reading.png, reading.info);
  const int64_t channels = png_get_channels(reading.png, reading.info);
  std::vector<int64_t> shape{height, width};
  if (channels != 1) shape.push_back(channels);
  // Rows of 1-bit pixels become 8 times as large; the file bounds all of them.
  const int64_t most = checked_multiply(8 * kMostExpansion, source.position()).value_or(INT64_MAX);
  if (element_count(shape).value_or(INT64_MAX) > most) {
    throw source.error(
        fmt::format("is truncated: its header declares {}", fmt::join(shape, " x ")));
  }
  Tensor picture = make_tensor(ElementType::u8, std::move(shape));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = reinterpret_cast<png_bytep>(picture.bytes.data.get()) +
              i * static_cast<size_t>(width * channels);
  }
  if (!read_rows(reading, rows.data())) throw damaged();
  return picture;
}

Tensor read_picture(const std::string& path) {
  std::byte bytes[8];
  ByteSource source(path);
  const std::span start(bytes, source.read(bytes));
  if (is_png(start)) return read_png(path);
  if (start.size() == 8 && start[0] == std::byte{'P'} &&
      (start[1] == std::byte{'5'} || start[1] == std::byte{'6'})) {
    return read_netpbm(path);
  }
  throw wrong_format(source, start, "a PNG picture, nor a binary PGM or PPM one (P5, P6)");
}

}  // namespace netc::runtime
