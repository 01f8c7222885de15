// Arena memory by anonymous mapping.
#include "runtime/arena.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "runtime/error.h"

namespace netc::runtime {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

}  // namespace

Arena::Arena(int64_t bytes) : size_(bytes) {
  if (bytes < 0 || bytes > memory_limit()) {
    throw Error(Fault::Memory, fmt::format("the model needs {:.1f} MiB, more than the limit of "
                                           "{:.1f} MiB",
                                           static_cast<double>(bytes) / (1 << 20),
                                           static_cast<double>(memory_limit()) / (1 << 20)))
        .help("use a smaller batch");
  }
  const bool huge = static_cast<size_t>(bytes) >= kHugePage;
  mapped_ = static_cast<size_t>(std::max<int64_t>(bytes, 64)) + (huge ? kHugePage : 0);
  mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) {
    mapping_ = nullptr;
    throw Error(Fault::Memory, fmt::format("cannot get {} bytes for the model", bytes));
  }
  auto address = reinterpret_cast<uintptr_t>(mapping_);
  if (huge) {
    address = (address + kHugePage - 1) & ~(kHugePage - 1);
    // Advice only: without huge pages everything works the same.
    madvise(reinterpret_cast<void*>(address), static_cast<size_t>(bytes), MADV_HUGEPAGE);
  }
  data_ = reinterpret_cast<std::byte*>(address);
}

Arena::~Arena() { release(); }

Arena::Arena(Arena&& other) noexcept { *this = std::move(other); }

Arena& Arena::operator=(Arena&& other) noexcept {
  if (this == &other) return *this;
  release();
  mapping_ = std::exchange(other.mapping_, nullptr);
  mapped_ = std::exchange(other.mapped_, 0);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Arena::release() {
  if (mapping_) munmap(mapping_, mapped_);
}

}  // namespace netc::runtime
