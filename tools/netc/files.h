// Files that commands read and write whole.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace netc::tools {

/// The whole file; throws DiagnosticError R0602 when it cannot be read.
std::string read_file(const std::string& path);
/// All of stdin.
std::string read_stdin();
/// Writes a file by one rename; throws runtime::Error when that fails.
void write_file(const std::string& path, const std::string& text);

/// One line of --json, newline included.
std::string json_line(const nlohmann::ordered_json& object);
/// Prints the text of a stage; with `json` as an object of both.
void print_text(const std::string& stage, const std::string& text, bool json);

}  // namespace netc::tools
