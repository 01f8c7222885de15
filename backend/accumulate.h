// Accumulators of reductions: start, fold in an element, merge two, finish.
#pragma once

#include "backend/emitter.h"

namespace netc::backend {

/// A running fold: a number, and for argmax and argmin the position it was found at.
struct Running {
  llvm::Value* value = nullptr;
  llvm::Value* position = nullptr;  ///< i64
};

class Accumulator {
 public:
  /// Folds elements of type `from` by `kind` into a result of type `to`. Sums and products of f32
  /// are carried in f64, so that long ones stay accurate.
  Accumulator(Emitter& e, ir::ReduceKind kind, ir::DType from, ir::DType to);

  bool has_position() const;
  ir::DType carried() const { return carried_; }

  Running start(bool vector);
  /// An element, ready to be merged.
  Running element(llvm::Value* x, llvm::Value* position);
  Running merge(const Running& a, const Running& c);
  /// a where `condition` holds, else c.
  Running choose(llvm::Value* condition, const Running& a, const Running& c);
  /// All lanes folded into one, in a fixed tree.
  Running across_lanes(Running r);
  llvm::Value* finish(const Running& r);

 private:
  Emitter& e_;
  ir::ReduceKind kind_;
  ir::DType from_, to_, carried_;
};

}  // namespace netc::backend
