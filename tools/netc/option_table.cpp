// Reads the commands and options back from CLI11.
#include "tools/netc/option_table.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "frontend/diagnostics.h"
#include "tools/netc/console.h"

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

/// Columns that a text takes, each character one.
size_t columns_of(const std::string& text) {
  return size_t(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

/// Each line of a text on its own, broken where it is too wide.
std::string fitted(const std::string& text, size_t width, size_t indent) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    out += wrapped(text.substr(begin, end - begin), width, indent) + "\n";
    begin = end + 1;
  }
  return out;
}

/// A term and its explanation from `column` on, word by word in lines of at most `width` columns.
std::string entry_lines(const std::string& term, const std::string& about, size_t column,
                        size_t width) {
  std::string out = "  " + term;
  const size_t used = columns_of(out);
  if (used + 2 > column)
    out = fitted(out, width, 4) + std::string(column, ' ');
  else
    out.append(column - used, ' ');
  size_t at = column;
  for (size_t begin = 0; begin < about.size();) {
    const size_t end = std::min(about.find(' ', begin), about.size());
    const std::string word = about.substr(begin, end - begin);
    if (at + columns_of(word) > width && at > column) {
      out.back() = '\n';
      out.append(at = column, ' ');
    }
    out += word + ' ';
    at += columns_of(word) + 1;
    begin = end + 1;
  }
  out.back() = '\n';
  return out;
}

/// Where explanations of options begin.
size_t option_column(size_t width) { return width < 64 ? 6 : 32; }
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

CLI::Option* whole_number(CLI::Option* option, int64_t least, int64_t most) {
  const auto check = [least, most](const std::string& word) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool whole = error == std::errc() && end == word.data() + word.size();
    if (whole && value >= least && value <= most) return std::string();
    std::string message = fmt::format("`{}` is no whole number from {}", word, least);
    if (most != INT64_MAX) message += fmt::format(" to {}", most);
    double real = 0;
    const bool fits = CLI::detail::lexical_cast(word, real) && real == std::floor(real) &&
                      real >= double(least) && real <= double(most) && real < 0x1p53;
    return fits ? fmt::format("{}\nwrite {}", message, int64_t(real)) : message;
  };
  return option->check(check, "");
}

std::string general_help(const CLI::App& app, size_t width) {
  std::string text =
      "netc — compile, train and inspect .net models\nusage: netc <command> <file.net> [options]\n";
  for (const CommandEntry& c : command_table(app)) text += entry_lines(c.name, c.about, 15, width);
  return text + fitted(R"(common:
  --set PATH=VALUE  --dtype f32|f64  --threads N  --seed N  --model NAME
  --cpu sse2|avx2|avx512|native  -O0|-O1|-O2  --max-errors N  --version
  --json  --diagnostics short|json  --color auto|always|never
  -q (nothing on stderr but errors)  -v
`netc <command> --help` lists the options of a command.
)",
                       width, 2);
}

std::string command_help(const CommandEntry& command, size_t width) {
  std::string positionals, own, common;
  std::string usage = fmt::format("usage: netc {} ", command.name);
  for (const OptionEntry& o : command.options) {
    if (o.positional) {
      usage += o.names[0] + " ";
      positionals += entry_lines(o.heading(), o.about, option_column(width), width);
    } else {
      (o.common ? common : own) += entry_lines(o.heading(), o.about, option_column(width), width);
    }
  }
  own += entry_lines("-h, --help", "the options of this command", option_column(width), width);
  std::string text = wrapped(fmt::format("netc {}: {}", command.name, command.about), width) +
                     "\n" + usage + "[options]\n\n";
  if (!positionals.empty()) text += positionals + "\n";
  text += "Options:\n" + own;
  if (!common.empty()) text += fmt::format("\n{}:\n{}", kCommonGroup, common);
  return text;
}

}  // namespace netc::tools
