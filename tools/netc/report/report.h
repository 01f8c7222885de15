// `train --report`: watches a run, then writes one HTML file about it.
#pragma once

#include <optional>
#include <string>

#include "runtime/error.h"
#include "runtime/trainer.h"
#include "tools/netc/progress.h"
#include "tools/netc/report/gradient_probe.h"
#include "tools/netc/report/training_log.h"
#include "tools/netc/session.h"

namespace netc::tools {

class Report : public runtime::TrainingListener {
 public:
  /// `session` has the program and says nothing but errors. `module` is what the plans of `parts`
  /// were compiled from; events are passed on to `next`. They must outlive the report.
  Report(Session session, const ir::Module& module, const runtime::TrainerParts& parts,
         const TrainingHeader& header, runtime::TrainingListener& next);

  void start(const runtime::StartEvent& event) override;
  void step(const runtime::StepEvent& event) override;
  void epoch(const runtime::EpochEvent& event) override;
  void end(const runtime::EndEvent& event) override;
  void notice(const std::string& text) override { next_.notice(text); }

  /// Writes report.html in the run directory. Runs training steps for its measurements, so that the
  /// arena must not be needed any more. `failure`: what ended training, null when nothing did.
  void write(const std::string& directory, const runtime::Error* failure);

 private:
  Session session_;
  const ir::Module& module_;
  const runtime::TrainerParts& parts_;
  const TrainingHeader& header_;
  runtime::TrainingListener& next_;
  std::optional<GradientProbe> probe_;
  int64_t probe_every_ = 1;
  TrainingLog log_;
};

}  // namespace netc::tools
