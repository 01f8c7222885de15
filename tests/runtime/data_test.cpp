// Data loaders: what they read, and that damaged or hostile files end in an error that names the
// file and the place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cmath>
#include <numeric>

#include "runtime/batches.h"
#include "runtime/data/dataset.h"
#include "runtime/data/loaders.h"
#include "runtime/error.h"
#include "runtime/nearest.h"
#include "tests/runtime/datasets.h"
#include "tests/runtime/toy.h"

namespace netc::runtime {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using toy::call;
using toy::message;
using toy::numbers;
using toy::source;
using toy::TemporaryDirectory;

std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string idx(uint8_t type, const std::vector<uint32_t>& dims, const std::string& values) {
  std::string text{'\0', '\0', static_cast<char>(type), static_cast<char>(dims.size())};
  for (const uint32_t dim : dims) text += big_endian(dim);
  return text + values;
}

std::string gzip(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(compressBound(content.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string npy(const std::string& header, const std::string& values) {
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(header.size() & 0xff);
  text += static_cast<char>(header.size() >> 8);
  return text + header + values;
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * 4};
}

const std::string kPixels = [] {
  std::string pixels;
  for (int i = 0; i < 6 * 4; ++i) pixels += static_cast<char>(i);
  return pixels;
}();

TEST(Nearest, CaseIsNoDifferenceAndNothingInCommonIsNoHelp) {
  EXPECT_EQ(nearest("Y", {"x", "y"}), "y");
  EXPECT_EQ(nearest("Z", {"x", "y"}), "");
  EXPECT_EQ(nearest("weigth", {"x", "weight"}), "weight");
}

TEST(Idx, ReadsPlainAndGzip) {
  const TemporaryDirectory directory;
  const std::string content = idx(8, {6, 2, 2}, kPixels);
  toy::write(directory.file("plain"), content);
  toy::write(directory.file("packed"), gzip(content));
  toy::write(directory.file("members"), gzip(content.substr(0, 9)) + gzip(content.substr(9)));
  for (const char* name : {"plain", "packed", "members"}) {
    const Field field = read_idx(directory.file(name), "image");
    EXPECT_EQ(field.type, ElementType::u8);
    EXPECT_EQ(field.records, 6);
    EXPECT_THAT(field.shape, ElementsAre(2, 2));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(field.data()), 24), kPixels) << name;
  }
}

TEST(Idx, SwapsBigEndianValues) {
  const TemporaryDirectory directory;
  toy::write(directory.file("a"), idx(0x0C, {2}, big_endian(7) + big_endian(0xFFFFFFFE)));
  const Field field = read_idx(directory.file("a"), "a");
  EXPECT_EQ(load_number(field.type, field.data()), 7);
  EXPECT_EQ(load_number(field.type, field.data() + 4), -2);
}

TEST(Idx, EmptyHasNoRecords) {
  const TemporaryDirectory directory;
  toy::write(directory.file("a"), idx(8, {0, 28, 28}, ""));
  EXPECT_EQ(read_idx(directory.file("a"), "a").records, 0);
}

TEST(Idx, RefusesHostileHeaders) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("train-images-idx3-ubyte");
  auto error = [&](const std::string& content) {
    toy::write(path, content);
    return message([&] { read_idx(path, "image"); });
  };
  EXPECT_THAT(error(""), HasSubstr("train-images-idx3-ubyte: is truncated"));
  EXPECT_THAT(error("PK\x03\x04garbage"), HasSubstr("wrong magic number"));
  EXPECT_THAT(error(idx(0x0B, {1}, "ab")), HasSubstr("0x0b is not supported"));
  EXPECT_THAT(error(idx(8, {}, "a")), HasSubstr("0 dims"));
  EXPECT_THAT(error(std::string("\0\0\x08\xff", 4) + std::string(1024, '\xff')),
              HasSubstr("255 dims"));
  EXPECT_THAT(error(idx(8, {7, 2, 2}, kPixels)), HasSubstr("declares u8[7, 2, 2], there are 24"));
  EXPECT_THAT(error(idx(8, {5, 2, 2}, kPixels)), HasSubstr("bytes after the u8[5, 2, 2]"));
  const uint32_t huge = 0xFFFFFFFF;
  EXPECT_THAT(error(idx(8, {huge, huge, huge, huge}, kPixels)), HasSubstr("truncated"));
  EXPECT_THAT(error(idx(8, {0, huge, huge, huge}, "")), HasSubstr("truncated"));
  EXPECT_THAT(error(idx(0x0E, {0x20000000, 1024}, kPixels)), HasSubstr("truncated"));
  // A bomb: gzip of zeros that declares more than its size can unfold to, and one within that.
  EXPECT_THAT(error(gzip(idx(8, {huge, 4096}, std::string(1 << 20, '\0')))),
              HasSubstr("truncated"));
  EXPECT_THAT(error(gzip(idx(8, {10}, std::string(10 << 20, '\0')))), HasSubstr("bytes after"));
  EXPECT_THAT(error(gzip(idx(8, {6, 2, 2}, kPixels)) + "garbage"), HasSubstr("damaged compressed"));
}

TEST(Idx, TruncationAtEveryByteIsAnError) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("labels");
  const std::string content = idx(8, {1016}, std::string(1016, '\3'));
  ASSERT_EQ(content.size(), 1024u);
  std::string noise(1016, '\0');
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * i * 31 >> 3);
  const std::string packed = gzip(idx(8, {1016}, noise));
  for (const std::string& whole : {content, packed}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      toy::write(path, whole.substr(0, size));
      const std::string text = message([&] { read_idx(path, "label"); });
      ASSERT_THAT(text, HasSubstr("labels: ")) << size;
    }
  }
}

TEST(Idx, BitFlipsNeverCrash) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("f");
  const std::string plain = idx(0x0D, {6, 1}, kPixels);
  const std::string packed = gzip(plain);
  int undetected = 0;
  for (const std::string& whole : {plain, packed}) {
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      toy::write(path, damaged);
      undetected += message([&] { read_idx(path, "f"); }) == "no error";
    }
  }
  // The values of a plain file and some bytes of a gzip header carry no check.
  EXPECT_LT(undetected, 24 * 8 + 9 * 8);
}

TEST(Files, OtherThanRegularOnesAreRefused) {
  const TemporaryDirectory directory;
  mkfifo(directory.file("pipe").c_str(), 0600);
  for (const std::string& path : {directory.file("pipe"), directory.path(), directory.file("none"),
                                  std::string("/dev/zero")}) {
    EXPECT_NE(message([&] { read_idx(path, "x"); }), "no error") << path;
    EXPECT_NE(message([&] { read_npy(path); }), "no error") << path;
  }
}

TEST(Npy, ReadsWhatNumPyWrites) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.npy");
  toy::write(path, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
                       floats({1, 2, 3, 4, 5, 6})));
  const Tensor rows = read_npy(path);
  EXPECT_THAT(rows.shape, ElementsAre(2, 3));
  EXPECT_EQ(rows.number(5), 6);
  toy::write(path, npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }\n",
                       floats({1, 4, 2, 5, 3, 6})));
  const Tensor columns = read_npy(path);
  EXPECT_THAT(columns.shape, ElementsAre(2, 3));
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(columns.number(i), static_cast<double>(i + 1));
  toy::write(path, npy("{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }\n",
                       big_endian(3) + big_endian(0xFFFFFFFF)));
  EXPECT_EQ(read_npy(path).number(1), -1);
  toy::write(path, npy("{\"shape\": (), 'fortran_order': False, 'descr': '|b1'}", "\5"));
  EXPECT_EQ(read_npy(path).number(0), 1);
  toy::write(path, gzip(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3L,), }", "abc")));
  EXPECT_EQ(read_npy(path).number(2), 'c');
}

TEST(Npy, WritesWhatItReads) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.npy");
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{}, {5}, {2, 3}, {0}, {4, 0, 2}, {1, 2, 3, 4}}) {
    for (const ElementType type : {ElementType::f32, ElementType::f64, ElementType::i32,
                                   ElementType::i64, ElementType::u8, ElementType::boolean}) {
      Tensor tensor = make_tensor(type, shape);
      for (size_t i = 0; i < tensor.bytes.size; ++i) tensor.bytes.data[i] = std::byte{1};
      write_npy(path, tensor);
      EXPECT_EQ(toy::read(path).find('\n') % 64, 63u);
      const Tensor back = read_npy(path);
      EXPECT_EQ(back.shape, shape);
      EXPECT_EQ(back.type, type);
      EXPECT_TRUE(std::equal(back.bytes.span().begin(), back.bytes.span().end(),
                             tensor.bytes.span().begin(), tensor.bytes.span().end()));
    }
  }
}

TEST(Npy, RefusesHostileHeaders) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.npy");
  auto error = [&](const std::string& content) {
    toy::write(path, content);
    return message([&] { read_npy(path); });
  };
  auto header = [&](const std::string& text) { return error(npy(text, "12345678")); };
  EXPECT_THAT(error("not numpy at all"), HasSubstr("is not a .npy file"));
  EXPECT_THAT(error(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "x")),
              HasSubstr("type `|O` are not supported"));
  for (const char* bad :
       {"", "{", "}", "{}", "[]", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2"
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} + evil()",
        "{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}"}) {
    EXPECT_THAT(header(bad), HasSubstr("malformed npy header")) << bad;
  }
  for (const char* big : {"(4611686018427387904, 4)", "(4294967296, 4294967296, 0)", "(3,)",
                          "(9223372036854775807,)"}) {
    EXPECT_THAT(
        header(std::string("{'descr': '<f4', 'fortran_order': False, 'shape': ") + big + "}"),
        HasSubstr("truncated"))
        << big;
  }
  EXPECT_THAT(header("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"),
              HasSubstr("bytes after"));
  EXPECT_THAT(error(std::string("\x93NUMPY\x09\x00\x10\x00", 10)), HasSubstr("version 9"));
  EXPECT_THAT(error(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12)), HasSubstr("declares"));
}

TEST(Npy, TruncationAtEveryByteIsAnError) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.npy");
  Tensor tensor = make_tensor(ElementType::f64, {112});
  std::fill(tensor.bytes.data.get(), tensor.bytes.data.get() + tensor.bytes.size, std::byte{0});
  write_npy(path, tensor);
  const std::string whole = toy::read(path);
  ASSERT_EQ(whole.size(), 1024u);
  for (size_t size = 0; size < whole.size(); ++size) {
    toy::write(path, whole.substr(0, size));
    ASSERT_THAT(message([&] { read_npy(path); }), HasSubstr("x.npy: ")) << size;
  }
}

void write_mnist(const TemporaryDirectory& directory, const std::string& labels) {
  for (const std::string prefix : {"train", "t10k"}) {
    toy::write(directory.file(prefix + "-images-idx3-ubyte"), idx(8, {6, 2, 2}, kPixels));
    toy::write(directory.file(prefix + "-labels-idx1-ubyte.gz"), gzip(idx(8, {6}, labels)));
  }
}

const std::vector<InputSpec> kMnistInputs{{"image", ElementType::u8, {2, 2}},
                                          {"label", ElementType::u8, {}, 10}};

TEST(Mnist, HasTwoSplits) {
  const TemporaryDirectory directory;
  write_mnist(directory, std::string("\0\1\2\3\4\x9", 6));
  const Dataset data =
      load_dataset(source(directory.path(), "mnist", {{"", std::string(".")}}), kMnistInputs);
  ASSERT_EQ(data.splits.size(), 2u);
  EXPECT_EQ(data.find("test")->records, 6);
}

TEST(Mnist, IndexRangesAreCheckedWhenLoading) {
  const TemporaryDirectory directory;
  write_mnist(directory, std::string("\0\1\2\3\xA\x9", 6));
  const DataSource mnist = source(directory.path(), "mnist", {{"", std::string(".")}});
  EXPECT_EQ(message([&] { load_dataset(mnist, kMnistInputs); }),
            directory.file("train-labels-idx1-ubyte.gz: record 4: label 10 is outside 0..9"));
  std::vector<InputSpec> inputs = kMnistInputs;
  inputs[1].index_ignore = 10;
  EXPECT_EQ(message([&] { load_dataset(mnist, inputs); }), "no error");
  inputs[1].index_range = 0;
  EXPECT_EQ(message([&] { load_dataset(mnist, inputs); }), "no error");
}

TEST(Mnist, MissingAndUnequalFiles) {
  const TemporaryDirectory directory;
  const DataSource mnist = source(directory.path(), "mnist", {{"", std::string(".")}});
  EXPECT_THAT(message([&] { load_dataset(mnist, kMnistInputs); }),
              HasSubstr("has no train-images-idx3-ubyte[.gz]"));
  write_mnist(directory, "\1\2\3\4\5");
  EXPECT_THAT(message([&] { load_dataset(mnist, kMnistInputs); }), HasSubstr("is truncated"));
  for (const std::string prefix : {"train", "t10k"}) {
    toy::write(directory.file(prefix + "-labels-idx1-ubyte.gz"), idx(8, {5}, "\1\2\3\4\5"));
  }
  EXPECT_THAT(message([&] { load_dataset(mnist, kMnistInputs); }),
              HasSubstr("train-labels-idx1-ubyte.gz has 5 records, " +
                        directory.file("train-images-idx3-ubyte has 6")));
}

TEST(Fields, MismatchSaysWhatToDeclare) {
  const TemporaryDirectory directory;
  write_mnist(directory, std::string(6, '\1'));
  const DataSource mnist = source(directory.path(), "mnist", {{"", std::string(".")}});
  try {
    load_dataset(mnist, std::vector<InputSpec>{{"image", ElementType::f32, {784}}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(code(error.fault), "R0601");
    EXPECT_EQ(error.message,
              "dataset field `image` is u8[2, 2] per sample, the model wants f32[784]");
    EXPECT_EQ(error.input, "image");
    EXPECT_EQ(error.data_label, "fields: image u8[2, 2], label u8");
    EXPECT_EQ(error.helps[0],
              "declare `input image: u8[batch, 2, 2]` and convert in the graph:\n"
              "`flatten(float(image) / 255, 1)`, so `predict` does it too");
  }
  EXPECT_THAT(message([&] {
                load_dataset(mnist, std::vector<InputSpec>{{"picture", ElementType::u8, {2, 2}}});
              }),
              HasSubstr("the dataset has no field `picture`"));
}

TEST(Fields, MissingOnesComeWithTheCure) {
  const TemporaryDirectory directory;
  write_mnist(directory, std::string(6, '\1'));
  auto help = [&](const std::string& loader,
                  std::vector<std::pair<std::string, LoaderValue>> arguments,
                  const std::vector<InputSpec>& inputs) {
    try {
      load_dataset(source(directory.path(), loader, std::move(arguments)), inputs);
    } catch (const Error& error) {
      return error.helps.empty() ? std::string("none") : error.helps[0];
    }
    return std::string("no error");
  };
  toy::write(directory.file("d.csv"), "x,y\n1,2\n");
  const std::vector<InputSpec> x_and_y{{"x", ElementType::f32, {}}, {"y", ElementType::f32, {}}};
  const std::pair<std::string, LoaderValue> file{"", std::string("d.csv")};
  const std::pair<std::string, LoaderValue> x{"x", call("col", {std::string("x")})};
  const std::pair<std::string, LoaderValue> z{"z", call("col", {std::string("y")})};
  EXPECT_EQ(help("csv", {file, x, z}, x_and_y),
            "rename `z` to `y` in the `data` item, or call the input `z`");
  toy::write(directory.file("words.csv"), "x,y\n1,cat\n2,dog\n");
  EXPECT_EQ(help("csv", {{"", std::string("words.csv")}, x, z},
                 {{"x", ElementType::f32, {}}, {"y", ElementType::u8, {}}}),
            "rename `z` to `y` in the `data` item, or call the input `z`");
  EXPECT_EQ(help("csv", {file, x}, x_and_y), "add `y = col(…)` to the `data` item");
  const std::pair<std::string, LoaderValue> folder{"", std::string(".")};
  EXPECT_EQ(help("mnist", {folder}, {{"picture", ElementType::u8, {2, 2}}}),
            "call the input `image`");
  EXPECT_EQ(help("mnist", {folder}, {{"image", ElementType::u8, {2, 2}}, {"x", ElementType::f32}}),
            "none");
}

TEST(RandomData, FillsInputsByType) {
  const std::vector<InputSpec> inputs{{"x", ElementType::f32, {10}},
                                      {"label", ElementType::u8, {}, 10},
                                      {"i", ElementType::i64, {3}, 7},
                                      {"b", ElementType::boolean, {}}};
  const DataSource random = source("", "random", {{"n", 2000.0}, {"seed", 4.0}});
  const Dataset data = load_dataset(random, inputs);
  EXPECT_EQ(data.splits[0].records, 2000);
  double mean = 0, square = 0;
  for (const double v : numbers(data, "x")) {
    mean += v / 20000;
    square += v * v / 20000;
  }
  EXPECT_NEAR(mean, 0, 0.03);
  EXPECT_NEAR(square, 1, 0.05);
  std::vector<int> counts(10);
  for (const double v : numbers(data, "label")) ++counts[static_cast<size_t>(v)];
  for (const int count : counts) EXPECT_NEAR(count, 200, 60);
  for (const double v : numbers(data, "i")) EXPECT_TRUE(v >= 0 && v < 7);
  EXPECT_EQ(numbers(load_dataset(random, inputs), "x"), numbers(data, "x"));
  EXPECT_THAT(message([&] { load_dataset(source("", "random", {}), inputs); }),
              HasSubstr("needs the number of records"));
  EXPECT_THAT(message([&] { load_dataset(source("", "random", {{"n", -3.0}}), inputs); }),
              HasSubstr("integer from 0"));
  EXPECT_THAT(message([&] { load_dataset(source("", "random", {{"n", 1e15}}), inputs); }),
              HasSubstr("memory limit"));
}

TEST(Images, FoldersAreClasses) {
  const TemporaryDirectory directory;
  for (const std::string name : {"cat", "dog"}) {
    std::filesystem::create_directory(directory.file(name));
    toy::write(directory.file(name + "/1.pgm"),
               "P5 # comment\n2 3\n255\n" + std::string(6, name[0]));
  }
  const std::vector<InputSpec> inputs{{"image", ElementType::u8, {3, 2}},
                                      {"label", ElementType::i32, {}, 2}};
  const DataSource images = source(directory.path(), "images", {{"", std::string(".")}});
  const Dataset data = load_dataset(images, inputs);
  EXPECT_THAT(data.splits[0].find("label")->classes, ElementsAre("cat", "dog"));
  EXPECT_THAT(numbers(data, "label"), ElementsAre(0, 1));
  EXPECT_EQ(numbers(data, "image")[6], 'd');
  for (const char* bad : {"P2 2 3 255\n", "P5 2", "P5 0 3 255\n", "P5 99999999 99999999 255\n",
                          "P5 2 3 65535\n123456123456", "P5 2 -3 255\n", "P5 4 3 255\n123456"}) {
    toy::write(directory.file("dog/1.pgm"), bad);
    EXPECT_THAT(message([&] { load_dataset(images, inputs); }), HasSubstr("dog/1.pgm: ")) << bad;
  }
  toy::write(directory.file("dog/1.pgm"), "");
  EXPECT_THAT(message([&] { load_dataset(images, inputs); }), HasSubstr("dog/1.pgm: is empty"));
  toy::write(directory.file("dog/1.pgm"), "P5 3 3 255\n123456789");
  EXPECT_EQ(
      message([&] { load_dataset(images, inputs); }),
      directory.file("dog/1.pgm is 3 x 3 grey, ") + directory.file("cat/1.pgm is 2 x 3 grey"));
}

TEST(Slots, PanelsAreReadAndWrittenRowByRow) {
  // [3, 10] in panels of 4 columns, 16 elements apart.
  Slot slot;
  slot.shape = {{{3}}, {{10}}};
  slot.leading_stride = 16;
  slot.panel = 4;
  std::vector<float> numbers(30);
  std::iota(numbers.begin(), numbers.end(), 1.0f);
  Arena arena(48 * sizeof(float));
  write_slot(slot, arena, 0, std::as_bytes(std::span(numbers)));
  const auto* stored = reinterpret_cast<const float*>(arena.data());
  for (int64_t row = 0; row < 3; ++row)
    for (int64_t column = 0; column < 10; ++column)
      EXPECT_EQ(stored[column / 4 * 16 + row * 4 + column % 4],
                numbers[static_cast<size_t>(row * 10 + column)]);
  std::vector<float> again(30);
  read_slot(slot, arena, 0, std::as_writable_bytes(std::span(again)));
  EXPECT_EQ(again, numbers);
}

TEST(Batches, GatherAndCopyHonourRowStrides) {
  const Plan plan = toy::plan(true);
  const Dataset data = toy::dataset(40);
  const BatchSource source(data.splits[0], plan);
  ThreadPool pool(2);
  Arena gathered(plan.arena_bytes), copied(plan.arena_bytes);
  const std::vector<uint32_t> records{5, 6, 7, 8, 9};
  source.gather(records, gathered, pool);
  source.copy(5, 5, copied);
  EXPECT_TRUE(std::equal(gathered.bytes().begin(), gathered.bytes().end(), copied.bytes().begin(),
                         copied.bytes().end()));
  const Tensor x = read_slot(*find_slot(plan, SlotRole::Input, "x"), gathered, 5);
  for (int64_t i = 0; i < 5 * toy::kFeatures; ++i) {
    EXPECT_EQ(x.number(i), numbers(data, "x")[static_cast<size_t>(5 * toy::kFeatures + i)]);
  }
}

}  // namespace
}  // namespace netc::runtime
