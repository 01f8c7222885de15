// `netc explain`: an error code, a function, a layer, an optimizer, a setting or a pass, in words.
#include "frontend/explain.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "frontend/foreign.h"
#include "frontend/parse.h"
#include "passes/pass.h"
#include "tools/netc/files.h"
#include "tools/netc/session.h"

namespace netc::tools {

namespace {
const char* const kWhatIsKnown =
    "give a code (E0301), a word (param), a function, layer or optimizer (softmax, Linear, adam), "
    "a "
    "setting (train.lr), a loader (csv) or a pass; `netc explain --all` prints all that std has";

/// What the program itself declares by that name.
std::string text_in(const std::string& file, const std::string& name) {
  frontend::SourceSet sources;
  frontend::Diagnostics ignored;
  const frontend::File tree =
      frontend::parse(sources, sources.add(file, file, read_file(file)), ignored);
  return frontend::explain_item(name, tree, sources);
}

std::string text_of(const std::string& name, const std::string& file) {
  std::string text = file.empty() ? "" : text_in(file, name);
  if (text.empty()) text = frontend::explain(name);
  if (!text.empty()) return text;
  if (const passes::Pass* pass = passes::find_pass(name))
    return fmt::format("pass {}: {}\n", pass->name, pass->summary);
  std::vector<std::string> names = frontend::explainable_names();
  for (const passes::Pass& p : passes::all_passes()) names.push_back(p.name);
  const std::string help = frontend::suggestion(name, names);
  throw UsageError{fmt::format("nothing is known of `{}`", name),
                   help.empty() ? kWhatIsKnown : help};
}
}  // namespace

void add_explain(CLI::App& app, Action& action) {
  auto name = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("explain", "describe an error code, a function or a setting");
  auto all = std::make_shared<bool>(false);
  auto* one = command->add_option("NAME", *name, "E0301, softmax, adam, train, train.lr, a pass …");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "a program: NAME may be one of its items");
  command->add_flag("--all", *all, "the reference of all functions, layers and settings")
      ->excludes(one);
  command->callback([&action, name, file, all] {
    action = [name, file, all] {
      if (!*all && name->empty()) throw UsageError{"explain what?", kWhatIsKnown};
      // The reference is a document to be saved.
      print_out(*all ? frontend::reference_page() : prose(text_of(*name, *file), stdout));
      return Exit::ok;
    };
  });
}

}  // namespace netc::tools
