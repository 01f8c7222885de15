// The readers behind load_dataset, one a format, and the arguments they share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/data/dataset.h"
#include "runtime/error.h"

namespace netc::runtime {

/// Arguments of a loader call, checked as they are taken. What is left over is an error.
class LoaderArguments {
 public:
  explicit LoaderArguments(const DataSource& source) : source_(source) {}

  /// The positional argument `position` or the one called `name`, as a path from the directory.
  std::string path(size_t position, std::string_view name) const;
  /// The path of a call whose only argument is positional; no value for any other.
  std::optional<std::string> only_path() const;
  std::optional<double> number(size_t position, std::string_view name) const;
  /// All named arguments but those in `reserved`, as (field, value).
  std::vector<std::pair<std::string, const LoaderValue*>> fields(
      std::vector<std::string_view> reserved) const;
  /// Named arguments whose values are file names, as (field, path); at least one.
  std::vector<std::pair<std::string, std::string>> files() const;
  void allow(size_t positional, std::vector<std::string_view> names) const;
  Error error(const std::string& message) const;

 private:
  const LoaderValue* find(size_t position, std::string_view name) const;
  std::string resolve(const std::string& path) const;

  const DataSource& source_;
};

/// Reads an IDX file, plain or gzip; the first dim counts records.
Field read_idx(const std::string& path, const std::string& field);
/// Reads a .npy file, plain or gzip, or an array of an archive: `FILE.npz/ARRAY`.
Tensor read_npy(const std::string& path, Fault fault = Fault::DataFile);
/// Replaces `path` with a .npy file, atomically.
void write_npy(const std::string& path, const Tensor& tensor);
/// Reads a PGM (P5) or PPM (P6) picture: u8[h, w] or u8[h, w, 3].
Tensor read_netpbm(const std::string& path);
/// Reads a PNG picture: u8[h, w] or u8[h, w, 3]. Palettes become RGB, 16 bits are scaled to 8,
/// transparency is dropped.
Tensor read_png(const std::string& path);
/// Reads a picture of any of these formats, told apart by their content.
Tensor read_picture(const std::string& path);

Dataset load_mnist(const LoaderArguments& arguments);
Dataset load_idx(const LoaderArguments& arguments);
Dataset load_npy(const LoaderArguments& arguments);
Dataset load_csv(const LoaderArguments& arguments, std::span<const InputSpec> inputs);
Dataset load_images(const LoaderArguments& arguments, std::span<const InputSpec> inputs);
Dataset load_random(const LoaderArguments& arguments, std::span<const InputSpec> inputs);

/// A dataset of one split `train` made of these fields, which must agree in their records.
Dataset one_split(std::string loader, std::vector<Field> fields);
/// A tensor as a field: the first dim counts records.
Field as_field(Tensor tensor, std::string field, std::string origin);

}  // namespace netc::runtime
