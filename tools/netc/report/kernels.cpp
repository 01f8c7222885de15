// The table of `bench --per-kernel`, the longest first.
#include <fmt/format.h>

#include <algorithm>

#include "tools/netc/console.h"
#include "tools/netc/report/chart.h"
#include "tools/netc/report/sections.h"

namespace netc::tools {

using nlohmann::json;

json kernels_section(const KernelTimes& times, const MachineLimits& limits,
                     const SourceLinks& links) {
  if (times.rows.empty()) return nullptr;
  std::vector<const KernelRow*> order;
  double longest = 0, sum = 0;
  for (const KernelRow& r : times.rows) {
    order.push_back(&r);
    longest = std::max(longest, r.seconds), sum += r.seconds;
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const KernelRow* a, const KernelRow* b) { return a->seconds > b->seconds; });
  const auto percent = [](double v) { return fmt::format("{:.0f}", v); };
  json rows = json::array();
  for (const KernelRow* r : order) {
    const Rates rates(*r, limits);
    json row{{"kernel", r->kernel},
             {"source", r->site.source},
             {"stores", r->site.stores},
             {"at", links.to(r->site.at)},
             {"us", fmt::format("{:.1f}", r->seconds * 1e6)},
             {"share", percent(100 * r->seconds / times.run_seconds)},
             {"bar", fmt::format("{:.1f}", longest > 0 ? 100 * r->seconds / longest : 0)},
             {"gflops", nullptr},
             {"gbytes", nullptr},
             {"peak", nullptr},
             {"bandwidth", nullptr}};
    if (r->flops > 0 || r->bytes > 0) {
      row["gflops"] = figure(rates.gflops);
      row["gbytes"] = figure(rates.gbytes);
      row["peak"] = percent(rates.of_peak);
      row["bandwidth"] = percent(rates.of_bandwidth);
      row["peak_bar"] = fmt::format("{:.1f}", std::min(100.0, rates.of_peak));
      row["bandwidth_bar"] = fmt::format("{:.1f}", std::min(100.0, rates.of_bandwidth));
    }
    rows.push_back(std::move(row));
  }
  return {{"rows", rows},
          {"step", times.run_seconds < 1e-3 ? fmt::format("{:.1f} µs", times.run_seconds * 1e6)
                                            : fmt::format("{:.2f} ms", times.run_seconds * 1e3)},
          {"between", percent(100 * std::max(0.0, 1 - sum / times.run_seconds))},
          {"machine_peak", figure(limits.flops * 1e-9)},
          {"machine_bandwidth", figure(limits.bytes * 1e-9)}};
}

}  // namespace netc::tools
