// Steps come from this command, epochs from metrics.jsonl, which also has those before a resume.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tools/netc/console.h"
#include "tools/netc/report/chart.h"
#include "tools/netc/report/sections.h"

namespace netc::tools {

namespace {
using nlohmann::json;

struct Split {
  const char* key;    ///< in an event of metrics.jsonl
  const char* label;  ///< on the page
};
constexpr Split kSplits[] = {{"train", "train"}, {"valid", "valid"}, {"test", "test"}};
constexpr Split kAverages[] = {{"valid", "ema valid"}, {"test", "ema test"}};

double number(const json& object, const std::string& key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : NAN;
}

class Curves {
 public:
  Curves(const TrainingLog& log, const std::vector<json>& events)
      : log_(log), events_(events), steps_per_epoch_(double(log.start.steps_per_epoch)) {
    for (const json& e : events)
      if (e.value("event", "") == "epoch") epochs_.push_back(&e);
    by_epoch_ = epochs_.size() > 2;
  }

  json section() const {
    json charts = json::array();
    const auto add = [&](json chart) {
      if (!chart.is_null()) charts.push_back(std::move(chart));
    };
    add(loss_chart());
    for (const std::string& metric : metrics()) add(metric_chart(metric));
    add(line_chart("Learning rate", x_label(), {{"rate", "plain", rates()}}, false));
    add(line_chart("Gradient norm", x_label(), norms(), true));
    if (charts.empty() && epochs_.empty()) return nullptr;
    return {{"charts", charts}, {"epochs", table()}, {"note", note()}};
  }

 private:
  const TrainingLog& log_;
  const std::vector<json>& events_;
  double steps_per_epoch_;
  std::vector<const json*> epochs_;
  bool by_epoch_ = false;  ///< the horizontal axis counts epochs, not steps

  const char* x_label() const { return by_epoch_ ? "epoch" : "step"; }
  double at_step(double step) const { return by_epoch_ ? step / steps_per_epoch_ : step; }
  double at_epoch(double epoch) const { return by_epoch_ ? epoch : epoch * steps_per_epoch_; }

  /// A value of each epoch's split: `loss` or a metric.
  Series epoch_series(const Split& split, const std::string& parent,
                      const std::string& value) const {
    Series s{split.label, parent.empty() ? split.key : std::string("ema ") + split.key, {}};
    for (const json* e : epochs_) {
      const json& scores = parent.empty() ? *e : e->value(parent, json::object());
      const auto found = scores.find(split.key);
      if (found != scores.end())
        s.points.emplace_back(at_epoch(number(*e, "epoch")), number(*found, value));
    }
    return s;
  }

  std::vector<Series> epoch_series(const std::string& value) const {
    std::vector<Series> list;
    for (const Split& split : kSplits) list.push_back(epoch_series(split, "", value));
    for (const Split& split : kAverages) list.push_back(epoch_series(split, "ema", value));
    return list;
  }

  /// Steps that `log_every` wrote before this command went on, then those of this command.
  template <typename Logged, typename Mean>
  std::vector<std::pair<double, double>> step_values(const Logged& logged, const Mean& mean) const {
    std::vector<std::pair<double, double>> points;
    for (const json& e : events_)
      if (e.value("event", "") == "step" && number(e, "step") <= double(log_.start.resumed_step))
        points.emplace_back(at_step(number(e, "step")), logged(e));
    for (const StepCurve::Point& p : log_.steps.points())
      points.emplace_back(at_step(p.step), mean(p));
    return points;
  }

  json loss_chart() const {
    std::vector<Series> series = epoch_series("loss");
    const int64_t span = log_.steps.steps_a_point();
    Series steps{span > 1 ? fmt::format("mean of {} steps", with_commas(span)) : "step", "faint",
                 step_values([](const json& e) { return number(e, "loss"); },
                             [](const StepCurve::Point& p) { return p.loss; })};
    series.insert(series.begin(), std::move(steps));
    return line_chart("Loss", x_label(), std::move(series), true);
  }

  std::vector<std::string> metrics() const {
    std::vector<std::string> names;
    if (!epochs_.empty())
      for (const auto& [name, value] : epochs_.back()->at("train").items())
        if (name != "loss") names.push_back(name);
    return names;
  }

  json metric_chart(const std::string& metric) const {
    return epochs_.size() < 2 ? nullptr
                              : line_chart(metric, x_label(), epoch_series(metric), false);
  }

  std::vector<std::pair<double, double>> rates() const {
    return step_values([](const json& e) { return number(e, "lr"); },
                       [](const StepCurve::Point& p) { return p.lr; });
  }

  std::vector<Series> norms() const {
    std::vector<Series> list;
    if (log_.has_norm)
      list.push_back({"step, before clipping", "faint",
                      step_values([](const json& e) { return number(e, "grad_norm"); },
                                  [](const StepCurve::Point& p) { return p.grad_norm; })});
    Series all{"first records", "plain", {}};
    for (const GradientSnapshot& snapshot : log_.gradients) {
      double squares = 0;
      for (const auto& [name, s] : snapshot.parameters) squares += s.norm * s.norm;
      all.points.emplace_back(at_step(double(snapshot.step)), std::sqrt(squares));
    }
    list.push_back(std::move(all));
    return list;
  }

  /// Column names, and a row of texts for each epoch.
  json table() const {
    if (epochs_.empty()) return nullptr;
    const json& last = *epochs_.back();
    json columns = json::array({"epoch"}), rows = json::array();
    std::vector<std::pair<std::string, std::string>> scores;  // split and value
    for (const Split& split : kSplits) {
      if (!last.contains(split.key)) continue;
      for (const auto& [name, value] : last[split.key].items()) {
        scores.emplace_back(split.key, name);
        columns.push_back(fmt::format("{} {}", split.label, name));
      }
    }
    for (const char* name : {"lr", "time", "samples/s"}) columns.push_back(name);
    for (const json* e : epochs_) {
      json cells = json::array({figure(number(*e, "epoch"))});
      for (const auto& [split, name] : scores)
        cells.push_back(figure(number(e->value(split, json::object()), name)));
      cells.push_back(figure(number(*e, "lr")));
      cells.push_back(duration_text(number(*e, "seconds")));
      cells.push_back(with_commas(std::llround(number(*e, "samples_per_second"))));
      rows.push_back({{"cells", cells}});
    }
    constexpr size_t kMany = 12;
    return {{"columns", columns}, {"rows", rows}, {"many", rows.size() > kMany}};
  }

  std::string note() const {
    if (log_.start.resumed_step == 0) return "";
    return fmt::format(
        "This run was resumed at step {}: figures of steps start there, unless "
        "log_every wrote them to metrics.jsonl.",
        with_commas(log_.start.resumed_step));
  }
};
}  // namespace

json curves_section(const TrainingLog& log, const std::vector<json>& events) {
  return Curves(log, events).section();
}

}  // namespace netc::tools
