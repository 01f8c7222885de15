// `netc explain`: an error code, a function, a layer, an optimizer, a setting or a pass, in words.
#include "frontend/explain.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "frontend/foreign.h"
#include "passes/pass.h"
#include "tools/netc/session.h"

namespace netc::tools {

namespace {
const char* const kWhatIsKnown =
    "give a code (E0301), a word (param), a function, layer or optimizer (softmax, Linear, adam), "
    "a "
    "setting (train.lr), a loader (csv) or a pass; `netc explain --all` prints all that std has";

std::string text_of(const std::string& name) {
  std::string text = frontend::explain(name);
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
  command->add_flag("--all", *all, "the reference of all functions, layers and settings")
      ->excludes(one);
  command->callback([&action, name, all] {
    action = [name, all] {
      if (!*all && name->empty()) throw UsageError{"explain what?", kWhatIsKnown};
      // The reference is a document to be saved.
      print_out(*all ? frontend::reference_page() : prose(text_of(*name), stdout));
      return Exit::ok;
    };
  });
}

}  // namespace netc::tools
