// metrics.jsonl and metrics.csv of a run directory.
#pragma once

#include <string>
#include <vector>

#include "runtime/training_events.h"

namespace netc::runtime {

/// Appends events as they come. A line is written by one system call, so a killed run leaves at
/// most one torn line.
class MetricsLog {
 public:
  /// Empty `directory`: nothing is written. When resuming, events after (epoch, step) are dropped:
  /// they will come again.
  MetricsLog(const std::string& directory, bool resume, int64_t epoch, int64_t step);
  ~MetricsLog();
  MetricsLog(const MetricsLog&) = delete;
  MetricsLog& operator=(const MetricsLog&) = delete;

  void write(const StartEvent& event);
  void write(const StepEvent& event);
  void write(const EpochEvent& event);
  void write(const GradientEvent& event);
  void write(const EndEvent& event);

 private:
  void append(int file, const std::string& line, const std::string& path);

  std::string jsonl_path_, csv_path_;
  int jsonl_ = -1, csv_ = -1;
  bool csv_empty_ = true;
};

}  // namespace netc::runtime
