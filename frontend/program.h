// The frontend's product: a module in forward form plus the settings that training needs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "frontend/ast.h"
#include "frontend/diagnostics.h"
#include "frontend/source.h"
#include "ir/graph.h"

namespace netc::frontend {

/// A call among settings: `cosine(1e-3, warmup = 500)`, `mnist("data/mnist")`, `cols(0, 30)`.
struct SettingCall;
using SettingValue = std::variant<double, bool, std::string, std::vector<std::string>, SettingCall>;
struct SettingCall {
  std::string name;
  std::vector<std::pair<std::string, SettingValue>> args;  ///< name empty: positional
  ir::Place place;
};

/// Learning rate: `name` is constant step exponential linear cosine one_cycle plateau; `args` hold
/// the schedule's parameters by name, defaults filled in (`lr`, `every`, `gamma`, `warmup`, …).
struct Schedule {
  std::string name = "constant";
  std::map<std::string, double> args;
};

/// The `train` block, checked, defaults filled in.
struct TrainSettings {
  int64_t epochs = 1;
  int64_t batch = 32;
  uint64_t seed = 0;
  bool shuffle = true;
  bool drop_last = false;
  Schedule lr;
  std::string optimizer_text;  ///< for the start line: `rmsprop(momentum = 0.9)`
  double valid_fraction = 0;
  std::string valid_split;  ///< name of a split instead of a fraction
  int64_t patience = 0;     ///< 0: no early stopping
  std::string save = "best";
  int64_t accumulate = 1;
  std::optional<double> ema;
  int64_t log_every = 0;
  ir::Place place;  ///< of the block; line 0 when the file has none
};

/// A `data` item.
struct DataSpec {
  std::string loader;  ///< mnist idx csv npy images random
  std::vector<std::pair<std::string, SettingValue>> args;
  ir::Place place;
  std::vector<ir::Place> set_arguments;  ///< values that --set gave to a loader of the program
  std::string directory;                 ///< relative paths start here
};

/// What is to be read from an input by training: name and per-sample type are in the module.
struct ModelInfo {
  std::string name;
  std::string batch_symbol;          ///< name of the leading dim of every input; empty: none
  std::vector<std::string> metrics;  ///< in order, as they are named in results
  std::vector<std::string> outputs;
  ir::Place place;
  std::string docstring;
};

struct Program {
  ir::Module module;
  std::vector<ModelInfo> models;
  TrainSettings train;
  bool has_train = false;
  std::optional<DataSpec> data;
  std::string config_text;  ///< effective source after --set: the `ast` stage
  /// Functions that a dump lacks and that were derived; a dump at its own stage omits them.
  std::vector<std::string> derived;
  std::string docstring;
};

/// Whether an input of this name and rank 0 is no data: training sets it each step (`lr`, `step`,
/// `seed`, and what micro-batches need).
bool is_control_input(std::string_view name);

/// One --set PATH=VALUE: PATH is `train.KEY`, `train.KEY.ARGUMENT`, `data`, `data.ARGUMENT` or the
/// name of a `let` constant. Errors in it have a place in a file called `<--set>`.
struct Override {
  std::string text;
};

struct LoadOptions {
  std::vector<Override> overrides;
  std::optional<ir::DType> dtype;  ///< --dtype; a dump says its own
  /// The one model that config_text keeps; empty: all.
  std::string config_model;
  /// Directory in which config_text and dumps will stand: relative paths in them are rewritten for
  /// it. Empty: the program's own folder.
  std::string output_directory;
  /// Further items, parsed as file `<gradcheck>`. When there are any, they take the place of the
  /// program's own models and of its `train` and `data` items.
  std::string extra_source;
  /// `M.update` returns the gradients as it gets them, before clipping, as `_grad.NAME`.
  bool gradient_results = false;
  size_t max_source = 16u << 20;
  int max_nesting = 256;
  int64_t max_ops = 1'000'000;
  size_t max_rank = 16;
  int64_t max_elements = int64_t{1} << 40;  ///< of one tensor
};

/// Reads, parses, checks and elaborates the program in file `path`. Text of all files ends up in
/// `sources`, findings in `diagnostics`; the result is meaningful when there are no errors.
/// Throws DiagnosticError (exit code 2) when the file itself cannot be read.
Program load(const std::string& path, const LoadOptions& options, SourceSet& sources,
             Diagnostics& diagnostics);

}  // namespace netc::frontend
