// Fills input slots with numbers that depend on (seed, name) only.
#include "tools/netc/random_inputs.h"

#include <cmath>
#include <random>

namespace netc::tools {

namespace {
uint64_t hash_of(const std::string& name) {  // FNV-1a: the same on every machine
  uint64_t h = 1469598103934665603u;
  for (char c : name) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return h;
}

/// The settings of the optimizer that the host passes in; they are no data.
void write_control(EntryRunner& runner, const runtime::Slot& slot) {
  double value = slot.name == "lr" ? 1e-3 : slot.name == "step" ? 1 : 0;
  runtime::write_scalar(slot, runner.arena(), value);
}

void fill(runtime::Tensor& tensor, const runtime::Slot& slot, std::mt19937_64& generator) {
  // Box-Muller rather than std::normal_distribution, whose numbers differ between libraries.
  auto uniform = [&] { return (double(generator() >> 11) + 0.5) * 0x1p-53; };
  int64_t range = slot.index_range > 0 ? slot.index_range : 256;
  if (slot.type == runtime::ElementType::boolean) range = 2;
  runtime::with_type(slot.type, [&]<typename T>(T) {
    for (T& v : tensor.as<T>()) {
      if constexpr (std::is_floating_point_v<T>)
        v = T(std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform()));
      else
        v = T(generator() % uint64_t(range));
    }
  });
}
}  // namespace

void fill_random_inputs(EntryRunner& runner, int64_t batch, uint64_t seed,
                        const std::function<bool(const runtime::Slot&)>& wanted) {
  for (const runtime::Slot* slot : runner.slots(runtime::SlotRole::Input)) {
    if (wanted && !wanted(*slot)) continue;
    if (slot->shape.empty() &&
        (slot->name == "lr" || slot->name == "step" || slot->name == "seed")) {
      write_control(runner, *slot);
      continue;
    }
    std::mt19937_64 generator(seed * 0x9e3779b97f4a7c15u + hash_of(slot->name));
    runtime::Tensor tensor = runtime::make_tensor(slot->type, runtime::dims(*slot, batch));
    fill(tensor, *slot, generator);
    runner.write(*slot, batch, tensor);
  }
}

std::map<std::string, ir::Dim> small_sizes(const Session& session, const ir::Module& module) {
  std::map<std::string, ir::Dim> sizes;
  int64_t next = 3;
  for (const ir::Function& f : module.functions) {
    if (!f.entry) continue;
    for (const ir::Parameter& p : f.params)
      for (const ir::Dim& d : f[p.value].type.shape)
        for (const std::string& name : d.symbols())
          if (name != session.model().batch_symbol && !sizes.contains(name)) sizes[name] = next++;
  }
  return sizes;
}

}  // namespace netc::tools
