// The program's own files are part of the page, std's are not.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/netc/report/chart.h"
#include "tools/netc/report/sections.h"

namespace netc::tools {

using nlohmann::json;

bool SourceLinks::shown(uint32_t file) const {
  // Places in a dump are those of the program it was made from.
  return session_.program().module.stage == ir::Stage::Forward &&
         file < session_.sources().size() && !session_.sources()[file].path.empty();
}

std::string SourceLinks::anchor(const ir::Place& place) const {
  return place.file == 0 ? fmt::format("L{}", place.line)
                         : fmt::format("F{}L{}", place.file, place.line);
}

json SourceLinks::to(const ir::Place& place) const {
  if (place.line == 0 || !shown(place.file)) return nullptr;
  const std::string text =
      place.file == 0 ? fmt::format("{}", place.line)
                      : fmt::format("{}:{}", session_.sources()[place.file].name, place.line);
  return {{"line", text}, {"link", anchor(place)}};
}

json SourceLinks::listing(const KernelTimes& times) const {
  std::map<std::pair<uint32_t, uint32_t>, double> seconds;
  double all = 0, most = 0;
  for (const KernelRow& row : times.rows) {
    double& line = seconds[{row.site.at.file, row.site.at.line}];
    line += row.seconds, all += row.seconds;
    if (row.site.at.line != 0) most = std::max(most, line);
  }
  json files = json::array();
  for (uint32_t file = 0; file < session_.sources().size(); ++file) {
    if (!shown(file)) continue;
    const frontend::SourceFile& source = session_.sources()[file];
    json lines = json::array();
    for (uint32_t line = 1; line <= source.line_starts.size(); ++line) {
      const std::string_view text = session_.sources().line(file, line);
      if (line == source.line_starts.size() && text.empty()) break;
      json row{{"number", line}, {"anchor", anchor({file, line, 1})}, {"text", text}};
      if (const auto found = seconds.find({file, line}); found != seconds.end() && all > 0) {
        row["share"] = fmt::format("{:.0f} %", 100 * found->second / all);
        row["heat"] = fmt::format("{:.2f}", found->second / most);
      }
      lines.push_back(std::move(row));
    }
    files.push_back({{"name", source.name}, {"lines", lines}});
  }
  return files;
}

}  // namespace netc::tools
