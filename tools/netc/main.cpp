// Entry point of netc: picks the command, runs it, and turns whatever comes out into an exit code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <string_view>

#include "ir/diagnostic.h"
#include "runtime/error.h"
#include "tools/netc/complete.h"
#include "tools/netc/documents.h"
#include "tools/netc/option_table.h"
#include "tools/netc/options.h"
#include "tools/netc/reproducer.h"

namespace netc::tools {

namespace {
constexpr const char* kHelp =
    R"(netc — compile, train and inspect .net models
usage: netc <command> <file.net> [options]
  train      train the model, save weights               check      parse, type and shape check; parameters with -v
  eval       loss and metrics of saved weights           gradcheck  compare gradients with finite differences (f64)
  predict    run the model on inputs                     dump       show a stage: AST, IR, LLVM IR, asm, DOT
  run        one entry point on given tensors            fmt        format source (--check to test)
  bench      time forward and training step              explain    describe an error code, a function or a setting
  diff       the backward as a program                   completions  for bash, zsh, fish
common: --set PATH=VALUE  --dtype f32|f64  --threads N  --seed N  --cpu sse2|avx2|avx512|native  -O0|-O1|-O2  --version  --json  --color auto|always|never  -q (nothing on stderr but errors)  -v
        --model NAME  --diagnostics short|json  --max-errors N
`netc <command> --help` lists the options of a command.
)";

Exit usage_failure(const std::string& message, const std::string& help) {
  print_error(fmt::format("error: {}\n", message));
  if (!help.empty()) print_error(fmt::format("  = help: {}\n", help));
  return Exit::usage;
}

/// Runs what was asked for; every way out of a command ends here.
Exit run_action(const Action& action, int argc, char** argv) {
  try {
    return action();
  } catch (const ExitRequest& e) {
    return e.code;
  } catch (const UsageError& e) {
    usage_failure(e.message, e.help);
    return e.code;
  } catch (const ir::DiagnosticError& e) {
    print_error(fmt::format("error[{}]: {}\n", e.diagnostic.code, e.diagnostic.message));
    for (const std::string& n : e.diagnostic.notes) print_error(fmt::format("  = note: {}\n", n));
    for (const std::string& h : e.diagnostic.helps) print_error(fmt::format("  = help: {}\n", h));
    return e.diagnostic.code.starts_with("E05") ? Exit::usage
           : e.diagnostic.code.starts_with("R") ? Exit::failure
                                                : Exit::program;
  } catch (const runtime::Error& e) {
    print_error(fmt::format("error[{}]: {}\n", runtime::code(e.fault), e.message));
    for (const std::string& n : e.notes) print_error(fmt::format("  = note: {}\n", n));
    for (const std::string& h : e.helps) print_error(fmt::format("  = help: {}\n", h));
    return Exit::failure;
  } catch (const std::bad_alloc&) {
    print_error("error[R0609]: out of memory\n");
    return Exit::failure;
  } catch (const std::exception& e) {
    return report_internal_error(e.what(), argc, argv);
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

/// Says what is wrong with a command line, and what may have been meant.
int refuse(const CLI::App& app, const CLI::ParseError& e) {
  std::string message = e.what(), help = "`netc --help` lists commands and options";
  const auto chosen = app.get_subcommands();
  if (!chosen.empty())
    help = fmt::format("`netc {} --help` lists the options", chosen[0]->get_name());
  const std::vector<std::string> unknown = app.remaining(true);
  if (!unknown.empty()) {
    const auto option = std::find_if(unknown.begin(), unknown.end(),
                                     [](const std::string& w) { return w.starts_with("-"); });
    if (chosen.empty())
      message = fmt::format("there is no command `{}`", unknown[0]);
    else if (option != unknown.end())
      message = fmt::format("`{}` has no option `{}`", chosen[0]->get_name(), *option);
    else
      message = fmt::format("`{}` takes no argument `{}`", chosen[0]->get_name(), unknown[0]);
  }
  if (std::string near = nearest_word(app, unknown); !near.empty())
    help = fmt::format("did you mean `{}`?", near);
  return static_cast<int>(usage_failure(message, help));
}

int main_of_netc(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("netc");
  app.set_version_flag("--version", std::string("netc ") + NETC_VERSION);
  app.require_subcommand(0, 1);
  app.set_help_flag();
  bool help = false;
  app.add_flag("-h,--help", help, "this text");
  Action action;
  for (auto* add : {add_train, add_check, add_eval, add_gradcheck, add_predict, add_dump, add_run,
                    add_fmt, add_bench, add_explain, add_completions}) {
    add(app, action);
  }
  for (CLI::App* command : app.get_subcommands({})) {
    command->set_help_flag("-h,--help", "the options of this command");
    command->set_version_flag("--version", std::string("netc ") + NETC_VERSION);
  }
  if (auto text = answer(app, {argv + std::min(argc, 1), argv + argc})) {
    print_out(*text);
    return 0;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    for (const CommandEntry& c : command_table(app))
      if (app.got_subcommand(c.name)) print_out(command_help(c));
    return 0;
  } catch (const CLI::CallForVersion& e) {
    print_out(std::string(e.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& e) {
    return refuse(app, e);
  }
  if (help) {
    print_out(kHelp);
    return 0;
  }
  if (!action) {
    print_error(kHelp);
    return static_cast<int>(Exit::usage);
  }
  return static_cast<int>(run_action(action, argc, argv));
}
}  // namespace

}  // namespace netc::tools

int main(int argc, char** argv) { return netc::tools::main_of_netc(argc, argv); }
