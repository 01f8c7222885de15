// Drawings are 400 units wide, about as many as a phone has points, so that text keeps its size.
#include "tools/netc/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace netc::tools {

namespace {
using nlohmann::json;

constexpr double kLeft = 46, kRight = 392, kTop = 10, kBottom = 184;

struct Axis {
  double low = 0, high = 1;  ///< of the values, or of their logarithms
  double from = 0, to = 1;   ///< in the drawing
  bool log = false;

  double at(double v) const {
    if (log) v = std::log10(v);
    return from + (v - low) / (high - low) * (to - from);
  }
};

struct Bounds {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void add(double v) { low = std::min(low, v), high = std::max(high, v); }
};

/// Where a range of one value has no length, it gets some.
void widen(double& low, double& high) {
  if (low < high) return;
  const double by = low == 0 ? 1 : std::abs(low) * 0.1;
  low -= by, high += by;
}

Axis vertical_axis(const Bounds& y, bool may_be_log) {
  Axis axis{y.low, y.high, kBottom, kTop, false};
  if (may_be_log && y.low > 0 && y.high / y.low > 30) {
    axis.log = true;
    axis.low = std::log10(y.low), axis.high = std::log10(y.high);
  } else if (y.low >= 0 && (y.low < 0.4 * y.high || y.low == y.high)) {
    axis.low = 0;
  }
  widen(axis.low, axis.high);
  const double margin = 0.04 * (axis.high - axis.low);
  axis.high += margin;
  if (axis.low != 0 || axis.log) axis.low -= margin;
  return axis;
}

json vertical_ticks(const Axis& axis) {
  json ticks = json::array();
  const auto add = [&](double v) {
    ticks.push_back({{"y", coordinate(axis.at(v))}, {"text", figure(v)}});
  };
  if (!axis.log) {
    for (double v : nice_ticks(axis.low, axis.high, 5)) add(v);
    return ticks;
  }
  const double low = std::pow(10, axis.low), high = std::pow(10, axis.high);
  for (double decade = std::floor(axis.low); decade <= axis.high; ++decade)
    for (double digit : {1, 2, 5}) {
      const double v = digit * std::pow(10, decade);
      if (v < low || v > high || (digit != 1 && axis.high - axis.low > 2.5)) continue;
      add(v);
    }
  return ticks;
}

/// A path through the points that lifts the pen where values are not finite.
std::string path_of(const Series& series, const Axis& x, const Axis& y) {
  std::string path;
  bool down = false;
  for (const auto& [px, py] : series.points) {
    if (!std::isfinite(py)) {
      down = false;
      continue;
    }
    path += fmt::format("{}{} {}", down ? "L" : "M", coordinate(x.at(px)), coordinate(y.at(py)));
    down = true;
  }
  return path;
}

json drawing_of(const Series& series, const Axis& x, const Axis& y) {
  constexpr size_t kMostDots = 30;
  std::string xs, ys, screen;
  json dots = json::array();
  for (const auto& [px, py] : series.points) {
    if (!std::isfinite(py)) continue;
    const char* comma = xs.empty() ? "" : ",";
    xs += fmt::format("{}{}", comma, figure(px));
    ys += fmt::format("{}{}", comma, figure(py));
    screen += fmt::format("{}{} {}", comma, coordinate(x.at(px)), coordinate(y.at(py)));
    if (series.points.size() <= kMostDots)
      dots.push_back({{"x", coordinate(x.at(px))},
                      {"y", coordinate(y.at(py))},
                      {"label", fmt::format("{}: {}", figure(px), figure(py))}});
  }
  return {{"series", series.name},
          {"style", series.style},
          {"path", path_of(series, x, y)},
          {"dots", dots},
          {"xs", xs},
          {"ys", ys},
          {"screen", screen}};
}
}  // namespace

std::vector<double> nice_ticks(double low, double high, int wanted) {
  const double raw = (high - low) / wanted;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  const double digit = raw / power;
  const double step = power * (digit > 7.1 ? 10 : digit > 3.2 ? 5 : digit > 1.5 ? 2 : 1);
  std::vector<double> ticks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k)
    ticks.push_back(std::abs(k) < 0.5 ? 0 : k * step);
  return ticks;
}

std::string figure(double v) {
  if (!std::isfinite(v)) return fmt::format("{}", v);
  if (v == 0) return "0";  // also -0
  if (v == std::floor(v) && std::abs(v) < 1e7) return fmt::format("{:.0f}", v);
  return fmt::format("{:.4g}", v);
}

std::string coordinate(double v) { return fmt::format("{}", std::round(v * 10) / 10 + 0.0); }

json line_chart(const std::string& title, const std::string& x_label, std::vector<Series> series,
                bool may_be_log) {
  Bounds x_range, y_range;
  for (const Series& s : series)
    for (const auto& [px, py] : s.points)
      if (std::isfinite(py)) x_range.add(px), y_range.add(py);
  if (x_range.low > x_range.high) return nullptr;
  Axis x{x_range.low, x_range.high, kLeft, kRight, false};
  widen(x.low, x.high);
  const Axis y = vertical_axis(y_range, may_be_log);
  json chart{{"title", title},
             {"x_label", x_label},
             {"log", y.log},
             {"y_ticks", vertical_ticks(y)},
             {"x_ticks", json::array()},
             {"lines", json::array()}};
  for (double v : nice_ticks(x.low, x.high, 6))
    if (v == std::floor(v) && v >= x_range.low && v <= x_range.high)
      chart["x_ticks"].push_back({{"x", coordinate(x.at(v))}, {"text", figure(v)}});
  for (const Series& s : series)
    if (!s.points.empty()) chart["lines"].push_back(drawing_of(s, x, y));
  chart["legend"] = chart["lines"].size() > 1;
  return chart;
}

}  // namespace netc::tools
