#include "tests/fuzz/shrink.h"

#include <algorithm>
#include <cctype>

namespace netc::fuzz {

std::string kind_of(const std::string& failure) {
  const size_t end = failure.find_first_of(":\n");
  std::string kind = failure.substr(0, end);
  if (kind != "exception" && kind[0] != 'I' && kind[0] != 'E') return kind;
  for (char c : failure.substr(end == std::string::npos ? failure.size() : end, 60)) {
    if (c == '`') break;
    if (!std::isdigit(c)) kind += c;
  }
  return kind;
}

Bytes shrink(Bytes bytes, const std::function<bool(const Bytes&)>& still_fails, int most_tries) {
  int tries = 0;
  auto better = [&](Bytes candidate) {
    if (tries >= most_tries) return false;
    ++tries;
    if (!still_fails(candidate)) return false;
    bytes = std::move(candidate);
    return true;
  };
  for (bool again = true; again && tries < most_tries;) {
    again = false;
    for (size_t length = std::max<size_t>(bytes.size() / 2, 1);; length /= 2) {
      for (size_t at = 0; at + length <= bytes.size();) {
        Bytes fewer = bytes;
        fewer.erase(fewer.begin() + int64_t(at), fewer.begin() + int64_t(at + length));
        if (better(std::move(fewer)))
          again = true;
        else
          at += length;
      }
      if (length <= 1) break;
    }
    for (size_t at = 0; at < bytes.size(); ++at) {
      for (int smaller : {0, bytes[at] / 2, bytes[at] - 1}) {
        if (smaller < 0 || smaller >= bytes[at]) continue;
        Bytes less = bytes;
        less[at] = uint8_t(smaller);
        if (better(std::move(less))) {
          again = true;
          break;
        }
      }
    }
  }
  return bytes;
}

}  // namespace netc::fuzz
