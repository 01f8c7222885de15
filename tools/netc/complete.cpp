// Finds what the last word belongs to (a command, an option, an option's value, a file), then lists
// what there is of it: commands and options from the option table, everything else from the
// compiler and from the program that the line names.
#include "tools/netc/complete.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>

#include "frontend/elaborate.h"
#include "frontend/explain.h"
#include "frontend/overrides.h"
#include "frontend/parse.h"
#include "frontend/settings.h"
#include "passes/pass.h"
#include "tools/netc/files.h"
#include "tools/netc/option_table.h"

namespace netc::tools {

namespace {
namespace fs = std::filesystem;
using frontend::Item;

/// The program that a command line names, as far as it can be parsed: it may be half written.
class ProgramAtHand {
 public:
  explicit ProgramAtHand(const std::string& path) {
    std::error_code error;
    const std::string file = fs::is_directory(path, error) ? path + "/config.net" : path;
    if (!fs::is_regular_file(file, error)) return;
    frontend::Diagnostics ignored;
    tree_ = frontend::parse(sources_, sources_.add(file, file, read_file(file)), ignored);
  }

  std::vector<std::string> set_paths() const { return frontend::override_paths(tree_); }

  template <typename Kind>
  std::vector<std::string> names() const {
    std::vector<std::string> list;
    for (const Item& item : tree_.items) {
      if constexpr (std::is_same_v<Kind, frontend::FnItem>) {
        if (auto* fn = std::get_if<Kind>(&item.node)) list.push_back(fn->name.str());
      } else if (auto* named = std::get_if<Kind>(&item.node)) {
        list.push_back(named->name);
      }
    }
    return list;
  }

  /// What is asked of each statement of all models.
  std::vector<std::string> of_models(
      const std::function<std::string(const frontend::Stmt&)>& name) const {
    std::vector<std::string> list;
    for (const Item& item : tree_.items)
      if (auto* model = std::get_if<frontend::ModelItem>(&item.node))
        for (const frontend::Stmt& s : model->body)
          if (std::string n = name(s); !n.empty()) list.push_back(std::move(n));
    return list;
  }

  std::vector<std::string> inputs() const {
    return of_models([](const frontend::Stmt& s) {
      auto* input = std::get_if<frontend::InputDecl>(&s.node);
      return input == nullptr ? "" : input->name.str();
    });
  }

  /// An unnamed metric has the name of its call.
  std::vector<std::string> metrics() const {
    return of_models([](const frontend::Stmt& s) -> std::string {
      auto* metric = std::get_if<frontend::Metric>(&s.node);
      if (metric == nullptr || !metric->name.empty()) return metric ? metric->name : "";
      auto* call = std::get_if<frontend::Call>(&metric->value->node);
      auto* callee = call ? std::get_if<frontend::Name>(&call->callee->node) : nullptr;
      return callee ? callee->name : "";
    });
  }

 private:
  frontend::SourceSet sources_;
  frontend::File tree_;
};

class Completion {
 public:
  Completion(const CLI::App& app, std::span<const std::string> words)
      : table_(command_table(app)), words_(words) {}

  std::string run() {
    if (words_.empty()) return "";
    word_ = words_.back();
    if (words_.size() == 1)
      commands();
    else
      arguments();
    return out_ + path_;
  }

 private:
  std::vector<CommandEntry> table_;
  std::span<const std::string> words_;
  std::string word_;    ///< what is being typed
  std::string before_;  ///< of it, what candidates begin with: `--cpu=`, `a,b,`
  std::string out_, path_;

  void add(const std::string& candidate, const std::string& about = "") {
    if ((before_ + candidate).starts_with(word_))
      out_ += fmt::format("{}{}\t{}\n", before_, candidate, about);
  }
  void add_all(const std::vector<std::string>& candidates, const std::string& ending = "") {
    for (const std::string& c : candidates) add(c + ending);
  }
  void add_path(const std::string& kind) { path_ = fmt::format(":{}\t{}\n", kind, before_); }

  void commands() {
    for (const CommandEntry& c : table_) add(c.name, c.about);
    add("--help", "all commands");
    add("--version");
  }

  static const OptionEntry* find(const CommandEntry& command, const std::string& name) {
    for (const OptionEntry& o : command.options)
      if (std::find(o.names.begin(), o.names.end(), name) != o.names.end()) return &o;
    return nullptr;
  }

  void arguments() {
    const CommandEntry* command = nullptr;
    for (const CommandEntry& c : table_)
      if (c.name == words_[0]) command = &c;
    if (command == nullptr) return;
    std::vector<std::string> positionals;
    const OptionEntry* open = nullptr;  // an option that waits for its value
    for (const std::string& w : words_.subspan(1, words_.size() - 2)) {
      if (open == nullptr && (!w.starts_with("-") || w == "-")) positionals.push_back(w);
      const OptionEntry* option = open == nullptr ? find(*command, w) : nullptr;
      open = option != nullptr && !option->value.empty() ? option : nullptr;
    }
    const ProgramAtHand program(positionals.empty() ? "" : positionals[0]);
    const size_t equals = word_.find('=');
    if (open != nullptr) {
      value(*open, program);
    } else if (word_.starts_with("--") && equals != std::string::npos) {
      before_ = word_.substr(0, equals + 1);
      if (const OptionEntry* o = find(*command, word_.substr(0, equals))) value(*o, program);
    } else if (word_.starts_with("-")) {
      for (const OptionEntry& o : command->options)
        if (!o.positional) add(o.names.back(), o.about);
      add("--help", "the options of this command");
    } else {
      positional(*command, positionals.size());
    }
  }

  /// The argument behind `given` others.
  void positional(const CommandEntry& command, size_t given) {
    for (const OptionEntry& o : command.options) {
      if (!o.positional) continue;
      if (given-- != 0) continue;
      add_all(o.choices);
      if (o.names[0] == "FILE") add_path("file .net");
      if (o.names[0] != "NAME") continue;
      add_all(frontend::explainable_names());
      for (const passes::Pass& p : passes::all_passes()) add(p.name, p.summary);
    }
  }

  void value(const OptionEntry& option, const ProgramAtHand& program) {
    add_all(option.choices);
    const std::string& kind = option.value;
    if (kind == "FILE") add_path("file");
    if (kind == "DIR") add_path("dir");
    if (kind == "MODEL") add_all(program.names<frontend::ModelItem>());
    if (kind == "FN") add_all(program.names<frontend::FnItem>());
    if (kind == "EXPECTATION") {
      add("loss<=");
      add_all(program.metrics(), ">=");
    }
    if (kind == "PASS" || kind == "PASS,…") {
      if (kind == "PASS")
        add("all", "every pass in turn");
      else
        after_last(',');
      for (const passes::Pass& p : passes::all_passes()) add(p.name, p.summary);
    }
    if (kind == "INPUT,…") {
      after_last(',');
      add_all(program.inputs());
    }
    if (kind == "NAME=FILE") {
      if (after_last('=')) return add_path("file");
      add_all(program.inputs(), "=");
      add("-", "JSON lines on stdin");
    }
    if (kind == "PATH=VALUE") set_argument(program);
  }

  /// What is typed up to the last `mark` stays.
  bool after_last(char mark) {
    const size_t at = word_.rfind(mark);
    if (at == std::string::npos || at + 1 <= before_.size()) return false;
    before_ = word_.substr(0, at + 1);
    return true;
  }

  void set_argument(const ProgramAtHand& program) {
    const std::string typed = word_.substr(before_.size());
    const size_t equals = typed.find('=');
    if (equals == std::string::npos) {
      std::map<std::string, std::string> about;
      for (const frontend::SettingInfo& s : frontend::setting_infos())
        about["train." + s.key] = s.meaning;
      for (const std::string& path : program.set_paths()) add(path + "=", about[path]);
      return;
    }
    before_ += typed.substr(0, equals + 1);
    const std::string path = typed.substr(0, equals);
    for (const frontend::SettingInfo& s : frontend::setting_infos())
      if (path == "train." + s.key && s.value == "true or false") add_all({"true", "false"});
    if (path == "train.lr")
      for (const frontend::ScheduleInfo& s : frontend::schedule_infos())
        add(s.name + "(", s.meaning);
    if (path == "train.optimizer") {
      add_all(program.names<frontend::OptimizerItem>(), "()");
      add_all(frontend::std_optimizers(), "()");
    }
  }
};
}  // namespace

std::string complete(const CLI::App& app, std::span<const std::string> words) {
  return Completion(app, words).run();
}

}  // namespace netc::tools
