// What goes wrong while files are read and programs run: one exception type that the command line
// turns into a diagnostic with exit code 3.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace netc::runtime {

/// Causes of run-time errors, with their diagnostic codes.
enum class Fault : uint8_t {
  Field,       ///< R0601 the dataset does not fit the model's inputs
  DataFile,    ///< R0602 a data file cannot be read or is malformed
  IndexData,   ///< R0603 a value in the data is outside its index range
  Weights,     ///< R0604 a weight file is damaged or does not fit the model
  Checkpoint,  ///< R0605 a run cannot be resumed
  NonFinite,   ///< R0606 the loss or a parameter stopped being finite
  IndexRun,    ///< R0607 a computed index left its range
  Output,      ///< R0608 a file or directory cannot be written
  Memory,      ///< R0609 more memory needed than there is
  Split,       ///< R0610 the training settings ask for something that the data does not have
};

/// The code of a cause: R0601 ….
const char* code(Fault fault);

/// A run-time failure in the user's terms. `file` and `record` are set where one is to blame;
/// `input` names the model input concerned, for which the command line finds the source place.
struct Error : std::exception {
  Error(Fault fault_, std::string message_) : fault(fault_), message(std::move(message_)) {}

  Error& note(std::string text);
  Error& help(std::string text);
  Error& in_file(std::string path);
  Error& at_record(int64_t number);
  Error& for_input(std::string name, std::string label = "declared here");

  const char* what() const noexcept override { return message.c_str(); }

  Fault fault;
  std::string message;
  std::vector<std::string> notes;
  std::vector<std::string> helps;
  std::string file;
  int64_t record = -1;
  std::string input;
  std::string input_label;  ///< text under the caret at the input's declaration
  std::string data_label;   ///< text under the `data` item: `fields: image u8[28, 28], label u8`
};

/// `text` with control bytes escaped: names from files are shown on terminals.
std::string printable(std::string_view text);
/// A path as messages show it: printable, without `./` and `a/../`.
std::string shown_path(std::string_view path);
/// Last component of a path, printable: errors name files by it.
std::string file_name(std::string_view path);
/// Text of errno value `number`.
std::string system_message(int number);

}  // namespace netc::runtime
