// The pass `simplify`: rules, constants and views, applied to every value as it is copied.
#include "passes/simplify.h"

#include <algorithm>
#include <array>

#include "ir/array.h"
#include "ir/window_rules.h"
#include "passes/passes.h"
#include "passes/rules.h"

namespace netc::passes {

using ir::Builder;
using ir::Function;
using ir::FunctionId;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

constexpr int kMaxSteps = 64;  ///< rewrites of one value; rules that chase each other end here
constexpr int kMaxDepth = 16;

/// Rules by the op at the root of their pattern.
const std::array<std::vector<const Rule*>, ir::kOpCount>& rules_by_op() {
  static const auto table = [] {
    std::array<std::vector<const Rule*>, ir::kOpCount> lists;
    for (const Rule& rule : rules()) lists[size_t(rule.pattern.op)].push_back(&rule);
    return lists;
  }();
  return table;
}

}  // namespace

ValueId Simplifier::apply_rules(ValueId v) {
  std::vector<ValueId> bound;
  for (const Rule* rule : rules_by_op()[size_t(b_.value(v).op)]) {
    if (gradient_only_ && !rule->gradient) continue;
    if (rule->after_backward && b_.module().stage == ir::Stage::Forward) continue;
    // The dtype that decides is the operands': `x == x` on floats is bool.
    const ir::DType dtype = b_.type(b_.value(v).args.back()).dtype;
    if (!allowed(*rule, dtype, context_.fast) || !match(*rule, b_.function(), v, bound)) continue;
    if (!context_.rewrite("simplify.rules")) return v;
    return build(*rule, b_, v, bound, [&](ir::Op op, std::vector<ValueId> args) {
      const ValueId made = b_.add(op, std::move(args));
      return depth_ < kMaxDepth ? improve(made) : made;
    });
  }
  return v;
}

ValueId Simplifier::without_columns(ValueId v) {
  const ValueId next = ir::without_columns(b_, v);
  return next == v || context_.rewrite("simplify.windows") ? next : v;
}

ValueId Simplifier::improve(ValueId v) {
  ++depth_;
  for (int step = 0; step < kMaxSteps; ++step) {
    ValueId next = v;
    if (ir::def(b_.value(v).op).scalar) next = apply_rules(v);
    if (next == v && !gradient_only_) {
      next = fold_constant(b_, v);
      if (next == v) next = merge_views(b_, v);
      if (next != v && !context_.rewrite("simplify.views")) next = v;
      if (next == v) next = without_columns(v);
    }
    if (next == v) break;
    v = next;
  }
  --depth_;
  return v;
}

ValueId fold_constant(Builder& b, ValueId v) {
  constexpr int64_t kMaxElements = 4096;
  const Value& value = b.value(v);
  if (value.args.empty() || splat(value) || ir::def(value.op).form == ir::Form::Call) return v;
  std::vector<ir::Array> arrays;
  const auto small = [](const ir::Type& type) {
    const ir::Dim count = element_count(type.shape);
    return count.is_constant() && count.constant() <= kMaxElements;
  };
  if (!small(value.type) || !ir::def(value.op).reference) return v;
  const auto shape_of = [](const ir::Type& type) {
    std::vector<int64_t> shape;
    for (const ir::Dim& d : type.shape) shape.push_back(d.constant());
    return shape;
  };
  for (ValueId a : value.args) {
    const auto number = splat_number(b.value(a));
    if (!number || !small(b.type(a))) return v;
    ir::Array array = ir::Array::zeros(b.type(a).dtype, shape_of(b.type(a)));
    for (int64_t i = 0; i < array.size(); ++i) array.set(i, *number);
    arrays.push_back(std::move(array));
  }
  std::vector<const ir::Array*> operands;
  for (const auto& array : arrays) operands.push_back(&array);
  ir::Array out = ir::Array::zeros(value.type.dtype, shape_of(value.type));
  ir::def(value.op).reference(value, operands, out);
  if (out.size() == 0) return v;
  const bool uniform = ir::is_float(out.dtype)
                           ? std::adjacent_find(out.floats.begin(), out.floats.end(),
                                                std::not_equal_to<>()) == out.floats.end()
                           : std::adjacent_find(out.ints.begin(), out.ints.end(),
                                                std::not_equal_to<>()) == out.ints.end();
  constexpr int64_t kExact = int64_t(1) << 53;  // integers a Scalar's factor would round
  if (!uniform || out.number(0) != out.number(0)) return v;
  if (!ir::is_float(out.dtype) && std::abs(out.ints[0]) > kExact) return v;
  return b.constant(out.number(0), ir::Type(value.type));
}

namespace {

/// Copies a function, improving every value; equal values written on the way are found by `tidy`
/// and by the pass cse.
class SimplifyFunction {
 public:
  SimplifyFunction(Module& module, FunctionId f, PassContext& context, bool gradient, size_t first)
      : rewriter_(module, f),
        table_(module, f),
        simplifier_(rewriter_.b, context, gradient),
        gradient_(gradient),
        first_(first) {}

  void run() {
    const Function& old = rewriter_.old();
    for (size_t i = old.params.size(); i < old.values.size(); ++i) {
      if (i < first_ || ir::def(old.values[i].op).form == ir::Form::Call) {
        enter(rewriter_.copy(ValueId(i)));
      } else {
        rewrite(ValueId(i));
      }
    }
  }
  Rewriter& rewriter() { return rewriter_; }

 private:
  Rewriter rewriter_;
  ValueTable table_;
  Simplifier simplifier_;
  bool gradient_;
  size_t first_;

  void enter(ValueId v) {
    if (gradient_) table_.unique(v);
  }

  void rewrite(ValueId at) {
    const Value& value = rewriter_.old()[at];
    Function& now = rewriter_.b.function();
    const size_t mark = now.values.size();
    rewriter_.b.locs = value.locs;
    rewriter_.b.vjp_of = value.vjp_of;
    ValueId v = simplifier_.improve(rewriter_.b.add_like(value, rewriter_.now(value.args)));
    if (gradient_) v = unique_from(mark, v);
    if (v.index >= mark) {
      Value& made = now.values[v.index];
      if (made.name.empty()) made.name = value.name;
    }
    rewriter_.set(at, v);
  }

  /// Gives the values written since `mark` the ids of equal ones, and drops what is not needed.
  ValueId unique_from(size_t mark, ValueId v) {
    Function& now = rewriter_.b.function();
    if (v.index < mark) {
      now.values.resize(mark);
      return v;
    }
    std::vector<Value> made(now.values.begin() + std::ptrdiff_t(mark), now.values.end());
    std::vector<bool> needed(made.size(), false);
    needed[v.index - mark] = true;
    for (size_t i = made.size(); i-- > 0;)
      if (needed[i])
        for (ValueId a : made[i].args)
          if (a.index >= mark) needed[a.index - mark] = true;
    now.values.resize(mark);
    std::vector<ValueId> map(made.size());
    for (size_t i = 0; i < made.size(); ++i) {
      if (!needed[i]) continue;
      for (ValueId& a : made[i].args)
        if (a.index >= mark) a = map[a.index - mark];
      const ValueId last = append(now, std::move(made[i]));
      map[i] = table_.unique(last);
      if (map[i] == last) continue;
      unite_locs(now[map[i]].locs, now[last].locs);
      now.values.pop_back();
    }
    return map[v.index - mark];
  }
};

}  // namespace

void tidy(Module& module, FunctionId function, size_t first, std::vector<ValueId>& kept,
          PassContext& context) {
  {
    SimplifyFunction work(module, function, context, true, first);
    work.run();
    for (ValueId& v : kept)
      if (v) v = work.rewriter().now(v);
    work.rewriter().finish();
  }
  erase_unused(module, function, &kept);
}

Module simplify(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const FunctionId f(i);
    if (!module[f].entry) continue;
    SimplifyFunction work(module, f, context, false, 0);
    work.run();
    work.rewriter().finish();
    erase_unused(module, f);
  }
  return module;
}

}  // namespace netc::passes
