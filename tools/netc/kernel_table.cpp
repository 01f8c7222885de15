#include "tools/netc/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tools/netc/files.h"

namespace netc::tools {

namespace {
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Times the chunks of one run: the sum of each task's, and each phase from its first chunk's start
/// to its last one's end.
class ChunkClock : public runtime::ChunkObserver {
 public:
  explicit ChunkClock(const runtime::Plan& plan) : phases_(plan.phases.size()) {
    for (size_t p = 0; p < phases_.size(); ++p)
      phases_[p].busy = std::vector<std::atomic<int64_t>>(plan.phases[p].tasks.size());
  }
  bool starts(const runtime::Plan&, int64_t) override {
    for (Phase& p : phases_) {
      p.start = std::numeric_limits<int64_t>::max(), p.end = 0;
      for (std::atomic<int64_t>& b : p.busy) b = 0;
    }
    return true;
  }
  void finished(const runtime::ChunkTiming& t) override {
    Phase& p = phases_[size_t(t.phase)];
    p.busy[size_t(t.task)].fetch_add(t.end - t.start, std::memory_order_relaxed);
    int64_t known = p.start;
    while (t.start < known && !p.start.compare_exchange_weak(known, t.start)) {
    }
    known = p.end;
    while (t.end > known && !p.end.compare_exchange_weak(known, t.end)) {
    }
  }
  /// Seconds that the tasks of a phase took in the last run: the phase's, shared out by their work.
  std::vector<double> task_seconds(size_t phase) const {
    const Phase& p = phases_[phase];
    double sum = 0;
    for (const std::atomic<int64_t>& b : p.busy) sum += double(b);
    std::vector<double> seconds;
    for (const std::atomic<int64_t>& b : p.busy)
      seconds.push_back(sum > 0 ? double(b) / sum * double(p.end - p.start) * 1e-9 : 0);
    return seconds;
  }

 private:
  struct Phase {
    std::vector<std::atomic<int64_t>> busy;  ///< nanoseconds, per task
    std::atomic<int64_t> start, end;
  };
  std::vector<Phase> phases_;
};

double median(std::vector<double> v) {
  auto middle = v.begin() + int64_t(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

/// Whether a row stands for work, not for the time between phases.
bool works(const KernelRow& r) { return r.flops > 0 || r.bytes > 0; }

void print_json(const KernelRow& r, double share, const MachineLimits& limits) {
  auto round = [](double v) { return std::round(v * 100) / 100; };
  Rates rates(r, limits);
  nlohmann::ordered_json j;
  j["kernel"] = r.kernel;
  if (r.chunks > 0) {
    j["phase"] = r.phase;
    j["chunks"] = r.chunks;
  }
  j["us"] = round(r.seconds * 1e6);
  j["percent_of_time"] = round(100 * share);
  if (works(r)) {
    j["gflops"] = round(rates.gflops);
    j["gbytes_per_s"] = round(rates.gbytes);
    j["percent_of_peak"] = round(rates.of_peak);
    j["percent_of_bandwidth"] = round(rates.of_bandwidth);
  }
  if (!r.site.place.empty()) j["place"] = r.site.place;
  if (!r.site.source.empty()) j["source"] = r.site.source;
  if (!r.site.stores.empty()) j["stores"] = r.site.stores;
  print_out(json_line(j));
}

std::string shortened(const std::string& text, size_t columns) {
  return text.size() <= columns ? text : text.substr(0, columns - 2) + "..";
}

void print_row(const KernelRow& r, double share, const MachineLimits& limits) {
  Rates rates(r, limits);
  std::string line = fmt::format("{:<12}", r.kernel);
  line += r.chunks > 0 ? fmt::format(" {:>5} {:>7}", r.phase, r.chunks) : std::string(14, ' ');
  line += fmt::format(" {:>10.4f} {:>6.1f}", r.seconds * 1e3, 100 * share);
  if (works(r))
    line += fmt::format(" {:>9.1f} {:>6.1f} {:>8.1f} {:>8.1f}", rates.gflops, rates.of_peak,
                        rates.gbytes, rates.of_bandwidth);
  if (!r.site.stores.empty() || !r.site.place.empty())
    line += fmt::format("  {:<18} {:>6}  {}", shortened(r.site.stores, 18), r.site.place,
                        shortened(r.site.source, 60));
  line.erase(line.find_last_not_of(' ') + 1);
  print_out(line + "\n");
}

MachineLimits measure_limits(const CommonOptions& options) {
  auto level = backend::parse_cpu(options.cpu).value_or(backend::native_cpu());
  int threads = options.thread_count();
  return {backend::fma_peak(level, threads), backend::memory_bandwidth(threads)};
}

}  // namespace

Rates::Rates(const KernelRow& r, const MachineLimits& limits) {
  if (!(r.seconds > 0)) return;
  gflops = r.flops / r.seconds * 1e-9;
  gbytes = r.bytes / r.seconds * 1e-9;
  of_peak = 1e11 * gflops / limits.flops;
  of_bandwidth = 1e11 * gbytes / limits.bytes;
}

KernelTimes time_kernels(const runtime::Plan& plan, runtime::Arena& arena,
                         runtime::Executor& executor, int64_t batch, const KernelSites& sites,
                         double in_all, const CommonOptions& options) {
  constexpr size_t kLeastRuns = 3;
  const MachineLimits before = measure_limits(options);
  ChunkClock clock(plan);
  std::vector<std::vector<std::vector<double>>> seconds(plan.phases.size());  // phase, run, task
  std::vector<double> whole;
  executor.observe(&clock);
  auto begin = Clock::now();
  while (whole.size() < kLeastRuns || seconds_since(begin) < in_all) {
    auto start = Clock::now();
    executor.run(plan, arena, batch);
    whole.push_back(seconds_since(start));
    for (size_t p = 0; p < seconds.size(); ++p) seconds[p].push_back(clock.task_seconds(p));
  }
  executor.observe(nullptr);
  const MachineLimits after = measure_limits(options);

  KernelTimes times;
  times.limits = {std::max(before.flops, after.flops), std::max(before.bytes, after.bytes)};
  times.run_seconds = median(whole);
  double share = double(batch) / double(std::max<int64_t>(1, plan.batch_capacity));
  for (size_t p = 0; p < plan.phases.size(); ++p)
    for (size_t t = 0; t < plan.phases[p].tasks.size(); ++t) {
      const runtime::Task& task = plan.phases[p].tasks[t];
      KernelRow row{task.name, int(p), task.chunks};
      std::vector<double> runs;
      for (const std::vector<double>& run : seconds[p]) runs.push_back(run[t]);
      row.seconds = median(std::move(runs));
      row.flops = share * task.flops;
      row.bytes = share * task.bytes;
      row.site = sites.of(task.name);
      times.rows.push_back(std::move(row));
    }
  return times;
}

void print_kernels(const KernelTimes& times, const KernelRow& whole, int threads, bool json) {
  const MachineLimits& limits = times.limits;
  KernelRow between{"between"};  // phases, and before the first
  between.seconds = times.run_seconds;
  for (const KernelRow& r : times.rows) between.seconds -= r.seconds;
  between.seconds = std::max(0.0, between.seconds);
  auto print = json ? print_json : print_row;
  if (json) {
    nlohmann::ordered_json j;
    j["peak_gflops"] = std::round(limits.flops * 1e-7) / 100;
    j["bandwidth_gbytes_per_s"] = std::round(limits.bytes * 1e-7) / 100;
    j["threads"] = threads;
    print_out(json_line(j));
  } else {
    print_out(fmt::format("peak {:.1f} GFLOP/s   memory bandwidth {:.1f} GB/s   {} threads\n",
                          limits.flops * 1e-9, limits.bytes * 1e-9, threads));
    print_out(
        fmt::format("{:<12} {:>5} {:>7} {:>10} {:>6} {:>9} {:>6} {:>8} {:>8}  {:<18} {:>6}  {}\n",
                    "kernel", "phase", "chunks", "ms", "% time", "GFLOP/s", "% peak", "GB/s",
                    "% memory", "stores", "place", "source"));
  }
  for (const KernelRow& r : times.rows) print(r, r.seconds / times.run_seconds, limits);
  print(between, between.seconds / times.run_seconds, limits);
  print(whole, 1, limits);
}

}  // namespace netc::tools
