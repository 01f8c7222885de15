// Codes and texts of run-time errors.
#include "runtime/error.h"

#include <fmt/format.h>

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

const char* explanation(Fault fault) {
  switch (fault) {
    case Fault::Field:
      return "A field of the dataset is missing or differs in type or shape from the model's input "
             "of that name. Types are per sample: the batch dim does not count.";
    case Fault::DataFile:
      return "A data file cannot be opened, is truncated, or breaks the rules of its format.";
    case Fault::IndexData:
      return "An integer that the model uses as an index or label lies outside its range. Inputs "
             "are checked when the data is loaded.";
    case Fault::Weights:
      return "A weight file is damaged, or a tensor in it is missing or differs in shape or type "
             "from the model's parameter.";
    case Fault::Checkpoint:
      return "A run directory holds no whole checkpoint, one of another model, or is in use.";
    case Fault::NonFinite:
      return "The loss or a parameter became infinite or NaN; the last good checkpoint is kept.";
    case Fault::IndexRun:
      return "An index that the model computes left its range; it was clamped and the run stopped "
             "after the step.";
    case Fault::Output:
      return "An output file or run directory cannot be written.";
    case Fault::Memory:
      return "The model or its data needs more memory than the limit allows.";
    case Fault::Split:
      return "The training settings name a split, or need records, that the data does not have.";
  }
  return "";
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

std::string file_name(std::string_view path) {
  const size_t slash = path.find_last_of('/');
  return printable(
      slash == std::string_view::npos || slash + 1 == path.size() ? path : path.substr(slash + 1));
}

std::string system_message(int number) { return std::generic_category().message(number); }

}  // namespace netc::runtime
