// The pass `layouts`: a contraction reads vectors along a label of its result, or along a folded
// label that both operands have last, or from panels that its own code packs from an operand that
// lacks a label of the result (4.3 ms for 1024x1024 where a plain copy took 13). Where none of
// these is possible, a transposed copy of an operand is stored for it.
#include <algorithm>
#include <limits>

#include "ir/shape_rules.h"
#include "passes/grouping.h"
#include "passes/passes.h"

namespace netc::passes {

using ir::FunctionId;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

class Layouts {
 public:
  Layouts(Module& module, FunctionId f, PassContext& context)
      : rewriter_(module, f), context_(context) {}

  void run() {
    const ir::Function& old = rewriter_.old();
    for (size_t i = old.params.size(); i < old.values.size(); ++i) {
      copies_[0] = copies_[1] = ValueId();
      if (ir::def(old.values[i].op).form == ir::Form::Contract) prepare(ValueId(i));
      const ValueId v = rewriter_.copy(ValueId(i));
      for (size_t a : {size_t(0), size_t(1)})
        if (copies_[a]) rewriter_.b.function()[v].args[a] = copies_[a];
    }
    rewriter_.finish();
  }

 private:
  Rewriter rewriter_;
  PassContext& context_;
  ValueId copies_[2];
  std::map<std::pair<ValueId, std::vector<int64_t>>, ValueId> made_;

  /// Whether elements along dim `at` of an operand lie side by side where it is stored.
  bool is_contiguous(ValueId operand, size_t at) const {
    const ir::Function& f = rewriter_.old();
    const ValueId root = root_of(f, std::vector<bool>(f.values.size(), false), operand);
    const auto access = access_from(f, operand, root);
    // What is not affine is made dense in the operand's own order.
    const auto& shape = f[operand].type.shape;
    return access ? access->strides[at] == ir::Dim(1) : at + 1 == shape.size();
  }

  /// A result label along which one operand is contiguous and which is worth a vector: the last one
  /// if it is wide, else any wide one.
  bool reads_vectors(const Value& value, const ir::EinsumLabels& labels) const {
    for (size_t d = labels.result.size(); d-- > 0;) {
      if (!is_wide(value.type.shape[d])) continue;
      for (size_t a : {size_t(0), size_t(1)}) {
        const size_t at = (a == 0 ? labels.lhs : labels.rhs).find(labels.result[d]);
        if (at != std::string::npos && is_contiguous(value.args[a], at)) return true;
      }
    }
    return false;
  }

  /// A folded label along which every operand that has it is contiguous.
  bool reads_folded_vectors(const Value& value, const ir::EinsumLabels& labels) const {
    for (char l : labels.lhs) {
      const size_t left = labels.lhs.find(l), right = labels.rhs.find(l);
      if (right == std::string::npos || labels.result.find(l) != std::string::npos) continue;
      if (is_contiguous(value.args[0], left) && is_contiguous(value.args[1], right)) return true;
    }
    return false;
  }

  bool is_wide(const ir::Dim& size) const {
    return !size.is_constant() || size.constant() * 4 >= context_.target.vector_bytes;
  }

  void prepare(ValueId v) {
    const Value& value = rewriter_.old()[v];
    const ir::EinsumLabels labels = ir::einsum_labels(std::get<std::string>(value.attrs[0]));
    if (labels.result.empty() || reads_vectors(value, labels) ||
        reads_folded_vectors(value, labels))
      return;
    // The operand with the result's last label; when both have it, the smaller one.
    const char last = labels.result.back();
    int chosen = -1;
    for (int a : {0, 1}) {
      const std::string& own = a == 0 ? labels.lhs : labels.rhs;
      if (own.find(last) == std::string::npos) continue;
      if (chosen < 0 || is_smaller(value.args[1], value.args[0])) chosen = a;
    }
    if (chosen < 0 || !is_wide(value.type.shape.back())) return;
    const std::string& own = chosen == 0 ? labels.lhs : labels.rhs;
    const bool can_pack = std::any_of(labels.result.begin(), labels.result.end(),
                                      [&](char l) { return own.find(l) == std::string::npos; });
    if (can_pack) return;
    if (!context_.rewrite("layouts.copies")) return;
    copies_[chosen] = transposed(value.args[size_t(chosen)], own, last, value.locs);
  }

  bool is_smaller(ValueId a, ValueId b) const {
    const auto size = [&](ValueId v) {
      const ir::Dim count = element_count(rewriter_.old()[v].type.shape);
      return count.is_constant() ? count.constant() : std::numeric_limits<int64_t>::max();
    };
    return size(a) < size(b);
  }

  /// A view of a stored copy in which `last` is the last dim: the same value for the contraction.
  ValueId transposed(ValueId operand, const std::string& own, char last,
                     const std::vector<ir::LocId>& locs) {
    std::vector<int64_t> order, back(own.size());
    for (size_t d = 0; d < own.size(); ++d)
      if (own[d] != last) order.push_back(int64_t(d));
    order.push_back(int64_t(own.find(last)));
    for (size_t d = 0; d < order.size(); ++d) back[size_t(order[d])] = int64_t(d);
    const ValueId source = rewriter_.now(operand);
    ValueId& view = made_[{source, order}];
    if (view) return view;
    ir::Builder& b = rewriter_.b;
    b.locs = locs;
    const ValueId copy = b.copy(b.permute(source, order));
    b.function()[copy].remark = "transposed copy: a contraction reads it along its last dim";
    return view = b.permute(copy, back);
  }
};

}  // namespace

Module choose_layouts(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.functions[i].entry) Layouts(module, FunctionId(i), context).run();
  return module;
}

}  // namespace netc::passes
