// Fills input slots with numbers that depend on (seed, name) only.
#include "tools/netc/random_inputs.h"

#include "runtime/simd/random.h"

namespace netc::tools {

namespace {
/// The settings of the optimizer that the host passes in; they are no data.
void write_control(EntryRunner& runner, const runtime::Slot& slot) {
  double value = slot.name == "lr" ? 1e-3 : slot.name == "step" || slot.name == "_share" ? 1 : 0;
  runtime::write_scalar(slot, runner.arena(), value);
}

void fill(runtime::Tensor& tensor, const runtime::Slot& slot, const runtime::Stream& stream) {
  int64_t range = slot.index_range > 0 ? slot.index_range : 256;
  if (slot.type == runtime::ElementType::boolean) range = 2;
  runtime::with_type(slot.type, [&]<typename T>(T) {
    const std::span<T> values = tensor.as<T>();
    if constexpr (std::is_floating_point_v<T>) {
      runtime::fill_normal(stream, 0, 1.0, values);
    } else {
      for (size_t i = 0; i < values.size(); ++i) values[i] = T(stream.word64(i) % uint64_t(range));
    }
  });
}
}  // namespace

void fill_random_inputs(EntryRunner& runner, int64_t batch, uint64_t seed,
                        const std::function<bool(const runtime::Slot&)>& wanted) {
  for (const runtime::Slot* slot : runner.slots(runtime::SlotRole::Input)) {
    if (wanted && !wanted(*slot)) continue;
    if (slot->shape.empty() && frontend::is_control_input(slot->name)) {
      write_control(runner, *slot);
      continue;
    }
    runtime::Tensor tensor = runtime::make_tensor(slot->type, runtime::dims(*slot, batch));
    fill(tensor, *slot, runtime::Stream(seed, slot->name));
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
