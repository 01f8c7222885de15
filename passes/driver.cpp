// Runs passes: timing, verification and fuel are here and not in the passes.
#include <fmt/format.h>

#include <chrono>
#include <stdexcept>

#include "ir/verify.h"
#include "passes/check_plan.h"
#include "passes/pass.h"

namespace netc::passes {

bool PassContext::rewrite(const char* statistic) {
  if (fuel == 0) return false;
  if (fuel > 0) --fuel;
  ++statistics[statistic];
  return true;
}

namespace {

void check(const Pass& pass, const ir::Module& module, const PassContext& context) {
  if (const auto wrong = ir::verify(module))
    throw std::logic_error(fmt::format("after pass {}: {}", pass.name, *wrong));
  if (module.stage != ir::Stage::Plan) return;
  if (const auto wrong = check_plan(module, context.batch_capacity))
    throw std::logic_error(fmt::format("after pass {}: {}", pass.name, *wrong));
}

bool has_errors(const PassContext& context) {
  for (const auto& d : context.diagnostics)
    if (d.severity == ir::Severity::Error) return true;
  return false;
}

}  // namespace

ir::Module run(std::span<const Pass* const> passes, ir::Module module, PassContext& context,
               const RunOptions& options, std::vector<PassTiming>* timings) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  };
  for (const Pass* pass : passes) {
    ir::Module before;
    if (options.after) before = module;
    const auto start = Clock::now();
    module = pass->run(std::move(module), context);
    if (timings) timings->push_back({pass->name, since(start), 0});
    if (has_errors(context)) break;
    const auto done = Clock::now();
    if (options.verify) check(*pass, module, context);
    if (timings) timings->back().check_milliseconds = since(done);
    if (options.after) options.after(*pass, before, module);
  }
  return module;
}

}  // namespace netc::passes
