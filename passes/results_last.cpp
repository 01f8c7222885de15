// The pass `results_last`: where the result of a contraction has the labels of one operand on both
// sides of those of the other ("ncijab,ocab->noij", a convolution), the latter move behind all
// others unless that wastes more lanes of a vector: results then lie side by side in memory as the
// register tiles make them, and windows over the other dims read whole vectors. Elementwise values,
// reductions and views behind keep that order of dims.
#include <algorithm>

#include "ir/moved_view.h"
#include "ir/shape_rules.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace netc::passes {

using ir::Form;
using ir::FunctionId;
using ir::Module;
using ir::Moved;
using ir::Value;
using ir::ValueId;

namespace {

class ResultsLast {
 public:
  ResultsLast(Module& module, FunctionId f, PassContext& context)
      : rewriter_(module, f),
        context_(context),
        simplifier_(rewriter_.b, context, false),
        moved_(rewriter_.old().values.size()) {}

  void run() {
    const ir::Function& old = rewriter_.old();
    for (size_t i = old.params.size(); i < old.values.size(); ++i) {
      const Value& value = old.values[i];
      rewriter_.b.locs = value.locs;
      rewriter_.b.vjp_of = value.vjp_of;
      const auto moved = move(value);
      if (moved)
        set(ValueId(i), *moved);
      else if (!rewriter_.now(ValueId(i)))
        rewriter_.copy(ValueId(i));
    }
    rewriter_.finish();
  }

 private:
  Rewriter rewriter_;
  PassContext& context_;
  Simplifier simplifier_;
  std::vector<std::optional<Moved>> moved_;  ///< by old value

  ir::Builder& b() { return rewriter_.b; }
  const ir::Type& type(ValueId old) const { return rewriter_.old()[old].type; }

  void set(ValueId at, const Moved& moved) {
    Value& made = b().function()[moved.value];
    if (made.name.empty()) made.name = rewriter_.old()[at].name;
    moved_[at.index] = moved;
    const auto back = ir::order_back(type(at).rank(), moved);
    rewriter_.set(at, simplifier_.improve(b().permute(moved.value, back)));
  }

  std::optional<Moved> move(const Value& value) {
    switch (ir::def(value.op).form) {
      case Form::Contract:
        return contraction(value);
      case Form::Map:
        return map(value);
      case Form::Reduce:
        return reduction(value);
      case Form::View:
        return view(value);
      case Form::Leaf:
      case Form::Gather:
      case Form::Scatter:
      case Form::Call:
        return {};
    }
    return {};
  }

  /// The fraction of lanes that do work along a dim of this size.
  double used_lanes(const ir::Dim& size, ir::DType dtype) const {
    if (!size.is_constant()) return 1;
    const int64_t lanes = std::max<int64_t>(context_.target.vector_bytes / ir::byte_size(dtype), 1);
    const int64_t n = std::max<int64_t>(size.constant(), 1);
    return double(n) / double((n + lanes - 1) / lanes * lanes);
  }

  std::optional<Moved> contraction(const Value& value) {
    const ir::EinsumLabels s = ir::einsum_labels(std::get<std::string>(value.attrs[0]));
    for (const auto& [own, other] : {std::pair(s.rhs, s.lhs), std::pair(s.lhs, s.rhs)}) {
      const auto only_in = [&](char l, const std::string& in, const std::string& not_in) {
        return in.find(l) != std::string::npos && not_in.find(l) == std::string::npos;
      };
      // A run of labels of `own`, with labels of `other` in front and behind.
      const auto is_own = [&](char l) { return only_in(l, own, other); };
      const auto first = std::find_if(s.result.begin(), s.result.end(), is_own);
      const auto last = std::find_if_not(first, s.result.end(), is_own);
      if (first == s.result.end() || last == s.result.end() ||
          std::any_of(last, s.result.end(), is_own))
        continue;
      const auto is_other = [&](char l) { return only_in(l, other, own); };
      if (std::none_of(s.result.begin(), first, is_other) ||
          !std::all_of(last, s.result.end(), is_other))
        continue;
      const Moved run{{}, first - s.result.begin(), last - s.result.begin()};
      const ir::Shape& shape = value.type.shape;
      if (used_lanes(shape[size_t(run.end) - 1], value.type.dtype) <
              used_lanes(shape.back(), value.type.dtype) ||
          !context_.rewrite("results_last.moved"))
        return {};
      std::string result;
      for (int64_t d : ir::moved_order(value.type.rank(), run)) result += s.result[size_t(d)];
      const auto args = rewriter_.now(value.args);
      return Moved{b().einsum(s.lhs + "," + s.rhs + "->" + result, args[0], args[1]), run.begin,
                   run.end};
    }
    return {};
  }

  /// An operand with the run's dims moved to the end.
  ValueId operand(ValueId old, const Moved& run) {
    const auto& own = moved_[old.index];
    if (own && own->begin == run.begin && own->end == run.end) return own->value;
    const std::vector<int64_t> order = ir::moved_order(type(old).rank(), run);
    if (const ir::Scalar* number = splat(rewriter_.old()[old])) {
      ir::Shape shape;
      for (int64_t d : order) shape.push_back(type(old).shape[size_t(d)]);
      return b().constant(*number, {type(old).dtype, shape});
    }
    return simplifier_.improve(b().permute(rewriter_.now(old), order));
  }

  std::optional<Moved> map(const Value& value) {
    for (ValueId a : value.args) {
      if (!moved_[a.index]) continue;
      Moved run = *moved_[a.index];
      std::vector<ValueId> args;
      for (ValueId x : value.args) args.push_back(operand(x, run));
      run.value = b().add_like(value, args);
      return run;
    }
    return {};
  }

  std::optional<Moved> reduction(const Value& value) {
    const auto& run = moved_[value.args[0].index];
    if (!run) return {};
    const auto& dims = std::get<std::vector<int64_t>>(value.attrs[1]);
    const auto back = ir::order_back(type(value.args[0]).rank(), *run);
    std::vector<int64_t> folded;
    int64_t before = 0;
    for (int64_t d : dims) {
      if (d >= run->begin && d < run->end) return {};
      before += d < run->begin;
      folded.push_back(back[size_t(d)]);
    }
    Value like = value;
    like.attrs[1] = folded;
    return Moved{b().add_like(like, {run->value}), run->begin - before, run->end - before};
  }

  std::optional<Moved> view(const Value& value) {
    if (value.args.size() != 1 || !moved_[value.args[0].index]) return {};
    auto moved = ir::view_of_moved(b(), value, type(value.args[0]), *moved_[value.args[0].index]);
    if (moved) moved->value = simplifier_.improve(moved->value);
    return moved;
  }
};

}  // namespace

Module move_results_last(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const FunctionId f(i);
    if (!module[f].entry) continue;
    ResultsLast(module, f, context).run();
    erase_unused(module, f);
  }
  return module;
}

}  // namespace netc::passes
