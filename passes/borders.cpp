// The pass `borders`: a value that a contraction reads with a border around it is stored with that
// border, and everything else reads its inside, so that it is not stored twice.
#include <algorithm>

#include "passes/grouping.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::Form;
using ir::FunctionId;
using ir::Module;
using ir::Shape;
using ir::Value;
using ir::ValueId;

namespace {

class Borders {
 public:
  Borders(Module& module, FunctionId f, PassContext& context)
      : rewriter_(module, f),
        context_(context),
        users_(users(rewriter_.old())),
        uses_(use_counts(rewriter_.old())) {}

  void run() {
    const ir::Function& old = rewriter_.old();
    for (size_t i = old.params.size(); i < old.values.size(); ++i) {
      const ValueId v(i);
      if (rewriter_.now(v)) continue;
      rewriter_.copy(v);
      if (const ValueId bordered = bordered_use(v); bordered && context_.rewrite("borders.kept"))
        keep(v, bordered);
    }
    rewriter_.finish();
  }

 private:
  Rewriter rewriter_;
  PassContext& context_;
  std::vector<std::vector<ValueId>> users_;
  std::vector<uint32_t> uses_;

  const Value& old(ValueId v) const { return rewriter_.old()[v]; }

  /// A view of one operand that puts a number around it.
  static bool adds_border(const Value& value) {
    return is_view(value) && value.args.size() == 1 && value.attrs.size() == 3 &&
           std::holds_alternative<ir::Scalar>(value.attrs[2]);
  }

  /// Whether a contraction reads `v` through affine views.
  bool is_contracted(ValueId v) const {
    return std::any_of(users_[v.index].begin(), users_[v.index].end(), [&](ValueId user) {
      const Value& value = old(user);
      if (ir::def(value.op).form == Form::Contract) return true;
      return is_view(value) && access_from(rewriter_.old(), user, v) && is_contracted(user);
    });
  }

  /// The value that is `v` with a border, where something else reads `v` too.
  ValueId bordered_use(ValueId v) const {
    const Form form = ir::def(old(v).op).form;
    const bool is_result = uses_[v.index] > users_[v.index].size();
    if ((form != Form::Map && form != Form::Contract) || users_[v.index].size() < 2 || is_result)
      return {};
    for (ValueId user : users_[v.index])
      if (adds_border(old(user)) && is_contracted(user)) return user;
    return {};
  }

  void keep(ValueId v, ValueId bordered) {
    ir::Builder& b = rewriter_.b;
    b.locs = old(bordered).locs;
    const ValueId made = b.add_like(old(bordered), {rewriter_.now(v)});
    rewriter_.set(bordered, made);
    const Shape& before = std::get<Shape>(old(bordered).attrs[0]);
    ValueId inside = made;
    for (size_t d = 0; d < before.size(); ++d)
      inside = b.slice(inside, int64_t(d), before[d], old(v).type.shape[d], 1);
    rewriter_.set(v, inside);
  }
};

}  // namespace

Module keep_borders(Module module, PassContext& context) {
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.functions[i].entry) Borders(module, FunctionId(i), context).run();
  return module;
}

}  // namespace netc::passes
