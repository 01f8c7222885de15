// Plain and gzip files through one read(). Files are read, never mapped: one that shrinks meanwhile
// is an error instead of SIGBUS.
#include "runtime/data/byte_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "runtime/nearest.h"

namespace netc::runtime {
namespace {

// deflate cannot shrink by more than 1032 : 1.
constexpr int64_t kMostExpansion = 1040;
constexpr size_t kInputBlock = 64 << 10;

/// The file in the folder of `path` whose name is nearest to its own; empty when none is near.
std::string file_beside(const std::string& path) {
  const std::filesystem::path missing(path);
  const std::filesystem::path folder = missing.parent_path();
  std::vector<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return nearest(missing.filename().string(), names);
}

}  // namespace

struct ByteSource::Gzip {
  z_stream stream{};
  std::unique_ptr<std::byte[]> input = std::make_unique_for_overwrite<std::byte[]>(kInputBlock);
  bool finished = false;

  ~Gzip() { inflateEnd(&stream); }
};

void ByteSource::open_file() {
  // Not blocking: opening a pipe must not wait for a writer.
  descriptor_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) {
    const int reason = errno;
    Error error(fault_,
                fmt::format("cannot open {}: {}", shown_path(path_), system_message(reason)));
    error.in_file(path_);
    if (const std::string near = reason == ENOENT ? file_beside(path_) : ""; !near.empty()) {
      error.help(fmt::format("did you mean `{}`?", printable(near)));
    }
    throw error;
  }
  struct stat status{};
  if (fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor_);
    throw Error(fault_, fmt::format("{} is {}, not a file", shown_path(path_),
                                    S_ISDIR(status.st_mode) ? "a folder" : "a pipe or device"))
        .in_file(path_);
  }
  file_left_ = status.st_size;
}

ByteSource::ByteSource(const std::string& path, Fault fault) : path_(path), fault_(fault) {
  open_file();
  try {
    const size_t count = read_file(peeked_);
    if (count == 2 && peeked_[0] == std::byte{0x1f} && peeked_[1] == std::byte{0x8b}) {
      gzip_ = std::make_unique<Gzip>();
      if (inflateInit2(&gzip_->stream, 15 + 16) != Z_OK) throw error("cannot start zlib");
      std::memcpy(gzip_->input.get(), peeked_, 2);
      gzip_->stream.next_in = reinterpret_cast<Bytef*>(gzip_->input.get());
      gzip_->stream.avail_in = 2;
    } else {
      peeked_count_ = count;
    }
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

ByteSource::ByteSource(const ArchiveMember& member)
    : path_(member.archive), fault_(Fault::DataFile), member_(member) {
  open_file();
  try {
    if (lseek(descriptor_, member.offset, SEEK_SET) != member.offset) {
      throw error("cannot be read: " + system_message(errno));
    }
    file_left_ = member.stored_bytes;
    if (!member.deflated) return;
    gzip_ = std::make_unique<Gzip>();
    // No header: the archive has its own.
    if (inflateInit2(&gzip_->stream, -15) != Z_OK) throw error("cannot start zlib");
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

ByteSource::~ByteSource() { close(descriptor_); }

Error ByteSource::error(const std::string& message) const {
  const std::string name =
      shown_path(path_) + (member_ ? "/" + printable(member_->name) : std::string());
  return Error(fault_, fmt::format("{}: {}", name, message)).in_file(path_);
}

size_t ByteSource::read_file(std::span<std::byte> out) {
  size_t count = 0;
  while (count < out.size() && file_left_ > 0) {
    const size_t want = std::min<size_t>(out.size() - count, static_cast<size_t>(file_left_));
    const ssize_t got = ::read(descriptor_, out.data() + count, want);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw error("cannot be read: " + system_message(errno));
    if (got == 0) throw error("became shorter while it was read");
    count += static_cast<size_t>(got);
    file_left_ -= got;
  }
  return count;
}

size_t ByteSource::read_gzip(std::span<std::byte> out) {
  z_stream& stream = gzip_->stream;
  size_t count = 0;
  while (count < out.size()) {
    if (stream.avail_in == 0) {
      stream.next_in = reinterpret_cast<Bytef*>(gzip_->input.get());
      stream.avail_in = static_cast<uInt>(read_file({gzip_->input.get(), kInputBlock}));
    }
    if (gzip_->finished) {
      if (stream.avail_in == 0) break;
      // Another member follows; anything else makes inflate fail below.
      inflateReset(&stream);
      gzip_->finished = false;
    }
    if (stream.avail_in == 0) throw error("is truncated: its compressed data ends early");
    const size_t want = std::min<size_t>(out.size() - count, 1 << 30);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + count);
    stream.avail_out = static_cast<uInt>(want);
    const int status = inflate(&stream, Z_NO_FLUSH);
    count += want - stream.avail_out;
    if (status == Z_STREAM_END) {
      gzip_->finished = true;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      throw error(fmt::format("damaged compressed data after {} decompressed bytes",
                              position_ + static_cast<int64_t>(count)));
    }
  }
  return count;
}

size_t ByteSource::read(std::span<std::byte> out) {
  size_t count = std::min(out.size(), peeked_count_ - peeked_used_);
  if (count > 0) std::memcpy(out.data(), peeked_ + peeked_used_, count);
  peeked_used_ += count;
  const std::span<std::byte> rest = out.subspan(count);
  count += gzip_ ? read_gzip(rest) : read_file(rest);
  position_ += static_cast<int64_t>(count);
  if (member_) {
    constexpr size_t kPart = 1 << 30;
    for (size_t at = 0; at < count; at += kPart) {
      const auto length = static_cast<uInt>(std::min(kPart, count - at));
      crc_ = static_cast<uint32_t>(crc32(crc_, reinterpret_cast<Bytef*>(&out[at]), length));
    }
  }
  return count;
}

void ByteSource::read_exactly(std::span<std::byte> out, const char* what) {
  const int64_t start = position_;
  const size_t count = read(out);
  if (count < out.size()) {
    throw error(fmt::format("is truncated: {} needs {} bytes from byte {}, there are {}", what,
                            out.size(), start, count));
  }
}

bool ByteSource::at_end() {
  if (peeked_used_ < peeked_count_) return false;
  if (gzip_) {
    peeked_count_ = read_gzip({peeked_, 1});
    peeked_used_ = 0;
  }
  if (gzip_ ? peeked_count_ != 0 : file_left_ != 0) return false;
  if (member_ && crc_ != member_->crc) throw error("is damaged: its checksum does not match");
  return true;
}

int64_t ByteSource::most_left() const {
  const auto peeked = static_cast<int64_t>(peeked_count_ - peeked_used_);
  if (!gzip_) return file_left_ + peeked;
  const int64_t stored = file_left_ + static_cast<int64_t>(gzip_->stream.avail_in);
  return stored * kMostExpansion + peeked;
}

}  // namespace netc::runtime
