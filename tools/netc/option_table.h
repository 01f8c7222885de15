// What the command line has, read back from where it is declared: for help, completion, the manual
// page and the reference, so that none of them keeps a list of its own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace netc::tools {

/// The group of options that every command with a program has.
inline constexpr const char* kCommonGroup = "Common options";

/// One option, or positional argument, of a command.
struct OptionEntry {
  std::vector<std::string> names;    ///< `-o`, `--output`; the bare name of a positional
  std::string value;                 ///< what it takes: `f32|f64`, `FILE`; empty for a flag
  std::vector<std::string> choices;  ///< where only these values are taken
  std::string about;
  bool common = false;
  bool positional = false;

  /// `-o, --output DIR`
  std::string heading() const;
};

/// One command with its options in the order of their declaration; `-h` and `--version` are left
/// out.
struct CommandEntry {
  std::string name, about;
  std::vector<OptionEntry> options;
};

/// The commands of `app`, in the order of their declaration.
std::vector<CommandEntry> command_table(const CLI::App& app);

/// Lets an option take these values only. The error for another one has what was perhaps meant in a
/// second line.
CLI::Option* one_of(CLI::Option* option, std::vector<std::string> choices);
/// Lets an option take numbers above 0 only.
CLI::Option* above_zero(CLI::Option* option);
/// Lets an option take whole numbers from `least` to `most` only.
CLI::Option* whole_number(CLI::Option* option, int64_t least, int64_t most = INT64_MAX);

/// The text of `netc --help`, in lines of at most `width` columns.
std::string general_help(const CLI::App& app, size_t width);
/// The text of `netc COMMAND --help`, likewise.
std::string command_help(const CommandEntry& command, size_t width);

}  // namespace netc::tools
