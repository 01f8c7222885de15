// The manual page and the reference of the command line: the same entries in two notations.
#include "tools/netc/documents.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <utility>
#include <vector>

#include "tools/netc/option_table.h"

namespace netc::tools {

namespace {
/// A term and what it means; a heading and its terms.
using Term = std::pair<std::string, std::string>;
struct Section {
  std::string title, text;
  std::vector<Term> terms;
};

/// What the options do not say.
const std::vector<Section>& sections() {
  static const std::vector<Section> list = {
      {"Exit status",
       "",
       {{"0", "all is well"},
        {"1", "the program has errors, or is larger than a limit"},
        {"2", "bad usage or setting; a program file that is not there"},
        {"3", "data, a file or the run failed; also a loss that is no longer finite"},
        {"4", "a check failed: gradcheck, fmt --check, --expect, bench --compare"},
        {"70", "an error inside netc; the message names a file that makes it happen again"},
        {"130", "interrupted: the first Ctrl-C finishes the step, saves and prints the summary"},
        {"143", "the same, by SIGTERM"}}},
      {"Streams",
       "Results go to stdout (of train: a line an epoch and the summary), live progress and "
       "diagnostics to stderr. Without a terminal there are no bars and no carriage returns, and "
       "what netc says is ASCII. With --json, stdout is JSON lines; numbers print in the shortest "
       "form that reads back the same.",
       {}},
      {"Settings",
       "--set takes train.KEY, train.KEY.ARGUMENT, data.ARGUMENT and the names of let constants; "
       "the value is an expression of the language: --set 'train.lr=cosine(1e-3)', --set "
       "train.optimizer.momentum=0.95. netc explain train and netc explain data list what there "
       "is.",
       {}},
      {"Environment",
       "",
       {{"NO_COLOR", "no colour, unless --color always"},
        {"CLICOLOR_FORCE", "colour without a terminal"},
        {"TERM", "dumb: no colour, no progress bar"},
        {"XDG_CACHE_HOME",
         "its folder netc holds compiled code (else ~/.cache/netc); it may be "
         "deleted at any time"}}},
      {"Files",
       "A run directory takes the place of the program in eval, predict and bench. train goes on "
       "in "
       "it with --resume; a new run with the same -o moves the earlier one to DIR.1 (the next to "
       "DIR.2).",
       {{"config.net", "the program with all settings, its paths rewritten"},
        {"last.state",
         "the checkpoint: weights, optimizer, random state, position; last.state.1 is "
         "the one before"},
        {"last.safetensors", "the weights alone, for PyTorch and others"},
        {"best.safetensors", "those of the epoch with the least validation loss"},
        {"metrics.jsonl, metrics.csv", "loss and metrics of each epoch"}}},
  };
  return list;
}

// -- man ----------------------------------------------------------------------------------------

std::string roff(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n'))
      out += std::string("\\&") + c;
    else
      out += c;
  }
  return out;
}

std::string man_terms(const std::string& term, const std::string& about) {
  return fmt::format(".TP\n.B {}\n{}\n", roff(term), roff(about));
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

// -- markdown -----------------------------------------------------------------------------------

std::string cell(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '|' ? "\\|" : c == '<' ? "&lt;" : std::string(1, c);
  return out;
}

/// Code in a cell of a table, where `|` would end the cell.
std::string code_cell(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '|' ? "\\|" : std::string(1, c);
  return "`" + out + "`";
}

std::string table_row(const std::string& left, const std::string& right) {
  return fmt::format("| {} | {} |\n", code_cell(left), cell(right));
}

/// The options that every command has, as one of them has them.
std::vector<OptionEntry> common_options(const std::vector<CommandEntry>& table) {
  std::vector<OptionEntry> list;
  for (const CommandEntry& c : table) {
    for (const OptionEntry& o : c.options)
      if (o.common) list.push_back(o);
    if (!list.empty()) break;
  }
  return list;
}

std::string usage(const CommandEntry& command) {
  std::string text = "netc " + command.name;
  for (const OptionEntry& o : command.options)
    if (o.positional) text += " " + o.names[0];
  return text + " [options]";
}
}  // namespace

std::string manual_page(const CLI::App& app) {
  const auto table = command_table(app);
  std::string out = fmt::format(
      ".TH NETC 1 \"\" \"netc {}\" \"User Commands\"\n.SH NAME\n"
      "netc \\- compile, train and inspect .net models\n.SH SYNOPSIS\n"
      ".B netc\n.I command\n.I file.net\n[options]\n.SH COMMANDS\n",
      NETC_VERSION);
  for (const CommandEntry& c : table) {
    out += fmt::format(".SS {}\n{}.\n", roff(usage(c)), roff(c.about));
    for (const OptionEntry& o : c.options)
      if (!o.common) out += man_terms(o.heading(), o.about);
  }
  out += ".SH COMMON OPTIONS\n";
  for (const OptionEntry& o : common_options(table)) out += man_terms(o.heading(), o.about);
  for (const Section& s : sections()) {
    out += fmt::format(".SH {}\n", upper(s.title));
    if (!s.text.empty()) out += roff(s.text) + "\n";
    for (const auto& [term, about] : s.terms) out += man_terms(term, about);
  }
  return out;
}

std::string command_line_page(const CLI::App& app) {
  const auto table = command_table(app);
  std::string out =
      "# The command line\n\nWritten by `netc __document markdown` from the table that also makes "
      "`netc --help`, completion (`netc completions bash|zsh|fish`) and the manual page.\n";
  for (const CommandEntry& c : table) {
    out += fmt::format("\n## netc {}\n\n`{}`: {}.\n\n| option | meaning |\n|---|---|\n", c.name,
                       usage(c), cell(c.about));
    for (const OptionEntry& o : c.options)
      if (!o.common) out += table_row(o.heading(), o.about);
  }
  out += "\n## Common options\n\n| option | meaning |\n|---|---|\n";
  for (const OptionEntry& o : common_options(table)) out += table_row(o.heading(), o.about);
  for (const Section& s : sections()) {
    out += fmt::format("\n## {}\n", s.title);
    if (!s.text.empty()) out += fmt::format("\n{}\n", cell(s.text));
    if (s.terms.empty()) continue;
    out += "\n| | |\n|---|---|\n";
    for (const auto& [term, about] : s.terms) out += table_row(term, about);
  }
  return out;
}

}  // namespace netc::tools
