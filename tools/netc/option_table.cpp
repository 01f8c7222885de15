// Reads the commands and options back from CLI11.
#include "tools/netc/option_table.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "frontend/diagnostics.h"

namespace netc::tools {

namespace {
OptionEntry entry_of(const CLI::Option& option) {
  OptionEntry e;
  e.positional = option.get_positional();
  if (e.positional) e.names.push_back(option.get_name(true));
  for (const std::string& name : option.get_snames()) e.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) e.names.push_back("--" + name);
  e.about = option.get_description();
  e.common = option.get_group() == kCommonGroup;
  if (option.get_items_expected_max() == 0) return e;
  e.value = option.get_type_name();
  e.value.resize(std::min(e.value.size(), e.value.find(':')));  // what validators say of themselves
  if (e.value.find('|') == std::string::npos) return e;
  for (size_t begin = 0; begin <= e.value.size();) {
    const size_t bar = std::min(e.value.find('|', begin), e.value.size());
    e.choices.push_back(e.value.substr(begin, bar - begin));
    begin = bar + 1;
  }
  return e;
}

/// Lines of at most 80 columns, those after the first indented to where the text begins.
std::string entry_lines(const std::string& heading, const std::string& about) {
  constexpr size_t kColumn = 32, kWidth = 80;
  std::string out = "  " + heading;
  if (heading.size() + 4 > kColumn)
    out += '\n' + std::string(kColumn, ' ');
  else
    out.resize(kColumn, ' ');
  size_t column = kColumn;
  for (size_t begin = 0; begin < about.size();) {
    const size_t end = std::min(about.find(' ', begin), about.size());
    if (column + end - begin > kWidth && column > kColumn) {
      out.back() = '\n';
      out.append(column = kColumn, ' ');
    }
    out += about.substr(begin, end - begin) + ' ';
    column += end - begin + 1;
    begin = end + 1;
  }
  out.back() = '\n';
  return out;
}
}  // namespace

std::string OptionEntry::heading() const {
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  if (value.empty() || positional) return text;
  const bool glued = names.size() == 1 && names[0].size() == 2;  // -O2
  return text + (glued ? "" : " ") + value;
}

std::vector<CommandEntry> command_table(const CLI::App& app) {
  std::vector<CommandEntry> table;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    CommandEntry c{command->get_name(), command->get_description(), {}};
    for (const CLI::Option* o : command->get_options())
      if (o != command->get_help_ptr() && o != command->get_version_ptr())
        c.options.push_back(entry_of(*o));
    table.push_back(std::move(c));
  }
  return table;
}

CLI::Option* one_of(CLI::Option* option, std::vector<std::string> choices) {
  option->type_name(fmt::format("{}", fmt::join(choices, "|")));
  const auto check = [choices = std::move(choices)](const std::string& word) {
    if (std::find(choices.begin(), choices.end(), word) != choices.end()) return std::string();
    std::string meant = frontend::nearest(word, choices);
    for (const std::string& choice : choices)
      if (meant.empty() && !word.empty() && choice.starts_with(word)) meant = choice;
    const std::string message =
        fmt::format("`{}` is not one of {}", word, fmt::join(choices, ", "));
    return meant.empty() ? message : fmt::format("{}\ndid you mean `{}`?", message, meant);
  };
  return option->check(check, "");
}

CLI::Option* above_zero(CLI::Option* option) {
  const auto check = [](const std::string& word) {
    double value = 0;
    const bool good = CLI::detail::lexical_cast(word, value) && value > 0 && std::isfinite(value);
    return good ? std::string() : fmt::format("`{}` is no number above 0", word);
  };
  return option->check(check, "");
}

std::string general_help(const CLI::App& app) {
  std::string text =
      "netc — compile, train and inspect .net models\nusage: netc <command> <file.net> [options]\n";
  for (const CommandEntry& c : command_table(app))
    text += fmt::format("  {:<11}  {}\n", c.name, c.about);
  return text + R"(common:
  --set PATH=VALUE  --dtype f32|f64  --threads N  --seed N  --model NAME
  --cpu sse2|avx2|avx512|native  -O0|-O1|-O2  --max-errors N  --version
  --json  --diagnostics short|json  --color auto|always|never
  -q (nothing on stderr but errors)  -v
`netc <command> --help` lists the options of a command.
)";
}

std::string command_help(const CommandEntry& command) {
  std::string positionals, own, common;
  std::string usage = fmt::format("usage: netc {} ", command.name);
  for (const OptionEntry& o : command.options) {
    if (o.positional) {
      usage += o.names[0] + " ";
      positionals += entry_lines(o.heading(), o.about);
    } else {
      (o.common ? common : own) += entry_lines(o.heading(), o.about);
    }
  }
  own += entry_lines("-h, --help", "the options of this command");
  std::string text =
      fmt::format("netc {}: {}\n{}[options]\n\n", command.name, command.about, usage);
  if (!positionals.empty()) text += positionals + "\n";
  text += "Options:\n" + own;
  if (!common.empty()) text += fmt::format("\n{}:\n{}", kCommonGroup, common);
  return text;
}

}  // namespace netc::tools
