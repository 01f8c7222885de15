// The step's gradients from one compiled plan, the loss from another in which everything behind a
// stop_gradient has become an input; then two more losses for each sampled element.
#include "tools/netc/gradient_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "ir/builder.h"
#include "tools/netc/entry_runner.h"
#include "tools/netc/random_inputs.h"

namespace netc::tools {

namespace {
/// The loss with everything behind a stop_gradient as further inputs, and a function that computes
/// what these have to be.
struct FrozenLoss {
  ir::Module module;  ///< entry `eval`: the values behind stop_gradients; `loss`: the frozen loss
  std::vector<std::string> names;
};

bool is_barrier(const ir::Value& v) {
  return v.op == ir::Op::stop_gradient && ir::is_float(v.type.dtype);
}

/// Copies `from` to a new function of `module`; barriers become inputs when `freeze`, else they are
/// its results.
ir::Function rebuild(ir::Module& module, const ir::Function& from, std::string name, bool freeze,
                     std::vector<std::string>& names) {
  std::vector<std::string> display = ir::display_names(from);
  ir::FunctionId id(module.functions.size());
  module.functions.emplace_back();
  module[id].name = std::move(name);
  module[id].entry = true;
  ir::Builder b(module, id);
  std::vector<ir::ValueId> moved(from.values.size());
  for (const ir::Parameter& p : from.params) {
    const ir::Value& v = from[p.value];
    moved[p.value.index] = b.parameter(display[p.value.index], v.type, p.role, p.init);
  }
  names.clear();
  if (freeze) {
    for (size_t i = 0; i < from.values.size(); ++i) {
      if (!is_barrier(from.values[i])) continue;
      names.push_back(fmt::format("frozen_{}", names.size()));
      moved[i] = b.parameter(names.back(), from.values[i].type, ir::Role::Input);
    }
  }
  for (size_t i = 0; i < from.values.size(); ++i) {
    if (moved[i]) continue;
    const ir::Value& v = from.values[i];
    std::vector<ir::ValueId> args;
    for (ir::ValueId a : v.args) args.push_back(moved[a.index]);
    moved[i] = b.add_like(v, std::move(args));
    if (!freeze && is_barrier(v)) {
      names.push_back(fmt::format("frozen_{}", names.size()));
      b.result(names.back(), moved[i]);
    }
  }
  if (freeze) {
    for (const ir::Result& r : from.results)
      if (r.name == "loss") b.result(r.name, moved[r.value.index]);
  }
  ir::Function made = std::move(module.functions.back());
  module.functions.pop_back();
  return made;
}

/// The loss opened to single ops, then rebuilt as above. Gradients that were derived already are
/// those of the loss of `step`, which may differ from `loss`: it is the one of training.
FrozenLoss freeze_barriers(Session& session, const ir::Module& source, int64_t batch) {
  FrozenLoss frozen;
  const std::string entry = session.entry_name(source.stage > ir::Stage::Forward ? "step" : "loss");
  Lowering lowering;
  lowering.batch_capacity = batch;
  ir::Module opened = keep_entries(source, {entry});
  if (const passes::Pass* open = passes::find_pass("inline"); opened.stage < ir::Stage::Optimised)
    opened = session.run_passes({open}, std::move(opened), lowering);
  const ir::Function loss = opened[opened.find(entry)];
  ir::Function values = rebuild(opened, loss, session.entry_name("eval"), false, frozen.names);
  ir::Function moved = rebuild(opened, loss, session.entry_name("loss"), true, frozen.names);
  opened.functions.clear();
  opened.functions.push_back(std::move(moved));
  if (!frozen.names.empty()) opened.functions.push_back(std::move(values));
  frozen.module = std::move(opened);
  return frozen;
}

/// The module whose step is differentiated: of a source the loss as it is without training.
ir::Module gradient_source(Session& session, const ir::Module& module) {
  if (module.stage > ir::Stage::Forward) return keep_entries(module, {session.entry_name("step")});
  ir::Module kept = keep_entries(module, {session.entry_name("loss")});
  for (ir::Function& f : kept.functions)
    if (f.name == session.entry_name("loss")) f.name = session.entry_name("step");
  return kept;
}

class Checker {
 public:
  Checker(Session& session, const GradientCheckOptions& options, runtime::ThreadPool& pool,
          const ir::Module& module, const FrozenLoss& frozen)
      : options_(options),
        step_(build(session, gradient_source(session, module), "step"), pool),
        loss_(build(session, frozen.module, "loss"), pool),
        generator_(options.seed + 1) {
    fill_step(session);
    copy_to(loss_);
    if (!frozen.names.empty()) {
      EntryRunner values(build(session, frozen.module, "eval"), pool);
      copy_to(values);
      values.run(options_.batch);
      for (const std::string& name : frozen.names) {
        runtime::Tensor t =
            values.read(*values.find(runtime::SlotRole::Result, name), options_.batch);
        loss_.write(*loss_.find(runtime::SlotRole::Input, name), options_.batch, t);
      }
    }
    step_.run(options_.batch);
    base_ = loss();
  }

  std::vector<ParameterCheck> run() {
    std::vector<ParameterCheck> checks;
    for (const runtime::Slot* slot : step_.slots(runtime::SlotRole::Param)) {
      if (!options_.parameter.empty() && slot->name != options_.parameter) continue;
      checks.push_back(check(*slot));
    }
    return checks;
  }

 private:
  const GradientCheckOptions& options_;
  EntryRunner step_, loss_;
  std::mt19937_64 generator_;
  double base_ = 0;

  CompiledEntry build(Session& session, ir::Module module, const char* entry) {
    Lowering lowering;
    lowering.batch_capacity = options_.batch;
    auto list = passes::pipeline(module.stage, ir::Stage::Plan, session.options().optimise);
    module = session.run_passes(list, std::move(module), lowering);
    return session.compile(module, entry, options_.batch);
  }

  /// Start values moved a little, so that no gradient vanishes because of zeros.
  void fill_step(Session& session) {
    step_.initialise(options_.seed, session.program_directory());
    std::uniform_real_distribution<double> nudge(-0.05, 0.05);
    for (auto role : {runtime::SlotRole::Param, runtime::SlotRole::State})
      for (const runtime::Slot* slot : step_.slots(role)) {
        runtime::Tensor t = step_.read(*slot, options_.batch);
        if (t.type != runtime::ElementType::f64) continue;
        for (double& v : t.as<double>()) v += nudge(generator_);
        step_.write(*slot, options_.batch, t);
      }
    fill_random_inputs(step_, options_.batch, options_.seed);
  }

  void copy_to(EntryRunner& to) {
    for (const runtime::Slot& slot : to.plan().slots) {
      if (slot.role == runtime::SlotRole::Result) continue;
      const runtime::Slot* from = step_.find(slot.role, slot.name);
      if (from != nullptr) to.write(slot, options_.batch, step_.read(*from, options_.batch));
    }
    // Inputs that only the loss reads (the step may have dropped them) start from the same numbers.
    fill_random_inputs(to, options_.batch, options_.seed, [&](const runtime::Slot& slot) {
      return step_.find(runtime::SlotRole::Input, slot.name) == nullptr;
    });
  }

  double loss() {
    loss_.run(options_.batch);
    return runtime::read_scalar(*loss_.find(runtime::SlotRole::Result, "loss"), loss_.arena());
  }

  ParameterCheck check(const runtime::Slot& slot) {
    ParameterCheck result;
    result.parameter = slot.name;
    const runtime::Slot* moved = loss_.find(runtime::SlotRole::Param, slot.name);
    const runtime::Slot* gradient = step_.find(runtime::SlotRole::Result, "d_" + slot.name);
    if (moved == nullptr || gradient == nullptr) return result;
    runtime::Tensor values = step_.read(slot, options_.batch);
    runtime::Tensor analytic = step_.read(*gradient, options_.batch);
    double largest = 0;
    for (int64_t i = 0; i < analytic.count(); ++i)
      largest = std::max(largest, std::abs(analytic.number(i)));
    for (int64_t i : sample(values.count())) {
      ++result.sampled;
      check_point(result, *moved, values, i, analytic.number(i), largest);
    }
    loss_.write(*moved, options_.batch, values);
    return result;
  }

  void check_point(ParameterCheck& result, const runtime::Slot& slot, runtime::Tensor& values,
                   int64_t i, double analytic, double largest) {
    double start = values.as<double>()[size_t(i)];
    double h = options_.eps * std::max(1.0, std::abs(start));
    auto at = [&](double x) {
      values.as<double>()[size_t(i)] = x;
      loss_.write(slot, options_.batch, values);
      double l = loss();
      values.as<double>()[size_t(i)] = start;
      return l;
    };
    double up = at(start + h), down = at(start - h);
    double numeric = (up - down) / (2 * h);
    // Two losses differ by rounding even where the gradient is 0; below this there is nothing to
    // see.
    double noise = 64 * 2.2e-16 * std::max(std::abs(base_), 1e-300) / h;
    double scale = std::max(
        {std::abs(analytic), std::abs(numeric), noise / options_.rtol, 1e-6 * largest, 1e-300});
    double error = std::abs(analytic - numeric) / scale;
    if (!std::isfinite(error))
      error = std::isfinite(analytic) == std::isfinite(numeric) ? 0 : INFINITY;
    if (error > options_.rtol &&
        at_kink(up, down, at(start + h / 2), at(start - h / 2), h, noise)) {
      ++result.kinks;
      return;
    }
    ++result.points;
    if (error >= result.worst) {
      result.worst = error;
      result.analytic = analytic;
      result.numeric = numeric;
    }
    if (error > options_.rtol) result.failed = true;
  }

  /// A smooth function's second difference shrinks by four when the step is halved; at a corner
  /// it shrinks by two or less, or not evenly.
  bool at_kink(double up, double down, double half_up, double half_down, double h,
               double noise) const {
    double whole = (up - 2 * base_ + down) / h;
    double half = (half_up - 2 * base_ + half_down) / h;
    if (std::abs(whole) < 8 * noise && std::abs(half) < 8 * noise) return false;
    return std::abs(whole - 4 * half) > 0.25 * std::abs(whole) + 4 * noise;
  }

  std::vector<int64_t> sample(int64_t count) {
    std::vector<int64_t> all(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) all[size_t(i)] = i;
    if (options_.samples <= 0 || options_.samples >= count) return all;
    for (int64_t i = 0; i < options_.samples; ++i) {
      int64_t j = i + int64_t(generator_() % uint64_t(count - i));
      std::swap(all[size_t(i)], all[size_t(j)]);
    }
    all.resize(size_t(options_.samples));
    std::sort(all.begin(), all.end());
    return all;
  }
};
}  // namespace

std::vector<ParameterCheck> check_gradients(Session& session, const GradientCheckOptions& options,
                                            runtime::ThreadPool& pool) {
  ir::Module module = passes::widen(session.program().module);
  if (module.stage > ir::Stage::Optimised) {  // kernels and offsets are those of the whole step
    module.stage = ir::Stage::Optimised;
    for (ir::Function& f : module.functions) {
      f.kernels.clear();
      for (ir::Value& v : f.values) v.kernel = {}, v.storage.reset();
    }
  }
  if (auto sizes = small_sizes(session, module); !sizes.empty())
    module = passes::specialise(std::move(module), sizes);
  FrozenLoss frozen = freeze_barriers(session, module, options.batch);
  return Checker(session, options, pool, module, frozen).run();
}

}  // namespace netc::tools
