// Fisher-Yates with Philox words; bounded draws by Lemire's multiply-and-shift with rejection.
#include "runtime/shuffle.h"

#include <numeric>
#include <utility>

#include "runtime/philox.h"

namespace netc::runtime {

void epoch_order(uint64_t seed, int64_t epoch, std::vector<uint32_t>& order) {
  std::iota(order.begin(), order.end(), 0u);
  const uint64_t epoch_bits = static_cast<uint64_t>(epoch);
  // The name keeps this stream apart from those of parameters; the epoch takes the counter's top.
  const uint64_t name = hash_name("shuffle");
  uint64_t block = 0;
  PhiloxCounter words{};
  size_t used = words.size();
  auto next = [&] {
    if (used == words.size()) {
      words = philox({static_cast<uint32_t>(block), static_cast<uint32_t>(epoch_bits),
                      static_cast<uint32_t>(seed >> 32) ^ static_cast<uint32_t>(epoch_bits >> 32),
                      static_cast<uint32_t>(name >> 32) + static_cast<uint32_t>(block >> 32)},
                     {static_cast<uint32_t>(seed), static_cast<uint32_t>(name)});
      ++block;
      used = 0;
    }
    return words[used++];
  };
  for (uint64_t left = order.size(); left > 1; --left) {
    uint64_t product = uint64_t{next()} * left;
    while (static_cast<uint32_t>(product) < (uint64_t{1} << 32) % left) product = next() * left;
    std::swap(order[left - 1], order[product >> 32]);
  }
}

}  // namespace netc::runtime
