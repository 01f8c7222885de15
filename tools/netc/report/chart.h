// Line charts: what a drawing needs to know of its data, in the units of the drawing.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace netc::tools {

struct Series {
  std::string name;
  std::string style;  ///< a class of the style sheet: `train` `valid` `test` `faint` `plain`
  std::vector<std::pair<double, double>> points;  ///< by rising x; not finite: a gap
};

/// Values of the template `chart`: ticks, and a path for each series. The vertical axis is
/// logarithmic when all values are positive and `may_be_log` and they span more than 1.5 decades.
/// Series without points are left out; without any the result is null.
nlohmann::json line_chart(const std::string& title, const std::string& x_label,
                          std::vector<Series> series, bool may_be_log);

/// Round numbers in [low, high], about `wanted` of them.
std::vector<double> nice_ticks(double low, double high, int wanted);
/// A number for people: at most four significant digits.
std::string figure(double v);
/// A coordinate of a drawing.
std::string coordinate(double v);

}  // namespace netc::tools
