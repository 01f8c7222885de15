// Index arithmetic of every op, one element at a time.
#include "ir/elements.h"

#include <algorithm>

#include "ir/access.h"
#include "ir/array.h"
#include "ir/ops/rules.h"

namespace netc::ir {

namespace {

std::vector<int64_t> unravel(int64_t index, const std::vector<int64_t>& shape) {
  std::vector<int64_t> position(shape.size());
  for (size_t d = shape.size(); d-- > 0;) {
    position[d] = index % shape[d];
    index /= shape[d];
  }
  return position;
}

int64_t ravel(const std::vector<int64_t>& position, const std::vector<int64_t>& strides) {
  int64_t at = 0;
  for (size_t d = 0; d < position.size(); ++d) at += position[d] * strides[d];
  return at;
}

using Visit = std::function<void(size_t, const Element&)>;

/// visit(0 …) over `sizes`, from `start` on.
void visit_walk(const Visit& visit, size_t operand, ValueId value,
                const std::vector<int64_t>& sizes, int64_t start,
                const std::vector<int64_t>& strides) {
  ops::walk(sizes, start, strides, [&](int64_t, int64_t at) { visit(operand, {value, at}); });
}

void visit_reduced(const Elements& e, const Value& value, const std::vector<int64_t>& position,
                   const Visit& visit) {
  const auto& dims = std::get<std::vector<int64_t>>(value.attrs[1]);
  const std::vector<int64_t>& shape = e.shape(value.args[0]);
  const std::vector<int64_t> strides = ops::row_major(shape);
  std::vector<int64_t> sizes, steps;
  int64_t start = 0;
  for (size_t d = 0, kept = 0; d < shape.size(); ++d) {
    if (std::find(dims.begin(), dims.end(), int64_t(d)) != dims.end()) {
      sizes.push_back(shape[d]);
      steps.push_back(strides[d]);
    } else {
      start += position[kept++] * strides[d];
    }
  }
  visit_walk(visit, 0, value.args[0], sizes, start, steps);
}

void visit_factors(const Elements& e, const Value& value, const std::vector<int64_t>& position,
                   const Visit& visit) {
  const EinsumLabels s = einsum_labels(std::get<std::string>(value.attrs[0]));
  std::string summed;
  for (char l : s.lhs)
    if (s.result.find(l) == std::string::npos) summed += l;
  for (size_t k = 0; k < 2; ++k) {
    const std::string& labels = k == 0 ? s.lhs : s.rhs;
    const std::vector<int64_t>& shape = e.shape(value.args[k]);
    const std::vector<int64_t> strides = ops::row_major(shape);
    std::vector<int64_t> sizes, steps;
    int64_t start = 0;
    for (size_t d = 0; d < labels.size(); ++d)
      if (size_t at = s.result.find(labels[d]); at != std::string::npos)
        start += position[at] * strides[d];
    for (char l : summed) {
      sizes.push_back(shape[labels.find(l)]);
      steps.push_back(strides[labels.find(l)]);
    }
    visit_walk(visit, k, value.args[k], sizes, start, steps);
  }
}

/// All windows in which place `position` stands.
void visit_windows(const Elements& e, const Value& value, const std::vector<int64_t>& position,
                   const std::vector<int64_t>& stride, const std::vector<int64_t>& dilation,
                   const Visit& visit) {
  const std::vector<int64_t>& from = e.shape(value.args[0]);
  const std::vector<int64_t> strides = ops::row_major(from);
  const size_t moved = stride.size(), lead = position.size() - moved;
  // Pairs of a place and an offset in the window, for each moved dim.
  std::vector<std::vector<int64_t>> choices(moved);
  for (size_t d = 0; d < moved; ++d)
    for (int64_t k = 0; k < from[lead + moved + d]; ++k) {
      const int64_t first = position[lead + d] - k * dilation[d];
      if (first < 0 || first % stride[d] != 0 || first / stride[d] >= from[lead + d]) continue;
      choices[d].push_back(first / stride[d] * strides[lead + d] + k * strides[lead + moved + d]);
    }
  std::vector<int64_t> sums{0};
  for (size_t d = 0; d < lead; ++d) sums[0] += position[d] * strides[d];
  for (const std::vector<int64_t>& choice : choices) {
    std::vector<int64_t> next;
    for (int64_t sum : sums)
      for (int64_t c : choice) next.push_back(sum + c);
    sums = std::move(next);
  }
  for (int64_t at : sums) visit(0, {value.args[0], at});
}

void visit_scattered(const Elements& e, const Value& value, std::vector<int64_t> position,
                     const Visit& visit) {
  const auto dim = size_t(std::get<int64_t>(value.attrs[0]));
  const std::vector<int64_t> strides = ops::row_major(e.shape(value.args[1]));
  const int64_t wanted = position[dim];
  for (int64_t p = 0; p < e.shape(value.args[1])[dim]; ++p) {
    position[dim] = p;
    const int64_t at = ravel(position, strides);
    if (int64_t(e.number({value.args[0], at})) == wanted) visit(1, {value.args[1], at});
  }
}

}  // namespace

Elements::Elements(const Function& function, const std::byte* arena, int64_t batch)
    : f_(function), arena_(arena), batch_(batch), layouts_(function.values.size()) {
  for (const Value& v : function.values)
    for (const Dim& d : v.type.shape)
      for (const std::string& symbol : d.symbols()) sizes_[symbol] = batch;
}

int64_t Elements::evaluate(const Dim& size) const { return size.evaluate(sizes_).value_or(0); }

const Elements::Layout& Elements::layout(ValueId v) const {
  std::optional<Layout>& known = layouts_[v.index];
  if (known) return *known;
  known.emplace();
  for (const Dim& d : f_[v].type.shape) known->shape.push_back(evaluate(d));
  if (f_[v].storage) {
    const Access access = stored_access(f_, v);
    known->offset = evaluate(access.offset);
    for (const Dim& d : access.strides) known->strides.push_back(evaluate(d));
    known->panels = access.panels;
  }
  return *known;
}

const std::vector<int64_t>& Elements::shape(ValueId v) const { return layout(v).shape; }

int64_t Elements::count(ValueId v) const {
  int64_t n = 1;
  for (int64_t size : shape(v)) n *= size;
  return n;
}

std::vector<int64_t> Elements::position(const Element& e) const {
  return unravel(e.index, shape(e.value));
}

double Elements::stored_number(const Element& e) const {
  const Layout& l = layout(e.value);
  const std::vector<int64_t> position = unravel(e.index, l.shape);
  int64_t at = l.offset;
  for (size_t d = 0; d < position.size(); ++d) {
    if (l.panels && l.panels->dim == d)
      at += position[d] / l.panels->width * l.panels->distance + position[d] % l.panels->width;
    else
      at += position[d] * l.strides[d];
  }
  Array one = Array::zeros(f_[e.value].type.dtype, {});
  one.load_element(arena_ + f_[e.value].storage->offset, at, 0);
  return one.number(0);
}

double Elements::number(const Element& e) const {
  const Value& value = f_[e.value];
  if (value.storage) return stored_number(e);
  auto written = [&](const Scalar& s) {
    return round_to(value.type.dtype,
                    s.factor * double(evaluate(s.numerator)) / double(evaluate(s.denominator)));
  };
  if (value.op == Op::constant) return written(std::get<Scalar>(value.attrs[0]));
  if (value.op == Op::iota) return double(e.index);
  bool any = false;
  double sum = 0;
  visit_sources(e, [&](size_t, const Element& from) {
    sum += number(from);
    any = true;
  });
  if (!any && value.op == Op::pad) return written(std::get<Scalar>(value.attrs[2]));
  return sum;
}

/// Where in its operand an element of an affine view stands.
std::optional<int64_t> Elements::affine_source(const Element& e) const {
  const Value& value = f_[e.value];
  const Type& from = f_[value.args[0]].type;
  const auto access = through_view(value, from, row_major_access(value.args[0], from.shape));
  if (!access) return {};
  const std::vector<int64_t> at = position(e);
  int64_t index = evaluate(access->offset);
  for (size_t d = 0; d < at.size(); ++d) index += at[d] * evaluate(access->strides[d]);
  return index;
}

void Elements::visit_sources(const Element& e, const Visit& visit) const {
  const Value& value = f_[e.value];
  auto sizes = [&](size_t attribute) {
    std::vector<int64_t> list;
    for (const Dim& d : std::get<Shape>(value.attrs[attribute])) list.push_back(evaluate(d));
    return list;
  };
  if (is_affine_view(value.op)) {
    if (const auto at = affine_source(e)) visit(0, {value.args[0], *at});
    return;
  }
  switch (value.op) {
    case Op::where: {
      visit(0, {value.args[0], e.index});
      const size_t taken = number({value.args[0], e.index}) != 0 ? 1 : 2;
      return visit(taken, {value.args[taken], e.index});
    }
    case Op::parameter:
    case Op::constant:
    case Op::iota:
    case Op::random:
    case Op::call:
    case Op::result:
      return;
    case Op::reduce:
      return visit_reduced(*this, value, position(e), visit);
    case Op::einsum:
      return visit_factors(*this, value, position(e), visit);
    case Op::fold_windows:
      return visit_windows(*this, value, position(e), sizes(1), sizes(2), visit);
    case Op::scatter_add:
      return visit_scattered(*this, value, position(e), visit);
    case Op::pad: {
      std::vector<int64_t> at = position(e), before = sizes(0);
      const std::vector<int64_t>& inner = shape(value.args[0]);
      for (size_t d = 0; d < at.size(); ++d)
        if ((at[d] -= before[d]) < 0 || at[d] >= inner[d]) return;
      return visit(0, {value.args[0], ravel(at, ops::row_major(inner))});
    }
    case Op::concat: {
      std::vector<int64_t> at = position(e);
      int64_t& along = at[size_t(std::get<int64_t>(value.attrs[0]))];
      for (size_t k = 0; k < value.args.size(); ++k) {
        const std::vector<int64_t>& part = shape(value.args[k]);
        const int64_t size = part[size_t(std::get<int64_t>(value.attrs[0]))];
        if (along < size) return visit(k, {value.args[k], ravel(at, ops::row_major(part))});
        along -= size;
      }
      return;
    }
    case Op::gather: {
      std::vector<int64_t> at = position(e);
      const std::vector<int64_t>& from = shape(value.args[0]);
      const auto dim = size_t(std::get<int64_t>(value.attrs[0]));
      at[dim] = std::clamp<int64_t>(int64_t(number({value.args[1], e.index})), 0,
                                    std::max<int64_t>(from[dim] - 1, 0));
      visit(0, {value.args[0], ravel(at, ops::row_major(from))});
      return visit(1, {value.args[1], e.index});
    }
    default:  // scalar primitives and index: element by element
      for (size_t k = 0; k < value.args.size(); ++k) visit(k, {value.args[k], e.index});
  }
}

}  // namespace netc::ir
