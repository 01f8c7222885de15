// `netc bench`: how long one run of an entry point takes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/durable_file.h"
#include "tools/netc/entry_runner.h"
#include "tools/netc/files.h"
#include "tools/netc/glue.h"
#include "tools/netc/kernel_table.h"
#include "tools/netc/option_table.h"
#include "tools/netc/random_inputs.h"
#include "tools/netc/run_directory.h"
#include "tools/netc/weights.h"

namespace netc::tools {

namespace {
using Clock = std::chrono::steady_clock;

struct BenchOptions {
  CommonOptions common;
  std::string entry = "train", min_time = "2s", save, compare, data = kNone;
  int64_t batch = 0;
  bool per_kernel = false;

  static constexpr const char* kNone = "\x01";  ///< --data was not given
};

/// `2s`, `500ms`, `1.5` (seconds).
double parse_duration(const std::string& text) {
  size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  std::string unit = text.substr(used);
  double scale = unit == "ms" ? 1e-3 : unit == "us" ? 1e-6 : unit == "s" || unit.empty() ? 1 : -1;
  if (used == 0 || scale < 0 || !(value >= 0) || !std::isfinite(value))
    throw UsageError{fmt::format("--min-time takes a time such as 2s or 500ms, not `{}`", text),
                     ""};
  return value * scale;
}

struct Measurement {
  double mean = 0, deviation = 0, median = 0, least = 0;  ///< seconds
  int64_t runs = 0;
  int warm_up = 0;  ///< runs before those
};

Measurement summarise(std::vector<double> times) {
  Measurement m;
  m.runs = int64_t(times.size());
  std::sort(times.begin(), times.end());
  for (double t : times) m.mean += t / double(times.size());
  for (double t : times) m.deviation += (t - m.mean) * (t - m.mean);
  m.deviation = times.size() > 1 ? std::sqrt(m.deviation / double(times.size() - 1)) : 0;
  m.least = times.front();
  size_t half = times.size() / 2;
  m.median = times.size() % 2 == 1 ? times[half] : (times[half - 1] + times[half]) / 2;
  return m;
}

class Bench {
 public:
  explicit Bench(const BenchOptions& options)
      : options_(options), session_(options.common), pool_(options.common.thread_count()) {}

  Exit run() {
    double min_time = parse_duration(options_.min_time);
    std::string weights = load_program_or_run(session_);
    try {
      // What can be wrong with the files is found before time is spent.
      if (!options_.save.empty()) runtime::require_writable(options_.save);
      if (!options_.compare.empty()) saved_ = read_figures();
      if (options_.entry == "train" && !session_.has_entry("train")) {
        throw UsageError{"without a `train` block there is no `train` to time",
                         "--entry step times the gradients"};
      }
      batch_ = options_.batch > 0 ? options_.batch : session_.default_batch();
      std::unique_ptr<EntryRunner> built = build(weights);
      EntryRunner& runner = *built;
      fill(runner);
      Measurement m = measure(runner, min_time);
      return show(runner, m);
    } catch (const runtime::Error& e) {
      session_.fail(diagnose(session_, e));
    }
  }

 private:
  static constexpr int kMostWarmUp = 3;
  static constexpr double kWatchSeconds = 0.3;  ///< of runs whose kernels are timed
  BenchOptions options_;
  Session session_;
  runtime::ThreadPool pool_;
  int64_t batch_ = 1;
  nlohmann::json saved_;  ///< the figures to compare with
  double compile_milliseconds_ = 0;
  ir::Module module_;  ///< as compiled

  std::unique_ptr<EntryRunner> build(const std::string& weights) {
    auto start = Clock::now();
    Lowering lowering;
    lowering.entries = {options_.entry};
    lowering.batch_capacity = batch_;
    lowering.sizes = small_sizes(session_, session_.program().module);
    module_ = session_.lower(lowering);
    CompiledEntry compiled =
        session_.compile(module_, options_.entry, session_.planned_capacity(batch_));
    compile_milliseconds_ =
        std::chrono::duration<double, std::milli>(Clock::now() - start).count() +
        session_.frontend_milliseconds();
    auto runner = std::make_unique<EntryRunner>(std::move(compiled), pool_);
    runner->initialise(session_.seed(), session_.program_directory());
    if (!weights.empty()) load_weights(session_, runner->plan(), runner->arena(), weights, "");
    return runner;
  }

  void fill(EntryRunner& runner) {
    fill_random_inputs(runner, batch_, session_.seed());
    if (options_.data == BenchOptions::kNone) return;
    runtime::DataSource source = options_.data.empty() ? data_source(session_.program())
                                                       : parse_data_source(session_, options_.data);
    const runtime::Plan* plan = &runner.plan();
    auto specs = runtime::input_specs({&plan, 1});
    runtime::Dataset data = runtime::load_dataset(source, specs);
    const runtime::Split& split = data.splits.at(0);
    for (const runtime::InputSpec& spec : specs) {
      const runtime::Field* field = split.find(spec.name);
      const runtime::Slot* slot = runner.find(runtime::SlotRole::Input, spec.name);
      if (split.records < batch_)
        throw runtime::Error(runtime::Fault::Split,
                             fmt::format("the data has {} records, fewer than a batch of {}",
                                         split.records, batch_));
      runtime::write_slot(*slot, runner.arena(), batch_,
                          {field->data(), size_t(field->sample_bytes() * batch_)});
    }
  }

  /// At least `min_time` and five runs; of long runs two, once they took five times as long. With a
  /// `min_time` of zero the first run alone.
  Measurement measure(EntryRunner& runner, double min_time) {
    auto begin = Clock::now();
    auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
    int warm_up = 0;
    if (min_time > 0)
      while (warm_up < kMostWarmUp && (warm_up == 0 || elapsed() < min_time))
        runner.run(batch_), ++warm_up;
    std::vector<double> times;
    begin = Clock::now();
    do {
      auto start = Clock::now();
      runner.run(batch_);
      times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    } while (min_time > 0 && (elapsed() < min_time || times.size() < 2 ||
                              (times.size() < 5 && elapsed() < 5 * min_time)));
    Measurement m = summarise(std::move(times));
    m.warm_up = warm_up;
    return m;
  }

  static double flops(const runtime::Plan& plan) {
    double sum = 0;
    for (const runtime::Phase& p : plan.phases)
      for (const runtime::Task& t : p.tasks) sum += t.flops;
    return sum;
  }

  /// Flops are counted at the full batch that the plan was made for.
  double gflops(const EntryRunner& runner, double seconds) const {
    double share = double(batch_) / double(std::max<int64_t>(1, runner.plan().batch_capacity));
    return flops(runner.plan()) * share / seconds * 1e-9;
  }

  nlohmann::ordered_json record(const EntryRunner& runner, const Measurement& m) const {
    auto microseconds = [](double s) { return std::round(s * 1e8) / 100; };
    nlohmann::ordered_json j;
    j["model"] = session_.model().name;
    j["entry"] = options_.entry;
    j["batch"] = batch_;
    j["threads"] = pool_.threads();
    j["median_us"] = microseconds(m.median);
    j["mean_us"] = microseconds(m.mean);
    j["min_us"] = microseconds(m.least);
    j["runs"] = m.runs;
    j["gflops"] = std::round(gflops(runner, m.median) * 100) / 100;
    j["compile_ms"] = std::round(compile_milliseconds_ * 10) / 10;
    j["arena_bytes"] = runner.plan().arena_bytes;
    return j;
  }

  Exit show(EntryRunner& runner, const Measurement& m) {
    nlohmann::ordered_json j = record(runner, m);
    if (options_.common.json)
      print_out(json_line(j));
    else
      print_line(runner, m);
    if (options_.per_kernel) print_kernel_times(runner, m);
    if (!options_.save.empty()) write_file(options_.save, j.dump(2) + "\n");
    return options_.compare.empty() ? Exit::ok : compare(m);
  }

  void print_line(const EntryRunner& runner, const Measurement& m) const {
    bool unicode = session_.console().stdout_is_terminal;
    double scale = m.mean >= 1 ? 1 : m.mean >= 1e-3 ? 1e3 : 1e6;
    const char* unit = m.mean >= 1 ? "s" : m.mean >= 1e-3 ? "ms" : unicode ? "µs" : "us";
    print_out(fmt::format(
        "{}   batch {}   mean {:.1f} {} {} {:.1f}   min {:.1f}   median {:.1f}   {} runs after {} "
        "warm-up   "
        "({} samples/s, {:.3g} GFLOP/s)\n",
        options_.entry, batch_, m.mean * scale, unit, unicode ? "±" : "+-", m.deviation * scale,
        m.least * scale, m.median * scale, m.runs, m.warm_up,
        with_commas(std::llround(double(batch_) / m.median)), gflops(runner, m.median)));
  }

  void print_kernel_times(EntryRunner& runner, const Measurement& m) {
    const KernelSites sites(session_, module_, session_.entry_name(options_.entry));
    KernelTimes times = time_kernels(runner.plan(), runner.arena(), runner.executor(), batch_,
                                     sites, kWatchSeconds, options_.common);
    KernelRow whole{"total"};
    whole.seconds = m.median;
    for (const KernelRow& r : times.rows) whole.flops += r.flops, whole.bytes += r.bytes;
    print_kernels(times, whole, pool_.threads(), options_.common.json);
  }

  /// The figures of --compare.
  nlohmann::json read_figures() const {
    const nlohmann::json figures =
        nlohmann::json::parse(read_file(options_.compare), nullptr, false);
    if (figures.is_object() && figures.contains("median_us") && figures["median_us"].is_number())
      return figures;
    throw runtime::Error(runtime::Fault::DataFile,
                         fmt::format("`{}` was not written by bench --save", options_.compare));
  }

  /// 4 when this run is slower than the saved one by more than runs differ among themselves.
  Exit compare(const Measurement& m) const {
    constexpr double kTolerance = 1.1;
    const double before = saved_["median_us"].get<double>() * 1e-6;
    const nlohmann::json own = {{"model", session_.model().name},
                                {"entry", options_.entry},
                                {"batch", batch_},
                                {"threads", pool_.threads()}};
    for (const auto& [key, value] : own.items())
      if (saved_.contains(key) && saved_[key] != value)
        throw UsageError{fmt::format("`{}` is of {} {}, this is of {}", options_.compare, key,
                                     saved_[key].dump(), value.dump()),
                         "compare like with like"};
    double ratio = m.median / before;
    const std::string text =
        fmt::format("compared with {}: {:.3f} of its time\n", options_.compare, ratio);
    if (options_.common.json)
      session_.console().note(text);
    else
      print_out(text);
    return ratio > kTolerance ? Exit::check : Exit::ok;
  }
};
}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "time forward and training step");
  add_common(*command, options->common, "the program, or a run directory");
  one_of(command->add_option("--entry", options->entry, "what to run (default: train)"),
         {"predict", "loss", "step", "eval", "train"});
  whole_number(command->add_option("--batch", options->batch, "rows (default: as in training)")
                   ->type_name("N"),
               1, int64_t{1} << 40);
  command
      ->add_option("--min-time", options->min_time,
                   "measure for at least so long (2s, 50ms); 0: one run")
      ->type_name("TIME");
  command->add_option("--data", options->data, "real inputs: the file's, or this loader's")
      ->type_name("LOADER")
      ->expected(0, 1);
  command->add_option("--save", options->save, "write the figures to this file")->type_name("FILE");
  command->add_option("--compare", options->compare, "exit 4 when slower than these figures")
      ->type_name("FILE");
  command->add_flag("--per-kernel", options->per_kernel, "time each kernel");
  command->callback([&action, options] { action = [options] { return Bench(*options).run(); }; });
}

}  // namespace netc::tools
