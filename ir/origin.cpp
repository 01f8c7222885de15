// A depth-first walk against the data flow. NaN is followed before infinities, since an infinity
// beside it may be meant.
#include "ir/origin.h"

#include <cmath>
#include <set>

namespace netc::ir {

namespace {

/// A place on a way back.
struct Way {
  Element at;
  std::optional<Element> became_nan;
  Element op;  ///< last element on the way that an op other than a view computed
};

/// The first NaN and the first infinity among what one element reads of each operand.
std::vector<Element> nonfinite_sources(const Elements& elements, const Element& at) {
  std::vector<Element> nans, infinities;
  std::set<std::pair<size_t, bool>> seen;
  elements.visit_sources(at, [&](size_t operand, const Element& from) {
    if (!is_float(elements.function()[from.value].type.dtype)) return;
    const double number = elements.number(from);
    if (std::isfinite(number) || !seen.emplace(operand, std::isnan(number)).second) return;
    (std::isnan(number) ? nans : infinities).push_back(from);
  });
  if (!std::isnan(elements.number(at))) nans.clear();
  nans.insert(nans.end(), infinities.begin(), infinities.end());
  return nans;
}

Origin describe(const Elements& elements, Element made, std::optional<Element> became_nan) {
  Origin origin{made, elements.number(made), {}, became_nan};
  elements.visit_sources(made, [&](size_t operand, const Element& from) {
    if (origin.sources.size() < Origin::kMostSources) origin.sources.emplace_back(operand, from);
  });
  return origin;
}

}  // namespace

Origin find_origin(const Elements& elements, Element bad) {
  const Function& f = elements.function();
  std::vector<Way> ways{{bad, {}, bad}};
  std::set<Element> visited;
  std::optional<Way> written;  // a way that ended at a number of the program
  while (!ways.empty()) {
    Way way = ways.back();
    ways.pop_back();
    if (!visited.insert(way.at).second) continue;
    const Value& value = f[way.at.value];
    if (value.op == Op::constant || value.op == Op::pad) {
      // A pad without sources shows its own number.
      bool inner = false;
      elements.visit_sources(way.at, [&](size_t, const Element&) { inner = true; });
      if (!inner) {
        if (!written) written = way;
        continue;
      }
    }
    if (def(value.op).form != Form::View) way.op = way.at;
    std::vector<Element> sources = nonfinite_sources(elements, way.at);
    if (sources.empty()) return describe(elements, way.at, way.became_nan);
    if (std::isnan(elements.number(way.at)) && !std::isnan(elements.number(sources[0])))
      way.became_nan = way.at;
    for (size_t i = sources.size(); i-- > 0;) ways.push_back({sources[i], way.became_nan, way.op});
  }
  if (!written) return describe(elements, bad, {});
  return describe(elements, written->became_nan.value_or(written->op), {});
}

std::optional<Element> first_nonfinite(const Elements& elements, ValueId v) {
  for (int64_t i = 0; i < elements.count(v); ++i)
    if (!std::isfinite(elements.number({v, i}))) return Element{v, i};
  return {};
}

}  // namespace netc::ir
