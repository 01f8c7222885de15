// Made-up inputs for commands that need some: gradcheck and bench.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "ir/graph.h"
#include "tools/netc/entry_runner.h"

namespace netc::tools {

/// Fills inputs by type: floats normal, integers in their index range where they have one, else
/// over the range of a byte (bool: 0 or 1). The values of an input depend on (seed, name) only.
/// `wanted` chooses inputs; absent: all.
void fill_random_inputs(EntryRunner& runner, int64_t batch, uint64_t seed,
                        const std::function<bool(const runtime::Slot&)>& wanted = {});

/// Numbers for the named sizes of the model's inputs, but for its batch.
std::map<std::string, ir::Dim> small_sizes(const Session& session, const ir::Module& module);

}  // namespace netc::tools
