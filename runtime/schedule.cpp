// Schedule formulas; one_cycle and plateau are those of torch.optim.lr_scheduler with its defaults.
#include "runtime/schedule.h"

#include <cmath>
#include <numbers>
#include <stdexcept>

namespace netc::runtime {
namespace {

constexpr double kPlateauThreshold = 1e-4;
constexpr double kPlateauSmallestChange = 1e-8;
constexpr double kCycleRise = 0.3;          // pct_start
constexpr double kCycleDivisor = 25;        // div_factor
constexpr double kCycleFinalDivisor = 1e4;  // final_div_factor

double cosine_between(double start, double end, double fraction) {
  return end + (start - end) / 2 * (1 + std::cos(std::numbers::pi * fraction));
}

}  // namespace

double Schedule::argument(const char* name, double otherwise) const {
  const auto found = spec_.args.find(name);
  return found == spec_.args.end() ? otherwise : found->second;
}

double Schedule::one_cycle(double peak, double step) const {
  const auto total = static_cast<double>(total_steps_);
  const double start = peak / kCycleDivisor;
  const double top = kCycleRise * total - 1;
  if (step <= top) return cosine_between(start, peak, step / top);
  return cosine_between(peak, start / kCycleFinalDivisor, (step - top) / (total - 1 - top));
}

double Schedule::rate(int64_t step, int64_t epoch) const {
  const double lr = base();
  const auto t = static_cast<double>(step), total = static_cast<double>(total_steps_);
  const auto e = static_cast<double>(epoch);
  if (spec_.name == "constant") return lr;
  if (spec_.name == "step") {
    return lr * std::pow(argument("gamma", 0.1), std::floor(e / argument("every", 1)));
  }
  if (spec_.name == "exponential") return lr * std::pow(argument("gamma", 1), e);
  if (spec_.name == "linear") return lr + (argument("end", 0) - lr) * t / total;
  if (spec_.name == "cosine") {
    const double warmup = argument("warmup", 0);
    if (t < warmup) return lr * (t + 1) / warmup;
    return lr / 2 * (1 + std::cos(std::numbers::pi * (t - warmup) / (total - warmup)));
  }
  if (spec_.name == "one_cycle") return one_cycle(lr, t);
  if (spec_.name == "plateau") return lr * plateau.factor;
  throw std::logic_error("schedule " + spec_.name);
}

void Schedule::epoch_ended(double validation_loss) {
  if (!needs_validation()) return;
  if (validation_loss < plateau.best * (1 - kPlateauThreshold)) {
    plateau.best = validation_loss;
    plateau.bad_epochs = 0;
    return;
  }
  if (++plateau.bad_epochs <= static_cast<int64_t>(argument("patience", 5))) return;
  plateau.bad_epochs = 0;
  const double next = plateau.factor * argument("factor", 0.1);
  if (base() * (plateau.factor - next) > kPlateauSmallestChange) {
    plateau.factor = next;
  }
}

}  // namespace netc::runtime
