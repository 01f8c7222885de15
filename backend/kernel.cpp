// Finds the kernels of a planned function and numbers what they touch.
#include "backend/kernel.h"

#include <fmt/format.h>

namespace netc::backend {
namespace {

using ir::ValueId;

std::string text(const ir::Attribute& attribute) {
  struct Print {
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(double v) const { return fmt::format("{:a}", v); }
    std::string operator()(const std::string& v) const { return '"' + v + '"'; }
    std::string operator()(const std::vector<int64_t>& v) const {
      return fmt::format("[{}]", fmt::join(v, ","));
    }
    std::string operator()(const ir::Dim& v) const { return v.str(); }
    std::string operator()(const ir::Shape& v) const { return ir::str(v); }
    std::string operator()(const ir::Scalar& v) const {
      return fmt::format("{:a}*{}/{}", v.factor, v.numerator.str(), v.denominator.str());
    }
    std::string operator()(ir::ReduceKind v) const { return ir::name(v); }
    std::string operator()(ir::FunctionId v) const { return std::to_string(v.index); }
  };
  return std::visit(Print{}, attribute);
}

/// Writes a kernel's key and numbers its bases on the way.
class Describe {
 public:
  Describe(const ir::Function& f, Kernel& k) : f_(f), k_(k) {}

  void run() {
    for (ValueId v : k_.values) k_.key += fmt::format("%{} = {}\n", local(v), op(v));
    for (ValueId y : k_.yields) k_.key += fmt::format("yield %{} {}\n", local(y), base(y));
  }

 private:
  const ir::Function& f_;
  Kernel& k_;

  uint32_t local(ValueId v) const { return v.index - k_.values.front().index; }

  static std::string layout(const ir::Access& access) {
    std::string text;
    for (const ir::Dim& d : access.strides) text += d.str() + ",";
    if (access.panels)
      text += fmt::format(" dim {}: {} of {}", access.panels->dim, access.panels->width,
                          access.panels->distance);
    return text;
  }

  std::string base(ValueId v) {
    auto [at, added] = k_.base_index.try_emplace(v, static_cast<int>(k_.bases.size()));
    if (added) k_.bases.push_back(v);
    return fmt::format("@{} {} [{}]", at->second, ir::str(f_[v].type),
                       layout(ir::stored_access(f_, v)));
  }

  std::string operand(ValueId v) {
    if (k_.contains(v)) return fmt::format("%{}", local(v));
    if (auto access = outside_access(f_, k_, v))
      return fmt::format("{}({} + [{}] {})", ir::str(f_[v].type), access->offset.str(),
                         layout(*access), base(access->base));
    return "(" + op(v) + ")";
  }

  std::string op(ValueId v) {
    const ir::Value& value = f_[v];
    std::string line = fmt::format("{} {}(", ir::str(value.type), ir::op_name(value.op));
    for (ValueId a : value.args) line += operand(a) + ", ";
    for (const ir::Attribute& a : value.attrs) line += text(a) + ", ";
    return line + ")";
  }
};

}  // namespace

std::optional<ir::Access> outside_access(const ir::Function& f, const Kernel& k, ValueId v) {
  auto access = ir::affine_access(f, v);
  if (!access || k.contains(access->base) || !f[access->base].storage) return {};
  return access;
}

std::vector<ir::Dim> stored_strides(const ir::Function& f, ValueId v) {
  return ir::stored_access(f, v).strides;
}

std::vector<Kernel> kernels_of(const ir::Function& f) {
  std::vector<Kernel> kernels;
  ir::KernelId current;
  for (size_t i = f.params.size(); i < f.values.size(); ++i) {
    ValueId v(i);
    const ir::Value& value = f[v];
    // Constants may stand anywhere, in a dump that was read back also among a kernel's values.
    if (!value.kernel && !value.storage) continue;
    if (!value.kernel || value.kernel != current) {
      std::string name = value.kernel && value.kernel.index < f.kernels.size()
                             ? f.kernels[value.kernel.index].name
                             : fmt::format("v{}", i);
      kernels.push_back({name, {}, {}, {}, {}, {}});
    }
    current = value.kernel;
    kernels.back().values.push_back(v);
    if (value.storage) kernels.back().yields.push_back(v);
  }
  for (Kernel& k : kernels) Describe(f, k).run();
  return kernels;
}

}  // namespace netc::backend
