// The sections of a report: each function gives the values of its part of the template, or null
// where there is nothing to show. Texts are as they are; the template escapes them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/trainer.h"
#include "tools/netc/kernel_table.h"
#include "tools/netc/report/training_log.h"
#include "tools/netc/session.h"

namespace netc::tools {

/// Links to lines of the program: `{"line":7,"link":"L7"}`, null for a place in no file of the
/// user's.
class SourceLinks {
 public:
  explicit SourceLinks(Session& session) : session_(session) {}
  nlohmann::json to(const ir::Place& place) const;
  /// The files with their lines; `seconds` says how long the kernels of a line take.
  nlohmann::json listing(const KernelTimes& times) const;

 private:
  Session& session_;
  bool shown(uint32_t file) const;
  std::string anchor(const ir::Place& place) const;
};

/// Curves over training and the table of epochs. `events` are the lines of metrics.jsonl.
nlohmann::json curves_section(const TrainingLog& log, const std::vector<nlohmann::json>& events);

/// Norms and histograms of each parameter's gradients. `step` is the function they come from.
nlohmann::json gradients_section(const std::vector<GradientSnapshot>& snapshots,
                                 const ir::Module& module, const ir::Function& step,
                                 const SourceLinks& links);

/// What the trained model makes of data it was not trained on, where there is such.
nlohmann::json predictions_section(Session& session, const runtime::TrainerParts& parts,
                                   const runtime::Split& split);

/// The loss and its backward, line by line of the program; a module at Stage::Backward.
nlohmann::json graph_section(Session& session, const ir::Module& module, const ir::Function& step,
                             const SourceLinks& links);

/// Which bytes of the arena hold what while a step runs; `train` is planned for `batch` rows.
nlohmann::json memory_section(const ir::Module& module, const ir::Function& train, int64_t batch,
                              const SourceLinks& links);

/// Time, rates and limits of each kernel.
nlohmann::json kernels_section(const KernelTimes& times, const MachineLimits& limits,
                               const SourceLinks& links);

}  // namespace netc::tools
