// Compiled code kept on disk between processes: one file an entry, found by a digest of all that
// the code depends on. A cache may always be lost, shared, or full of damage: nothing here fails.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace netc::backend {

/// What an entry is found by: SHA-256 of the parts that code depends on.
using CacheKey = std::array<uint8_t, 32>;

/// The digest of `program` (everything that is compiled, as text), this build of netc and LLVM's
/// version; nothing when the build has no id of its own, so that no key would be safe.
std::optional<CacheKey> cache_key(std::string_view program);

class ObjectCache {
 public:
  static constexpr int64_t kMostBytes = int64_t{256} << 20;

  /// An empty `directory` keeps and finds nothing. It is made when first needed.
  explicit ObjectCache(std::string directory, int64_t most_bytes = kMostBytes)
      : directory_(std::move(directory)), most_bytes_(most_bytes) {}

  /// What was stored under `key`: nothing when it is absent, damaged, another entry's or another
  /// user's file.
  std::optional<std::string> load(const CacheKey& key);
  /// Puts an entry in place by a rename, then deletes the entries longest unused until all fit.
  void store(const CacheKey& key, const std::string& content);

  std::string path(const CacheKey& key) const;
  /// Why the last `load` refused a file that is there; empty when it didn't.
  const std::string& refused() const { return refused_; }

 private:
  std::string directory_;
  int64_t most_bytes_;
  std::string refused_;

  void evict() const;
};

}  // namespace netc::backend
