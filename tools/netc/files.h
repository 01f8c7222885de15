// Files that commands read and write whole.
#pragma once

#include <string>

namespace netc::tools {

/// The whole file; throws DiagnosticError R0602 when it cannot be read.
std::string read_file(const std::string& path);
/// All of stdin.
std::string read_stdin();
/// Writes a file by one rename; throws runtime::Error when that fails.
void write_file(const std::string& path, const std::string& text);

}  // namespace netc::tools
