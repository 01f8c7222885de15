// Options that every command has, and how a command ends.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/netc/console.h"

namespace CLI {
class App;
}

namespace netc::tools {

/// Exit codes of the command line page.
enum class Exit : uint8_t {
  ok = 0,
  program = 1,  ///< the program has errors
  usage = 2,    ///< bad usage or setting
  failure = 3,  ///< data, file or run-time failure
  check = 4,    ///< a check failed
  internal = 70,
  interrupted = 130,
  terminated = 143,
};

/// Ends the command with this code after everything has been said.
struct ExitRequest {
  Exit code;
};

/// Ends the command with a one-line message on stderr.
struct UsageError {
  std::string message;
  std::string help;  ///< may be empty
  Exit code = Exit::usage;
};

struct CommonOptions {
  std::string file;  ///< the program, or where a command says so a run directory
  std::vector<std::string> set;
  std::string dtype;
  int threads = 0;  ///< 0: the CPUs this process may use
  std::optional<uint64_t> seed;
  std::string cpu = "native";
  int optimise = 2;
  bool json = false;
  std::string colour = "auto";
  bool quiet = false, verbose = false;
  std::string model;
  std::string diagnostics = "full";
  size_t max_errors = 20;
  size_t max_source = 16u << 20;
  int max_nesting = 256;
  int64_t max_ops = 1'000'000;
  size_t max_rank = 16;
  int64_t max_elements = int64_t{1} << 40;
  double max_compile_time = 60;  ///< seconds
  bool fast = false;
  int64_t fuel = -1;

  Console console() const;
  /// --threads, or the number of CPUs this process may use.
  int thread_count() const;
};

/// What a parsed command line wants done. Empty when nothing was asked for.
using Action = std::function<Exit()>;

/// Adds the file argument and the common options to a command.
void add_common(CLI::App& command, CommonOptions& options, const char* file_help = "the program");

// One function a command, each in the file of its name: adds the command and sets `action` when it
// is chosen.
void add_train(CLI::App& app, Action& action);
void add_check(CLI::App& app, Action& action);
void add_eval(CLI::App& app, Action& action);
void add_gradcheck(CLI::App& app, Action& action);
void add_predict(CLI::App& app, Action& action);
void add_dump(CLI::App& app, Action& action);  ///< and diff
void add_run(CLI::App& app, Action& action);
void add_fmt(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_explain(CLI::App& app, Action& action);
void add_completions(CLI::App& app, Action& action);

}  // namespace netc::tools
