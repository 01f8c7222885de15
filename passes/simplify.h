// Local rewriting of values: rules of simplify.rules, folding of constants, merging of views.
#pragma once

#include <vector>

#include "passes/cse.h"
#include "passes/pass.h"
#include "passes/rewrite.h"

namespace netc::passes {

/// Rewrites values as they are written. What stands earlier in the function is never changed.
class Simplifier {
 public:
  Simplifier(ir::Builder& b, PassContext& context, bool gradient_rules_only)
      : b_(b), context_(context), gradient_only_(gradient_rules_only) {}

  /// A value equal to `v`, which was just appended, and hopefully simpler.
  ir::ValueId improve(ir::ValueId v);

 private:
  ir::Builder& b_;
  PassContext& context_;
  bool gradient_only_;
  int depth_ = 0;

  ir::ValueId apply_rules(ir::ValueId v);
  ir::ValueId without_columns(ir::ValueId v);
};

/// What differentiation does with its own writing, the values from `first` on: equal values become
/// one, sums and products with constants fold, and unused values go. `kept` is renumbered.
void tidy(ir::Module& module, ir::FunctionId function, size_t first, std::vector<ir::ValueId>& kept,
          PassContext& context);

/// View of view, and what else is known of views: a value equal to the view `v`, or `v`.
ir::ValueId merge_views(ir::Builder& b, ir::ValueId v);
/// The constant that `v` is when all its operands are constants; else `v`.
ir::ValueId fold_constant(ir::Builder& b, ir::ValueId v);

}  // namespace netc::passes
