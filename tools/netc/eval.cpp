// `netc eval`: loss and metrics of saved weights on a split of the data.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <csignal>
#include <map>
#include <memory>
#include <optional>

#include "runtime/evaluate.h"
#include "runtime/interrupt.h"
#include "runtime/trainer.h"
#include "runtime/weights.h"
#include "tools/netc/confusion.h"
#include "tools/netc/entry_runner.h"
#include "tools/netc/glue.h"
#include "tools/netc/option_table.h"
#include "tools/netc/run_directory.h"
#include "tools/netc/weights.h"

namespace netc::tools {

namespace {
struct EvalOptions {
  CommonOptions common;
  std::string weights, layout, split, data;
  std::vector<std::string> expect;
  bool confusion = false;
};

/// One --expect: `accuracy>=0.97`.
struct Expectation {
  std::string text, name, comparison;
  double number = 0;

  bool holds(double value) const {
    if (comparison == ">=") return value >= number;
    if (comparison == "<=") return value <= number;
    if (comparison == ">") return value > number;
    if (comparison == "<") return value < number;
    return value == number;
  }
};

std::string trimmed(const std::string& text) {
  size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

Expectation parse_expectation(const std::string& text) {
  const size_t begin = std::min(text.find_first_of("<>=!"), text.size());
  const size_t end = std::min(text.find_first_not_of("<>=!", begin), text.size());
  Expectation e{text, trimmed(text.substr(0, begin)), text.substr(begin, end - begin), 0};
  static const std::map<std::string, std::string> foreign = {
      {"=>", ">="}, {"=<", "<="}, {"=", "=="}, {"===", "=="}, {">>", ">"}, {"<<", "<"}};
  const auto meant = foreign.find(e.comparison);
  const std::string number = trimmed(text.substr(end));
  char* rest = nullptr;
  e.number = std::strtod(number.c_str(), &rest);
  const bool known = e.comparison == ">=" || e.comparison == "<=" || e.comparison == ">" ||
                     e.comparison == "<" || e.comparison == "==";
  if (known && !e.name.empty() && !number.empty() && *rest == '\0' && !std::isnan(e.number))
    return e;
  throw UsageError{fmt::format("--expect takes NAME (>=|<=|>|<|==) NUMBER, not `{}`", text),
                   meant != foreign.end() ? fmt::format("`{}` is no comparison: did you mean `{}`?",
                                                        meant->first, meant->second)
                                          : "for example --expect 'accuracy>=0.97'"};
}

class Eval {
 public:
  explicit Eval(const EvalOptions& options)
      : options_(options), session_(options.common), pool_(options.common.thread_count()) {}

  Exit run() {
    std::vector<Expectation> expectations;
    for (const std::string& text : options_.expect) expectations.push_back(parse_expectation(text));
    std::string weights = load_program_or_run(session_);
    if (!options_.weights.empty()) weights = options_.weights;
    if (weights.empty())
      throw UsageError{"eval needs weights", "add --weights FILE, or give a run directory"};
    if (!session_.has_entry("eval"))
      throw UsageError{fmt::format("model `{}` has no `loss`", session_.model().name), "",
                       Exit::program};
    for (const Expectation& e : expectations) require_name(e);
    try {
      auto scores = evaluate(weights);
      if (!scores)
        return runtime::requested_signal() == SIGTERM ? Exit::terminated : Exit::interrupted;
      return show(*scores, expectations);
    } catch (const runtime::Error& e) {
      session_.fail(diagnose(session_, e));
    }
  }

 private:
  EvalOptions options_;
  Session session_;
  runtime::ThreadPool pool_;
  std::string split_name_;
  std::optional<Confusion> confusion_;

  void require_name(const Expectation& e) const {
    std::vector<std::string> names = session_.model().metrics;
    names.insert(names.begin(), "loss");
    if (std::find(names.begin(), names.end(), e.name) == names.end())
      throw UsageError{fmt::format("--expect: there is no metric `{}`", e.name),
                       nearest_or_all(e.name, names)};
  }

  std::optional<runtime::Scores> evaluate(const std::string& weights) {
    runtime::InterruptScope interrupts;
    runtime::DataSource source = options_.data.empty() ? data_source(session_.program())
                                                       : parse_data_source(session_, options_.data);
    Lowering lowering;
    lowering.entries = {"eval"};
    if (options_.confusion) {
      if (!session_.has_entry("predict"))
        throw UsageError{
            fmt::format("--confusion: model `{}` has no output", session_.model().name), ""};
      lowering.entries.push_back("predict");
    }
    lowering.batch_capacity = session_.default_batch();
    const int64_t capacity = session_.planned_capacity(lowering.batch_capacity);
    const ir::Module module = session_.lower(lowering);
    EntryRunner runner(session_.compile(module, "eval", capacity), pool_);
    const runtime::Metadata metadata =
        load_weights(session_, runner.plan(), runner.arena(), weights, options_.layout);
    std::vector<const runtime::Plan*> plans{&runner.plan()};
    std::optional<EntryRunner> predict;
    Classification kind;
    if (options_.confusion) {
      predict.emplace(session_.compile(module, "predict", capacity), pool_);
      kind = find_classification(predict->plan(), runner.plan());
      plans.push_back(&predict->plan());
    }
    std::vector<runtime::InputSpec> inputs = runtime::input_specs(plans);
    for (runtime::InputSpec& i : inputs) i.classes = runtime::class_names(metadata, i.name);
    runtime::Dataset data = runtime::load_dataset(source, inputs);
    runtime::Split split = choose_split(data);
    if (predict) {
      copy_weights(runner.plan(), runner.arena(), *predict);
      confusion_ = confusion(*predict, kind, split);
    }
    runtime::ScalarInput(runner.plan(), "seed").set(runner.arena(), int64_t(session_.seed()));
    return runtime::evaluate(runner.plan(), split, session_.model().metrics, runner.executor(),
                             runner.arena());
  }

  /// --split; by default `test`, and with --data the loader's one split.
  runtime::Split choose_split(const runtime::Dataset& data) {
    const frontend::TrainSettings& train = session_.program().train;
    std::string wanted = options_.split;
    if (wanted.empty())
      wanted = data.find("test") == nullptr && !options_.data.empty() ? "train" : "test";
    // Other data has a name only where it has several splits, or one was asked for.
    const bool unnamed = wanted == "train" && options_.split.empty();
    split_name_ = unnamed ? "data" : wanted;
    bool own_data = options_.data.empty() && session_.program().has_train;
    if (own_data && wanted != "test") {
      runtime::TrainingSplits parts =
          runtime::training_splits(data, train.valid_fraction, train.valid_split);
      if (wanted == "train") return parts.train;
      if (parts.valid) return *parts.valid;
    }
    if (const runtime::Split* split = data.find(wanted)) return *split;
    std::vector<std::string> choices;
    for (const runtime::Split& s : data.splits) choices.push_back("--split " + s.name);
    if (own_data && train.valid_fraction > 0) choices.push_back("--split valid");
    runtime::Error error(runtime::Fault::Split, fmt::format("the data has no `{}` split", wanted));
    error.help(fmt::format("choose another: `netc eval {} {}`", options_.common.file,
                           fmt::join(choices, "` or `")));
    if (options_.data.empty()) error.help("or give other data: `--data 'LOADER(...)'`");
    throw error;
  }

  Exit show(const runtime::Scores& scores, const std::vector<Expectation>& expectations) const {
    if (options_.common.json) {
      std::string object = runtime::to_json(scores);
      if (confusion_) object.insert(object.size() - 1, ",\"confusion\":" + confusion_->json());
      print_out(object + "\n");
    } else {
      std::string text = fmt::format("{}  loss {:.4f}", split_name_, scores.loss);
      for (const auto& [name, value] : scores.metrics)
        text += fmt::format("  {} {:.4f}", name, value);
      text += fmt::format("   {} records", with_commas(scores.rows));
      print_out(wrapped(text, result_columns().value_or(text.size())) + "\n");
      if (confusion_) print_out(confusion_->table(result_columns()));
    }
    bool met = true;
    for (const Expectation& e : expectations) {
      double value = scores.loss;
      for (const auto& [name, v] : scores.metrics)
        if (name == e.name) value = v;
      if (e.holds(value)) continue;
      met = false;
      print_error(fmt::format("expectation `{}` not met: {} is {}\n", e.text, e.name, value));
    }
    return met ? Exit::ok : Exit::check;
  }
};
}  // namespace

void add_eval(CLI::App& app, Action& action) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = app.add_subcommand("eval", "loss and metrics of saved weights");
  add_common(*command, options->common, "the program, or a run directory");
  command
      ->add_option("--weights", options->weights, "a safetensors file, or that of a run directory")
      ->type_name("FILE");
  one_of(command->add_option("--layout", options->layout, "how the weights are laid out"),
         {"netc", "torch"});
  one_of(command->add_option("--split", options->split, "which part of the data"),
         {"test", "valid", "train"});
  command->add_option("--data", options->data, "another loader, as in a `data` item")
      ->type_name("LOADER");
  command->add_flag("--confusion", options->confusion, "how often each class was taken for which");
  command
      ->add_option("--expect", options->expect,
                   "exit 4 unless it holds: NAME (>=|<=|>|<|==) NUMBER")
      ->type_name("EXPECTATION")
      ->allow_extra_args(false)
      ->take_all();
  command->callback([&action, options] { action = [options] { return Eval(*options).run(); }; });
}

}  // namespace netc::tools
