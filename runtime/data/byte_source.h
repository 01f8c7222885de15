// A data file as a stream of bytes, decompressed when its content is gzip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "runtime/data/zip.h"
#include "runtime/error.h"

namespace netc::runtime {

/// Reads regular files front to back. All failures are Error(fault) with the file's name.
class ByteSource {
 public:
  explicit ByteSource(const std::string& path, Fault fault = Fault::DataFile);
  /// The content of a file within an archive; its checksum is compared by at_end().
  explicit ByteSource(const ArchiveMember& member);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Fills `out` as far as the content goes; returns the number of bytes read.
  size_t read(std::span<std::byte> out);
  /// The same, but throws "truncated" when there are fewer; `what` names the missing part.
  void read_exactly(std::span<std::byte> out, const char* what);
  /// True when nothing follows. May read ahead.
  bool at_end();

  /// No more than this many bytes can still come: what a header declares is checked against it
  /// before memory is allocated for it.
  int64_t most_left() const;
  int64_t position() const { return position_; }
  bool compressed() const { return gzip_ != nullptr; }
  const std::string& path() const { return path_; }
  /// Error about this file: `data/mnist/train-images-idx3-ubyte: MESSAGE`.
  Error error(const std::string& message) const;

 private:
  struct Gzip;

  void open_file();
  size_t read_file(std::span<std::byte> out);
  size_t read_gzip(std::span<std::byte> out);

  std::string path_;
  Fault fault_;
  std::optional<ArchiveMember> member_;
  uint32_t crc_ = 0;
  int descriptor_ = -1;
  int64_t file_left_ = 0;  ///< bytes of the file not yet read from the system
  int64_t position_ = 0;   ///< bytes handed out
  std::unique_ptr<Gzip> gzip_;
  std::byte peeked_[2] = {};
  size_t peeked_count_ = 0, peeked_used_ = 0;
};

}  // namespace netc::runtime
