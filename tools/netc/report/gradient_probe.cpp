#include "tools/netc/report/gradient_probe.h"

#include <algorithm>

#include "runtime/batches.h"
#include "runtime/evaluate.h"
#include "tools/netc/weights.h"

namespace netc::tools {

namespace {
constexpr std::string_view kGradient = "d_";  ///< results of `step`: `d_linear0.weight`

CompiledEntry compile_step(Session& session) {
  Lowering lowering;
  lowering.entries = {"step"};
  lowering.batch_capacity = session.default_batch();
  return session.compile(session.lower(lowering), "step", lowering.batch_capacity);
}
}  // namespace

GradientProbe::GradientProbe(Session& session, const runtime::TrainerParts& parts,
                             const runtime::Split& records)
    : parts_(parts),
      runner_(compile_step(session), parts.executor.pool()),
      rows_(std::min(records.records, runner_.plan().batch_capacity)),
      seed_(session.seed()) {
  runtime::BatchSource(records, runner_.plan()).copy(0, rows_, runner_.arena());
}

GradientSnapshot GradientProbe::measure(int64_t step) {
  copy_weights(parts_.train, parts_.arena, runner_);
  runtime::ScalarInput(runner_.plan(), "seed").set(runner_.arena(), int64_t(seed_));
  runtime::ScalarInput(runner_.plan(), "step").set(runner_.arena(), step);
  runner_.run(rows_);
  GradientSnapshot snapshot{step, {}};
  for (const runtime::Slot* slot : runner_.slots(runtime::SlotRole::Result)) {
    if (!slot->name.starts_with(kGradient)) continue;
    const runtime::Tensor values = runner_.read(*slot, rows_);
    snapshot.parameters.emplace_back(slot->name.substr(kGradient.size()),
                                     slot->type == runtime::ElementType::f32
                                         ? runtime::statistics(values.as<float>())
                                         : runtime::statistics(values.as<double>()));
  }
  return snapshot;
}

}  // namespace netc::tools
