// `netc fmt`: canonical source text. `fmt FILE` rewrites, `fmt -` filters, `--check` only tests.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "frontend/format.h"
#include "frontend/parse.h"
#include "tools/netc/files.h"
#include "tools/netc/session.h"

namespace netc::tools {

namespace {
struct FormatOptions {
  CommonOptions common;
  bool check = false;
};

Exit format_source(const FormatOptions& options) {
  const std::string& path = options.common.file;
  bool filter = path == "-";
  if (!filter) require_program_file(path);
  std::string text = filter ? read_stdin() : read_file(path);

  Session session(options.common);
  frontend::SourceSet& sources = session.sources();
  uint32_t file = sources.add(filter ? "<stdin>" : path, filter ? "" : path, text);
  frontend::Diagnostics diagnostics;
  frontend::ParseLimits limits{options.common.max_source, options.common.max_nesting};
  frontend::File tree = frontend::parse(sources, file, diagnostics, limits);
  session.report(diagnostics.all());
  std::string formatted = frontend::format(tree, sources);

  const bool changed = formatted != text;
  if (!filter && !options.check && changed) write_file(path, formatted);
  if (options.common.json) {
    nlohmann::ordered_json line = {{"file", filter ? "<stdin>" : path}, {"changed", changed}};
    if (filter && !options.check) line["text"] = formatted;
    print_out(json_line(line));
  } else if (filter && !options.check) {
    print_out(formatted);
  }
  if (!options.check || !changed) return Exit::ok;
  print_error(filter ? std::string("<stdin>: not formatted\n")
                     : fmt::format("{}: not formatted; `netc fmt {}` rewrites it\n", path, path));
  return Exit::check;
}
}  // namespace

void add_fmt(CLI::App& app, Action& action) {
  auto options = std::make_shared<FormatOptions>();
  CLI::App* command = app.add_subcommand("fmt", "format source (--check to test, - for stdin)");
  add_common(*command, options->common, "the program, or - for stdin");
  command->add_flag("--check", options->check,
                    "change nothing; exit 4 when something would change");
  command->callback([&action, options] { action = [options] { return format_source(*options); }; });
}

}  // namespace netc::tools
