// Passes as values. The driver, not the pass, does timing, verification, dumps, diffs and fuel.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/graph.h"

namespace netc::passes {

/// What passes may know of the machine; sizes in bytes. Decisions that change the order of a sum
/// depend on `vector_bytes` only.
struct Target {
  int vector_bytes = 64;
  int64_t l1 = 32 << 10, l2 = 1 << 20;
  int64_t large = 1 << 20;  ///< of more bytes, nothing is left in the cache for the next kernel
};

/// Services of the driver to a pass.
struct PassContext {
  Target target;
  bool fast = false;                          ///< rules that may lose NaN, inf or signed zero
  int64_t batch_capacity = 1;                 ///< B, for plan_memory
  std::vector<std::string> wrt;               ///< inputs whose gradients are wanted too (--wrt)
  int64_t fuel = -1;                          ///< rewrites left; -1: no limit
  std::vector<ir::Diagnostic> diagnostics;    ///< errors (E04…) and warnings found
  std::map<std::string, int64_t> statistics;  ///< "simplify.rewrites" -> 12

  /// Takes one unit of fuel; false when none is left and the rewrite must not be done.
  bool rewrite(const char* statistic);
};

struct Pass {
  const char* name;     ///< its name on the command line
  const char* summary;  ///< one line for --help
  ir::Module (*run)(ir::Module module, PassContext& context);
};

/// Every pass, in the order of the full pipeline (pipelines.cpp).
std::span<const Pass> all_passes();
const Pass* find_pass(std::string_view name);

/// The passes that lead from `from` to `to` at optimisation level 0, 1 or 2.
std::vector<const Pass*> pipeline(ir::Stage from, ir::Stage to, int level);

struct PassTiming {
  std::string pass;
  double milliseconds;
  double check_milliseconds;  ///< of the verifier after it
};

struct RunOptions {
  bool verify = true;
  /// Called after each pass with the module it made, and whether it changed anything.
  std::function<void(const Pass&, const ir::Module& before, const ir::Module& after)> after;
};

/// Runs `passes` in order. Throws std::logic_error naming the pass when the verifier fails.
ir::Module run(std::span<const Pass* const> passes, ir::Module module, PassContext& context,
               const RunOptions& options = {}, std::vector<PassTiming>* timings = nullptr);

/// Replaces named sizes by others in the whole module and infers all types again; throws
/// DiagnosticError (E03…) with the source place of the op that does not fit.
ir::Module specialise(ir::Module module, const std::map<std::string, ir::Dim>& sizes);

/// Every f32 becomes f64.
ir::Module widen(ir::Module module);

}  // namespace netc::passes
