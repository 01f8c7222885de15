// `netc lsp`: a language server on stdin and stdout.
#include "tools/netc/lsp/command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "tools/netc/lsp/server.h"

namespace netc::tools {

namespace {
Exit serve() {
  lsp::Transport transport(STDIN_FILENO, STDOUT_FILENO);
  // `exit` without `shutdown`, or a pipe that closes, is a failure by the protocol.
  return lsp::Server(transport).run() ? Exit::ok : Exit::program;
}
}  // namespace

void add_lsp(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("lsp", "language server on stdio");
  auto stdio = std::make_shared<bool>(true);
  command->add_flag("--stdio", *stdio, "the default; editors pass it");
  command->callback([&action, stdio] { action = serve; });
}

}  // namespace netc::tools
