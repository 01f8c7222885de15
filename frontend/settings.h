// The `train` and `data` items, checked: syntax trees in, TrainSettings and DataSpec out. The
// values of `optimizer`, `clip`, `freeze` and `groups` become graph code in the elaborator.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "frontend/ast.h"
#include "frontend/diagnostics.h"
#include "frontend/elaborate.h"
#include "frontend/program.h"
#include "frontend/source.h"

namespace netc::frontend {

/// One key of the `train` block, for checks, help and completion.
struct SettingInfo {
  std::string key;
  std::string value;     ///< what it takes: `a whole number`
  std::string fallback;  ///< when it is not written
  std::string meaning;
};
std::span<const SettingInfo> setting_infos();
std::vector<std::string> setting_keys();

/// A parameter of a learning rate schedule.
struct ScheduleParameter {
  std::string name;
  std::optional<double> fallback;  ///< absent: must be written
  bool is_int = false;
  double least = 0;
  double most = 1e308;
};
struct ScheduleInfo {
  std::string name;
  std::vector<ScheduleParameter> parameters;
  std::string meaning;
};
std::span<const ScheduleInfo> schedule_infos();

/// A loader of a `data` item: its parameters by position, and what further named ones may hold.
struct LoaderInfo {
  std::string name;
  std::vector<std::string> parameters;
  bool has_fields = false;  ///< `NAME = …` for fields of the data set
  std::string usage;
  std::string meaning;  ///< lines of text: what it reads, and how
};
std::span<const LoaderInfo> loader_infos();

/// Fills `train`, `has_train` and `data` of `out` from the items of the program (`units[0]`, after
/// overrides). Findings are E0501 to E0510.
void read_settings(const std::vector<Unit>& units, const SourceSet& sources,
                   Diagnostics& diagnostics, Program& out);

}  // namespace netc::frontend
