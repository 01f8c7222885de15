// data images(dir): a folder a class, sorted by name; pictures are PNG, PGM or PPM files of one
// size.
#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/checked.h"
#include "runtime/data/byte_source.h"
#include "runtime/data/loaders.h"

namespace netc::runtime {
namespace {

/// Names in a directory that do not start with a dot, sorted.
std::vector<std::string> entries(const std::string& directory) {
  DIR* stream = opendir(directory.c_str());
  if (!stream) {
    throw Error(Fault::DataFile, fmt::format("cannot read the folder {}: {}", shown_path(directory),
                                             system_message(errno)))
        .in_file(directory);
  }
  std::vector<std::string> names;
  while (const dirent* entry = readdir(stream)) {
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

bool is_directory(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// A number of a netpbm header; comments run to the end of the line.
int64_t header_number(ByteSource& source) {
  int64_t value = -1;
  for (;;) {
    char c = 0;
    source.read_exactly(std::as_writable_bytes(std::span(&c, 1)), "its header");
    if (c == '#') {
      while (c != '\n') source.read_exactly(std::as_writable_bytes(std::span(&c, 1)), "its header");
    } else if (c >= '0' && c <= '9') {
      value = std::max<int64_t>(value, 0) * 10 + (c - '0');
      if (value > 1'000'000) throw source.error("has a header number beyond 1,000,000");
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (value >= 0) return value;
    } else {
      throw source.error("has a malformed header");
    }
  }
}

/// What a picture is once it has been read: transparency is dropped.
std::string describe(const std::vector<int64_t>& shape) {
  return fmt::format("{} x {} {}", shape[1], shape[0], shape.size() == 2 ? "grey" : "coloured");
}

Split read_classes(const std::string& directory, const std::string& name,
                   std::span<const InputSpec> inputs, std::vector<std::string>& classes) {
  std::vector<std::byte> pixels;
  std::vector<int64_t> labels, shape;
  std::string first;
  for (const std::string& folder : entries(directory)) {
    const std::string path = directory + "/" + folder;
    if (!is_directory(path)) continue;
    for (const std::string& file : entries(path)) {
      const Tensor picture = read_picture(path + "/" + file);
      if (labels.empty()) {
        shape = picture.shape;
        first = path + "/" + file;
      }
      if (picture.shape != shape) {
        throw Error(Fault::DataFile,
                    fmt::format("{} is {}, {} is {}", shown_path(path + "/" + file),
                                describe(picture.shape), shown_path(first), describe(shape)))
            .in_file(path + "/" + file)
            .help("make all pictures of one size, and all of them grey or all coloured");
      }
      pixels.insert(pixels.end(), picture.bytes.span().begin(), picture.bytes.span().end());
      labels.push_back(static_cast<int64_t>(classes.size()));
    }
    classes.push_back(folder);
  }
  if (labels.empty()) {
    throw Error(Fault::DataFile,
                fmt::format("{} has no folders with pictures in them", shown_path(directory)))
        .in_file(directory)
        .help("data images(dir) takes one folder a class, with .png, .pgm or .ppm files");
  }
  shape.insert(shape.begin(), static_cast<int64_t>(labels.size()));
  Tensor images = make_tensor(ElementType::u8, shape);
  std::copy(pixels.begin(), pixels.end(), images.bytes.data.get());
  ElementType label_type = ElementType::i64;
  for (const InputSpec& input : inputs) {
    const bool fits = input.type != ElementType::u8 || classes.size() <= 256;
    if (input.name == "label" && !is_floating(input.type) && fits) label_type = input.type;
  }
  Tensor label = make_tensor(ElementType::i64, {shape[0]});
  std::copy(labels.begin(), labels.end(), label.as<int64_t>().begin());
  std::vector<Field> fields;
  fields.push_back(as_field(std::move(images), "image", directory));
  fields.push_back(as_field(convert(label, label_type), "label", directory));
  fields.back().classes = classes;
  Dataset dataset = one_split("images", std::move(fields));
  dataset.splits[0].name = name;
  return std::move(dataset.splits[0]);
}

}  // namespace

Tensor read_netpbm(const std::string& path) {
  ByteSource source(path);
  char magic[2];
  source.read_exactly(std::as_writable_bytes(std::span(magic)), "its header");
  if (magic[0] != 'P' || (magic[1] != '5' && magic[1] != '6')) {
    throw source.error("is not a binary PGM or PPM picture (P5, P6)");
  }
  const int64_t width = header_number(source), height = header_number(source);
  const int64_t maximum = header_number(source);
  if (width == 0 || height == 0 || maximum != 255) {
    throw source.error("must have pixels, of 8 bits (maximum value 255)");
  }
  std::vector<int64_t> shape{height, width};
  if (magic[1] == '6') shape.push_back(3);
  const int64_t bytes = element_count(shape).value_or(INT64_MAX);
  if (bytes > source.most_left()) {
    throw source.error(
        fmt::format("is truncated: its header declares {}", fmt::join(shape, " x ")));
  }
  Tensor picture = make_tensor(ElementType::u8, std::move(shape));
  source.read_exactly(picture.bytes.span(), "its pixels");
  return picture;
}

Dataset load_images(const LoaderArguments& arguments, std::span<const InputSpec> inputs) {
  arguments.allow(1, {"dir"});
  const std::string directory = arguments.path(0, "dir");
  Dataset dataset{"images", {}};
  std::vector<std::string> all;
  // A folder that holds train/ (and test/, valid/) has splits; any other holds the classes.
  if (!is_directory(directory + "/train")) {
    dataset.splits.push_back(read_classes(directory, "train", inputs, all));
    return dataset;
  }
  for (const char* split : {"train", "valid", "test"}) {
    const std::string path = directory + "/" + split;
    if (!is_directory(path)) continue;
    std::vector<std::string> classes;
    dataset.splits.push_back(read_classes(path, split, inputs, classes));
    if (all.empty()) all = classes;
    if (classes != all) {
      throw Error(Fault::DataFile,
                  fmt::format("{} has other classes than train/", shown_path(path)))
          .in_file(path);
    }
  }
  return dataset;
}

}  // namespace netc::runtime
