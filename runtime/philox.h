// Philox4x32-10 (Salmon et al., SC 2011): four random 32-bit words as a pure function of a key and
// a counter, so that no draw depends on how many were made before or by which thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace netc::runtime {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

constexpr PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0];
    const uint64_t b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

/// FNV-1a with a final mix: what names are turned into when they key a stream.
constexpr uint64_t hash_name(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93;
  return hash ^ (hash >> 32);
}

/// A stream of random words keyed by (seed, name); every bit of both takes part.
struct Stream {
  uint64_t seed = 0;
  uint64_t name = 0;

  constexpr Stream(uint64_t seed_, std::string_view name_) : seed(seed_), name(hash_name(name_)) {}

  /// Words 4 * block … 4 * block + 3.
  constexpr PhiloxCounter block(uint64_t number) const {
    return philox({static_cast<uint32_t>(number), static_cast<uint32_t>(number >> 32),
                   static_cast<uint32_t>(seed >> 32), static_cast<uint32_t>(name >> 32)},
                  {static_cast<uint32_t>(seed), static_cast<uint32_t>(name)});
  }
  /// Two 64-bit words a block: number `index` of them.
  constexpr uint64_t word64(uint64_t index) const {
    const PhiloxCounter words = block(index / 2);
    return index % 2 == 0 ? uint64_t{words[1]} << 32 | words[0]
                          : uint64_t{words[3]} << 32 | words[2];
  }
};

/// Uniform in the open interval (0, 1), 2^52 values spaced evenly: exact in f64.
constexpr double unit_interval(uint64_t word) {
  return (static_cast<double>(word >> 12) + 0.5) * 0x1p-52;
}

}  // namespace netc::runtime
