// Gradients at the weights of a moment, taken beside training: the compiled training step is what
// it would be without.
#pragma once

#include <memory>

#include "runtime/trainer.h"
#include "tools/netc/entry_runner.h"
#include "tools/netc/report/training_log.h"

namespace netc::tools {

class GradientProbe {
 public:
  /// Compiles the entry `step`. The records it is run on are the first of those trained on, a batch
  /// of them. `parts` must outlive it.
  GradientProbe(Session& session, const runtime::TrainerParts& parts,
                const runtime::Split& records);
  /// Of the weights that `parts.arena` holds now.
  GradientSnapshot measure(int64_t step);
  int64_t records() const { return rows_; }

 private:
  const runtime::TrainerParts& parts_;
  EntryRunner runner_;
  int64_t rows_;
  uint64_t seed_;
};

}  // namespace netc::tools
