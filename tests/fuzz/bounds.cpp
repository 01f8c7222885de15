#include "tests/fuzz/bounds.h"

#include <algorithm>
#include <cmath>

namespace netc::fuzz {

using ir::DType;
using ir::ReduceKind;

namespace {

double unit_roundoff(DType d) { return d == DType::f32 ? 0x1p-24 : 0x1p-53; }
double largest(DType d) { return d == DType::f32 ? 0x1.fffffep127 : 0x1.fffffffffffffp1023; }
double least(DType d) { return d == DType::f32 ? 0x1p-149 : 0x1p-1074; }

}  // namespace

double known(double bound) { return bound < 1e300 ? bound : kUnknown; }

double rounding(DType dtype, double v, double ulps, bool exact_operands) {
  if (!ir::is_float(dtype) || !std::isfinite(v)) return 0;
  // Short numbers from exact operands are exact: nothing is lost however they are computed.
  if (exact_operands && ulps == 0 && double(float(v)) == v) return 0;
  if (std::fabs(v) > largest(dtype)) return kUnknown;
  return 2 * std::max(ulps, 0.5) * unit_roundoff(dtype) * std::fabs(v) + least(dtype);
}

bool is_short(const Tracked& t) {
  return std::all_of(t.value.floats.begin(), t.value.floats.end(),
                     [](double v) { return std::fmod(v, 0x1p-4) == 0; });
}

double sum_error(DType dtype, double n, double magnitude) {
  if (n < 2 || magnitude == 0) return 0;
  if (std::isinf(magnitude)) return 0;  // the value is not finite either
  if (magnitude > largest(dtype)) return kUnknown;
  return n * unit_roundoff(dtype) * magnitude + n * least(dtype);
}

namespace {

void any_unknown(const Tracked& x, const std::vector<int64_t>& group, size_t g, Tracked& out) {
  for (int64_t i : group)
    if (x.error[size_t(i)] > 0) out.error[g] = kUnknown;
}

void fold_sum(const Tracked& x, const std::vector<int64_t>& group, size_t g, Tracked& out) {
  if (!ir::is_float(out.value.dtype)) return any_unknown(x, group, g, out);
  double magnitude = 0, error = 0, tangent = 0;
  for (int64_t i : group) {
    magnitude += std::fabs(x.value.floats[size_t(i)]);
    error += x.error[size_t(i)];
    tangent += x.tangent[size_t(i)];
  }
  const double n = double(group.size());
  const bool exact = error == 0 && is_short(x) && magnitude < kShort;
  out.error[g] = exact ? 0 : known(error + sum_error(out.value.dtype, n, magnitude));
  out.tangent[g] = tangent;
  if (std::isnan(out.error[g])) out.error[g] = error < 1e300 ? 0 : kUnknown;
}

void fold_product(const Tracked& x, const std::vector<int64_t>& group, size_t g, Tracked& out) {
  if (!ir::is_float(out.value.dtype)) return any_unknown(x, group, g, out);
  // The largest the product may be less what it is; then the roundings of the factors' product.
  double most = 1, product = 1, beyond = 1;
  for (int64_t i : group) {
    const double v = x.value.floats[size_t(i)];
    most *= std::fabs(v) + x.error[size_t(i)];
    product *= std::fabs(v);
    beyond *= std::max(1.0, std::fabs(v));  // a partial product in any order
  }
  const double n = double(group.size());
  out.error[g] = known(std::max(0.0, most - product) * (1 + 1e-10) +
                       rounding(out.value.dtype, product * std::max(1.0, n - 1), 0, false) +
                       n * least(out.value.dtype) * beyond);
  if (group.size() < 2) out.error[g] = group.empty() ? 0 : x.error[size_t(group[0])];
  if (beyond > largest(out.value.dtype)) out.error[g] = kUnknown;
  if (std::isnan(out.error[g])) out.error[g] = std::isnan(most) ? 0 : kUnknown;
  for (int64_t i : group) {
    double rest = x.tangent[size_t(i)];
    for (int64_t j : group)
      if (j != i && rest != 0) rest *= x.value.floats[size_t(j)];
    out.tangent[g] += rest;
  }
}

void fold_logic(bool any, const Tracked& x, const std::vector<int64_t>& group, size_t g,
                Tracked& out) {
  any_unknown(x, group, g, out);
  for (int64_t i : group)
    if (x.error[size_t(i)] == 0 && (x.value.ints[size_t(i)] != 0) == any)
      out.error[g] = 0, out.value.ints[g] = any;
}

void fold_extreme(ReduceKind kind, const Tracked& x, const std::vector<int64_t>& group, size_t g,
                  Tracked& out, bool& at_kink) {
  const bool smallest = kind == ReduceKind::min || kind == ReduceKind::argmin;
  const bool position = kind == ReduceKind::argmax || kind == ReduceKind::argmin;
  if (!ir::is_float(x.value.dtype)) return any_unknown(x, group, g, out);
  auto at = [&](int64_t i) { return (smallest ? -1 : 1) * x.value.floats[size_t(i)]; };
  double best = -kUnknown, widest = 0;
  bool nan = false;
  int64_t first = group.empty() ? 0 : group[0];
  for (int64_t i : group) {
    nan = nan || std::isnan(at(i));
    if (at(i) > best) best = at(i), first = i;
    widest = std::max(widest, x.error[size_t(i)]);
  }
  std::vector<int64_t> tied;
  bool close = false;
  for (int64_t i : group) {
    if (at(i) == best) tied.push_back(i);
    const double reach = x.error[size_t(i)] + x.error[size_t(first)];
    const bool may_win =
        i != first && (reach > 0 || x.tangent[size_t(i)] != x.tangent[size_t(first)]);
    if (may_win && at(i) + reach + 1e-7 * std::fabs(best) >= best) {
      at_kink = true;
      close = close || (reach > 0 && at(i) + reach >= best);
    }
  }
  if (position)
    out.error[g] = close || !(widest < 1e300) || (nan && widest > 0) ? kUnknown : 0;
  else
    out.error[g] = known(widest);
  if (position || nan) return;
  for (int64_t i : tied) out.tangent[g] += x.tangent[size_t(i)] / double(tied.size());
}

}  // namespace

void fold(ReduceKind kind, const Tracked& x, const std::vector<int64_t>& group, size_t g,
          Tracked& out, bool& at_kink) {
  switch (kind) {
    case ReduceKind::sum:
      return fold_sum(x, group, g, out);
    case ReduceKind::prod:
      return fold_product(x, group, g, out);
    case ReduceKind::any:
    case ReduceKind::all:
      return fold_logic(kind == ReduceKind::any, x, group, g, out);
    case ReduceKind::max:
    case ReduceKind::min:
    case ReduceKind::argmax:
    case ReduceKind::argmin:
      return fold_extreme(kind, x, group, g, out, at_kink);
  }
}

}  // namespace netc::fuzz
