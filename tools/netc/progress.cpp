// Draws training. The bar is redrawn at most ten times a second, so that it costs nothing.
#include "tools/netc/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "runtime/error.h"
#include "runtime/interrupt.h"

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

/// One cell of the table under its heading.
struct Column {
  std::string heading, text;
  size_t gap = 2, width = 0;  ///< spaces before it; its own
  bool separated = false;     ///< a line stands before it
  int rank = 0;               ///< in a narrow terminal columns of the highest rank go first
};

/// Columns that fit into `width`, the right-most of the highest rank left out first.
std::vector<Column> fitting(std::vector<Column> columns, std::optional<size_t> width) {
  auto total = [&] {
    size_t sum = 0;
    for (const Column& c : columns) sum += c.gap + c.width + (c.separated ? 2 : 0);
    return sum;
  };
  while (width && total() > *width) {
    auto worst = columns.begin();
    for (auto c = columns.begin(); c != columns.end(); ++c)
      if (c->rank >= worst->rank) worst = c;
    if (worst->rank == 0) break;
    // The line moves on to the next column of its group.
    auto next = worst + 1;
    if (worst->separated && next != columns.end() && !next->separated) next->separated = true;
    columns.erase(worst);
  }
  return columns;
}

/// As wide as `1000/1000` of this many epochs.
size_t epoch_width(int64_t epochs) {
  return std::max<size_t>(5, 2 * fmt::formatted_size("{}", epochs) + 1);
}

size_t width_of(const std::string& name) { return std::max<size_t>(name.size(), 6); }

/// `0 cat, 1 dog, 2 fish`; of many classes the first and the last.
std::string class_list(const std::vector<std::string>& names) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    const bool left_out = names.size() > kShown && i + 1 >= kShown && i + 1 < names.size();
    if (left_out && i + 1 > kShown) continue;
    text += i > 0 ? ", " : "";
    text += left_out ? "..." : fmt::format("{} {}", i, runtime::printable(names[i]));
  }
  return text;
}

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
  // The terminal may have shown a Ctrl-C where no bar was drawn yet.
  if (bar_drawn_ || (bar_ && runtime::requested_signal() != 0)) print_error("\r\x1b[K");
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
  console_.note_line(fmt::format(
      "{}  {} parameters ({})   {}   {}, batch {}", event.model, with_commas(event.parameters),
      byte_text(double(event.parameter_bytes)), data, header_.optimizer, event.batch));
  for (const auto& [field, names] : event.classes)
    console_.note_line(fmt::format("classes of {}: {}", field, class_list(names)));
  if (event.resumed_step > 0 && event.resumed_epoch < event.epochs)
    console_.note_line(fmt::format("resuming {} at epoch {}, step {}", event.directory,
                                   event.resumed_epoch + 1, event.resumed_step));
  console_.note_line(fmt::format(
      "compiled step + eval in {:.0f} ms{}: {} kernels, {}, {} {}; arena {}",
      header_.compile_milliseconds, header_.from_cache ? " (cached)" : "", header_.kernels,
      header_.cpu, event.threads, event.threads == 1 ? "thread" : "threads",
      byte_text(double(header_.arena_bytes))));
}

std::string Progress::bar_line(const runtime::StepEvent& e) const {
  // A terminal shows Ctrl-C as `^C` behind the line, which must not break it.
  const size_t width = size_t(std::max(console_.width() - 3, 1));
  const std::string head =
      fmt::format("{:>{}}", fmt::format("{}/{}", e.epoch, e.epochs), epoch_width(e.epochs));
  const std::string count = fmt::format("  {}/{}", e.step_in_epoch, e.steps_in_epoch);
  std::vector<std::string> parts;  // what the line has room for, the first ones most likely
  const int64_t rows = e.running != nullptr ? e.running->rows : 0, timed = rows - e.earlier_rows;
  const double steps = rows > 0 ? double(e.step_in_epoch) * double(timed) / double(rows) : 0;
  const double left = double(e.steps_in_epoch - e.step_in_epoch);
  const double eta = steps > 0 ? e.seconds / steps * left : 0;
  const std::string end =
      eta < 100 ? fmt::format("   eta {:.0f}s", eta) : "   eta " + duration_text(eta);
  std::string rate;
  if (e.running != nullptr && e.running->rows > 0) {
    parts.push_back(fmt::format("   loss {}", score(e.running->mean(0))));
    for (size_t i = 0; e.metrics != nullptr && i < e.metrics->size(); ++i)
      parts.push_back(fmt::format("   {} {}", (*e.metrics)[i], score(e.running->mean(i + 1))));
    const double per_second = e.seconds > 0 ? double(timed) / e.seconds : 0;
    rate = fmt::format("   {}/s", with_commas(std::llround(per_second)));
  }
  size_t cells = 20, used = head.size() + count.size() + end.size() + rate.size();
  for (const std::string& part : parts) used += part.size();
  while (used + cells + 2 > width && parts.size() > 1) {
    used -= parts.back().size();
    parts.pop_back();
  }
  if (used + 5 + 2 > width) used -= rate.size(), rate.clear();
  cells = used + 5 + 2 > width ? 0 : std::min(cells, width - used - 2);
  const double done = e.steps_in_epoch > 0 ? double(e.step_in_epoch) / double(e.steps_in_epoch) : 0;
  const auto full = std::min(cells, size_t(std::max(0.0, done * double(cells))));
  std::string bar = cells > 0 ? "  " : "";
  for (size_t i = 0; i < cells; ++i) {
    if (i < full)
      bar += unicode_ ? "━" : "#";
    else if (i == full && unicode_)
      bar += "╸";
    else
      bar += unicode_ ? (console_.colour ? "\x1b[2m━\x1b[0m" : "─") : "-";
  }
  std::string tail = count;
  for (const std::string& part : parts) tail += part;
  tail += rate + end;
  if (head.size() + tail.size() > width) tail.resize(width > head.size() ? width - head.size() : 0);
  return head + bar + tail;
}

void Progress::step(const runtime::StepEvent& event) {
  if (!bar_) return;
  auto now = std::chrono::steady_clock::now();
  if (now - last_drawn_ < std::chrono::milliseconds(100)) return;
  last_drawn_ = now;
  bar_drawn_ = true;
  print_error("\r" + bar_line(event) + "\x1b[K");
}

void Progress::table_row(const EpochEvent& event) {
  std::vector<Column> columns{{"epoch", fmt::format("{}/{}", event.epoch, event.epochs), 0,
                               epoch_width(event.epochs), false, 0}};
  const Scores* wanted = event.test ? &*event.test : event.valid ? &*event.valid : &event.train;
  for (const auto& [split, scores] : splits_of(event)) {
    const std::string loss = split.empty() ? "loss" : split + " loss";
    // What training is judged by goes last.
    int rank = scores == wanted ? 1 : 100;
    columns.push_back({loss, score(scores->loss), 2, split.empty() ? 7 : loss.size() + 1,
                       !split.empty(), split.empty() ? 0 : rank});
    ++rank;
    for (const auto& [name, value] : scores->metrics)
      columns.push_back({name, score(value), 3, width_of(name), false, rank++});
  }
  const int last = 1000;
  columns.push_back({"lr", lr_text(event.lr), 2, 6, true, last + 1});
  columns.push_back({"time", duration_text(event.seconds), 2, 6, false, last});
  columns.push_back({"samples/s", samples_per_second(event), 2, 10, false, last + 2});
  std::string heading, row;
  for (const Column& c : fitting(std::move(columns), result_columns())) {
    const char* line = !c.separated ? "" : unicode_ ? " │" : " |";
    heading += fmt::format("{}{:{}}{:>{}}", line, "", c.gap, c.heading, c.width);
    row += fmt::format("{}{:{}}{:>{}}", line, "", c.gap, c.text, c.width);
  }
  if (heading != heading_) print_out(heading + "\n");
  heading_ = heading;
  print_out(row + "\n");
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

std::string Progress::summary(const runtime::EndEvent& event) const {
  if (event.resumed_at_end)
    return fmt::format("already finished: {} {}   saved {}\n", event.epochs,
                       event.epochs == 1 ? "epoch" : "epochs", event.weights);
  std::string text;
  const auto add = [&](const char* split, const Scores& scores, const std::string& of) {
    text += fmt::format("{}  loss {}", split, score(scores.loss));
    for (const auto& [name, value] : scores.metrics)
      text += fmt::format("  {} {}", name, score(value));
    text += of + "   ";
  };
  // Weights saved in the middle of an epoch are not those that the last evaluation was of.
  if (event.last) {
    const EpochEvent& last = *event.last;
    add(last.test    ? "test"
        : last.valid ? "valid"
                     : "train",
        last.test    ? *last.test
        : last.valid ? *last.valid
                     : last.train,
        event.so_far ? fmt::format("  of epoch {}", last.epoch) : "");
  }
  if (event.so_far)
    add("train", *event.so_far, fmt::format("  so far in epoch {}", event.epochs + 1));
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
      text += fmt::format("   interrupted after step {}", event.steps);
      break;
    case runtime::StopReason::NonFinite:
    case runtime::StopReason::Failed:
    case runtime::StopReason::Killed:
      break;  // the error says it all
  }
  if (const auto space = result_columns()) text = wrapped(text, *space);
  return text + "\n";
}

void Progress::end(const runtime::EndEvent& event) {
  clear_bar();
  const bool failed = !event.error.empty();
  if (json_ || !failed) print_out(json_ ? runtime::to_json(event) + "\n" : summary(event));
  if (failed) return;
  if (event.reason == runtime::StopReason::StepLimit || event.reason == runtime::StopReason::Signal)
    console_.note(fmt::format("go on with `netc train --resume {}`\n", event.directory));
  if (event.resumed_at_end)
    console_.note(fmt::format("train on with `netc train --resume {} --epochs N`, N more than {}\n",
                              event.directory, event.epochs));
}

}  // namespace netc::tools
