// The time of each kernel of an entry point beside what the machine can do.
#pragma once

#include <string>
#include <vector>

#include "runtime/executor.h"
#include "tools/netc/kernel_site.h"
#include "tools/netc/session.h"

namespace netc::tools {

/// What the machine reached when it did nothing else.
struct MachineLimits {
  double flops = 0;  ///< f32 operations a second, multiplying and adding
  double bytes = 0;  ///< bytes a second of memory read or copied
};

/// One kernel's task in a phase, or the whole entry.
struct KernelRow {
  std::string kernel;  ///< its name in the dumps
  int phase = 0;
  int64_t chunks = 0;
  double seconds = 0;  ///< median of the runs; tasks of one phase share its time by their work
  double flops = 0, bytes = 0;  ///< of one run; bytes are read plus written
  KernelSite site;
};

/// What a row says of its speed.
struct Rates {
  double gflops = 0, gbytes = 0;
  double of_peak = 0, of_bandwidth = 0;  ///< percent
  Rates(const KernelRow& row, const MachineLimits& limits);
};

struct KernelTimes {
  std::vector<KernelRow> rows;  ///< in the order of the plan
  double run_seconds = 0;       ///< a whole run, watched
  MachineLimits limits;
};

/// Runs a plan for `in_all` seconds and watches its chunks. What the machine can do is measured
/// before and after, so that a disturbed moment does not pass for its limit.
KernelTimes time_kernels(const runtime::Plan& plan, runtime::Arena& arena,
                         runtime::Executor& executor, int64_t batch, const KernelSites& sites,
                         double in_all, const CommonOptions& options);

/// Writes the table, or with `json` a line for the limits and one for each row. `whole` is a run of
/// the entry that nobody watched.
void print_kernels(const KernelTimes& times, const KernelRow& whole, int threads, bool json);

}  // namespace netc::tools
