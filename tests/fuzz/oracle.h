// The oracle: an interpreter that carries with every element a bound on what any legal way of
// computing it may differ by, and its derivative along one direction.
#pragma once

#include <string>
#include <vector>

#include "ir/array.h"
#include "ir/graph.h"

namespace netc::fuzz {

/// A tensor as the oracle knows it. `value` holds the floats in f64, not rounded to their type.
struct Tracked {
  ir::Array value;
  /// |computed - value| is at most this where floats are computed in their own type, in any order
  /// of sums, with or without fused multiply-add; infinity: nothing is known (a tie, a kink, the
  /// edge of a domain within the bound). Integers and bool: 0, or infinity where uncertain.
  std::vector<double> error;
  std::vector<double> tangent;  ///< of floats: the derivative along the arguments' tangents

  bool stable(int64_t i) const { return error[size_t(i)] < 1e300; }
};

/// An exact argument; `tangent` may be empty (zero).
Tracked exact(ir::Array value, std::vector<double> tangent = {});

struct OracleResult {
  std::vector<Tracked> results;
  bool faulted = false;          ///< a computed index left its range
  bool fault_uncertain = false;  ///< or may have left it
  bool fault_unread = false;     ///< or left it where nothing may need the element
  bool may_fault() const { return faulted || fault_uncertain || fault_unread; }
  /// A comparison, rounding or extreme was decided with no margin, so that the derivative may be
  /// any of several.
  bool at_kink = false;
  bool holds_back = false;  ///< a stop_gradient passed a tangent that is not zero
};

/// Runs a function whose sizes are all numbers (passes::specialise) on `args`, one a parameter.
OracleResult track(const ir::Module& module, ir::FunctionId function,
                   const std::vector<Tracked>& args);

}  // namespace netc::fuzz
