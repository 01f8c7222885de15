// What changed between two dumps, for people.
#pragma once

#include <string>

namespace netc::tools {

/// Lines of `after` with what was removed (`-`) and added (`+`), and `context` lines around each
/// change; empty when nothing changed. Lines that differ only in the numbers of temporaries (`_12`)
/// and in spaces are the same: a pass that removes a line gives all that follow new numbers.
std::string dump_diff(const std::string& before, const std::string& after, size_t context = 2);

/// The same with what is removed in red and what is added in green.
std::string coloured_diff(const std::string& diff);

}  // namespace netc::tools
