// Merging of views. Views are told apart by what their attributes are, as the op table says:
// a target shape (the last one wins) or an order of dims (orders compose).
#include <algorithm>

#include "passes/simplify.h"

namespace netc::passes {

using ir::Builder;
using ir::Form;
using ir::Value;
using ir::ValueId;

namespace {

bool is_view(const Value& value) { return ir::def(value.op).form == Form::View; }

/// A view of one operand whose only attribute is the result's shape.
bool sets_shape(const Value& value) {
  return is_view(value) && value.args.size() == 1 && value.attrs.size() == 1 &&
         std::holds_alternative<ir::Shape>(value.attrs[0]);
}

/// A view of one operand whose only attribute is an order of dims.
bool sets_order(const Value& value) {
  return is_view(value) && value.args.size() == 1 && value.attrs.size() == 1 &&
         std::holds_alternative<std::vector<int64_t>>(value.attrs[0]);
}

bool keeps_count(const Value& value, const ir::Type& operand) {
  return sets_shape(value) && element_count(value.type.shape) == element_count(operand.shape);
}

ir::Shape without_ones(const ir::Shape& shape) {
  ir::Shape out;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(out),
               [](const ir::Dim& d) { return d != ir::Dim(1); });
  return out;
}

/// The shape's dims with ones in front dropped.
ir::Shape without_leading_ones(const ir::Shape& shape) {
  const auto first =
      std::find_if(shape.begin(), shape.end(), [](const ir::Dim& d) { return d != ir::Dim(1); });
  return ir::Shape(first, shape.end());
}

ValueId view_of_view(Builder& b, ValueId v) {
  const Value outer = b.value(v);
  const Value inner = b.value(outer.args[0]);
  if (outer.op == inner.op && sets_shape(outer)) return b.add_like(outer, {inner.args[0]});
  if (outer.op == inner.op && sets_order(outer)) {
    const auto& second = std::get<std::vector<int64_t>>(outer.attrs[0]);
    const auto& first = std::get<std::vector<int64_t>>(inner.attrs[0]);
    std::vector<int64_t> order;
    for (int64_t d : second) order.push_back(first[size_t(d)]);
    return b.permute(inner.args[0], std::move(order));
  }
  // A repetition adds leading dims itself: a reshape that only puts ones in front is not needed.
  if (sets_shape(outer) && sets_shape(inner) && !keeps_count(outer, inner.type) &&
      keeps_count(inner, b.type(inner.args[0])) &&
      inner.type.shape.size() > b.type(inner.args[0]).shape.size() &&
      without_leading_ones(inner.type.shape) == b.type(inner.args[0]).shape)
    return b.add_like(outer, {inner.args[0]});
  return v;
}

/// Map(view(a), view(b)) -> view(Map(a, b)) for reshapes that only put in or take out ones, so that
/// row values keep the plain shape of the reduction that made them.
ValueId sink_ones(Builder& b, ValueId v) {
  const Value value = b.value(v);
  const ir::Shape* source = nullptr;
  ir::Op op{};
  for (ValueId a : value.args) {
    const Value& arg = b.value(a);
    if (splat(arg)) continue;
    if (!sets_shape(arg)) return v;
    const ir::Shape& shape = b.type(arg.args[0]).shape;
    if (without_ones(shape) != without_ones(arg.type.shape) ||
        shape.size() >= arg.type.shape.size())
      return v;
    if (source && (*source != shape || op != arg.op)) return v;
    source = &b.type(arg.args[0]).shape;
    op = arg.op;
  }
  if (!source) return v;
  const ir::Shape shape = *source;
  std::vector<ValueId> args;
  for (ValueId a : value.args) {
    const Value arg = b.value(a);
    args.push_back(splat(arg) ? b.constant(*splat(arg), {arg.type.dtype, shape}) : arg.args[0]);
  }
  const ValueId made = b.add_like(value, std::move(args));
  b.function()[made].name.clear();
  return b.reshape(made, value.type.shape);
}

}  // namespace

ValueId merge_views(Builder& b, ValueId v) {
  const Value& value = b.value(v);
  if (value.args.empty()) return v;
  if (ir::def(value.op).form == Form::Map) return sink_ones(b, v);
  if (!is_view(value) || value.args.size() != 1) return v;
  if (sets_shape(value) && value.type == b.type(value.args[0])) return value.args[0];
  if (is_view(b.value(value.args[0]))) return view_of_view(b, v);
  return v;
}

}  // namespace netc::passes
