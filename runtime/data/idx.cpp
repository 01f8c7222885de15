// IDX files (the format of MNIST): magic 0 0 TYPE RANK, big-endian dims, big-endian values.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/arena.h"
#include "runtime/checked.h"
#include "runtime/data/byte_source.h"
#include "runtime/data/loaders.h"

namespace netc::runtime {
namespace {

std::optional<ElementType> idx_type(uint8_t code) {
  switch (code) {
    case 0x08:
      return ElementType::u8;
    case 0x0C:
      return ElementType::i32;
    case 0x0D:
      return ElementType::f32;
    case 0x0E:
      return ElementType::f64;
    default:
      return std::nullopt;
  }
}

void swap_bytes(std::span<std::byte> bytes, int64_t width) {
  for (size_t i = 0; i + static_cast<size_t>(width) <= bytes.size();
       i += static_cast<size_t>(width)) {
    std::reverse(bytes.begin() + static_cast<ptrdiff_t>(i),
                 bytes.begin() + static_cast<ptrdiff_t>(i) + width);
  }
}

std::string existing(const std::string& directory, const std::string& file) {
  struct stat status{};
  for (const char* ending : {"", ".gz"}) {
    const std::string path = fmt::format("{}/{}{}", directory, file, ending);
    if (stat(path.c_str(), &status) == 0) return path;
  }
  return "";
}

}  // namespace

Field read_idx(const std::string& path, const std::string& field) {
  ByteSource source(path);
  uint8_t magic[4];
  source.read_exactly(std::as_writable_bytes(std::span(magic)), "the IDX header");
  const std::optional<ElementType> type = idx_type(magic[2]);
  if (magic[0] != 0 || magic[1] != 0) throw source.error("is not an IDX file: wrong magic number");
  if (!type) {
    throw source.error(
        fmt::format("IDX value type 0x{:02x} is not supported (u8, i32, f32, f64)", magic[2]));
  }
  if (magic[3] == 0 || magic[3] > 16) {
    throw source.error(fmt::format("{} dims; an IDX file of records has 1 to 16", magic[3]));
  }
  std::vector<int64_t> shape;
  for (int i = 0; i < magic[3]; ++i) {
    uint8_t dim[4];
    source.read_exactly(std::as_writable_bytes(std::span(dim)), "the IDX header");
    shape.push_back(int64_t{dim[0]} << 24 | dim[1] << 16 | dim[2] << 8 | dim[3]);
  }
  const std::optional<int64_t> count = element_count(shape);
  const std::optional<int64_t> bytes =
      count ? checked_multiply(*count, byte_size(*type)) : std::nullopt;
  if (!bytes || *bytes > source.most_left()) {
    throw source.error(fmt::format("is truncated: its header declares {}, there are {} bytes",
                                   type_text(*type, shape), source.most_left()));
  }
  if (*bytes > memory_limit()) throw source.error("is larger than the memory limit");
  auto buffer = std::make_shared<Buffer>(static_cast<size_t>(*bytes));
  source.read_exactly(buffer->span(), "its data");
  if (!source.at_end()) {
    throw source.error(
        fmt::format("has bytes after the {} that its header declares", type_text(*type, shape)));
  }
  if (std::endian::native == std::endian::little && byte_size(*type) > 1) {
    swap_bytes(buffer->span(), byte_size(*type));
  }
  return {field, *type, {shape.begin() + 1, shape.end()}, shape[0], std::move(buffer), 0, path};
}

Dataset load_idx(const LoaderArguments& arguments) {
  std::vector<Field> fields;
  for (const auto& [field, path] : arguments.files()) fields.push_back(read_idx(path, field));
  return one_split("idx", std::move(fields));
}

Dataset load_mnist(const LoaderArguments& arguments) {
  arguments.allow(1, {"dir"});
  const std::string directory = arguments.path(0, "dir");
  Dataset dataset{"mnist", {}};
  for (const auto& [split, prefix] : {std::pair{"train", "train"}, std::pair{"test", "t10k"}}) {
    const std::string images = existing(directory, fmt::format("{}-images-idx3-ubyte", prefix));
    const std::string labels = existing(directory, fmt::format("{}-labels-idx1-ubyte", prefix));
    if (images.empty() || labels.empty()) {
      throw Error(Fault::DataFile,
                  fmt::format("{} has no {}-{}-ubyte[.gz]", shown_path(directory), prefix,
                              images.empty() ? "images-idx3" : "labels-idx1"))
          .in_file(directory)
          .help(fmt::format("`tools/fetch-data mnist {}` puts it there", shown_path(directory)));
    }
    Dataset part = one_split("mnist", {read_idx(images, "image"), read_idx(labels, "label")});
    part.splits[0].name = split;
    dataset.splits.push_back(std::move(part.splits[0]));
  }
  return dataset;
}

}  // namespace netc::runtime
