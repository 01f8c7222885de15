// Line differences between two texts, for `dump --diff`.
#pragma once

#include <string>

namespace netc::tools {

/// Lines only in `before` start with `-`, lines only in `after` with `+`; unchanged lines are shown
/// within `context` lines of a change. Empty when the texts are equal.
std::string line_diff(const std::string& before, const std::string& after, size_t context = 2);

}  // namespace netc::tools
