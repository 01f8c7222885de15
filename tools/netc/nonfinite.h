// Why a run's loss or weights stopped being finite.
#pragma once

#include <functional>
#include <optional>

#include "runtime/trainer.h"
#include "tools/netc/session.h"

namespace netc::tools {

/// A run that ended with Error(NonFinite).
struct NonfiniteRun {
  const runtime::TrainerParts& parts;
  runtime::TrainerSettings settings;
  int64_t last_step = 0;  ///< the number, from 1, of the step that was found out
  /// Sets parameters and states as they were where the run can be taken up again: at the newest
  /// checkpoint, which it returns, or at the start.
  std::function<std::optional<runtime::Checkpoint>()> restart;
};

/// The error as a diagnostic. Trains again from the last good state up to the step at fault, runs
/// that one op by op, and names the first op whose result is not finite, its place in the source
/// and the numbers that went in. `unoptimised` is the program, loaded at -O0. Where nothing is
/// found the diagnostic says no more than the error.
ir::Diagnostic explain_nonfinite(const Session& session, Session& unoptimised,
                                 const NonfiniteRun& run, const runtime::Error& error);

}  // namespace netc::tools
