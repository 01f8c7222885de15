// Events as JSON.
#include "runtime/training_events.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace netc::runtime {
namespace {

/// Writes an object key by key. fmt prints doubles in the shortest form that reads back.
class JsonObject {
 public:
  JsonObject& text(const std::string& key, const std::string& value) {
    return raw(key, quoted(value));
  }
  JsonObject& number(const std::string& key, double value) {
    return raw(key, std::isfinite(value) ? fmt::format("{}", value) : "null");
  }
  JsonObject& integer(const std::string& key, int64_t value) {
    return raw(key, fmt::format("{}", value));
  }
  JsonObject& raw(const std::string& key, const std::string& value) {
    text_ += text_.empty() ? "{" : ",";
    text_ += quoted(key) + ":" + value;
    return *this;
  }
  std::string done() const { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  static std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') {
        out += '\\';
        out += c;
      } else if (static_cast<unsigned char>(c) < 0x20) {
        out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
      } else {
        out += c;
      }
    }
    return out + "\"";
  }

  std::string text_;
};

std::string names_json(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string scores_json(const Scores& scores) {
  JsonObject object;
  object.number("loss", scores.loss);
  for (const auto& [name, value] : scores.metrics) object.number(name, value);
  return object.done();
}

/// The scores of an epoch by split.
void splits(JsonObject& object, const EpochEvent& event) {
  object.raw("train", scores_json(event.train));
  if (event.valid) object.raw("valid", scores_json(*event.valid));
  if (event.test) object.raw("test", scores_json(*event.test));
}

const char* name(StopReason reason) {
  switch (reason) {
    case StopReason::Finished:
      return "finished";
    case StopReason::Patience:
      return "patience";
    case StopReason::StepLimit:
      return "steps";
    case StopReason::Signal:
      return "signal";
    case StopReason::NonFinite:
      return "nonfinite";
    case StopReason::Failed:
      return "error";
    case StopReason::Killed:
      return "killed";
  }
  return "";
}

}  // namespace

std::string to_json(const Scores& scores) { return scores_json(scores); }

std::string to_json(const StartEvent& event) {
  JsonObject data, settings;
  data.text("loader", event.loader);
  for (const auto& [split, records] : event.splits) data.integer(split, records);
  JsonObject classes;
  for (const auto& [field, names] : event.classes) classes.raw(field, names_json(names));
  if (!event.classes.empty()) data.raw("classes", classes.done());
  settings.integer("epochs", event.epochs).integer("batch", event.batch);
  settings.raw("seed", fmt::format("{}", event.seed)).number("lr", event.lr);
  if (event.schedule != "constant") settings.text("schedule", event.schedule);
  for (const auto& [key, value] : event.settings) {
    if (key != "epochs" && key != "batch" && key != "seed") settings.text(key, value);
  }
  JsonObject object;
  object.text("event", "start").text("model", event.model).integer("parameters", event.parameters);
  object.raw("data", data.done()).raw("settings", settings.done());
  object.text("directory", event.directory).integer("threads", event.threads);
  if (event.resumed_step > 0) {
    object.integer("resumed_epoch", event.resumed_epoch);
    object.integer("resumed_step", event.resumed_step);
  }
  return object.done();
}

std::string to_json(const StepEvent& event) {
  JsonObject object;
  object.text("event", "step").integer("epoch", event.epoch).integer("step", event.step);
  object.number("loss", event.loss).number("lr", event.lr).number("seconds", event.seconds);
  if (event.grad_norm) object.number("grad_norm", *event.grad_norm);
  return object.done();
}

std::string to_json(const EpochEvent& event) {
  JsonObject object;
  object.text("event", "epoch").integer("epoch", event.epoch);
  splits(object, event);
  if (event.average_valid || event.average_test) {
    JsonObject average;
    if (event.average_valid) average.raw("valid", scores_json(*event.average_valid));
    if (event.average_test) average.raw("test", scores_json(*event.average_test));
    object.raw("ema", average.done());
  }
  object.number("lr", event.lr).number("seconds", event.seconds);
  if (event.grad_norm) object.number("grad_norm", *event.grad_norm);
  object.number("samples_per_second", event.samples_per_second());
  object.number("data_seconds", event.data_seconds).number("step_seconds", event.step_seconds);
  return object.done();
}

std::string to_json(const GradientEvent& event) {
  JsonObject parameters;
  for (const auto& [name, values] : event.parameters) {
    JsonObject one;
    one.number("mean", values.mean).number("std", values.deviation).number("norm", values.norm);
    one.number("min", values.low).number("max", values.high);
    one.raw("histogram", fmt::format("[{}]", fmt::join(values.histogram, ",")));
    parameters.raw(name, one.done());
  }
  JsonObject object;
  object.text("event", "gradients").integer("epoch", event.epoch).integer("step", event.step);
  return object.raw("parameters", parameters.done()).done();
}

std::string to_json(const EndEvent& event) {
  JsonObject object;
  object.text("event", "end").text("reason", name(event.reason));
  if (!event.error.empty()) object.text("error", event.error);
  if (event.reason != StopReason::Killed) {
    object.integer("epochs", event.epochs).integer("steps", event.steps);
    object.number("seconds", event.seconds);
  }
  if (event.last) splits(object, *event.last);
  if (event.so_far) object.raw("so_far", scores_json(*event.so_far));
  if (event.best_epoch > 0) object.integer("best_epoch", event.best_epoch);
  if (event.weights.empty()) return object.raw("weights", "null").done();
  return object.text("weights", event.weights).done();
}

}  // namespace netc::runtime
