// What training shows: a table with a live bar on a terminal, plain lines elsewhere, JSON lines.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "runtime/training_events.h"
#include "tools/netc/console.h"

namespace netc::tools {

enum class ProgressStyle : uint8_t { automatic, bar, plain, none };

/// What the start and compile lines say besides the runtime's StartEvent.
struct TrainingHeader {
  std::string optimizer;  ///< `rmsprop(lr 1e-4, momentum 0.9)`
  double compile_milliseconds = 0;
  int kernels = 0;
  std::string cpu;
  bool from_cache = false;
  int64_t arena_bytes = 0;
};

class Progress : public runtime::TrainingListener {
 public:
  Progress(const Console& console, ProgressStyle style, bool json, TrainingHeader header);

  void start(const runtime::StartEvent& event) override;
  void step(const runtime::StepEvent& event) override;
  void epoch(const runtime::EpochEvent& event) override;
  void end(const runtime::EndEvent& event) override;
  void notice(const std::string& text) override;

  /// Takes the live line away, before something else is written.
  void clear_bar();

 private:
  Console console_;
  bool json_, table_, bar_, results_;
  bool unicode_;
  TrainingHeader header_;
  runtime::StartEvent started_;
  bool bar_drawn_ = false;
  std::string heading_;  ///< of the table, as it was written last
  std::chrono::steady_clock::time_point last_drawn_{};

  void table_row(const runtime::EpochEvent& event);
  void plain_row(const runtime::EpochEvent& event);
  std::string summary(const runtime::EndEvent& event) const;
  std::string bar_line(const runtime::StepEvent& event) const;
};

}  // namespace netc::tools
