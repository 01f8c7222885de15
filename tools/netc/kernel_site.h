// Where a kernel comes from: the line of the program, and what it stores.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "backend/kernel.h"
#include "ir/graph.h"
#include "tools/netc/session.h"

namespace netc::tools {

struct KernelSite {
  std::string stores;         ///< names of the values that it writes
  ir::Place at;               ///< line 0: from no line
  std::string place, source;  ///< `7:21` and that line; empty when it comes from no line
};

/// The user's place of a value; of one that has none, as a state of an optimizer, the first value's
/// that reads it.
ir::Place origin_or_use(const ir::Module& module, const ir::Function& function, ir::ValueId value);

/// The kernels of one planned entry point.
class KernelSites {
 public:
  /// `entry` is its full name, `mnist.train`.
  KernelSites(Session& session, const ir::Module& module, const std::string& entry);
  /// Of a task: a kernel that was taken apart is called k3.17, a copy of its result k3.copy.
  KernelSite of(const std::string& task) const;

 private:
  Session& session_;
  const ir::Module& module_;
  const ir::Function& function_;
  std::vector<std::string> names_;
  std::map<std::string, backend::Kernel> kernels_;

  ir::Place place_of(const backend::Kernel& kernel) const;
};

}  // namespace netc::tools
