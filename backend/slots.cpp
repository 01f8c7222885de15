// Slots from the parameters and results of a function: shapes as polynomials of the batch, starting
// values, and the range of inputs that serve as indices.
#include "backend/slots.h"

#include <optional>
#include <stdexcept>

#include "ir/access.h"

namespace netc::backend {
namespace {

using ir::Dim;
using ir::ValueId;

runtime::ElementType element_type(ir::DType t) {
  switch (t) {
    case ir::DType::f32:
      return runtime::ElementType::f32;
    case ir::DType::f64:
      return runtime::ElementType::f64;
    case ir::DType::i32:
      return runtime::ElementType::i32;
    case ir::DType::i64:
      return runtime::ElementType::i64;
    case ir::DType::u8:
      return runtime::ElementType::u8;
    case ir::DType::boolean:
      return runtime::ElementType::boolean;
  }
  return runtime::ElementType::f32;
}

runtime::SlotRole slot_role(ir::Role role) {
  switch (role) {
    case ir::Role::Input:
    case ir::Role::Plain:
      return runtime::SlotRole::Input;
    case ir::Role::Param:
      return runtime::SlotRole::Param;
    case ir::Role::State:
      return runtime::SlotRole::State;
  }
  return runtime::SlotRole::Input;
}

runtime::InitializerSpec initializer(const ir::Initializer& from) {
  runtime::InitializerSpec spec;
  spec.name = from.name;
  for (const auto& [name, value] : from.args) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      spec.file = *text;
      continue;
    }
    double number = std::get<double>(value);
    if (name == "lo" || name == "low")
      spec.low = number;
    else if (name == "hi" || name == "high")
      spec.high = number;
    else if (name == "std")
      spec.std = number;
    else if (name == "gain")
      spec.gain = number, spec.has_gain = true;
    else if (name == "fan_in")
      spec.fan_in = static_cast<int64_t>(number);
    else if (name == "fan_out")
      spec.fan_out = static_cast<int64_t>(number);
    else
      spec.value = number;
  }
  return spec;
}

bool is_constant(const ir::Value& v) {
  return v.args.empty() && v.attrs.size() == 1 && std::holds_alternative<ir::Scalar>(v.attrs[0]);
}

/// The parameter that `v` repeats or converts, seen through views and casts between integers.
ValueId source_parameter(const ir::Function& f, ValueId v) {
  while (v.index >= f.params.size()) {
    const ir::Value& value = f[v];
    const ir::OpDef& def = ir::def(value.op);
    bool cast = def.scalar && def.scalar->cls == ir::ScalarInfo::Class::Cast;
    bool view = def.form == ir::Form::View && value.args.size() == 1;
    if ((!cast && !view) || !ir::is_integer(f[value.args[0]].type.dtype)) return {};
    v = value.args[0];
  }
  return v;
}

/// The value c of a condition `parameter == c`.
std::optional<int64_t> compared_with(const ir::Function& f, ValueId condition, ValueId parameter) {
  while (ir::def(f[condition].op).form == ir::Form::View) condition = f[condition].args[0];
  const ir::Value& value = f[condition];
  const ir::ScalarInfo* scalar = ir::def(value.op).scalar;
  if (!scalar || scalar->cls != ir::ScalarInfo::Class::Compare) return {};
  bool equality =
      scalar->eval(1, 1, 0) != 0 && scalar->eval(1, 0, 0) == 0 && scalar->eval(0, 1, 0) == 0;
  if (!equality) return {};
  for (size_t i : {0, 1}) {
    const ir::Value& other = f[value.args[1 - i]];
    if (source_parameter(f, value.args[i]) != parameter || !is_constant(other)) continue;
    const auto& number = std::get<ir::Scalar>(other.attrs[0]);
    if (number.numerator.is_constant())
      return static_cast<int64_t>(number.factor) * number.numerator.constant();
  }
  return {};
}

/// Notes what the op that promises an index range says of an input.
void note_promise(const ir::Function& f, const ir::Value& promise,
                  std::vector<runtime::Slot>& slots) {
  const Dim& range = std::get<Dim>(promise.attrs[0]);
  if (!range.is_constant()) return;
  auto note = [&](ValueId parameter) {
    runtime::Slot& slot = slots[parameter.index];
    if (slot.index_range && slot.index_range <= range.constant()) return;
    slot.index_range = range.constant();
    slot.index_wraps = std::get<bool>(promise.attrs[1]);
  };
  ValueId operand = promise.args[0];
  if (ValueId parameter = source_parameter(f, operand)) return note(parameter);
  const ir::Value& chosen = f[operand];
  const ir::ScalarInfo* scalar = ir::def(chosen.op).scalar;
  if (!scalar || scalar->cls != ir::ScalarInfo::Class::Select) return;
  if (!is_constant(f[chosen.args[1]])) return;
  ValueId parameter = source_parameter(f, chosen.args[2]);
  if (!parameter) return;
  if (auto ignored = compared_with(f, chosen.args[0], parameter)) {
    note(parameter);
    slots[parameter.index].index_ignore = *ignored;
  }
}

runtime::Slot slot(const ir::Function& f, ValueId v, const std::string& name,
                   runtime::SlotRole role, int64_t capacity) {
  const ir::Value& value = f[v];
  if (!value.storage) throw std::logic_error("backend: `" + name + "` has no place in the arena");
  runtime::Slot s;
  s.name = name;
  s.role = role;
  s.type = element_type(value.type.dtype);
  for (const Dim& d : value.type.shape) {
    if (auto coefficients = d.coefficients("batch"))
      s.shape.push_back({.coefficients = *coefficients});
    else
      s.shape.push_back({.values = d.values("batch", capacity)});
  }
  s.batched = !value.type.shape.empty() && value.type.shape[0] == Dim::symbol("batch");
  s.offset = value.storage->offset;
  s.leading_stride = value.storage->leading_stride.value_or(0);
  s.panel = value.storage->panel.value_or(0);
  return s;
}

}  // namespace

std::vector<runtime::Slot> slots_of(const ir::Function& f, int64_t capacity) {
  std::vector<runtime::Slot> slots;
  for (const ir::Parameter& p : f.params) {
    slots.push_back(slot(f, p.value, f[p.value].name, slot_role(p.role), capacity));
    if (p.init) slots.back().init = initializer(*p.init);
  }
  for (const ir::Value& v : f.values) {
    bool promise = ir::def(v.op).form == ir::Form::Gather && v.args.size() == 1;
    if (promise) note_promise(f, v, slots);
  }
  for (const ir::Result& r : f.results)
    slots.push_back(slot(f, r.value, r.name, runtime::SlotRole::Result, capacity));
  return slots;
}

int64_t stored_bytes(const ir::Function& f, ValueId v, int64_t batch) {
  const ir::Value& value = f[v];
  int64_t last = 0;  // the last element
  const ir::Access access = ir::stored_access(f, v);
  auto at = [&](const Dim& d) { return d.evaluate({{"batch", batch}}).value_or(0); };
  for (size_t d = 0; d < access.strides.size(); ++d) {
    int64_t size = at(value.type.shape[d]);
    if (size == 0) return 0;
    if (access.panels && access.panels->dim == d)  // the last panel is as wide as the others
      last +=
          (size - 1) / access.panels->width * access.panels->distance + access.panels->width - 1;
    else
      last += (size - 1) * at(access.strides[d]);
  }
  return (last + 1) * ir::byte_size(value.type.dtype);
}

}  // namespace netc::backend
