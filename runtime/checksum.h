// A 128-bit checksum for checkpoints. Not cryptographic: it finds damage, not forgery.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace netc::runtime {

/// Bytes are fed in any pieces; equal contents give equal digests. Every step is a bijection of
/// the state for fixed input and of the input for a fixed state, so a change confined to one
/// 8-byte word always changes the digest; other changes go unnoticed with probability 2^-128.
class Checksum {
 public:
  void update(std::span<const std::byte> bytes);
  /// 32 hexadecimal digits of what was fed so far.
  std::string digest() const;

 private:
  static constexpr size_t kLanes = 8;
  void block(const std::byte* bytes);

  std::array<uint64_t, kLanes> lanes_{1, 2, 3, 4, 5, 6, 7, 8};
  std::array<std::byte, kLanes * 8> tail_{};
  uint64_t size_ = 0;
};

}  // namespace netc::runtime
