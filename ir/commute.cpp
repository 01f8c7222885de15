// Found by trial, so that no list of ops has to be kept.
#include "ir/commute.h"

#include <bit>
#include <limits>
#include <vector>

namespace netc::ir {
namespace {

/// Whether the value is the same when computed both ways from numbers of all kinds.
bool commutes_on_samples(const OpDef& op) {
  if (!op.scalar || op.scalar->arity != 2) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double samples[] = {-kInfinity, -2, -1.5, -0.0, 0, 0.3, 1, 3, 7, kInfinity};
  for (double a : samples)
    for (double b : samples) {
      double one = op.scalar->eval(a, b, 0), other = op.scalar->eval(b, a, 0);
      bool both_nan = one != one && other != other;
      if (!both_nan && std::bit_cast<uint64_t>(one) != std::bit_cast<uint64_t>(other)) return false;
    }
  return true;
}

}  // namespace

bool commutes(Op op) {
  static const std::vector<bool> known = [] {
    std::vector<bool> list;
    for (int i = 0; i < kOpCount; ++i) list.push_back(commutes_on_samples(def(Op(i))));
    return list;
  }();
  return known[size_t(op)];
}

}  // namespace netc::ir
