// Lines of shell in which `netc` is the binary under test.
#pragma once

#include <string>

#include "tests/tools/netc_process.h"

namespace netc::test {

/// Runs a line in the folder of `s` and gives what it writes on both streams.
std::string shell(const Scratch& s, const std::string& line);
/// The same in a terminal without colour; progress that was overwritten is left out.
std::string terminal(const Scratch& s, const std::string& line, int columns = 100);

}  // namespace netc::test
