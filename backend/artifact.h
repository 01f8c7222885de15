// What compilation leaves behind for one entry point: enough to make its plan again without
// emitting anything. This is what the object cache keeps.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backend/kernel.h"

namespace netc::backend {

struct Artifact {
  /// Kernels that no code is generated for, as they were found: each round's numbers count the
  /// kernels that the rounds before have left.
  std::vector<std::vector<int>> undone;
  std::vector<Emitted> emitted;  ///< per distinct code
  std::vector<std::string> objects;
};

std::string encode(Artifact artifact);
/// Nothing when `bytes` are not an encoded artifact.
std::optional<Artifact> decode(std::string_view bytes);

}  // namespace netc::backend
