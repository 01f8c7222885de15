// Measurements come first, then the sections, then one write.
#include "tools/netc/report/report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <fstream>

#include "tools/netc/files.h"
#include "tools/netc/report/chart.h"
#include "tools/netc/report/page.h"
#include "tools/netc/report/sections.h"

namespace netc::tools {

namespace {
using nlohmann::json;

constexpr int64_t kSnapshots = 48;     ///< of gradients, over a run
constexpr double kWatchSeconds = 0.1;  ///< of runs whose kernels are timed
constexpr int64_t kMostRecords =
    20'000;  ///< trained on, that are predicted where there are no others

std::vector<json> read_events(const std::string& path) {
  std::vector<json> events;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    json event = json::parse(line, nullptr, false);
    if (event.is_object()) events.push_back(std::move(event));
  }
  return events;
}

/// Records that were not trained on, where there are such.
runtime::Split predicted_split(const runtime::Dataset& data, const frontend::TrainSettings& train) {
  const runtime::TrainingSplits splits =
      runtime::training_splits(data, train.valid_fraction, train.valid_split);
  if (splits.test && splits.test->records > 0) return *splits.test;
  if (splits.valid) return *splits.valid;
  return runtime::slice(splits.train, "train", 0, std::min(kMostRecords, splits.train.records));
}

json tile(const std::string& name, const std::string& value, const std::string& note = "") {
  return {{"name", name}, {"value", value}, {"note", note}};
}

class Summary {
 public:
  Summary(const Session& session, const TrainingLog& log, const TrainingHeader& header,
          const std::vector<json>& events)
      : session_(session), log_(log), header_(header) {
    for (const json& e : events)
      if (e.value("event", "") == "epoch") last_ = e;
  }

  void fill(json& page, const runtime::Error* failure) const {
    page["model"] = log_.start.model;
    page["docstring"] = session_.model().docstring;
    page["version"] = NETC_VERSION;
    page["written"] = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
    page["tiles"] = tiles();
    page["facts"] = facts();
    if (failure)
      page["failure"] = {
          {"message", failure->message}, {"notes", failure->notes}, {"helps", failure->helps}};
    page["state"] = failure ? "stopped" : state();
    page["ended_well"] = !failure;
  }

 private:
  const Session& session_;
  const TrainingLog& log_;
  const TrainingHeader& header_;
  json last_;  ///< epoch

  std::string state() const {
    if (!log_.end) return "";
    switch (log_.end->reason) {
      case runtime::StopReason::Finished:
        return "finished";
      case runtime::StopReason::Patience:
        return "stopped early";
      case runtime::StopReason::StepLimit:
        return fmt::format("stopped after step {}", log_.end->steps);
      case runtime::StopReason::Signal:
        return "interrupted";
      case runtime::StopReason::NonFinite:
      case runtime::StopReason::Failed:
      case runtime::StopReason::Killed:
        break;
    }
    return "";
  }

  /// Loss and metrics of the last epoch on the split that says most.
  json tiles() const {
    json list = json::array();
    for (const char* split : {"test", "valid", "train"}) {
      if (!last_.is_object() || !last_.contains(split)) continue;
      for (const auto& [name, value] : last_[split].items())
        list.push_back(tile(fmt::format("{} {}", split, name),
                            value.is_number() ? figure(value.get<double>()) : "nan"));
      break;
    }
    const int64_t epochs = last_.is_object() ? last_.value("epoch", int64_t{0}) : 0;
    list.push_back(tile("epochs", std::to_string(epochs), fmt::format("of {}", log_.start.epochs)));
    if (log_.end) list.push_back(tile("time", duration_text(log_.end->seconds)));
    double best = 0;
    for (const runtime::EpochEvent& e : log_.epochs) best = std::max(best, e.samples_per_second());
    if (best > 0) list.push_back(tile("samples/s", with_commas(std::llround(best)), "best epoch"));
    list.push_back(tile("parameters", with_commas(log_.start.parameters),
                        byte_text(double(log_.start.parameter_bytes))));
    return list;
  }

  json facts() const {
    std::string data = log_.start.loader;
    for (const auto& [split, records] : log_.start.splits)
      data += fmt::format(", {} {}", with_commas(records), split);
    json list = json::array();
    const auto add = [&](const char* name, const std::string& value) {
      list.push_back({{"name", name}, {"value", value}});
    };
    add("data", data);
    add("optimizer", header_.optimizer);
    add("batch", with_commas(log_.start.batch));
    add("seed", std::to_string(log_.start.seed));
    for (const auto& [key, value] : log_.start.settings)
      if (key != "epochs" && key != "batch" && key != "seed" && key != "optimizer")
        add(key.c_str(), value);
    add("compiled",
        fmt::format("{} kernels in {:.0f} ms{}", header_.kernels, header_.compile_milliseconds,
                    header_.from_cache ? ", from the cache" : ""));
    add("ran on", fmt::format("{}, {} {}", header_.cpu, log_.start.threads,
                              log_.start.threads == 1 ? "thread" : "threads"));
    return list;
  }
};
}  // namespace

Report::Report(Session session, const ir::Module& module, const runtime::TrainerParts& parts,
               const TrainingHeader& header, runtime::TrainingListener& next)
    : session_(std::move(session)), module_(module), parts_(parts), header_(header), next_(next) {
  const frontend::TrainSettings& train = session_.program().train;
  probe_.emplace(
      session_, parts,
      runtime::training_splits(parts.data, train.valid_fraction, train.valid_split).train);
}

void Report::start(const runtime::StartEvent& event) {
  log_.start = event;
  const int64_t steps = event.epochs * event.steps_per_epoch - event.resumed_step;
  probe_every_ = std::max<int64_t>(1, steps / kSnapshots);
  log_.gradients.push_back(probe_->measure(event.resumed_step));
  next_.start(event);  // last: a run that has started ends, so nothing may fail behind it
}

void Report::step(const runtime::StepEvent& event) {
  log_.steps.add(event);
  log_.has_norm = event.grad_norm.has_value();
  next_.step(event);
  if (event.step % probe_every_ == 0) log_.gradients.push_back(probe_->measure(event.step));
}

void Report::epoch(const runtime::EpochEvent& event) {
  log_.epochs.push_back(event);
  next_.epoch(event);
}

void Report::end(const runtime::EndEvent& event) {
  if (event.error.empty()) log_.end = event;
  next_.end(event);
}

void Report::write(const std::string& directory, const runtime::Error* failure) {
  const std::vector<json> events = read_events(directory + "/metrics.jsonl");
  const SourceLinks links(session_);
  json page;
  Summary(session_, log_, header_, events).fill(page, failure);
  page["curves"] = curves_section(log_, events);
  Lowering lowering;
  lowering.entries = {"step"};
  lowering.to = std::max(session_.program().module.stage, ir::Stage::Backward);
  const ir::Module backward = session_.lower(lowering);
  const ir::Function& step = backward[backward.find(session_.entry_name("step"))];
  page["gradients"] = gradients_section(log_.gradients, backward, step, links);
  page["gradient_records"] = with_commas(probe_->records());
  page["graph"] = graph_section(session_, backward, step, links);
  if (!failure)
    page["predictions"] = predictions_section(
        session_, parts_, predicted_split(parts_.data, session_.program().train));
  const std::string entry = parts_.train.name;
  page["memory"] =
      memory_section(module_, module_[module_.find(entry)], parts_.train.batch_capacity, links);
  KernelTimes times;
  if (!failure || failure->fault == runtime::Fault::NonFinite) {  // else it would fail again
    const KernelSites sites(session_, module_, entry);
    times = time_kernels(parts_.train, parts_.arena, parts_.executor, parts_.train.batch_capacity,
                         sites, kWatchSeconds, session_.options());
    page["kernels"] = kernels_section(times, times.limits, links);
  }
  page["files"] = links.listing(times);
  write_file(directory + "/report.html", render_page(page));
}

}  // namespace netc::tools
