// Thin wrappers over the runtime's executor and slots.
#include "tools/netc/entry_runner.h"

#include "runtime/initializers.h"

namespace netc::tools {

std::vector<const runtime::Slot*> EntryRunner::slots(runtime::SlotRole role) const {
  std::vector<const runtime::Slot*> list;
  for (const runtime::Slot& s : plan().slots)
    if (s.role == role) list.push_back(&s);
  return list;
}

void EntryRunner::initialise(uint64_t seed, const std::string& directory) {
  runtime::initialize(compiled_.plan, arena_, seed, directory, executor_.pool());
}

}  // namespace netc::tools
