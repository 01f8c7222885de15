#include "tools/netc/report/regression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/netc/console.h"
#include "tools/netc/report/chart.h"

namespace netc::tools {

using nlohmann::json;

namespace {
constexpr double kLeft = 46, kRight = 392, kTop = 10, kBottom = 356;  // a square

struct Errors {
  double root_mean_square = 0, mean_absolute = 0, explained = 0;
};

Errors errors_of(const Outcomes& o) {
  const auto n = double(o.truth.size());
  double mean = 0, squares = 0, absolute = 0, spread = 0;
  for (double t : o.truth) mean += t / n;
  for (size_t i = 0; i < o.truth.size(); ++i) {
    const double difference = o.predicted[i] - o.truth[i];
    squares += difference * difference;
    absolute += std::abs(difference);
    spread += (o.truth[i] - mean) * (o.truth[i] - mean);
  }
  return {std::sqrt(squares / n), absolute / n, spread > 0 ? 1 - squares / spread : NAN};
}
}  // namespace

bool Outcomes::are_yes_or_no() const {
  bool zero = false, one = false;
  for (double t : truth) {
    if (t != 0 && t != 1) return false;
    (t == 0 ? zero : one) = true;
  }
  return zero && one;
}

Outcomes collect(EntryRunner& predict, const Target& target, const runtime::Split& split) {
  Outcomes outcomes;
  const runtime::Field& labels = *split.find(target.label);
  const runtime::Slot& output = *predict.find(runtime::SlotRole::Result, target.output);
  predict.run_over(split, [&](int64_t first, int64_t rows) {
    const runtime::Tensor values = predict.read(output, rows);
    for (int64_t i = 0; i < rows * target.numbers; ++i) {
      outcomes.predicted.push_back(values.number(i));
      outcomes.truth.push_back(runtime::load_number(
          labels.type, labels.data() + (first * target.numbers + i) * byte_size(labels.type)));
    }
  });
  return outcomes;
}

json regression_section(const Target& target, const Outcomes& o) {
  constexpr size_t kMostPoints = 1500;
  double low = INFINITY, high = -INFINITY;
  for (const auto& numbers : {o.truth, o.predicted})
    for (double v : numbers)
      if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
  if (!(low < high)) return nullptr;
  const double margin = 0.03 * (high - low);
  low -= margin, high += margin;
  const auto x = [&](double v) { return kLeft + (v - low) / (high - low) * (kRight - kLeft); };
  const auto y = [&](double v) { return kBottom - (v - low) / (high - low) * (kBottom - kTop); };
  const size_t stride = (o.truth.size() + kMostPoints - 1) / kMostPoints;
  json points = json::array(), ticks = json::array();
  for (size_t i = 0; i < o.truth.size(); i += stride) {
    if (!std::isfinite(o.predicted[i]) || !std::isfinite(o.truth[i])) continue;
    points.push_back({{"x", coordinate(x(o.truth[i]))},
                      {"y", coordinate(y(o.predicted[i]))},
                      {"label", fmt::format("record {}: {} for {}", int64_t(i) / target.numbers,
                                            figure(o.predicted[i]), figure(o.truth[i]))}});
  }
  for (double v : nice_ticks(low, high, 6))
    ticks.push_back({{"x", coordinate(x(v))}, {"y", coordinate(y(v))}, {"text", figure(v)}});
  const Errors errors = errors_of(o);
  return {{"output", target.output},
          {"label", target.label},
          {"points", points},
          {"ticks", ticks},
          {"shown", with_commas(int64_t(points.size()))},
          {"count", with_commas(int64_t(o.truth.size()))},
          {"rms", figure(errors.root_mean_square)},
          {"absolute", figure(errors.mean_absolute)},
          {"explained", figure(errors.explained)}};
}

}  // namespace netc::tools
