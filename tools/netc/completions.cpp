// `netc completions`: the scripts by which shells complete netc's command lines.
#include <CLI/CLI.hpp>
#include <memory>
#include <string_view>

#include "tools/netc/option_table.h"
#include "tools/netc/options.h"

namespace netc::tools {

extern const std::pair<std::string_view, std::string_view> shell_scripts[];
extern const size_t shell_scripts_count;

namespace {
std::string script(const std::string& shell) {
  for (size_t i = 0; i < shell_scripts_count; ++i)
    if (shell_scripts[i].first == "netc." + shell) return std::string(shell_scripts[i].second);
  throw std::logic_error("no script for " + shell);
}
}  // namespace

void add_completions(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completions", "for bash, zsh, fish");
  one_of(command->add_option("SHELL", *shell, "bash, zsh or fish")->required(),
         {"bash", "zsh", "fish"});
  command->callback([&action, shell] {
    action = [shell] {
      print_out(script(*shell));
      return Exit::ok;
    };
  });
}

}  // namespace netc::tools
