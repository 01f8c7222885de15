// Whole-file input and output with named errors.
#include "tools/netc/files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "runtime/durable_file.h"
#include "tools/netc/session.h"

namespace netc::tools {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.fail())
    throw ir::DiagnosticError(
        plain_diagnostic("R0602", fmt::format("cannot read `{}`: {}", path, std::strerror(errno))));
  return text.str();
}

std::string read_stdin() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

void write_file(const std::string& path, const std::string& text) {
  runtime::replace_file(path, {std::as_bytes(std::span(text.data(), text.size()))});
}

void print_text(const std::string& stage, const std::string& text, bool json) {
  print_out(json ? json_line({{"stage", stage}, {"text", text}}) : text);
}

std::string json_line(const nlohmann::ordered_json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace netc::tools
