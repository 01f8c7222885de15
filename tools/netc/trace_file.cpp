// Complete events ("ph":"X") in microseconds, sorted on each track so that whatever contains others
// comes before them.
#include "tools/netc/trace_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/netc/console.h"

namespace netc::tools {

namespace {
using runtime::Trace;

std::string json_text(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

class Writer {
 public:
  Writer(const Trace& trace, const std::map<std::string, KernelSites>& sites)
      : trace_(trace), sites_(sites) {}

  std::string write() {
    text_ = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
    text_ += R"({"name":"process_name","ph":"M","pid":1,"args":{"name":"netc train"}})";
    for (size_t thread = 0; thread < trace_.chunks().size(); ++thread) write_track(thread);
    for (const Trace::PlanRuns& p : trace_.plans())
      if (p.left_out > 0) write_mark(p);
    text_ += fmt::format("\n],\"otherData\":{}}}\n", left_out());
    return text_;
  }

 private:
  struct Event {
    int64_t start, end;
    std::string name, category, arguments;
  };
  /// What is the same for all chunks of a task.
  struct TaskText {
    std::string name, arguments;
    double flops = 0, bytes = 0;  ///< of a chunk at full batch
  };
  using TaskTexts = std::vector<std::vector<TaskText>>;  ///< by phase and task

  const Trace& trace_;
  const std::map<std::string, KernelSites>& sites_;
  std::map<const runtime::Plan*, TaskTexts> texts_;
  std::string text_;

  void write_track(size_t thread) {
    const std::string name = thread == 0 ? "trains" : fmt::format("worker {}", thread);
    text_ += fmt::format(
        ",\n{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":{},\"args\":{{\"name\":{}}}}"
        "}",
        thread, json_text(name));
    std::vector<Event> events;
    if (thread == 0)
      for (const Trace::Span& span : trace_.spans()) events.push_back(event(span));
    for (const Trace::Chunk& chunk : trace_.chunks()[thread]) events.push_back(event(chunk));
    std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
      return a.start != b.start ? a.start < b.start : a.end > b.end;
    });
    for (const Event& e : events)
      text_ += fmt::format(
          ",\n{{\"name\":{},\"cat\":\"{}\",\"ph\":\"X\",\"pid\":1,\"tid\":{},\"ts\":{},\"dur\":{},"
          "\"args\":{{{}}}}}",
          e.name, e.category, thread, microseconds(e.start - trace_.origin()),
          microseconds(e.end - e.start), e.arguments);
  }

  /// Where a track gets empty because the trace is full, it says so.
  void write_mark(const Trace::PlanRuns& p) {
    text_ += fmt::format(
        ",\n{{\"name\":{},\"cat\":\"trace\",\"ph\":\"i\",\"s\":\"p\",\"pid\":1,\"tid\":0,\"ts\":{}}"
        "}",
        json_text(fmt::format("from here on the kernels of {} are left out", p.plan->name)),
        microseconds(p.left_out - trace_.origin()));
  }

  static std::string microseconds(int64_t nanoseconds) {
    return fmt::format("{}.{:03}", nanoseconds / 1000, nanoseconds % 1000);
  }

  static Event event(const Trace::Span& span) {
    Event e{span.start, span.end, span.name, "activity", ""};
    if (!span.of.empty()) e.name += " " + span.of;
    e.name = json_text(e.name);
    if (span.counts) e.arguments = fmt::format("\"{}\":{}", span.counts, span.number);
    return e;
  }

  Event event(const Trace::Chunk& chunk) {
    const Trace::Run& run = trace_.runs()[chunk.run];
    auto known = texts_.find(run.plan);
    if (known == texts_.end()) known = texts_.emplace(run.plan, describe(*run.plan)).first;
    const TaskText& task = known->second[size_t(chunk.timing.phase)][size_t(chunk.timing.task)];
    const double share = double(run.rows) / double(std::max<int64_t>(1, run.plan->batch_capacity));
    return {chunk.timing.start, chunk.timing.end, task.name, "kernel",
            fmt::format("{},\"chunk\":{},\"flops\":{:.0f},\"bytes\":{:.0f}", task.arguments,
                        chunk.timing.chunk, share * task.flops, share * task.bytes)};
  }

  TaskTexts describe(const runtime::Plan& plan) const {
    TaskTexts texts;
    const auto sites = sites_.find(plan.name);
    for (size_t p = 0; p < plan.phases.size(); ++p) {
      texts.emplace_back();
      for (const runtime::Task& task : plan.phases[p].tasks) {
        const KernelSite site = sites == sites_.end() ? KernelSite() : sites->second.of(task.name);
        TaskText text;
        text.name = json_text(site.place.empty() ? task.name : task.name + "  " + site.place);
        text.arguments = fmt::format(
            "\"entry\":{},\"kernel\":{},\"place\":{},\"source\":{},\"stores\":{},\"phase\":{}",
            json_text(plan.name), json_text(task.name.substr(0, task.name.find('.'))),
            json_text(site.place), json_text(site.source), json_text(site.stores), p);
        text.flops = task.flops / double(task.chunks);
        text.bytes = task.bytes / double(task.chunks);
        texts.back().push_back(std::move(text));
      }
    }
    return texts;
  }

  std::string left_out() const {
    nlohmann::ordered_json j;
    j["netc"] = NETC_VERSION;
    for (const Trace::PlanRuns& p : trace_.plans())
      j["kernels of " + p.plan->name] =
          p.kept == p.runs
              ? fmt::format("all {} runs", with_commas(p.runs))
              : fmt::format("the first {} of {} runs", with_commas(p.kept), with_commas(p.runs));
    j["activities left out"] = trace_.spans_left_out();
    return j.dump();
  }
};
}  // namespace

std::string trace_json(const Trace& trace, const std::map<std::string, KernelSites>& sites) {
  return Writer(trace, sites).write();
}

}  // namespace netc::tools
