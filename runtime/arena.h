// The one block of memory that a model's plans run in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace netc::runtime {

/// Zeroed memory, at least 64-byte aligned, on huge pages where the system gives them. Throws
/// Error(Memory) when there is not enough.
class Arena {
 public:
  explicit Arena(int64_t bytes);
  ~Arena();
  Arena(Arena&& other) noexcept;
  Arena& operator=(Arena&& other) noexcept;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  int64_t size() const { return size_; }
  std::span<std::byte> bytes() { return {data_, static_cast<size_t>(size_)}; }

 private:
  void release();

  void* mapping_ = nullptr;
  size_t mapped_ = 0;
  std::byte* data_ = nullptr;
  int64_t size_ = 0;
};

/// Most bytes that one process should use: 80 % of the machine's or its cgroup's memory.
int64_t memory_limit();

}  // namespace netc::runtime
