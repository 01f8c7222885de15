// `netc train`: compiles the step, reads the data, trains, and leaves a run directory.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>

#include "passes/rewrite.h"
#include "runtime/initializers.h"
#include "runtime/interrupt.h"
#include "runtime/run_directory.h"
#include "runtime/trace.h"
#include "runtime/trainer.h"
#include "tools/netc/files.h"
#include "tools/netc/glue.h"
#include "tools/netc/last_words.h"
#include "tools/netc/nonfinite.h"
#include "tools/netc/option_table.h"
#include "tools/netc/progress.h"
#include "tools/netc/report/report.h"
#include "tools/netc/run_directory.h"
#include "tools/netc/session.h"
#include "tools/netc/trace_file.h"
#include "tools/netc/weights.h"

namespace netc::tools {

namespace {
namespace fs = std::filesystem;

struct TrainOptions {
  CommonOptions common;
  std::string output, init, resume, save, layout, trace, progress = "auto";
  std::optional<int64_t> epochs, steps;
  bool print_config = false, grad_stats = false, report = false;
};

class Train {
 public:
  explicit Train(const TrainOptions& options) : options_(options), session_(options.common) {
    options_.output = without_last_slashes(options_.output);
    options_.resume = without_last_slashes(options_.resume);
  }

  Exit run() {
    if (!options_.resume.empty()) use_run_directory();
    if (options_.common.file.empty())
      throw UsageError{"train needs a program, or --resume DIR", ""};
    load("");
    if (!given_file_.empty()) check_same_model();
    check_trainable();
    if (options_.print_config) {
      print_text("ast", session_.program().config_text, options_.common.json);
      return Exit::ok;
    }
    try {
      return train();
    } catch (const runtime::Error& e) {
      session_.fail(diagnose(session_, e));
    }
  }

 private:
  TrainOptions options_;
  Session session_;
  std::string given_file_;  ///< a program named beside --resume
  std::optional<runtime::Trace> trace_;

  static constexpr auto kStage = runtime::Activity::Kind::Stage;
  runtime::Trace* trace() { return trace_ ? &*trace_ : nullptr; }

  /// --resume DIR trains the program that the run was started with.
  void use_run_directory() {
    fs::path config = fs::path(options_.resume) / "config.net";
    std::error_code error;
    if (!options_.init.empty())
      throw UsageError{"--resume goes on with the weights of the run", "leave --init out"};
    if (!fs::is_directory(options_.resume, error)) {
      runtime::Error none(runtime::Fault::Checkpoint,
                          fmt::format("there is no run directory `{}`", options_.resume));
      throw runtime::Error(none.help("it is what `netc train` has written: the DIR of its `-o`"));
    }
    if (!options_.output.empty() && !fs::equivalent(options_.output, options_.resume, error))
      throw UsageError{"--resume goes on in its own directory", "leave -o out"};
    if (fs::is_regular_file(config, error)) {
      if (!fs::equivalent(options_.common.file, config, error)) given_file_ = options_.common.file;
      options_.common.file = config.string();
      session_ = Session(options_.common);
    } else if (options_.common.file.empty()) {
      throw runtime::Error(runtime::Fault::Checkpoint,
                           fmt::format("`{}` holds no run: it has no config.net", options_.resume));
    }
  }

  /// The parameters of a session's model, as `name: type` lines.
  static std::string parameters(const Session& session) {
    const ir::Module& module = session.program().module;
    ir::FunctionId f = module.find(session.entry_name("loss"));
    std::string text;
    if (!f) return text;
    for (const ir::Parameter& p : module[f].params) {
      const ir::Value& v = module[f][p.value];
      if (p.role == ir::Role::Param) text += fmt::format("{}: {}\n", v.name, ir::str(v.type));
    }
    return text;
  }

  /// A program given beside --resume has to be the one that the run is of.
  void check_same_model() const {
    CommonOptions common = options_.common;
    common.file = given_file_;
    common.set.clear();
    common.quiet = true;
    Session given(common);
    given.load({}, fs::absolute(options_.resume).lexically_normal().string());
    const std::string &here = given.model().name, &there = session_.model().name;
    if (here != there)
      throw runtime::Error(runtime::Fault::Checkpoint,
                           fmt::format("the run in `{}` is of model `{}`, this is `{}`",
                                       options_.resume, there, here));
    if (parameters(given) != parameters(session_))
      throw runtime::Error(runtime::Fault::Checkpoint,
                           fmt::format("`{}` has other parameters than the run in `{}`",
                                       given_file_, options_.resume))
          .note("without a file, --resume goes on with the run's own config.net");
    if (given.program().config_text != read_file(options_.common.file))
      session_.console().note(fmt::format(
          "note: the run goes on with its own config.net, which differs from {}: change "
          "settings with `--set`\n",
          given_file_));
  }

  /// Options that are short for settings.
  std::vector<std::string> overrides() const {
    std::vector<std::string> list;
    const CommonOptions& common = options_.common;
    if (common.seed) list.push_back(fmt::format("train.seed={}", *common.seed));
    if (options_.epochs) list.push_back(fmt::format("train.epochs={}", *options_.epochs));
    if (!options_.save.empty()) list.push_back(fmt::format("train.save=\"{}\"", options_.save));
    return list;
  }

  void load(const std::string& output_directory) {
    if (options_.grad_stats) session_.keep_gradients();
    session_.load(overrides(), output_directory);
  }

  void check_trainable() {
    const frontend::Program& program = session_.program();
    const std::string& model = session_.model().name;
    auto refuse = [&](std::string message, std::string help) {
      ir::Diagnostic d = plain_diagnostic("E0525", std::move(message), std::move(help));
      d.place = session_.model().place;
      session_.fail(d);
    };
    if (!session_.has_entry("loss"))
      refuse(fmt::format("model `{}` has no `loss`", model),
             "say what is to become small: `loss mse(p, y)`, `loss cross_entropy(logits, label)`");
    if (model_inputs().empty())
      refuse(fmt::format("model `{}` has no inputs, which training would feed with records", model),
             fmt::format("`netc run {} --entry step` gives its loss and gradients",
                         options_.common.file));
    if (!program.has_train)
      refuse("the file has no `train` block",
             "add one: `train { epochs = 5; batch = 64; lr = 1e-3; optimizer = adam() }`");
    if (!session_.has_entry("train"))
      refuse(fmt::format("model `{}` has nothing to train", model),
             parameters(session_).empty() ? "declare a `param`, or a layer that has some"
                                          : "`freeze` names every parameter: leave some out");
    if (session_.model().batch_symbol.empty()) session_.fail(without_batch());
    data_source(program);
  }

  /// The inputs that the loss needs, but for numbers that training sets itself.
  std::vector<const ir::Value*> model_inputs() const {
    const ir::Module& module = session_.program().module;
    const ir::Function& loss = module[module.find(session_.entry_name("loss"))];
    std::vector<const ir::Value*> inputs;
    for (const ir::Parameter& p : loss.params) {
      const ir::Value& v = loss[p.value];
      const bool control = v.type.shape.empty() && frontend::is_control_input(v.name);
      if (p.role == ir::Role::Input && !control) inputs.push_back(&v);
    }
    return inputs;
  }

  /// E0525 at the first input whose leading size is not the batch of those before it.
  ir::Diagnostic without_batch() const {
    const ir::Module& module = session_.program().module;
    ir::Diagnostic d = plain_diagnostic(
        "E0525", fmt::format("the inputs of `{}` have no batch in common", session_.model().name));
    d.place = session_.model().place;
    const ir::Value* first = nullptr;
    for (const ir::Value* v : model_inputs()) {
      const ir::Shape& shape = v->type.shape;
      const bool named = !shape.empty() && shape[0].symbols().size() == 1 &&
                         shape[0] == ir::Dim::symbol(shape[0].symbols()[0]);
      if (named && (!first || first->type.shape[0] == shape[0])) {
        if (!first) first = v;
        continue;
      }
      d.place = passes::user_place(module, v->locs);
      if (!named) {  // W0314 has said what to write
        d.label = fmt::format("`{}` has none", v->name);
        d.helps.emplace_back("`netc explain W0314` shows how the type of an input is written");
        return d;
      }
      const std::string batch = first->type.shape[0].str();
      ir::Type same = v->type;
      same.shape[0] = first->type.shape[0];
      d.label = fmt::format("`{}` counts its records by `{}`", v->name, shape[0].str());
      d.others.emplace_back(passes::user_place(module, first->locs),
                            fmt::format("`{}` by `{}`", first->name, batch));
      d.helps.push_back(fmt::format("write `input {}: {}`", v->name, ir::str(same)));
      return d;
    }
    d.helps.emplace_back("write `batch` as the first size of every input");
    return d;
  }

  struct Compiled {
    ir::Module module;
    runtime::Plan train, eval;
    std::optional<runtime::Plan> accumulate;
    TrainingHeader header;
  };

  bool has_micro_batches() const { return session_.program().train.accumulate > 1; }

  Compiled compile() {
    auto start = std::chrono::steady_clock::now();
    int64_t batch = session_.default_batch();
    Lowering lowering;
    lowering.entries = {"train", "eval"};
    if (has_micro_batches()) lowering.entries.push_back("accumulate");
    lowering.batch_capacity = batch;
    ir::Module module = session_.lower(lowering);
    CompiledEntry train = session_.compile(module, "train", batch);
    CompiledEntry eval = session_.compile(module, "eval", batch);
    Compiled compiled;
    compiled.header.compile_milliseconds =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count() +
        session_.frontend_milliseconds();
    compiled.header.kernels = train.report.kernels + eval.report.kernels;
    compiled.header.from_cache = train.report.from_cache && eval.report.from_cache;
    compiled.header.optimizer = optimizer_summary(session_.program().train);
    compiled.header.cpu = backend::name(session_.compile_options(batch).cpu);
    compiled.header.arena_bytes = std::max(train.plan.arena_bytes, eval.plan.arena_bytes);
    if (has_micro_batches()) {
      CompiledEntry part = session_.compile(module, "accumulate", batch);
      compiled.header.kernels += part.report.kernels;
      compiled.header.from_cache &= part.report.from_cache;
      compiled.header.arena_bytes = std::max(compiled.header.arena_bytes, part.plan.arena_bytes);
      compiled.accumulate = std::move(part.plan);
    }
    compiled.module = std::move(module);
    compiled.train = std::move(train.plan);
    compiled.eval = std::move(eval.plan);
    return compiled;
  }

  runtime::RunDirectory open_directory() const {
    if (!options_.resume.empty()) return runtime::RunDirectory::open(options_.resume, false);
    if (options_.output.empty())
      return runtime::RunDirectory::create("runs", session_.model().name);
    return runtime::RunDirectory::open(options_.output, true);
  }

  ProgressStyle progress_style() const {
    return options_.progress == "bar"     ? ProgressStyle::bar
           : options_.progress == "plain" ? ProgressStyle::plain
           : options_.progress == "none"  ? ProgressStyle::none
                                          : ProgressStyle::automatic;
  }

  Exit train() {
    runtime::InterruptScope interrupts;
    if (!options_.trace.empty()) {
      trace_.emplace(options_.common.thread_count());
      // That the file cannot be written is found before training, not after it.
      write_file(options_.trace, trace_json(*trace_, {}));
    }
    std::optional<runtime::Activity> preparing(std::in_place, trace(), kStage, "compile");
    Compiled compiled = compile();
    preparing.emplace(trace(), kStage, "load data");
    const runtime::Plan* accumulate = compiled.accumulate ? &*compiled.accumulate : nullptr;
    const runtime::Plan* plans[] = {&compiled.train, &compiled.eval};
    runtime::Dataset data =
        runtime::load_dataset(data_source(session_.program()), runtime::input_specs(plans));
    if (options_.grad_stats && !runtime::GradientStats(compiled.train).any())
      throw UsageError{"--grad-stats: the optimizer of a dump returns no gradients",
                       "train the program that it was made from"};
    preparing.emplace(trace(), kStage, "initialise");
    runtime::ThreadPool pool(options_.common.thread_count());
    runtime::Executor executor(pool);
    executor.observe(trace());
    runtime::Arena arena(compiled.header.arena_bytes);
    auto to_start = [&](const Session& session) {
      runtime::initialize(compiled.train, arena, session_.seed(), session_.program_directory(),
                          pool);
      if (!options_.init.empty())
        load_weights(session, compiled.train, arena, options_.init, options_.layout);
    };
    Progress progress(session_.console(), progress_style(), options_.common.json, compiled.header);
    to_start(session_);

    std::optional<runtime::Checkpoint> checkpoint;
    if (!options_.resume.empty()) checkpoint = runtime::newest_checkpoint(options_.resume);
    runtime::TrainerSettings settings = trainer_settings(session_.program(), session_.model());
    preparing.reset();
    // What can be wrong with the splits is found before a directory is made.
    runtime::training_splits(data, settings.valid_fraction, settings.valid_split);

    runtime::RunDirectory directory = open_directory();
    if (checkpoint)
      directory.remove_temporaries();
    else if (const std::string kept = directory.start_new(); !kept.empty())
      session_.console().note(
          fmt::format("the run that was in {} is now in {}\n", directory.path(), kept));
    settings.directory = directory.path();
    settings.config_text = config_for(directory.path());
    if (options_.steps) settings.step_limit = *options_.steps;
    const runtime::TrainerParts parts{compiled.train, compiled.eval, arena,  executor,
                                      data,           accumulate,    trace()};
    std::optional<Report> report;
    if (options_.report)
      report.emplace(silent_session("", options_.common.optimise), compiled.module, parts,
                     compiled.header, progress);
    runtime::TrainingListener& listener =
        report ? static_cast<runtime::TrainingListener&>(*report) : progress;
    const auto afterwards = [&](const runtime::Error* failure) {
      write_trace(compiled);
      executor.observe(nullptr);
      if (report) report->write(directory.path(), failure);
    };
    runtime::Trainer trainer(parts, settings, listener);
    try {
      std::optional<LastWords> last_words(std::in_place, directory.path(), options_.common.json,
                                          options_.common.quiet);
      const Exit exit = run_trainer(trainer, checkpoint, listener);
      last_words.reset();
      afterwards(nullptr);
      return exit;
    } catch (const runtime::Error& error) {
      progress.clear_bar();
      afterwards(&error);
      if (error.fault != runtime::Fault::NonFinite) throw;
      Session unoptimised = silent_session("", 0);
      auto restart = [&]() -> std::optional<runtime::Checkpoint> {
        if (checkpoint || fs::exists(fs::path(directory.path()) / runtime::kStateFile))
          return runtime::newest_checkpoint(directory.path());
        to_start(unoptimised);
        return {};
      };
      runtime::TrainerParts again = parts;
      again.trace = nullptr;
      const NonfiniteRun run{again, std::move(settings), trainer.state().step, restart};
      session_.fail(explain_nonfinite(session_, unoptimised, run, error));
    }
  }

  void write_trace(const Compiled& compiled) {
    if (!trace_) return;
    std::map<std::string, KernelSites> sites;
    for (const runtime::Trace::PlanRuns& p : trace_->plans())
      sites.try_emplace(p.plan->name, session_, compiled.module, p.plan->name);
    write_file(options_.trace, trace_json(*trace_, sites));
  }

  /// The effective source with its paths as they are seen from the run directory.
  std::string config_for(const std::string& directory) {
    const std::string folder = fs::absolute(directory).lexically_normal().string();
    return silent_session(folder, options_.common.optimise).program().config_text;
  }

  /// The program once more, for work that says nothing but errors: warnings have been shown.
  Session silent_session(const std::string& output_directory, int optimise) const {
    CommonOptions quiet = options_.common;
    quiet.quiet = true;
    quiet.verbose = false;
    quiet.optimise = optimise;
    Session again(quiet);
    again.load(overrides(), output_directory);
    return again;
  }

  static Exit run_trainer(runtime::Trainer& trainer,
                          const std::optional<runtime::Checkpoint>& checkpoint,
                          runtime::TrainingListener& listener) {
    if (checkpoint) {
      if (!checkpoint->note.empty()) listener.notice(checkpoint->note);
      trainer.resume(*checkpoint);
    }
    runtime::EndEvent end = trainer.run();
    if (end.reason != runtime::StopReason::Signal) return Exit::ok;
    return end.signal == SIGTERM ? Exit::terminated : Exit::interrupted;
  }
};
}  // namespace

void add_train(CLI::App& app, Action& action) {
  auto options = std::make_shared<TrainOptions>();
  CLI::App* command = app.add_subcommand("train", "train the model, save weights");
  add_common(*command, options->common);
  command->get_option("FILE")->required(false);
  command->add_option("-o,--output", options->output, "run directory (default runs/<model>-<n>)")
      ->type_name("DIR");
  command->add_option("--init", options->init, "start from these weights (safetensors)")
      ->type_name("FILE");
  one_of(command->add_option("--layout", options->layout, "how the --init weights are laid out"),
         {"netc", "torch"});
  command->add_option("--resume", options->resume, "go on with the run in this directory")
      ->type_name("DIR");
  whole_number(command->add_option("--epochs", options->epochs, "epochs in total")->type_name("N"),
               1);
  whole_number(command->add_option("--steps", options->steps, "stop after so many more steps")
                   ->type_name("N"),
               0);
  one_of(command->add_option("--save", options->save, "which weights are kept"),
         {"best", "last", "all"});
  one_of(command->add_option("--progress", options->progress, "what is shown"),
         {"auto", "bar", "plain", "none"});
  command->add_flag("--grad-stats", options->grad_stats,
                    "write mean, std, norm and histogram of each parameter's gradients to "
                    "metrics.jsonl: every log_every steps, or at the end of each epoch");
  command->add_flag("--report", options->report,
                    "write report.html in the run directory: curves, gradients, mistakes, time");
  command
      ->add_option("--trace", options->trace,
                   "write what ran when, on which thread, for Perfetto (trace-event JSON)")
      ->type_name("FILE");
  command->add_flag("--print-config", options->print_config, "print the effective program instead");
  command->callback([&action, options] { action = [options] { return Train(*options).run(); }; });
}

}  // namespace netc::tools
