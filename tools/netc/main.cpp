// Entry point of netc: picks the command, runs it, and turns whatever comes out into an exit code.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <string_view>

#include "frontend/diagnostics.h"
#include "frontend/foreign.h"
#include "frontend/settings.h"
#include "ir/diagnostic.h"
#include "runtime/error.h"
#include "tools/netc/complete.h"
#include "tools/netc/documents.h"
#include "tools/netc/glue.h"
#include "tools/netc/lsp/command.h"
#include "tools/netc/option_table.h"
#include "tools/netc/options.h"
#include "tools/netc/reproducer.h"
#include "tools/netc/session.h"

namespace netc::tools {

namespace {
/// The value of an option as it stands on the command line, parsed or not.
std::string written_value(int argc, char** argv, std::string_view option) {
  std::string value;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == option && i + 1 < argc) value = argv[i + 1];
    if (word.starts_with(option) && word.substr(option.size()).starts_with('='))
      value = word.substr(option.size() + 1);
  }
  return value;
}

/// Errors without a program at hand, in the form that the command line asks for.
class Reporter {
 public:
  Reporter(int argc, char** argv) {
    const std::string colour = written_value(argc, argv, "--color");
    render_ = Console::detect(colour == "always"  ? ColourChoice::always
                              : colour == "never" ? ColourChoice::never
                                                  : ColourChoice::automatic)
                  .diagnostics();
    render_.format = diagnostic_format(written_value(argc, argv, "--diagnostics"));
  }

  void report(const ir::Diagnostic& d) const { print_error(frontend::render({d}, {}, render_)); }
  void report(const std::string& message, const std::string& help) const {
    report(plain_diagnostic("", message, help));
  }

 private:
  frontend::RenderOptions render_;
};

/// Runs what was asked for; every way out of a command ends here.
Exit run_action(const Action& action, const Reporter& reporter, int argc, char** argv) {
  try {
    return action();
  } catch (const ExitRequest& e) {
    return e.code;
  } catch (const UsageError& e) {
    reporter.report(e.message, e.help);
    return e.code;
  } catch (const ir::DiagnosticError& e) {
    reporter.report(e.diagnostic);
    return e.diagnostic.code.starts_with("E05") ? Exit::usage
           : e.diagnostic.code.starts_with("R") ? Exit::failure
                                                : Exit::program;
  } catch (const runtime::Error& e) {
    reporter.report(diagnose(e));
    return Exit::failure;
  } catch (const std::bad_alloc&) {
    reporter.report(plain_diagnostic("R0609", "out of memory", ""));
    return Exit::failure;
  } catch (const std::exception& e) {
    reporter.report(internal_error(e.what(), argc, argv));
    return Exit::internal;
  }
}

/// What scripts of shells and the build ask for: not commands of people, so not in the help.
std::optional<std::string> answer(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  if (words[0] == kCompleteCommand) return complete(app, std::span(words).subspan(1));
  if (words[0] != kDocumentCommand || words.size() != 2) return {};
  if (words[1] == "man") return manual_page(app);
  if (words[1] == "markdown") return command_line_page(app);
  return {};
}

/// What is wrong with the values of a command line in our words, where CLI11's do not help.
std::string usage_message(const CLI::App* command, const CLI::ParseError& error) {
  std::string text = error.what();
  text.resize(std::min(text.find('\n'), text.size()));
  const std::string name = text.substr(0, text.find_first_of(": "));
  const CLI::Option* option = command != nullptr ? command->get_option_no_throw(name) : nullptr;
  if (option == nullptr) return text;
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return fmt::format("`netc {}` needs {}: {}", command->get_name(), name,
                       prose(option->get_description(), stderr));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return fmt::format("{} needs a value: {}", name, option->get_type_name());
  if (const auto* excludes = dynamic_cast<const CLI::ExcludesError*>(&error); excludes != nullptr)
    return fmt::format("{} does not go with {}", name, text.substr(text.rfind(' ') + 1));
  return text;
}

/// What was perhaps meant by an option that a command does not have; empty when nothing is near.
std::string intended_option(const CLI::App& app, const CLI::App& command, const std::string& word) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  if (std::find(known.begin(), known.end(), word) != known.end())
    return fmt::format("options stand behind the command: `netc {} {}`", command.get_name(), word);
  // People write settings as options: `--lr 1e-3`.
  std::string key = word.substr(std::min(word.find_first_not_of('-'), word.size()));
  std::replace(key.begin(), key.end(), '-', '_');
  const std::vector<std::string> keys = frontend::setting_keys();
  const std::string near = did_you_mean(word, known), meant = frontend::intended_name(key, keys);
  const bool is_setting = std::find(keys.begin(), keys.end(), key) != keys.end();
  if (is_setting || (near.empty() && !meant.empty()))
    return fmt::format("settings are changed with `--set train.{}=VALUE`",
                       is_setting ? key : meant);
  if (!near.empty()) return near;
  std::vector<std::string> others;
  for (const CLI::App* other : app.get_subcommands(nullptr))
    if (other->get_option_no_throw(word) != nullptr)
      others.push_back(fmt::format("`netc {}`", other->get_name()));
  return others.empty() ? "" : fmt::format("it is an option of {}", fmt::join(others, ", "));
}

/// Says what is wrong with a command line, and what was perhaps meant.
void report_usage(const CLI::App& app, const CLI::ParseError& error, const Reporter& reporter) {
  const std::vector<const CLI::App*> chosen =
      app.get_subcommands([](const CLI::App* command) { return command->parsed(); });
  const std::string general = chosen.empty() ? "`netc --help` lists commands and options"
                                             : fmt::format("`netc {} --help` lists its options",
                                                           chosen.front()->get_name());
  const auto* extras = dynamic_cast<const CLI::ExtrasError*>(&error);
  const std::vector<std::string> rest = app.remaining(true);
  if (extras == nullptr || rest.empty()) {
    const std::string text = error.what();
    const size_t line = text.find('\n');
    return reporter.report(usage_message(chosen.empty() ? nullptr : chosen.front(), error),
                           line == std::string::npos ? general : text.substr(line + 1));
  }
  if (chosen.empty()) {
    std::vector<std::string> known;
    for (const CLI::App* command : app.get_subcommands(nullptr))
      known.push_back(command->get_name());
    const std::string help = did_you_mean(rest.front(), known);
    return reporter.report(fmt::format("`{}` is not a command", rest.front()),
                           help.empty() ? general : help);
  }
  const std::string command = chosen.front()->get_name();
  const auto flag = std::find_if(rest.begin(), rest.end(),
                                 [](const std::string& word) { return word.starts_with('-'); });
  if (flag == rest.end())
    return reporter.report(fmt::format("`netc {}` takes one file, and `{}` is one more argument",
                                       command, rest.front()),
                           fmt::format("`netc {} --help` lists what it takes", command));
  const std::string word = flag->substr(0, flag->find('='));
  const std::string help = intended_option(app, *chosen.front(), word);
  // One that the command has was read before it.
  reporter.report(chosen.front()->get_option_no_throw(word) != nullptr
                      ? fmt::format("`{}` stands before its command", word)
                      : fmt::format("`netc {}` has no option `{}`", command, word),
                  help.empty() ? general : help);
}

/// Help is no wider than is good to read, and no wider than the terminal.
size_t help_width(std::optional<size_t> columns) {
  return std::min<size_t>(columns.value_or(80), 80);
}

/// Opens the standard streams that are closed: a file of ours that took their numbers would get
/// what is written to them. stdout becomes one that cannot be written, so that the loss is noticed.
void occupy_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) == -1)
      open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

int main_of_netc(int argc, char** argv, const Reporter& reporter) {
  CLI::App app("netc");
  app.set_version_flag("--version", std::string("netc ") + NETC_VERSION);
  app.require_subcommand(0, 1);
  app.set_help_flag();
  bool help = false;
  app.add_flag("-h,--help", help, "this text");
  Action action;
  for (auto* add : {add_train, add_check, add_eval, add_gradcheck, add_predict, add_dump, add_run,
                    add_fmt, add_bench, add_explain, add_completions, add_lsp}) {
    add(app, action);
  }
  for (CLI::App* command : app.get_subcommands({})) {
    command->set_help_flag("-h,--help", "the options of this command");
    command->set_version_flag("--version", std::string("netc ") + NETC_VERSION);
  }
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (auto text = answer(app, words)) {
    print_out(*text);
    return 0;
  }
  if (!words.empty() && words[0] == "help") {  // `netc help train`, as git has it
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    for (const CommandEntry& c : command_table(app))
      if (app.got_subcommand(c.name))
        print_out(prose(command_help(c, help_width(result_columns())), stdout));
    return 0;
  } catch (const CLI::CallForVersion& e) {
    print_out(std::string(e.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& e) {
    report_usage(app, e, reporter);
    return static_cast<int>(Exit::usage);
  }
  if (help) {
    print_out(prose(general_help(app, help_width(result_columns())), stdout));
    return 0;
  }
  if (!action) {
    print_error(prose(general_help(app, help_width(size_t(Console().width()))), stderr));
    return static_cast<int>(Exit::usage);
  }
  return static_cast<int>(run_action(action, reporter, argc, argv));
}
}  // namespace

}  // namespace netc::tools

int main(int argc, char** argv) {
  using namespace netc::tools;
  occupy_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a write past `ulimit -f` fails, and is said
  const Reporter reporter(argc, argv);
  const int code = main_of_netc(argc, argv, reporter);
  // A training that nobody could read still saves what it learnt; the loss of output shows here.
  if (output_error() == 0) return code;
  reporter.report(plain_diagnostic(
      "R0608",
      fmt::format("cannot write to stdout: {}", netc::runtime::system_message(output_error()))));
  return code == 0 ? static_cast<int>(Exit::failure) : code;
}
