// The source of every decision of the generator: a string of bytes. A program shrinks when bytes
// are deleted or made smaller, since an exhausted string gives the smallest choice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

namespace netc::fuzz {

using Bytes = std::vector<uint8_t>;

class Choices {
 public:
  explicit Choices(Bytes bytes) : bytes_(std::move(bytes)) {}

  /// A number in 0 … n - 1 (n in 1 … 256); 0 when nothing is left.
  int below(int n) {
    if (next_ >= bytes_.size()) return 0;
    return bytes_[next_++] % n;
  }
  /// True for one choice in n, and never when nothing is left.
  bool one_in(int n) { return below(n) == n - 1; }
  template <class List>
  const auto& of(const List& list) {
    return list[size_t(below(int(std::size(list))))];
  }
  bool exhausted() const { return next_ >= bytes_.size(); }

 private:
  Bytes bytes_;
  size_t next_ = 0;
};

/// The bytes of program number `seed`.
Bytes random_bytes(uint64_t seed);

}  // namespace netc::fuzz
