// PNG pictures made here byte by byte: what each kind is read as, and that damaged and hostile
// files end in an error that names the file and the cause.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "runtime/data/loaders.h"
#include "runtime/error.h"
#include "tests/runtime/toy.h"

namespace netc::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Bytes = std::vector<int>;

std::string text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

std::string big_endian(uint64_t value) {
  return text(
      {int(value >> 24 & 255), int(value >> 16 & 255), int(value >> 8 & 255), int(value & 255)});
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), uInt(body.size()));
  return big_endian(data.size()) + body + big_endian(crc);
}

std::string deflated(const std::string& content) {
  std::string out(compressBound(content.size()), '\0');
  uLongf size = out.size();
  compress(reinterpret_cast<Bytef*>(out.data()), &size,
           reinterpret_cast<const Bytef*>(content.data()), content.size());
  out.resize(size);
  return out;
}

const std::string kSignature = "\x89PNG\r\n\x1a\n";
constexpr int kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6;

std::string header(uint64_t width, uint64_t height, int depth, int colour, int interlace = 0) {
  return chunk("IHDR",
               big_endian(width) + big_endian(height) + text({depth, colour, 0, 0, interlace}));
}

/// `rows` begin with their filter byte.
std::string png(const std::string& head, const Bytes& rows, const std::string& before = "") {
  return kSignature + head + before + chunk("IDAT", deflated(text(rows))) + chunk("IEND", "");
}

struct Kind {
  const char* name;
  std::string file;
  std::vector<int64_t> shape;
  std::vector<int> pixels;
};

std::vector<Kind> kinds() {
  const std::string palette = chunk("PLTE", text({9, 8, 7, 200, 100, 50}));
  return {
      {"grey8",
       png(header(3, 2, 8, kGrey), {0, 1, 2, 255, 0, 4, 5, 6}),
       {2, 3},
       {1, 2, 255, 4, 5, 6}},
      {"filtered",
       png(header(3, 2, 8, kGrey), {1, 1, 1, 1, 2, 1, 1, 1}),
       {2, 3},
       {1, 2, 3, 2, 3, 4}},
      {"grey1", png(header(3, 1, 1, kGrey), {0, 0xa0}), {1, 3}, {255, 0, 255}},
      {"grey4", png(header(2, 1, 4, kGrey), {0, 0x1f}), {1, 2}, {17, 255}},
      {"grey16", png(header(2, 1, 16, kGrey), {0, 0xff, 0xff, 0x80, 0x80}), {1, 2}, {255, 128}},
      {"rgb8", png(header(1, 2, 8, kRgb), {0, 1, 2, 3, 0, 4, 5, 6}), {2, 1, 3}, {1, 2, 3, 4, 5, 6}},
      {"palette",
       png(header(2, 1, 8, kPalette), {0, 1, 0}, palette),
       {1, 2, 3},
       {200, 100, 50, 9, 8, 7}},
      {"grey_alpha", png(header(2, 1, 8, kGreyAlpha), {0, 7, 0, 9, 255}), {1, 2}, {7, 9}},
      {"rgba", png(header(1, 1, 8, kRgba), {0, 1, 2, 3, 0}), {1, 1, 3}, {1, 2, 3}},
      // Adam7 of 2 x 2: pixel (0, 0), then (0, 1), then row 1.
      {"interlaced", png(header(2, 2, 8, kGrey, 1), {0, 1, 0, 2, 0, 3, 4}), {2, 2}, {1, 2, 3, 4}},
  };
}

TEST(Png, EachKindIsReadAsGreyOrRgb) {
  const toy::TemporaryDirectory directory;
  for (const Kind& kind : kinds()) {
    const std::string path = directory.file(kind.name);
    toy::write(path, kind.file);
    const Tensor picture = read_picture(path);
    EXPECT_EQ(picture.type, ElementType::u8);
    EXPECT_EQ(picture.shape, kind.shape) << kind.name;
    std::vector<int> pixels;
    for (int64_t i = 0; i < picture.count(); ++i) pixels.push_back(int(picture.number(i)));
    EXPECT_EQ(pixels, kind.pixels) << kind.name;
  }
}

/// The message of reading `content`; "none" when it can be read.
std::string message(const toy::TemporaryDirectory& directory, const std::string& content) {
  toy::write(directory.file("x.png"), content);
  try {
    read_png(directory.file("x.png"));
    return "none";
  } catch (const Error& error) {
    EXPECT_STREQ(code(error.fault), "R0602") << error.message;
    EXPECT_THAT(error.message, HasSubstr("x.png"));
    return error.message;
  }
}

TEST(Png, DamagedAndHostileFilesAreRefused) {
  const toy::TemporaryDirectory directory;
  const std::string head = header(3, 2, 8, kGrey);
  const Bytes rows{0, 1, 2, 3, 0, 4, 5, 6};
  std::string flipped = png(head, rows);
  flipped[8 + 8] = char(flipped[8 + 8] ^ 1);  // the width, against the checksum
  const std::pair<std::string, const char*> files[] = {
      {"", "not a PNG"},
      {"P5 1 1 255 x", "not a PNG"},
      {kSignature, "ends early"},
      {flipped, "CRC"},
      {png(header(0, 2, 8, kGrey), rows), "IHDR"},
      {png(header(1u << 31, 2, 8, kGrey), rows), "out of range"},
      {png(header(999'999, 999'999, 8, kRgb), rows), "is truncated: its header declares"},
      {png(header(2'000'000, 1, 8, kGrey), rows), "IHDR"},
      {png(header(3, 2, 3, kGrey), rows), "IHDR"},
      {png(header(3, 2, 8, 5), rows), "IHDR"},
      {png(header(3, 2, 8, kGrey, 9), rows), "IHDR"},
      {png(header(3, 2, 8, kPalette), rows), "damaged"},
      {png(chunk("IHDR", "short"), rows), "damaged"},
      {kSignature + chunk("IDAT", deflated(text(rows))), "damaged"},
      {kSignature + head + chunk("IEND", ""), "damaged"},
      {kSignature + head + chunk("IDAT", "no deflate stream") + chunk("IEND", ""), "damaged"},
      {png(head, {0, 1, 2, 3, 0}), "damaged"},
      {png(head, {0, 1, 2, 3, 9, 4, 5, 6}), "damaged"},
      {png(head, rows, chunk("Crit", "unknown")), "damaged"},
      {kSignature + big_endian(0xfffffff0) + "IHDR", "damaged"},
  };
  for (const auto& [content, expected] : files)
    EXPECT_THAT(message(directory, content), HasSubstr(expected));
}

TEST(Png, TruncationAtEveryByteIsAnError) {
  const toy::TemporaryDirectory directory;
  for (const Kind& kind : kinds())
    for (size_t size = 0; size < kind.file.size(); ++size)
      EXPECT_NE(message(directory, kind.file.substr(0, size)), "none") << kind.name << " " << size;
}

TEST(Png, BitFlipsNeverCrash) {
  const toy::TemporaryDirectory directory;
  for (const Kind& kind : kinds())
    for (size_t bit = 0; bit < 8 * kind.file.size(); bit += 3) {
      std::string file = kind.file;
      file[bit / 8] = char(file[bit / 8] ^ (1 << bit % 8));
      message(directory, file);
    }
}

TEST(Png, FoldersOfPicturesAreClasses) {
  const toy::TemporaryDirectory directory;
  std::filesystem::create_directories(directory.file("photos/cat"));
  std::filesystem::create_directories(directory.file("photos/dog"));
  toy::write(directory.file("photos/cat/1.png"), kinds()[0].file);
  toy::write(directory.file("photos/dog/1.pgm"), "P5 3 2 255\n" + text({6, 5, 4, 3, 2, 1}));
  const DataSource source{{"images", {{"", std::string("photos")}}}, directory.path()};
  const InputSpec inputs[] = {{"image", ElementType::u8, {2, 3}}, {"label", ElementType::u8, {}}};
  const Dataset data = load_dataset(source, inputs);
  EXPECT_THAT(data.splits[0].find("label")->classes, ElementsAre("cat", "dog"));
  const Field& image = *data.splits[0].find("image");
  EXPECT_EQ(image.records, 2);
  EXPECT_EQ(int(image.data()[2]), 255);
  EXPECT_EQ(int(image.data()[6]), 6);
  toy::write(directory.file("photos/dog/2.png"), "text");
  try {
    load_dataset(source, inputs);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.message, HasSubstr("dog/2.png: is not a PNG picture, nor"));
  }
}

TEST(Pictures, OtherFormatsAreNamedWithTheCure) {
  const toy::TemporaryDirectory directory;
  const std::string path = directory.file("x");
  const std::pair<std::string, const char*> files[] = {
      {"\xff\xd8\xff\xe0 JFIF and more", "a JPEG picture"},
      {"GIF89a and more", "a GIF picture"},
      {std::string("II*\0 and more", 13), "a TIFF picture"}};
  for (const auto& [content, name] : files) {
    toy::write(path, content);
    for (const bool picture : {true, false}) {
      try {
        picture ? read_picture(path) : read_npy(path);
        FAIL() << name;
      } catch (const Error& error) {
        EXPECT_EQ(error.message, path + ": is " + name +
                                     (picture ? ", not a PNG picture, nor a binary PGM or PPM one "
                                                "(P5, P6)"
                                              : ", not a .npy file"));
        EXPECT_EQ(error.helps.at(0), "save it as a PNG picture");
      }
    }
  }
}

}  // namespace
}  // namespace netc::runtime
