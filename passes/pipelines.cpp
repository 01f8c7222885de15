// Every pass and the order in which they run. Read top to bottom.
#include <algorithm>

#include "passes/passes.h"
#include "passes/remarks.h"

namespace netc::passes {

namespace {

using ir::Stage;

/// One line of a pipeline: a pass, the stage it works towards, the levels it belongs to.
struct Step {
  Stage stage;
  int from_level, to_level;
  Pass pass;
};

constexpr Stage kBackward = Stage::Backward, kOptimised = Stage::Optimised;
constexpr Stage kFused = Stage::Fused, kPlan = Stage::Plan;

const Step kSteps[] = {
    // Source or a forward dump: all types, then gradients and the training step.
    {kBackward, 0, 2, {"infer_shapes", "infer every type from the parameters", infer_shapes}},
    {kBackward, 0, 2, {"differentiate", "add gradients to step, make train", differentiate}},

    // Ops alone, and as few as possible.
    {kOptimised, 0, 2, {"inline", "open every call in entry points", inline_calls}},
    {kOptimised, 1, 2, {"simplify", "apply rules, fold constants, merge views", simplify}},
    {kOptimised, 1, 2, {"cse", "compute equal values once", merge_common}},
    {kOptimised, 0, 2, {"dce", "drop unused values and functions", erase_dead}},

    // Kernels.
    {kFused,
     2,
     2,
     {"results_last", "keep results of contractions as tiles make them", move_results_last}},
    {kFused,
     2,
     2,
     {"borders", "store what is bordered for a contraction with its border", keep_borders}},
    {kFused, 2, 2, {"layouts", "store operands as contractions read them", choose_layouts}},
    {kFused, 1, 2, {"fuse", "form kernels of what may run together", fuse}},
    {kFused, 2, 2, {"stream", "run kernels together on blocks of rows", stream_batch}},
    {kFused, 0, 0, {"split", "one op a kernel", split_kernels}},
    {kFused, 0, 2, {"remarks", "say why values are fused or stored", explain_fusion}},

    // Addresses.
    {kPlan, 2, 2, {"panels", "cut matrices into panels as contractions read them", choose_panels}},
    {kPlan, 0, 2, {"plan_memory", "place every stored value in one arena", plan_memory}},
};

}  // namespace

std::span<const Pass> all_passes() {
  static const std::vector<Pass> list = [] {
    std::vector<Pass> passes;
    for (const Step& step : kSteps) passes.push_back(step.pass);
    return passes;
  }();
  return list;
}

const Pass* find_pass(std::string_view name) {
  for (const Pass& pass : all_passes())
    if (name == pass.name) return &pass;
  return nullptr;
}

std::vector<const Pass*> pipeline(Stage from, Stage to, int level) {
  std::vector<const Pass*> list;
  for (const Step& step : kSteps)
    if (step.stage > from && step.stage <= to && level >= step.from_level && level <= step.to_level)
      list.push_back(find_pass(step.pass.name));
  return list;
}

}  // namespace netc::passes
