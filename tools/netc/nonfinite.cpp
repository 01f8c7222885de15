// Replay, then the step op by op, then the way back from what is not finite to the op that made it.
#include "tools/netc/nonfinite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "ir/origin.h"
#include "tools/netc/glue.h"
#include "tools/netc/nonfinite_text.h"
#include "tools/netc/unfused_step.h"

namespace netc::tools {

namespace {
using ir::Element;
using ir::ValueId;

/// The element of the loss that is not finite; else those that made parameters (or the state
/// called `state`) so.
std::vector<Element> bad_results(const ir::Elements& elements, const std::string& state) {
  const ir::Function& f = elements.function();
  std::vector<Element> list;
  for (const ir::Result& r : f.results)
    if (r.name == "loss" && state.empty())
      if (const auto bad = ir::first_nonfinite(elements, r.value)) return {*bad};
  for (const ir::Result& r : f.results) {
    if (!r.value || !ir::is_float(f[r.value].type.dtype)) continue;
    for (const ir::Parameter& p : f.params) {
      const std::string& name = f[p.value].name;
      const bool wanted = state.empty() ? p.role == ir::Role::Param : name == state;
      if (!wanted || r.name != "new_" + name) continue;
      for (int64_t i = 0; i < elements.count(r.value); ++i) {
        const bool was_finite = std::isfinite(elements.number({p.value, i}));
        if (!was_finite || std::isfinite(elements.number({r.value, i}))) continue;
        list.push_back({r.value, i});
        break;
      }
    }
  }
  return list;
}

class Search {
 public:
  Search(const Session& session, Session& unoptimised, const NonfiniteRun& run)
      : session_(session),
        run_(run),
        splits_(runtime::training_splits(run.parts.data, run.settings.valid_fraction,
                                         run.settings.valid_split)),
        unfused_(unoptimised, run.settings.accumulate > 1) {}

  /// Fills the diagnostic; false when nothing was found.
  bool describe(ir::Diagnostic& d) {
    std::string state;
    int64_t last_step = run_.last_step;
    // A state that went wrong in an earlier step sends the search back to that one.
    while (auto failed = replay(last_step, state)) {
      state.clear();
      unfused_.run(*failed, splits_.train, run_.parts.executor.pool(),
                   [&](const ir::Elements& elements, int64_t first_row) {
                     return look(elements, *failed, first_row, watched_, state, d);
                   });
      if (found_ || state.empty()) return found_;
      watched_ = state;
      last_step = failed->numbers.step - 1;
    }
    return false;
  }

 private:
  const Session& session_;
  const NonfiniteRun& run_;
  runtime::TrainingSplits splits_;
  UnfusedStep unfused_;
  std::string watched_;
  bool found_ = false;

  std::optional<runtime::FailedStep> replay(int64_t last_step, const std::string& state) const {
    const std::optional<runtime::Checkpoint> checkpoint = run_.restart();
    runtime::TrainerSettings settings = run_.settings;
    settings.directory.clear();
    runtime::TrainingListener silent;
    runtime::Trainer trainer(run_.parts, std::move(settings), silent);
    if (checkpoint) trainer.resume(*checkpoint);
    return trainer.replay(last_step, state);
  }

  bool look(const ir::Elements& elements, const runtime::FailedStep& failed, int64_t first_row,
            const std::string& watched, std::string& state, ir::Diagnostic& d) {
    std::optional<ir::Origin> origin;
    for (const Element& bad : bad_results(elements, watched)) {
      ir::Origin found = ir::find_origin(elements, bad);
      if (!origin || found.made < origin->made) origin = std::move(found);
    }
    if (!origin) return false;
    const ir::Function& f = elements.function();
    const size_t index = origin->made.value.index;
    if (index < f.params.size() && f.params[index].role == ir::Role::State &&
        failed.numbers.step > failed.first_step) {
      state = f.values[index].name;
      return true;
    }
    NonfiniteText text{session_, unfused_.module(), elements, *origin,
                       failed,   splits_.train,     first_row};
    text.describe(d, run_.last_step);
    return found_ = true;
  }
};
}  // namespace

ir::Diagnostic explain_nonfinite(const Session& session, Session& unoptimised,
                                 const NonfiniteRun& run, const runtime::Error& error) {
  ir::Diagnostic d = diagnose(error);
  try {
    if (!Search(session, unoptimised, run).describe(d))
      d.notes.push_back(
          "run again op by op, the step stays finite: its numbers are close to the largest that "
          "fit");
  } catch (const runtime::Error& e) {
    d.notes.push_back(
        fmt::format("the step could not be run again to find the cause: {}", e.message));
  } catch (const ir::DiagnosticError& e) {
    d.notes.push_back(
        fmt::format("the step could not be run again to find the cause: {}", e.diagnostic.message));
  }
  return d;
}

}  // namespace netc::tools
