// Gradients of a model's loss against central differences, in f64.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/thread_pool.h"
#include "tools/netc/session.h"

namespace netc::tools {

struct GradientCheckOptions {
  double eps = 1e-6;
  double rtol = 1e-5;
  int64_t samples = 64;   ///< points a parameter; 0: all
  std::string parameter;  ///< only this one; empty: all
  uint64_t seed = 0;
  int64_t batch = 4;
};

/// What came of one parameter. A point is one element of it.
struct ParameterCheck {
  std::string parameter;
  int64_t points = 0;                ///< compared
  int64_t sampled = 0;               ///< points plus those skipped
  int64_t kinks = 0;                 ///< skipped: the loss has a corner within eps
  double worst = 0;                  ///< largest relative error
  double analytic = 0, numeric = 0;  ///< at the worst point
  bool failed = false;
};

/// Checks the gradient of the session's model with respect to each of its parameters. What
/// `stop_gradient` holds counts as a constant: it is kept at its value while the loss is moved.
std::vector<ParameterCheck> check_gradients(Session& session, const GradientCheckOptions& options,
                                            runtime::ThreadPool& pool);

}  // namespace netc::tools
