// The end record is searched from the back, as the format asks; sizes come from the directory,
// whose copy in front of each member only says where its bytes begin. APPNOTE.TXT 6.3 has the
// layout.
#include "runtime/data/zip.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

#include "runtime/checked.h"
#include "runtime/error.h"

namespace netc::runtime {
namespace {

constexpr int64_t kMaxDirectory = 16 << 20;
constexpr int64_t kEndBytes = 22, kMaxComment = 65535;
constexpr size_t kEntryBytes = 46, kLocalBytes = 30;
constexpr uint32_t kUnset = 0xffffffff;

/// Little-endian numbers of a record; reading past its end gives nothing.
class Record {
 public:
  Record(std::string_view bytes) : bytes_(bytes) {}

  uint64_t number(size_t at, size_t width) const {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
      value |= uint64_t{static_cast<unsigned char>(bytes_[at + i])} << (8 * i);
    }
    return value;
  }
  uint16_t u16(size_t at) const { return static_cast<uint16_t>(number(at, 2)); }
  uint32_t u32(size_t at) const { return static_cast<uint32_t>(number(at, 4)); }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
};

class ZipReader {
 public:
  explicit ZipReader(const std::string& path) : path_(path) {
    descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor_ < 0) {
      throw Error(Fault::DataFile,
                  fmt::format("cannot open {}: {}", printable(path), system_message(errno)))
          .in_file(path);
    }
    struct stat status{};
    regular_ = fstat(descriptor_, &status) == 0 && S_ISREG(status.st_mode);
    size_ = status.st_size;
  }
  ~ZipReader() { close(descriptor_); }
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  std::vector<ArchiveMember> members() {
    if (!regular_) throw error("is not a regular file");
    const Directory directory = find_directory();
    if (directory.bytes > kMaxDirectory || directory.offset > size_ - directory.bytes) {
      throw error(fmt::format("declares a directory of {} bytes at byte {} of {}", directory.bytes,
                              directory.offset, size_));
    }
    const std::string text = read(directory.offset, static_cast<size_t>(directory.bytes));
    std::vector<ArchiveMember> list;
    std::string_view rest = text;
    while (!rest.empty()) list.push_back(take_entry(rest));
    return list;
  }

 private:
  struct Directory {
    int64_t offset = 0, bytes = 0;
  };

  Error error(const std::string& message) const {
    return Error(Fault::DataFile, fmt::format("{}: {}", shown_path(path_), message))
        .in_file(path_)
        .help("write it again, for example with numpy.savez");
  }

  std::string read(int64_t offset, size_t count) const {
    if (offset < 0 || offset > size_ || static_cast<int64_t>(count) > size_ - offset) {
      throw error(fmt::format("is truncated: {} bytes are wanted from byte {} of {}", count, offset,
                              size_));
    }
    std::string bytes(count, '\0');
    size_t done = 0;
    while (done < count) {
      const ssize_t got = pread(descriptor_, bytes.data() + done, count - done,
                                offset + static_cast<int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw error("cannot be read: " + system_message(got < 0 ? errno : EIO));
      done += static_cast<size_t>(got);
    }
    return bytes;
  }

  Directory find_directory() const {
    const int64_t tail = std::min(size_, kEndBytes + kMaxComment);
    const std::string bytes = read(size_ - tail, static_cast<size_t>(tail));
    const size_t at = bytes.rfind("PK\x05\x06");
    if (at == std::string::npos || bytes.size() - at < static_cast<size_t>(kEndBytes)) {
      throw error("is not a .npz file: it has no end record of a ZIP archive");
    }
    const Record end(std::string_view(bytes).substr(at));
    const bool is_large = end.u32(16) == kUnset || end.u32(12) == kUnset || end.u16(10) == 0xffff;
    if (is_large && at >= 20 && bytes.compare(at - 20, 4, "PK\x06\x07") == 0) {
      const Record locator(std::string_view(bytes).substr(at - 20, 20));
      const std::string large = read(static_cast<int64_t>(locator.number(8, 8)), 56);
      const Record record(large);
      if (!large.starts_with("PK\x06\x06")) throw error("has a damaged ZIP64 end record");
      return checked(record.number(48, 8), record.number(40, 8));
    }
    return checked(end.u32(16), end.u32(12));
  }

  Directory checked(uint64_t offset, uint64_t bytes) const {
    if (offset > INT64_MAX || bytes > INT64_MAX) throw error("has a damaged end record");
    return {static_cast<int64_t>(offset), static_cast<int64_t>(bytes)};
  }

  ArchiveMember take_entry(std::string_view& rest) const {
    if (rest.size() < kEntryBytes || !rest.starts_with("PK\x01\x02")) {
      throw error("has a damaged directory");
    }
    const Record entry(rest);
    const size_t name = entry.u16(28), extra = entry.u16(30), comment = entry.u16(32);
    if (rest.size() < kEntryBytes + name + extra + comment) throw error("has a damaged directory");
    ArchiveMember member;
    member.archive = path_;
    member.name = rest.substr(kEntryBytes, name);
    member.crc = entry.u32(16);
    uint64_t sizes[3] = {entry.u32(24), entry.u32(20), entry.u32(42)};  // bytes, stored, header
    read_large_sizes(rest.substr(kEntryBytes + name, extra), sizes);
    const int method = entry.u16(10);
    const std::string shown = printable(member.name);
    if (entry.u16(8) & 1) throw error(fmt::format("`{}` is encrypted", shown));
    if (method != 0 && method != 8) {
      throw error(fmt::format("`{}` is compressed by method {}, not by deflate", shown, method));
    }
    member.deflated = method == 8;
    for (const uint64_t size : sizes) {
      if (size > INT64_MAX / 2) throw error(fmt::format("`{}` has an impossible size", shown));
    }
    member.bytes = static_cast<int64_t>(sizes[0]);
    member.stored_bytes = static_cast<int64_t>(sizes[1]);
    if (!member.deflated && member.bytes != member.stored_bytes) {
      throw error(fmt::format("`{}` is {} bytes, stored as {}", shown, sizes[0], sizes[1]));
    }
    member.offset = data_offset(static_cast<int64_t>(sizes[2]), shown);
    if (member.offset > size_ || member.stored_bytes > size_ - member.offset) {
      throw error(fmt::format("is truncated: `{}` has {} bytes from byte {} of {}", shown,
                              member.stored_bytes, member.offset, size_));
    }
    rest.remove_prefix(kEntryBytes + name + extra + comment);
    return member;
  }

  /// Field 1 of the extra fields holds, in order, the sizes that do not fit in 32 bits.
  static void read_large_sizes(std::string_view extra, uint64_t (&sizes)[3]) {
    while (extra.size() >= 4) {
      const Record field(extra);
      const size_t length = std::min<size_t>(field.u16(2), extra.size() - 4);
      if (field.u16(0) == 1) {
        size_t at = 4;
        for (uint64_t& size : sizes) {
          if (size != kUnset || at + 8 > 4 + length) continue;
          size = field.number(at, 8);
          at += 8;
        }
      }
      extra.remove_prefix(4 + length);
    }
  }

  int64_t data_offset(int64_t header, const std::string& shown) const {
    const std::string bytes = read(header, kLocalBytes);
    if (!bytes.starts_with("PK\x03\x04")) {
      throw error(fmt::format("`{}` does not begin where the directory says", shown));
    }
    const Record local(bytes);
    return header + static_cast<int64_t>(kLocalBytes) + local.u16(26) + local.u16(28);
  }

  const std::string& path_;
  int descriptor_ = -1;
  bool regular_ = false;
  int64_t size_ = 0;
};

}  // namespace

std::vector<ArchiveMember> read_zip_directory(const std::string& path) {
  return ZipReader(path).members();
}

}  // namespace netc::runtime
