// The invalid twin: a valid program with one token changed, which tests the diagnostics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "frontend/source.h"

namespace netc::fuzz {

struct Twin {
  std::string text;
  uint32_t begin = 0, end = 0;  ///< bytes of the token that is not what it was
};

/// `text` with one number, element type or name changed; absent: it has none.
std::optional<Twin> mutate(const std::string& text, uint64_t seed);

enum class TwinVerdict : uint8_t {
  Accepted,   ///< the program is still well-typed
  OnToken,    ///< an error marks the changed token
  OnLine,     ///< or another place in its line
  Elsewhere,  ///< or only other lines: what the change made wrong stands there
  Broken      ///< no E-code, or an exception
};

/// What the compiler says of a twin; `message`: its first error.
TwinVerdict judge(const Twin& twin, std::string& message);

}  // namespace netc::fuzz
