#include "frontend/initialisers.h"

#include <fmt/format.h>

namespace netc::frontend {

const std::vector<InitialiserInfo>& initialiser_infos() {
  static const std::vector<InitialiserInfo> infos = {
      {"zeros", {}, {}, "All 0."},
      {"ones", {}, {}, "All 1."},
      {"const", {"value"}, {}, "All `value`; a bare number means the same."},
      {"uniform", {"lo", "hi"}, {}, "Evenly from `lo` to `hi`."},
      {"normal", {"std"}, {}, "Normal, mean 0, standard deviation `std`."},
      {"xavier_uniform",
       {},
       {"gain", "fan_in", "fan_out"},
       "Evenly in ±gain · √(6 / (fan_in + fan_out)); gain is 1 unless given."},
      {"xavier_normal",
       {},
       {"gain", "fan_in", "fan_out"},
       "Normal, standard deviation gain · √(2 / (fan_in + fan_out)); gain is 1 unless given."},
      {"kaiming_uniform",
       {},
       {"gain", "fan_in", "fan_out"},
       "Evenly in ±gain · √(3 / fan_in); gain is √2, for relu, unless given."},
      {"kaiming_normal",
       {},
       {"gain", "fan_in", "fan_out"},
       "Normal, standard deviation gain / √fan_in; gain is √2, for relu, unless given."},
      {"orthogonal",
       {},
       {"gain"},
       "A matrix with orthonormal rows or columns, whichever are fewer, times gain (1 unless "
       "given)."},
      {"load", {"path"}, {}, "The numbers of an .npy file, relative to the program."}};
  return infos;
}

std::string InitialiserInfo::signature() const {
  std::vector<const char*> arguments = required;
  arguments.insert(arguments.end(), optional.begin(), optional.end());
  return fmt::format("{}({})", name, fmt::join(arguments, ", "));
}

}  // namespace netc::frontend
