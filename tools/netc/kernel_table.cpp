#include "tools/netc/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "backend/kernel.h"
#include "ir/op.h"

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
  void start_run() {
    for (Phase& p : phases_) {
      p.start = std::numeric_limits<int64_t>::max(), p.end = 0;
      for (std::atomic<int64_t>& b : p.busy) b = 0;
    }
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

/// Where in the program a value comes from: the outermost call that brought it there.
ir::Place origin(const ir::Module& module, const ir::Value& value) {
  if (value.locs.empty()) return {};
  ir::LocId at = value.locs.front();
  while (module.locs[at.index].called_from) at = module.locs[at.index].called_from;
  return module.locs[at.index].place;
}

/// Names what a kernel stores and where it comes from: the place of its contraction or scatter,
/// else of the last value that has one.
class Describe {
 public:
  Describe(Session& session, const ir::Module& module, const std::string& entry)
      : session_(session), module_(module), function_(module[module.find(entry)]) {
    names_ = ir::display_names(function_);
    for (backend::Kernel& k : backend::kernels_of(function_)) kernels_[k.name] = std::move(k);
  }

  void operator()(KernelRow& row) const {
    // A kernel that was taken apart is called k3.17, a copy of its result k3.copy.
    auto found = kernels_.find(row.kernel.substr(0, row.kernel.find('.')));
    if (found == kernels_.end()) return;
    for (ir::ValueId v : found->second.yields)
      row.stores += (row.stores.empty() ? "" : ", ") + names_[v.index];
    ir::Place place = place_of(found->second);
    if (place.line == 0) return;
    row.place = fmt::format("{}:{}", place.line, place.column);
    if (place.file != 0) row.place = module_.files[place.file] + ":" + row.place;
    // Places in a dump are those of the program it was made from.
    if (session_.program().module.stage != ir::Stage::Forward) return;
    std::string_view line = session_.sources().line(place.file, place.line);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    row.source = std::string(line);
  }

 private:
  Session& session_;
  const ir::Module& module_;
  const ir::Function& function_;
  std::vector<std::string> names_;
  std::map<std::string, backend::Kernel> kernels_;

  ir::Place place_of(const backend::Kernel& kernel) const {
    ir::Place place;
    for (ir::ValueId v : kernel.values) {
      const ir::Value& value = function_[v];
      ir::Place p = origin(module_, value);
      if (p.line != 0) place = p;
      ir::Form form = ir::def(value.op).form;
      if (p.line != 0 && (form == ir::Form::Contract || form == ir::Form::Scatter)) break;
    }
    return place;
  }
};

/// Whether a row stands for work, not for the time between phases.
bool works(const KernelRow& r) { return r.flops > 0 || r.bytes > 0; }

/// What a row says of its speed.
struct Rates {
  double gflops = 0, gbytes = 0;
  double of_peak = 0, of_bandwidth = 0;  ///< percent
  Rates(const KernelRow& r, const MachineLimits& limits) {
    if (!(r.seconds > 0)) return;
    gflops = r.flops / r.seconds * 1e-9;
    gbytes = r.bytes / r.seconds * 1e-9;
    of_peak = 1e11 * gflops / limits.flops;
    of_bandwidth = 1e11 * gbytes / limits.bytes;
  }
};

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
  if (!r.place.empty()) j["place"] = r.place;
  if (!r.stores.empty()) j["stores"] = r.stores;
  print_out(j.dump() + "\n");
}

std::string shortened(const std::string& text, size_t columns) {
  return text.size() <= columns ? text : text.substr(0, columns - 2) + "..";
}

void print_row(const KernelRow& r, double share, const MachineLimits& limits) {
  Rates rates(r, limits);
  std::string line = fmt::format("{:<10}", r.kernel);
  line += r.chunks > 0 ? fmt::format(" {:>5} {:>7}", r.phase, r.chunks) : std::string(14, ' ');
  line += fmt::format(" {:>10.4f} {:>6.1f}", r.seconds * 1e3, 100 * share);
  if (works(r))
    line += fmt::format(" {:>9.1f} {:>6.1f} {:>8.1f} {:>8.1f}", rates.gflops, rates.of_peak,
                        rates.gbytes, rates.of_bandwidth);
  if (!r.stores.empty() || !r.place.empty())
    line += fmt::format("  {:<18} {:>6}  {}", shortened(r.stores, 18), r.place,
                        shortened(r.source, 60));
  line.erase(line.find_last_not_of(' ') + 1);
  print_out(line + "\n");
}

}  // namespace

MachineLimits measure_limits(const CommonOptions& options) {
  auto level = backend::parse_cpu(options.cpu).value_or(backend::native_cpu());
  int threads = options.thread_count();
  return {backend::fma_peak(level, threads), backend::memory_bandwidth(threads)};
}

KernelTimes time_kernels(EntryRunner& runner, int64_t batch, Session& session,
                         const ir::Module& module, const std::string& entry) {
  constexpr double kSeconds = 0.3;
  constexpr size_t kLeastRuns = 3;
  const runtime::Plan& plan = runner.plan();
  ChunkClock clock(plan);
  std::vector<std::vector<std::vector<double>>> seconds(plan.phases.size());  // phase, run, task
  std::vector<double> whole;
  runner.executor().observe(&clock);
  auto begin = Clock::now();
  while (whole.size() < kLeastRuns || seconds_since(begin) < kSeconds) {
    clock.start_run();
    auto start = Clock::now();
    runner.run(batch);
    whole.push_back(seconds_since(start));
    for (size_t p = 0; p < seconds.size(); ++p) seconds[p].push_back(clock.task_seconds(p));
  }
  runner.executor().observe(nullptr);

  KernelTimes times;
  times.run_seconds = median(whole);
  Describe describe(session, module, entry);
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
      describe(row);
      times.rows.push_back(std::move(row));
    }
  return times;
}

void print_kernels(const KernelTimes& times, const KernelRow& whole, const MachineLimits& limits,
                   int threads, bool json) {
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
    print_out(j.dump() + "\n");
  } else {
    print_out(fmt::format("peak {:.1f} GFLOP/s   memory bandwidth {:.1f} GB/s   {} threads\n",
                          limits.flops * 1e-9, limits.bytes * 1e-9, threads));
    print_out(
        fmt::format("{:<10} {:>5} {:>7} {:>10} {:>6} {:>9} {:>6} {:>8} {:>8}  {:<18} {:>6}  {}\n",
                    "kernel", "phase", "chunks", "ms", "% time", "GFLOP/s", "% peak", "GB/s",
                    "% memory", "stores", "place", "source"));
  }
  for (const KernelRow& r : times.rows) print(r, r.seconds / times.run_seconds, limits);
  print(between, between.seconds / times.run_seconds, limits);
  print(whole, 1, limits);
}

}  // namespace netc::tools
