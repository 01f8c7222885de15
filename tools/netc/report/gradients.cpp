// A line of figures for each parameter: how the norm of its gradient went, how its values were
// spread, and the last histogram.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "tools/netc/console.h"
#include "tools/netc/kernel_site.h"
#include "tools/netc/report/chart.h"
#include "tools/netc/report/picture.h"
#include "tools/netc/report/sections.h"

namespace netc::tools {

namespace {
using nlohmann::json;
using runtime::kHistogramBins;
using runtime::Statistics;

constexpr double kWidth = 120, kHeight = 30;  // of the small drawings

/// The norms as a line from the bottom, 0, to the top, the largest.
std::string norm_path(const std::vector<const Statistics*>& over_time) {
  double most = 0;
  for (const Statistics* s : over_time)
    if (std::isfinite(s->norm)) most = std::max(most, s->norm);
  std::string path;
  bool down = false;
  for (size_t i = 0; i < over_time.size(); ++i) {
    const double norm = over_time[i]->norm;
    if (!std::isfinite(norm)) {
      down = false;
      continue;
    }
    const double x = over_time.size() < 2 ? 0 : kWidth * double(i) / double(over_time.size() - 1);
    const double y = most > 0 ? (kHeight - 2) * (1 - norm / most) + 1 : kHeight - 1;
    path += fmt::format("{}{} {}", down ? "L" : "M", coordinate(x), coordinate(y));
    down = true;
  }
  if (over_time.size() == 1 && down) path += fmt::format("L{} 1", coordinate(kWidth));
  return path;
}

/// Bars whose heights are square roots of the counts, so that tails can be seen.
std::string histogram_path(const Statistics& s) {
  const int64_t most = *std::max_element(s.histogram.begin(), s.histogram.end());
  if (most == 0) return "";
  std::string path = fmt::format("M0 {}", coordinate(kHeight));
  for (int bin = 0; bin < kHistogramBins; ++bin) {
    const double height = kHeight * std::sqrt(double(s.histogram[size_t(bin)]) / double(most));
    path += fmt::format("V{}H{}", coordinate(kHeight - height),
                        coordinate(kWidth * (bin + 1) / kHistogramBins));
  }
  return path + fmt::format("V{}Z", coordinate(kHeight));
}

/// Half the width of what the picture of histograms shows: outliers of the first steps would leave
/// nothing of the others.
double shown_range(const std::vector<const Statistics*>& over_time) {
  double widest = 0, furthest = 0;
  for (const Statistics* s : over_time) {
    if (!std::isfinite(s->deviation)) continue;
    widest = std::max(widest, std::abs(s->mean) + 3 * s->deviation);
    furthest = std::max({furthest, std::abs(s->low), std::abs(s->high)});
  }
  return std::min(widest, furthest);
}

/// Columns are moments, rows values from high to low; the darker, the more of them.
Picture histograms_picture(const std::vector<const Statistics*>& over_time, double range) {
  constexpr int kRows = 31;
  constexpr uint8_t kColour[] = {0x3b, 0x82, 0xf6};
  Picture picture{int(over_time.size()), kRows, 4, {}};
  picture.pixels.resize(size_t(picture.width) * kRows * 4);
  for (int column = 0; column < picture.width; ++column) {
    const Statistics& s = *over_time[size_t(column)];
    double share[kRows] = {};
    for (int bin = 0; bin < kHistogramBins; ++bin) {
      if (s.histogram[size_t(bin)] == 0) continue;
      const double width = (s.high - s.low) / kHistogramBins;
      const double low = s.low + bin * width, high = low + width;
      for (int row = 0; row < kRows; ++row) {
        const double top = range * (1 - 2.0 * row / kRows), bottom = top - 2 * range / kRows;
        const double overlap = std::min(top, high) - std::max(bottom, low);
        const bool point = width == 0 && low <= top && low >= bottom;
        if (point || overlap > 0)
          share[row] += double(s.histogram[size_t(bin)]) * (point ? 1 : overlap / width);
      }
    }
    const double most = *std::max_element(share, share + kRows);
    for (int row = 0; row < kRows; ++row) {
      uint8_t* pixel = &picture.pixels[(size_t(row) * size_t(picture.width) + size_t(column)) * 4];
      std::copy(kColour, kColour + 3, pixel);
      pixel[3] = most > 0 ? uint8_t(255 * std::sqrt(share[row] / most)) : 0;
    }
  }
  return picture;
}

json row_of(const std::string& name, const std::vector<const Statistics*>& over_time) {
  const Statistics& last = *over_time.back();
  const double range = shown_range(over_time);
  json row{{"name", name},
           {"norm", figure(last.norm)},
           {"mean", figure(last.mean)},
           {"std", figure(last.deviation)},
           {"low", figure(last.low)},
           {"high", figure(last.high)},
           {"norm_path", norm_path(over_time)},
           {"histogram_path", histogram_path(last)},
           {"picture", nullptr},
           {"type", nullptr},
           {"at", nullptr}};
  if (range > 0 && over_time.size() > 1) {
    row["picture"] = histograms_picture(over_time, range).address();
    row["range"] = figure(range);
  }
  return row;
}
}  // namespace

json gradients_section(const std::vector<GradientSnapshot>& snapshots, const ir::Module& module,
                       const ir::Function& step, const SourceLinks& links) {
  if (snapshots.empty() || snapshots.back().parameters.empty()) return nullptr;
  std::map<std::string, ir::ValueId> values;
  for (const ir::Parameter& p : step.params)
    if (p.role == ir::Role::Param) values[step[p.value].name] = p.value;
  constexpr size_t kOpen = 24;
  json rows = json::array(), more = json::array();
  for (size_t i = 0; i < snapshots.back().parameters.size(); ++i) {
    std::vector<const Statistics*> over_time;
    for (const GradientSnapshot& s : snapshots) over_time.push_back(&s.parameters[i].second);
    const std::string& name = snapshots.back().parameters[i].first;
    json row = row_of(name, over_time);
    if (const auto value = values.find(name); value != values.end()) {
      row["type"] = ir::str(step[value->second].type);
      row["at"] = links.to(origin_or_use(module, step, value->second));
    }
    (i < kOpen ? rows : more).push_back(std::move(row));
  }
  return {{"rows", rows},
          {"more", more},
          {"more_any", !more.empty()},
          {"more_count", more.size()},
          {"count", snapshots.size()},
          {"first", with_commas(snapshots.front().step)},
          {"last", with_commas(snapshots.back().step)}};
}

}  // namespace netc::tools
