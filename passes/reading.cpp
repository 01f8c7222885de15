// What views show of the values behind them: see grouping.h.
#include <algorithm>
#include <map>

#include "passes/grouping.h"

namespace netc::passes {

using ir::Form;
using ir::Function;
using ir::Value;
using ir::ValueId;

bool is_view(const Value& value) { return ir::def(value.op).form == Form::View; }

bool is_free_leaf(const Function& function, ValueId v) {
  return ir::def(function[v].op).form == Form::Leaf && function[v].args.empty() &&
         !is_parameter(function, v);
}

std::optional<ir::Access> access_from(const Function& function, ValueId view, ValueId base) {
  if (view == base) {
    ir::Access access{base, 0, {}};
    ir::Dim stride = 1;
    const ir::Shape& shape = function[base].type.shape;
    access.strides.resize(shape.size());
    for (size_t d = shape.size(); d-- > 0;) {
      access.strides[d] = stride;
      stride = stride * shape[d];
    }
    return access;
  }
  const Value& value = function[view];
  if (!is_view(value) || value.args.size() != 1) return {};
  const auto operand = access_from(function, value.args[0], base);
  if (!operand) return {};
  return ir::through_view(value, function[value.args[0]].type, *operand);
}

ValueId root_of(const Function& function, const std::vector<bool>& stored, ValueId v) {
  while (!stored[v.index] && is_view(function[v]) && function[v].args.size() == 1)
    v = function[v].args[0];
  return v;
}

bool is_readable(const Function& function, const std::vector<bool>& stored, ValueId v) {
  const ValueId root = root_of(function, stored, v);
  return stored[root.index] && access_from(function, v, root).has_value();
}

bool repeats_elements(const Function& function, const Value& view) {
  const ValueId operand = view.args[0];
  const auto dense = access_from(function, operand, operand);
  if (!ir::through_view(view, function[operand].type, *dense)) return false;
  // Of affine views those repeat that have more elements than their operand, at any batch.
  const auto count = [](const ir::Shape& shape) {
    const ir::Dim n = element_count(shape);
    std::map<std::string, int64_t> sizes;
    for (const std::string& name : n.symbols()) sizes[name] = 2;
    return n.evaluate(sizes).value_or(0);
  };
  return count(view.type.shape) > count(function[operand].type.shape);
}

bool reads_own_row(const Function& function, const Group& group, ValueId view, ValueId row) {
  const auto access = access_from(function, view, row);
  const auto dense = access_from(function, row, row);
  if (!access || access->offset != ir::Dim(0)) return false;
  const ir::Shape& shape = function[view].type.shape;
  const bool is_row = shape == group.row;
  for (size_t d = 0, kept = 0; d < shape.size(); ++d) {
    const bool folded =
        !is_row && std::find(group.dims.begin(), group.dims.end(), int64_t(d)) != group.dims.end();
    const ir::Dim wanted = folded ? ir::Dim(0) : dense->strides[kept++];
    if (shape[d] != ir::Dim(1) && access->strides[d] != wanted) return false;
  }
  return true;
}

}  // namespace netc::passes
