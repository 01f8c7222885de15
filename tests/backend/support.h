// Shared by the backend's tests: a plan for a small function made by hand, and running it both as
// compiled code and in the reference interpreter.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "backend/compile.h"
#include "ir/array.h"
#include "ir/builder.h"
#include "ir/graph.h"

namespace netc::backend::test {

enum class Grouping : uint8_t {
  Single,  ///< every value that needs code is a kernel of its own
  Whole    ///< one kernel of all values; results are its yields
};

/// A module with one function `t.f`, built by `build`.
ir::Module module_of(const std::function<void(ir::Builder&)>& build);

/// Gives kernels and storage to the first function; laid out for `batch` rows.
void plan_by_hand(ir::Module& module, Grouping grouping, int64_t batch);

/// Fills arrays for the parameters of a function at n rows: floats in [lo, hi], integers in
/// [0, limit).
std::vector<ir::Array> random_inputs(const ir::Module& module, int64_t n, uint64_t seed,
                                     double lo = -2, double hi = 2, int64_t limit = 5);

struct RunOptions {
  CpuLevel cpu = native_cpu();
  int64_t capacity = 8, n = 8;
  bool reversed = false;  ///< chunks of each phase in reverse order
  int threads = 1;
  int optimise = 2;
  std::string cache;  ///< directory of an object cache
};

/// What a plan of the module's first function leaves behind, one array per result.
std::vector<ir::Array> run_plan(const ir::Module& module, const runtime::Plan& plan,
                                const std::vector<ir::Array>& inputs, const RunOptions& options,
                                uint32_t* fault = nullptr);
/// Compiled results, one per result of the function.
std::vector<ir::Array> run_compiled(const ir::Module& module, const std::vector<ir::Array>& inputs,
                                    const RunOptions& options, uint32_t* fault = nullptr,
                                    CompileReport* report = nullptr);
std::vector<ir::Array> run_reference(const ir::Module& module, const std::vector<ir::Array>& inputs,
                                     int64_t n);

/// Fails the current test where the two differ by more than `tolerance` relative to
/// max(1, |reference|); NaN and infinities must match.
void expect_close(const std::vector<ir::Array>& actual, const std::vector<ir::Array>& expected,
                  double tolerance, const std::string& what);

/// Plans (each value alone, and all in one kernel), runs at every CPU level of this machine and
/// compares with the interpreter.
void check(const std::function<void(ir::Builder&)>& build, const RunOptions& options,
           double tolerance, const std::string& what, double lo = -2, double hi = 2);

/// CPU levels that this machine runs.
std::vector<CpuLevel> levels();

}  // namespace netc::backend::test
