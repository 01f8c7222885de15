// The log files, opened for appending.
#include "runtime/metrics_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/durable_file.h"
#include "runtime/error.h"

namespace netc::runtime {
namespace {

int open_log(const std::string& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) {
    throw Error(Fault::Output,
                fmt::format("cannot open {}: {}", printable(path), system_message(errno)))
        .in_file(path);
  }
  return file;
}

template <typename Keep>
void filter_lines(const std::string& path, Keep keep) {
  std::ifstream in(path);
  if (!in) return;
  std::string line, text;
  bool changed = false;
  while (std::getline(in, line)) {
    const bool kept = !in.eof() && keep(line);  // a last line without newline was torn
    if (kept) text += line + "\n";
    changed = changed || !kept;
  }
  if (changed) replace_file(path, {std::as_bytes(std::span(text))});
}

bool is_before(const std::string& line, int64_t epoch, int64_t step) {
  const nlohmann::json event = nlohmann::json::parse(line, nullptr, false);
  if (!event.is_object()) return false;
  const nlohmann::json kind = event.value("event", nlohmann::json());
  auto at_most = [&](const char* key, int64_t limit) {
    const auto value = event.find(key);
    return value != event.end() && value->is_number_integer() && value->get<int64_t>() <= limit;
  };
  if (kind == "epoch") return at_most("epoch", epoch);
  if (kind == "step" || kind == "gradients") return at_most("step", step);
  return kind == "start" || kind == "end";
}

void score_columns(const Scores& scores, const std::string& prefix, std::string& header,
                   std::string& row) {
  header += fmt::format(",{}_loss", prefix);
  row += fmt::format(",{}", scores.loss);
  for (const auto& [name, value] : scores.metrics) {
    header += fmt::format(",{}_{}", prefix, name);
    row += fmt::format(",{}", value);
  }
}

}  // namespace

MetricsLog::MetricsLog(const std::string& directory, bool resume, int64_t epoch, int64_t step) {
  if (directory.empty()) return;
  jsonl_path_ = directory + "/metrics.jsonl";
  csv_path_ = directory + "/metrics.csv";
  if (resume) {
    filter_lines(jsonl_path_,
                 [&](const std::string& line) { return is_before(line, epoch, step); });
    filter_lines(csv_path_, [&](const std::string& line) {
      int64_t number = 0;  // the header line is no number and stays
      std::from_chars(line.data(), line.data() + line.size(), number);
      return number <= epoch;
    });
  }
  jsonl_ = open_log(jsonl_path_);
  csv_ = open_log(csv_path_);
  struct stat status{};
  csv_empty_ = fstat(csv_, &status) != 0 || status.st_size == 0;
}

MetricsLog::~MetricsLog() {
  if (jsonl_ >= 0) close(jsonl_);
  if (csv_ >= 0) close(csv_);
}

void MetricsLog::append(int file, const std::string& line, const std::string& path) {
  if (file < 0) return;
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(file, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw Error(Fault::Output,
                  fmt::format("cannot write {}: {}", printable(path), system_message(errno)))
          .in_file(path);
    }
    rest.remove_prefix(static_cast<size_t>(count));
  }
}

void MetricsLog::write(const StartEvent& event) {
  append(jsonl_, to_json(event) + "\n", jsonl_path_);
}
void MetricsLog::write(const StepEvent& event) {
  append(jsonl_, to_json(event) + "\n", jsonl_path_);
}
void MetricsLog::write(const GradientEvent& event) {
  append(jsonl_, to_json(event) + "\n", jsonl_path_);
}
void MetricsLog::write(const EndEvent& event) {
  append(jsonl_, to_json(event) + "\n", jsonl_path_);
}

void MetricsLog::write(const EpochEvent& event) {
  append(jsonl_, to_json(event) + "\n", jsonl_path_);
  std::string header = "epoch,lr,seconds";
  std::string row = fmt::format("{},{},{}", event.epoch, event.lr, event.seconds);
  score_columns(event.train, "train", header, row);
  if (event.valid) score_columns(*event.valid, "valid", header, row);
  if (event.test) score_columns(*event.test, "test", header, row);
  if (event.average_valid) score_columns(*event.average_valid, "ema_valid", header, row);
  if (event.average_test) score_columns(*event.average_test, "ema_test", header, row);
  auto column = [&](const char* name, double value) {
    header += fmt::format(",{}", name);
    row += fmt::format(",{}", value);
  };
  if (event.grad_norm) column("grad_norm", *event.grad_norm);
  column("samples_per_second", event.samples_per_second());
  column("data_seconds", event.data_seconds);
  column("step_seconds", event.step_seconds);
  append(csv_, (csv_empty_ ? header + "\n" : "") + row + "\n", csv_path_);
  csv_empty_ = false;
}

}  // namespace netc::runtime
