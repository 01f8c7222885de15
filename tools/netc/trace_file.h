// A trace as a file that Perfetto and chrome://tracing open.
#pragma once

#include <map>
#include <string>

#include "runtime/trace.h"
#include "tools/netc/kernel_site.h"

namespace netc::tools {

/// Trace events in JSON: a track for each thread; on the first one the activities, and inside them
/// the kernels. `sites` has the kernels of the plans by the plans' names.
std::string trace_json(const runtime::Trace& trace,
                       const std::map<std::string, KernelSites>& sites);

}  // namespace netc::tools
