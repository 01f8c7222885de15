// Suggestions for misspelt names in files: fields, tensors.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace netc::runtime {

/// The candidate nearest to `name` within max(1, length / 3) edits, or empty.
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace netc::runtime
