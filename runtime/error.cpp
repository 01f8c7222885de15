// Codes and texts of run-time errors.
#include "runtime/error.h"

#include <fmt/format.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace netc::runtime {

const char* code(Fault fault) {
  switch (fault) {
    case Fault::Field:
      return "R0601";
    case Fault::DataFile:
      return "R0602";
    case Fault::IndexData:
      return "R0603";
    case Fault::Weights:
      return "R0604";
    case Fault::Checkpoint:
      return "R0605";
    case Fault::NonFinite:
      return "R0606";
    case Fault::IndexRun:
      return "R0607";
    case Fault::Output:
      return "R0608";
    case Fault::Memory:
      return "R0609";
    case Fault::Split:
      return "R0610";
  }
  throw std::logic_error("no such fault");
}

Error& Error::note(std::string text) {
  notes.push_back(std::move(text));
  return *this;
}

Error& Error::help(std::string text) {
  helps.push_back(std::move(text));
  return *this;
}

Error& Error::in_file(std::string path) {
  file = std::move(path);
  return *this;
}

Error& Error::at_record(int64_t number) {
  record = number;
  return *this;
}

Error& Error::for_input(std::string name, std::string label) {
  input = std::move(name);
  input_label = std::move(label);
  return *this;
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 200)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return text.size() > 200 ? out + "…" : out;
}

std::string shown_path(std::string_view path) {
  return printable(std::filesystem::path(path).lexically_normal().string());
}

std::string file_name(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return printable(
      slash == std::string_view::npos || slash + 1 == path.size() ? path : path.substr(slash + 1));
}

std::string system_message(int number) { return std::generic_category().message(number); }

}  // namespace netc::runtime
