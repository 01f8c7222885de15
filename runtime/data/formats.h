// Files of formats that netc does not read, told by their first bytes.
#pragma once

#include <cstddef>
#include <span>

#include "runtime/data/byte_source.h"

namespace netc::runtime {

/// `x.jpg: is a JPEG picture, not a .npy file`, with what to do about it; `x.jpg: is not a .npy
/// file` when the first bytes say nothing. `wanted` is what the reader takes.
Error wrong_format(const ByteSource& source, std::span<const std::byte> start, const char* wanted);

}  // namespace netc::runtime
