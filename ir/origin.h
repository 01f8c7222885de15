// Where a value that is not finite came from: the first op on its way that was given nothing but
// finite numbers.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "ir/elements.h"

namespace netc::ir {

struct Origin {
  /// The element that is not finite though what it was computed from is. Of a parameter: it stood
  /// there before the run. Where an infinity was written in the program on purpose (a mask) it is
  /// what made NaN of it.
  Element made;
  double number = 0;
  /// What it was computed from, at most kMostSources: operand number and element.
  static constexpr size_t kMostSources = 100'000;
  std::vector<std::pair<size_t, Element>> sources;
  /// Further on, where that infinity became NaN.
  std::optional<Element> became_nan;
};

/// Follows `bad`, an element that is not finite, back. What a `where` did not take, and numbers
/// that did not reach `bad`, are left aside, so an infinity that a mask hides is none's fault.
Origin find_origin(const Elements& elements, Element bad);

/// The first element of `v` that is not finite.
std::optional<Element> first_nonfinite(const Elements& elements, ValueId v);

}  // namespace netc::ir
