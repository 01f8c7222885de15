// The memory limit read from the system and the cgroup.
#include "runtime/limits.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "runtime/arena.h"
#include "runtime/safetensors.h"

namespace netc::runtime {
namespace {

int64_t cgroup_limit(const char* path) {
  std::ifstream file(path);
  int64_t bytes = 0;
  return file >> bytes && bytes > 0 ? bytes : INT64_MAX;
}

int64_t default_memory() {
  const int64_t pages = sysconf(_SC_PHYS_PAGES);
  const int64_t machine = pages > 0 ? pages * sysconf(_SC_PAGESIZE) : INT64_MAX;
  const int64_t total = std::min({machine, cgroup_limit("/sys/fs/cgroup/memory.max"),
                                  cgroup_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
  return total / 5 * 4;
}

}  // namespace

int64_t memory_limit() { return limits().memory; }

Limits& limits() {
  static Limits limits{default_memory(), kMaxFileHeader};
  return limits;
}

}  // namespace netc::runtime
