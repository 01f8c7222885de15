// A file is its key, the SHA-256 of its content, the content. Files are written beside their place
// and renamed, so that processes see whole entries; what a crash leaves behind fails its sum.
#include "backend/object_cache.h"

#include <fmt/format.h>
#include <link.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/Support/FileSystem.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/SHA256.h>
#include <llvm/Support/raw_ostream.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <vector>

namespace netc::backend {
namespace {

namespace fs = std::filesystem;
using std::string_view_literals::operator""sv;

constexpr const char* kExtension = ".code";
constexpr const char* kUnfinished = ".new";

CacheKey digest(std::string_view text) {
  return llvm::SHA256::hash({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::string_view view(const CacheKey& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

/// The id that the linker made from the content of this program; empty when it was told not to.
std::string build_id() {
  std::string id;
  auto program_header = [](dl_phdr_info* info, size_t, void* result) {
    for (int i = 0; i < info->dlpi_phnum; ++i) {
      const ElfW(Phdr)& segment = info->dlpi_phdr[i];
      if (segment.p_type != PT_NOTE) continue;
      const char* at = reinterpret_cast<const char*>(info->dlpi_addr + segment.p_vaddr);
      for (const char* end = at + segment.p_memsz; at < end;) {
        const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(at);
        const char* name = at + sizeof *note;
        const char* value = name + (note->n_namesz + 3) / 4 * 4;
        if (note->n_type == NT_GNU_BUILD_ID && std::string_view(name, note->n_namesz) == "GNU\0"sv)
          static_cast<std::string*>(result)->assign(value, note->n_descsz);
        at = value + (note->n_descsz + 3) / 4 * 4;
      }
    }
    return 1;  // the first object is the program; libraries do not matter
  };
  dl_iterate_phdr(program_header, &id);
  return id;
}

}  // namespace

std::optional<CacheKey> cache_key(std::string_view program) {
  static const std::string id = build_id();
  if (id.empty()) return {};
  llvm::SHA256 hash;
  hash.update(fmt::format("{}:{}{}\n", id.size(), id, LLVM_VERSION_STRING));
  hash.update(llvm::StringRef(program));
  return hash.final();
}

std::string ObjectCache::path(const CacheKey& key) const {
  return fmt::format("{}/{:02x}{}", directory_, fmt::join(key, ""), kExtension);
}

std::optional<std::string> ObjectCache::load(const CacheKey& key) {
  refused_.clear();
  if (directory_.empty()) return {};
  int file = -1;
  if (llvm::sys::fs::openFileForRead(path(key), file)) return {};
  auto refuse = [&](std::string why) -> std::optional<std::string> {
    refused_ = std::move(why);
    ::close(file);
    return {};
  };
  llvm::sys::fs::file_status status;
  if (llvm::sys::fs::status(file, status)) return refuse("cannot be read");
  // Code that somebody else could have written is not run.
  if (status.getUser() != ::geteuid()) return refuse("belongs to another user");
  auto buffer = llvm::MemoryBuffer::getOpenFile(file, "", status.getSize(), false, true);
  if (!buffer) return refuse("cannot be read");
  std::string_view text((*buffer)->getBufferStart(), (*buffer)->getBufferSize());
  constexpr size_t kDigest = sizeof(CacheKey);
  if (text.size() < 2 * kDigest || text.substr(0, kDigest) != view(key) ||
      text.substr(kDigest, kDigest) != view(digest(text.substr(2 * kDigest))))
    return refuse("is damaged");
  // Entries in use stay: the oldest are deleted first.
  auto now =
      std::chrono::time_point_cast<std::chrono::nanoseconds>(llvm::sys::TimePoint<>::clock::now());
  (void)llvm::sys::fs::setLastAccessAndModificationTime(file, now);
  ::close(file);
  return std::string(text.substr(2 * kDigest));
}

void ObjectCache::store(const CacheKey& key, const std::string& content) {
  namespace llvm_fs = llvm::sys::fs;
  if (directory_.empty()) return;
  if (llvm_fs::create_directories(directory_, true, llvm_fs::owner_all)) return;
  int file = -1;
  llvm::SmallString<256> unfinished;
  if (llvm_fs::createUniqueFile(path(key) + "-%%%%%%%%" + kUnfinished, file, unfinished,
                                llvm_fs::OF_None, llvm_fs::owner_read | llvm_fs::owner_write))
    return;
  llvm::raw_fd_ostream out(file, true);
  out << llvm::StringRef(view(key)) << llvm::StringRef(view(digest(content))) << content;
  out.close();
  bool failed = out.has_error();
  out.clear_error();
  if (failed || llvm_fs::rename(unfinished, path(key)))
    (void)llvm_fs::remove(unfinished);
  else
    evict();
}

void ObjectCache::evict() const {
  struct Entry {
    fs::file_time_type used;
    int64_t bytes;
    fs::path path;
  };
  std::vector<Entry> entries;
  int64_t total = 0;
  std::error_code error;  // another process may delete the same files
  for (fs::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    const fs::path extension = at->path().extension();
    if (extension != kExtension && extension != kUnfinished) continue;
    std::error_code gone;
    Entry e{at->last_write_time(gone), 0, at->path()};
    if (!gone) e.bytes = int64_t(at->file_size(gone));
    if (gone) continue;
    total += e.bytes;
    entries.push_back(std::move(e));
  }
  if (total <= most_bytes_) return;
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (const Entry& e : entries) {
    if (total <= most_bytes_) return;
    if (fs::remove(e.path, error)) total -= e.bytes;
  }
}

}  // namespace netc::backend
