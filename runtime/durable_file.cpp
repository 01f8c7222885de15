// File output by system calls, since each of their results matters here.
#include "runtime/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "runtime/error.h"

namespace netc::runtime {
namespace {

constexpr size_t kWriteBlock = 8 << 20;  // a signal is looked at between blocks

bool is_folder(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// What errno says about a file that cannot be written, with the cure where there is one.
Error cannot(const char* action, const std::string& path) {
  const int reason = errno;
  Error error(Fault::Output,
              fmt::format("cannot {} {}: {}", action, printable(path), system_message(reason)));
  error.in_file(path);
  const std::string folder = directory_of(path);
  if (reason == EISDIR) {
    error.help("it is a folder: name a file");
  } else if (reason == ENOTDIR && !is_folder(folder)) {
    error.help(fmt::format("`{}` is no folder", printable(folder)));
  } else if (reason == ENOENT && !is_folder(folder)) {
    error.help(fmt::format("`mkdir -p {}` makes the folder", printable(folder)));
  }
  return error;
}

/// An open file that is closed, and removed unless it was kept, at the end of its scope.
class NewFile {
 public:
  /// Errors call it `shown`, which is not a temporary name.
  NewFile(std::string path, std::string shown, int flags)
      : path_(std::move(path)), shown_(std::move(shown)) {
    descriptor_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC | flags, 0666);
    if (descriptor_ < 0) throw cannot("create", shown_);
  }
  ~NewFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (remove_) unlink(path_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kWriteBlock));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw cannot("write", shown_);
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
  }
  void sync() {
    while (fsync(descriptor_) != 0) {
      if (errno != EINTR) throw cannot("write", shown_);
    }
  }
  void finish() {
    // After close() the descriptor is gone whatever it says; an error means lost data.
    const int status = close(std::exchange(descriptor_, -1));
    if (status != 0 && errno != EINTR) throw cannot("write", shown_);
  }
  /// Rights and owner of `old`, as far as this user may give them.
  void take_rights(const struct stat& old) {
    if (fchown(descriptor_, old.st_uid, old.st_gid) != 0 && old.st_uid != getuid()) return;
    fchmod(descriptor_, old.st_mode & 07777);
  }
  void remove_at_end(bool remove) { remove_ = remove; }

 private:
  std::string path_, shown_;
  int descriptor_ = -1;
  bool remove_ = false;
};

/// Gives the file `path` a second name, replacing what had it. Falls back to moving it where the
/// file system has no links: then `previous` is the whole one until the new file takes `path`.
void keep_as(const std::string& path, const std::string& previous) {
  const std::string temporary = fmt::format("{}.tmp.{}", previous, getpid());
  unlink(temporary.c_str());
  if (link(path.c_str(), temporary.c_str()) == 0) {
    if (std::rename(temporary.c_str(), previous.c_str()) == 0) {
      // rename() does nothing when both names are links to one file, so the temporary may be left.
      unlink(temporary.c_str());
      return;
    }
    const Error error = cannot("replace", previous);
    unlink(temporary.c_str());
    throw Error(error);
  }
  if (errno == ENOENT) return;
  if (std::rename(path.c_str(), previous.c_str()) != 0) throw cannot("rename", path);
}

}  // namespace

void write_file(const std::string& path, const Pieces& pieces) {
  NewFile file(path, path, O_CREAT | O_TRUNC);
  for (const std::span<const std::byte> piece : pieces) file.write(piece);
  file.finish();
}

void write_file(const std::string& path, const std::string& text) {
  write_file(path, Pieces{std::as_bytes(std::span(text))});
}

void replace_file(const std::string& name, const Pieces& pieces, const std::string& previous) {
  struct stat old;
  const bool exists = stat(name.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) return write_file(name, pieces);
  std::error_code broken;
  const bool is_link = std::filesystem::is_symlink(name, broken);
  const std::string path = is_link ? std::filesystem::weakly_canonical(name).string() : name;
  const std::string temporary = fmt::format("{}.tmp.{}", path, getpid());
  unlink(temporary.c_str());  // of an earlier process with our number, killed while it wrote
  NewFile file(temporary, name, O_CREAT | O_EXCL | O_NOFOLLOW);
  file.remove_at_end(true);
  if (exists) file.take_rights(old);
  for (const std::span<const std::byte> piece : pieces) file.write(piece);
  file.sync();
  file.finish();
  if (!previous.empty()) keep_as(path, previous);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) throw cannot("replace", path);
  file.remove_at_end(false);
  sync_directory(directory_of(path));
}

void require_writable(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
    if (!S_ISDIR(status.st_mode)) return;
    errno = EISDIR;
    throw cannot("write", path);
  }
  // A new file is made beside it, whether it is there or not.
  const std::string folder = directory_of(path);
  if (access(folder.c_str(), F_OK) == 0 && !is_folder(folder)) {
    errno = ENOTDIR;
    throw cannot("write", path);
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) throw cannot("write", path);
}

void sync_directory(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw cannot("open", directory);
  const int status = fsync(descriptor);
  const int number = errno;
  close(descriptor);
  errno = number;
  // Some file systems cannot sync directories; they say so with EINVAL.
  if (status != 0 && number != EINVAL) throw cannot("sync", directory);
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace netc::runtime
