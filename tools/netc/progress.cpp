// Draws training. The bar is redrawn at most ten times a second, so that it costs nothing.
#include "tools/netc/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace netc::tools {

namespace {
using runtime::EpochEvent;
using runtime::Scores;

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return std::strstr(value, "UTF-8") != nullptr || std::strstr(value, "utf8") != nullptr ||
           std::strstr(value, "UTF8") != nullptr || std::strstr(value, "utf-8") != nullptr;
  }
  return false;
}

std::string score(double v) {
  if (!std::isfinite(v)) return fmt::format("{}", v);
  bool plain = v == 0 || (std::abs(v) >= 1e-3 && std::abs(v) < 1e5);
  return plain ? fmt::format("{:.4f}", v) : fmt::format("{:.3e}", v);
}

std::string lr_text(double lr) {
  // `1e-04`: as few digits as say it to three places.
  for (int digits = 0; digits < 3; ++digits) {
    std::string text = fmt::format("{:.{}e}", lr, digits);
    if (std::abs(std::strtod(text.c_str(), nullptr) - lr) <= 5e-4 * std::abs(lr)) return text;
  }
  return fmt::format("{:.3e}", lr);
}

/// Splits of an epoch event with the words before their columns.
std::vector<std::pair<std::string, const Scores*>> splits_of(const EpochEvent& e) {
  std::vector<std::pair<std::string, const Scores*>> list{{"", &e.train}};
  if (e.valid) list.emplace_back("valid", &*e.valid);
  if (e.test) list.emplace_back("test", &*e.test);
  if (e.average_valid) list.emplace_back("ema_valid", &*e.average_valid);
  if (e.average_test) list.emplace_back("ema_test", &*e.average_test);
  return list;
}

size_t width_of(const std::string& name) { return std::max<size_t>(name.size(), 6); }

std::string samples_per_second(const EpochEvent& e) {
  return e.training_seconds > 0 ? with_commas(std::llround(e.samples_per_second())) : "?";
}
}  // namespace

Progress::Progress(const Console& console, ProgressStyle style, bool json, TrainingHeader header)
    : console_(console), json_(json), header_(std::move(header)) {
  results_ = !json;
  table_ = !json && style != ProgressStyle::plain &&
           (console.stdout_is_terminal || style == ProgressStyle::bar);
  bool automatic = console.stderr_is_terminal && std::getenv("TERM") != nullptr &&
                   std::strcmp(std::getenv("TERM"), "dumb") != 0;
  bar_ = !console.quiet &&
         (style == ProgressStyle::bar || (style == ProgressStyle::automatic && automatic));
  unicode_ = (table_ || bar_) && locale_is_utf8();
}

void Progress::clear_bar() {
  if (bar_drawn_) print_error("\r\x1b[K");
  bar_drawn_ = false;
}

void Progress::notice(const std::string& text) {
  clear_bar();
  console_.note(fmt::format("note: {}\n", text));
}

void Progress::start(const runtime::StartEvent& event) {
  started_ = event;
  if (json_) print_out(runtime::to_json(event) + "\n");
  std::string data = fmt::format("data {}:", event.loader);
  for (size_t i = 0; i < event.splits.size(); ++i)
    data += fmt::format("{} {} {}", i > 0 ? "," : "", with_commas(event.splits[i].second),
                        event.splits[i].first);
  console_.note(fmt::format("{}  {} parameters ({})   {}   {}, batch {}\n", event.model,
                            with_commas(event.parameters), byte_text(double(event.parameter_bytes)),
                            data, header_.optimizer, event.batch));
  if (event.resumed_step > 0)
    console_.note(fmt::format("resuming {} at epoch {}, step {}\n", event.directory,
                              event.resumed_epoch + 1, event.resumed_step));
  console_.note(fmt::format(
      "compiled step + eval in {:.0f} ms{}: {} kernels, {}, {} {}; arena {}\n",
      header_.compile_milliseconds, header_.from_cache ? " (cached)" : "", header_.kernels,
      header_.cpu, event.threads, event.threads == 1 ? "thread" : "threads",
      byte_text(double(header_.arena_bytes))));
}

std::string Progress::bar_line(const runtime::StepEvent& e) const {
  constexpr int kCells = 20;
  double done = e.steps_in_epoch > 0 ? double(e.step_in_epoch) / double(e.steps_in_epoch) : 0;
  int full = std::clamp(int(done * kCells), 0, kCells);
  std::string bar;
  for (int i = 0; i < kCells; ++i) {
    if (i < full)
      bar += unicode_ ? "━" : "#";
    else if (i == full && unicode_)
      bar += "╸";
    else
      bar += unicode_ ? (console_.colour ? "\x1b[2m━\x1b[0m" : "─") : "-";
  }
  std::string text =
      fmt::format("{:>3}/{}  {}  {}/{}", e.epoch, e.epochs, bar, e.step_in_epoch, e.steps_in_epoch);
  double rate = 0;
  if (e.running != nullptr && e.running->rows > 0) {
    text += fmt::format("   loss {}", score(e.running->mean(0)));
    for (size_t i = 0; e.metrics != nullptr && i < e.metrics->size(); ++i)
      text += fmt::format("   {} {}", (*e.metrics)[i], score(e.running->mean(i + 1)));
    rate = e.seconds > 0 ? double(e.running->rows) / e.seconds : 0;
  }
  int64_t steps_left = e.steps_in_epoch - e.step_in_epoch;
  double eta = e.step_in_epoch > 0 ? e.seconds / double(e.step_in_epoch) * double(steps_left) : 0;
  text += fmt::format("   {}/s   eta {:.0f}s", with_commas(std::llround(rate)), eta);
  return text;
}

void Progress::step(const runtime::StepEvent& event) {
  if (!bar_) return;
  auto now = std::chrono::steady_clock::now();
  if (bar_drawn_ && now - last_drawn_ < std::chrono::milliseconds(100)) return;
  last_drawn_ = now;
  bar_drawn_ = true;
  print_error("\r" + bar_line(event) + "\x1b[K");
}

void Progress::table_heading(const EpochEvent& event) {
  std::string text = "epoch";
  for (const auto& [split, scores] : splits_of(event)) {
    if (!split.empty()) text += separator();
    std::string loss = split.empty() ? "loss" : split + " loss";
    text += fmt::format("  {:>{}}", loss, split.empty() ? 7 : loss.size() + 1);
    for (const auto& [name, value] : scores->metrics)
      text += fmt::format("   {:>{}}", name, width_of(name));
  }
  text += separator();
  print_out(fmt::format("{}  {:>6}  {:>6}  {:>10}\n", text, "lr", "time", "samples/s"));
}

void Progress::table_row(const EpochEvent& event) {
  if (!heading_done_) table_heading(event);
  heading_done_ = true;
  std::string text = fmt::format("{:>5}", fmt::format("{}/{}", event.epoch, event.epochs));
  for (const auto& [split, scores] : splits_of(event)) {
    if (!split.empty()) text += separator();
    text += fmt::format("  {:>{}}", score(scores->loss), split.empty() ? 7 : split.size() + 6);
    for (const auto& [name, value] : scores->metrics)
      text += fmt::format("   {:>{}}", score(value), width_of(name));
  }
  text += separator();
  print_out(fmt::format("{}  {:>6}  {:>6}  {:>10}\n", text, lr_text(event.lr),
                        duration_text(event.seconds), samples_per_second(event)));
}

void Progress::plain_row(const EpochEvent& event) {
  std::string text = fmt::format("epoch {}/{}", event.epoch, event.epochs);
  for (const auto& [split, scores] : splits_of(event)) {
    std::string prefix = split.empty() ? "" : split + "_";
    text += fmt::format(" {}loss {}", prefix, score(scores->loss));
    for (const auto& [name, value] : scores->metrics)
      text += fmt::format(" {}{} {}", prefix, name, score(value));
  }
  print_out(fmt::format("{} lr {} time {:.1f}\n", text, lr_text(event.lr), event.seconds));
}

void Progress::epoch(const EpochEvent& event) {
  clear_bar();
  if (json_)
    print_out(runtime::to_json(event) + "\n");
  else if (table_)
    table_row(event);
  else
    plain_row(event);
}

void Progress::end(const runtime::EndEvent& event) {
  clear_bar();
  if (json_) {
    print_out(runtime::to_json(event) + "\n");
    return;
  }
  std::string text;
  if (event.last) {
    const EpochEvent& last = *event.last;
    const Scores& best = last.test ? *last.test : last.valid ? *last.valid : last.train;
    text = last.test ? "test" : last.valid ? "valid" : "train";
    text += fmt::format("  loss {}", score(best.loss));
    for (const auto& [name, value] : best.metrics)
      text += fmt::format("  {} {}", name, score(value));
    text += "   ";
  }
  text += fmt::format("{} {}, {:.1f} s   saved {}", event.epochs,
                      event.epochs == 1 ? "epoch" : "epochs", event.seconds, event.weights);
  switch (event.reason) {
    case runtime::StopReason::Finished:
      break;
    case runtime::StopReason::Patience:
      text += fmt::format("   stopped early: best epoch {}", event.best_epoch);
      break;
    case runtime::StopReason::StepLimit:
      text += fmt::format("   stopped after step {}", event.steps);
      break;
    case runtime::StopReason::Signal:
      text += "   interrupted";
      break;
  }
  print_out(text + "\n");
}

}  // namespace netc::tools
