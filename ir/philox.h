// Philox4x32-10, the counter-based generator of Salmon et al. (2011), and how netc lays out its key
// and counter. A random number is a pure function of seed, site, step and element index.
//
//   key     [0] seed, low 32 bits xor high 32 bits
//           [1] FNV-1a 64 of the site's path (`mlp.dropout0`), low 32 bits xor high 32 bits
//   counter [0] step, low 32 bits      [1] step, high 32 bits
//           [2] index, low 32 bits     [3] index, high 32 bits
//   result  word 0 of the block
//
// `index` is the row-major index of the element in the value as written, over the whole batch.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace netc::ir {

/// One block: ten rounds.
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter,
                                             std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    uint64_t p = uint64_t(0xD2511F53u) * counter[0];
    uint64_t q = uint64_t(0xCD9E8D57u) * counter[2];
    counter = {uint32_t(q >> 32) ^ counter[1] ^ key[0], uint32_t(q),
               uint32_t(p >> 32) ^ counter[3] ^ key[1], uint32_t(p)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// FNV-1a, 64 bits.
constexpr uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (char c : text) hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

constexpr uint32_t fold32(uint64_t word) { return uint32_t(word) ^ uint32_t(word >> 32); }

/// Key word 1 of a site.
constexpr uint32_t site_key(std::string_view site) { return fold32(fnv1a(site)); }

/// The 32 random bits of one element.
constexpr uint32_t random_bits(uint64_t seed, uint32_t site, uint64_t step, uint64_t index) {
  return philox4x32({uint32_t(step), uint32_t(step >> 32), uint32_t(index), uint32_t(index >> 32)},
                    {fold32(seed), site})[0];
}

}  // namespace netc::ir
