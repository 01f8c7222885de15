// The initialisers of parameters: what they take and what they give.
#pragma once

#include <string>
#include <vector>

namespace netc::frontend {

struct InitialiserInfo {
  const char* name;
  std::vector<const char*> required;
  std::vector<const char*> optional;
  const char* about;

  /// `kaiming_normal(gain, fan_in, fan_out)`
  std::string signature() const;
};

const std::vector<InitialiserInfo>& initialiser_infos();

}  // namespace netc::frontend
