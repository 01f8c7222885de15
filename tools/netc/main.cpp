// Entry point of netc: picks the command, runs it, and turns whatever comes out into an exit code.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>

#include "ir/diagnostic.h"
#include "runtime/error.h"
#include "tools/netc/lsp/command.h"
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
  diff       the backward as a program                   lsp        language server on stdio
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
                    add_fmt, add_bench, add_explain, add_lsp}) {
    add(app, action);
  }
  for (CLI::App* command : app.get_subcommands({})) {
    command->set_help_flag("-h,--help", "the options of this command");
    command->set_version_flag("--version", std::string("netc ") + NETC_VERSION);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    for (CLI::App* command : app.get_subcommands())
      if (command->count("--help") > 0) print_out(command->help());
    return 0;
  } catch (const CLI::CallForVersion& e) {
    print_out(std::string(e.what()) + "\n");
    return 0;
  } catch (const CLI::ParseError& e) {
    return static_cast<int>(usage_failure(e.what(), "`netc --help` lists commands and options"));
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
