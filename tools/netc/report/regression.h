// Predicted numbers beside the true ones.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "tools/netc/entry_runner.h"

namespace netc::tools {

/// An output of `predict` and the input that it should equal.
struct Target {
  std::string output, label;
  int64_t numbers = 1;  ///< of a record
};

/// All numbers of a split in order, those of a record one after the other.
struct Outcomes {
  std::vector<double> truth, predicted;
  bool are_yes_or_no() const;  ///< every true number is 0 or 1, and there are both
};
Outcomes collect(EntryRunner& predict, const Target& target, const runtime::Split& split);

/// Scatter of predicted against true numbers, and how far they are apart.
nlohmann::json regression_section(const Target& target, const Outcomes& outcomes);

}  // namespace netc::tools
