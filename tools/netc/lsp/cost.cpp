// By the form of an op, never by the op.
#include "tools/netc/lsp/cost.h"

#include <map>

#include "ir/shape_rules.h"

namespace netc::tools::lsp {

namespace {
double elements(const ir::Type& type, int64_t batch) {
  double count = 1;
  for (const ir::Dim& d : type.shape) {
    std::map<std::string, int64_t> sizes;
    for (const std::string& s : d.symbols()) sizes[s] = batch;
    count *= double(d.evaluate(sizes).value_or(0));
  }
  return count;
}

/// Products that an einsum adds up: the product of the sizes of all its labels.
double products(const ir::Function& f, const ir::Value& v, int64_t batch) {
  const ir::EinsumLabels s = ir::einsum_labels(std::get<std::string>(v.attrs[0]));
  double count = elements(v.type, batch);
  const ir::Shape& left = f[v.args[0]].type.shape;
  for (size_t d = 0; d < s.lhs.size(); ++d)
    if (s.result.find(s.lhs[d]) == std::string::npos)
      count *= elements({ir::DType::f32, {left[d]}}, batch);
  return count;
}
}  // namespace

Cost cost(const ir::Module& module, const ir::Function& f, ir::ValueId v, int64_t batch) {
  const ir::Value& value = f[v];
  Cost c;
  const double size = elements(value.type, batch);
  switch (ir::def(value.op).form) {
    case ir::Form::Leaf:
    case ir::Form::View:
      return c;
    case ir::Form::Map:
      c.flops = size;
      break;
    case ir::Form::Reduce:
      c.flops = elements(f[value.args[0]].type, batch);
      break;
    case ir::Form::Contract:
      c.flops = 2 * products(f, value, batch);
      break;
    case ir::Form::Gather:
      break;
    case ir::Form::Scatter:
      c.flops = elements(f[value.args.back()].type, batch);
      break;
    case ir::Form::Call: {
      if (value.args.empty() || value.attrs.empty()) return c;
      const auto* callee = std::get_if<ir::FunctionId>(&value.attrs[0]);
      if (!callee) return c;
      const ir::Function& inner = module[*callee];
      for (size_t i = inner.params.size(); i < inner.values.size(); ++i)
        c.flops += cost(module, inner, ir::ValueId(i), batch).flops;
      break;
    }
  }
  c.bytes = size * double(ir::byte_size(value.type.dtype));
  for (ir::ValueId a : value.args)
    c.bytes += elements(f[a].type, batch) * double(ir::byte_size(f[a].type.dtype));
  return c;
}

}  // namespace netc::tools::lsp
