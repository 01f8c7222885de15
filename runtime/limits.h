// What files and programs may take of the machine.
#pragma once

#include <cstdint>

namespace netc::runtime {

struct Limits {
  int64_t memory;       ///< bytes; 80 % of what the machine or its cgroup has
  int64_t file_header;  ///< bytes of the header of a data or weight file
};

/// The limits of this process. The command line sets them before anything is read or run.
Limits& limits();

}  // namespace netc::runtime
