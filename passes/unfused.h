// For looking at every value of a run.
#pragma once

#include "ir/graph.h"

namespace netc::passes {

/// `module`, from stage `optimised` on, planned so that entry points run op by op and each value
/// that is computed has a place of its own: after a run all of them can be read. Parameters and
/// states are not updated in place; `batch` rows fit.
ir::Module unfused(ir::Module module, int64_t batch);

}  // namespace netc::passes
