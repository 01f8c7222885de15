// Syntax trees to a module in core form: names resolved, sizes proven, layers flattened, models
// sliced into entry points. Relies on trees that parsed without errors.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "frontend/ast.h"
#include "frontend/diagnostics.h"
#include "frontend/program.h"
#include "frontend/source.h"
#include "ir/graph.h"

namespace netc::frontend {

/// One parsed file. `uses[k]` is the unit brought in by the k-th `use` item of `ast`; kNoUnit when
/// it could not be read.
struct Unit {
  static constexpr size_t kNoUnit = static_cast<size_t>(-1);
  File ast;
  std::vector<size_t> uses;
};

struct ElaborateOptions {
  std::optional<ir::DType> dtype;  ///< overrides the program's `dtype` item
  int64_t max_ops = 1'000'000;
  size_t max_rank = 16;
  int64_t max_elements = int64_t{1} << 40;  ///< of one tensor
  int64_t accumulate = 1;                   ///< micro-batches a step
  std::optional<double> ema;                ///< decay of a moving average of the parameters
  bool gradient_results = false;  ///< `M.update` returns the gradients it uses as `_grad.NAME`
  /// Maps a path written in file `file` (`load("w.npy")`) to one for the folder of the output;
  /// absent: paths stay as written.
  std::function<std::string(uint32_t file, const std::string& path)> rewrite_path;
};

struct Elaborated {
  ir::Module module;
  std::vector<ModelInfo> models;
  /// Functions that the file lacks and that were derived; a dump at the file's own stage omits
  /// them.
  std::vector<std::string> derived;
};

/// Elaborates `units[0]`, the program, after overrides were applied to it. Adds the standard
/// library to `sources`. Findings go to `diagnostics`; the result is meaningful when there are no
/// errors. Reads `optimizer`, `clip`, `freeze` and `groups` of the `train` block itself; leaves
/// module.items empty.
Elaborated elaborate(const std::vector<Unit>& units, SourceSet& sources,
                     const ElaborateOptions& options, Diagnostics& diagnostics);

/// A file of the standard library, as it is embedded in the compiler.
struct StdFile {
  std::string name;  ///< `std/layers.net`
  std::string text;
};
std::span<const StdFile> std_files();

}  // namespace netc::frontend
