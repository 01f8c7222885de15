// What a report remembers of training while it goes on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/training_events.h"

namespace netc::tools {

/// Means over equally many steps each. However many steps there are, fewer than 1,000 points are
/// kept: when it is full, neighbours are joined.
class StepCurve {
 public:
  struct Point {
    double step = 0, loss = 0, lr = 0, grad_norm = 0;
    int64_t count = 0;
  };
  void add(const runtime::StepEvent& event);
  std::vector<Point> points() const;
  int64_t steps_a_point() const { return span_; }

 private:
  static constexpr size_t kMostPoints = 1000;
  std::vector<Point> sums_;
  int64_t span_ = 1;
};

/// How the gradients were distributed at the weights after `step`.
struct GradientSnapshot {
  int64_t step = 0;
  std::vector<std::pair<std::string, runtime::Statistics>> parameters;
};

struct TrainingLog {
  runtime::StartEvent start;
  StepCurve steps;  ///< of this command
  bool has_norm = false;
  std::vector<GradientSnapshot> gradients;
  std::vector<runtime::EpochEvent> epochs;  ///< of this command
  std::optional<runtime::EndEvent> end;     ///< none: training failed
};

}  // namespace netc::tools
