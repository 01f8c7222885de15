// One program on its way from text to machine code: load, lower, plan, compile. Every command goes
// through here, so that all of them report errors, resume dumps and choose models alike.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend/compile.h"
#include "frontend/diagnostics.h"
#include "frontend/program.h"
#include "ir/graph.h"
#include "passes/pass.h"
#include "runtime/plan.h"
#include "tools/netc/compile_limit.h"
#include "tools/netc/options.h"

namespace netc::tools {

/// What `lower` is asked for.
struct Lowering {
  ir::Stage to = ir::Stage::Plan;
  /// Entry points to keep (`loss`, `train`); empty: all. Others are dropped before any work.
  std::vector<std::string> entries;
  int64_t batch_capacity = 1;
  std::vector<std::string> wrt;
  /// Sizes given by name: `run` makes every size a number.
  std::map<std::string, ir::Dim> sizes;
};

/// An entry point ready to run.
struct CompiledEntry {
  runtime::Plan plan;
  backend::CompileReport report;
};

class Session {
 public:
  explicit Session(const CommonOptions& options) : options_(options), console_(options.console()) {}

  const CommonOptions& options() const { return options_; }
  const Console& console() const { return console_; }
  const frontend::Program& program() const { return program_; }
  frontend::SourceSet& sources() { return sources_; }
  /// Where the loader in use is written: in the program's `data` item, or on the command line.
  const ir::Place& data_place() const { return data_place_; }
  void set_data_place(const ir::Place& place) { data_place_ = place; }

  /// Reads and checks options.file. Further overrides (`train.epochs=3`) count as --set. Findings
  /// go to stderr; throws ExitRequest on errors. `output_directory`: see frontend::LoadOptions.
  void load(const std::vector<std::string>& overrides = {},
            const std::string& output_directory = "");
  /// The optimizer's graph is to return the gradients too (LoadOptions::gradient_results).
  void keep_gradients() { gradient_results_ = true; }
  /// The same for another path (a run directory's config.net).
  void load_file(const std::string& path, const std::vector<std::string>& overrides = {},
                 const std::string& output_directory = "");
  /// Loads the program with `source`, a model, in place of its own models, data and train block.
  void load_function_model(const std::string& source);
  /// Folder of the program: relative paths in it start there.
  std::string program_directory() const;

  /// The model chosen by --model, or the only one. Throws UsageError.
  const frontend::ModelInfo& model() const;
  /// Chooses a model as --model does.
  void choose_model(const std::string& name) { options_.model = name; }
  /// Name of an entry point of that model: `mlp.step`.
  std::string entry_name(const std::string& entry) const { return model().name + "." + entry; }
  /// The batch that the program trains with; 32 without a train block.
  int64_t default_batch() const { return program_.has_train ? program_.train.batch : 32; }
  /// Rows that the plan of a program compiled for `wanted` rows holds: a dump that carries its plan
  /// keeps it as long as it is large enough.
  int64_t planned_capacity(int64_t wanted) const;
  /// The seed of initialisers and data order: --seed, else the train block's.
  uint64_t seed() const { return options_.seed.value_or(program_.train.seed); }
  /// Inputs of that model, or of all without --model, whether entry points need them or not.
  std::vector<std::string> input_names() const;
  /// That --wrt names inputs; throws UsageError.
  void require_inputs(const std::vector<std::string>& wrt) const;
  /// True when the program has this entry point (or passes will derive it).
  bool has_entry(const std::string& entry) const;

  /// Runs the pipeline from where the program stands. Reports E04 and the like and throws
  /// ExitRequest on errors.
  ir::Module lower(const Lowering& lowering);
  /// As lower, with the passes given by name, and told of each.
  ir::Module run_passes(const std::vector<const passes::Pass*>& list, ir::Module module,
                        const Lowering& lowering, const passes::RunOptions& run_options = {});
  CompiledEntry compile(const ir::Module& module, const std::string& entry, int64_t batch_capacity);
  /// Compiles, or wraps the interpreter when `backend` is "interp".
  CompiledEntry build(const ir::Module& module, const std::string& entry, int64_t batch_capacity,
                      const std::string& backend);
  backend::CompileOptions compile_options(int64_t batch_capacity) const;

  /// Renders diagnostics on stderr (warnings not when quiet) and throws ExitRequest when there are
  /// errors: 2 when all of them are in --set arguments, else by code: 1 program, 3 run time.
  void report(const std::vector<ir::Diagnostic>& diagnostics) const;
  [[noreturn]] void fail(const ir::Diagnostic& diagnostic) const;
  /// Counts what follows, as long as the result lives, towards --max-compile-time.
  CompileLimit compile_limit() const;

  double frontend_milliseconds() const { return frontend_milliseconds_; }

 private:
  CommonOptions options_;
  std::string path_;
  Console console_;
  frontend::SourceSet sources_;
  frontend::Program program_;
  ir::Place data_place_;
  double frontend_milliseconds_ = 0;
  bool gradient_results_ = false;

  frontend::RenderOptions render_options() const;
  /// E0311, naming the largest tensor, when an entry point cannot fit into the limit.
  void check_memory(const ir::Module& module, ir::FunctionId f, int64_t batch_capacity) const;
  void note_timings(const std::vector<passes::PassTiming>& timings) const;
  void load_with(const std::string& path, frontend::LoadOptions load);
};

/// That a program can be read from `path`; throws UsageError with what is there instead.
void require_program_file(const std::string& path);
/// Drops every function that no kept entry point reaches.
ir::Module keep_entries(ir::Module module, const std::vector<std::string>& names);
/// Nearest of `candidates` as a sentence (`did you mean `x`?`), or empty.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);
/// The same, but lists all candidates (`there are: a, b`) where none is near.
std::string nearest_or_all(const std::string& word, const std::vector<std::string>& candidates);
/// An error or warning without a place, of file and run-time failures.
ir::Diagnostic plain_diagnostic(std::string code, std::string message, std::string help = "");

/// The form of diagnostics by its name on the command line.
frontend::DiagnosticFormat diagnostic_format(std::string_view name);

}  // namespace netc::tools
