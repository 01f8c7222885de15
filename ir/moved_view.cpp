// One case for each view: see moved_view.h.
#include "ir/moved_view.h"

#include <algorithm>

namespace netc::ir {
namespace {

template <class T>
std::vector<T> moved(const std::vector<T>& entries, int64_t begin, int64_t end) {
  std::vector<T> out(entries.begin(), entries.begin() + begin);
  out.insert(out.end(), entries.begin() + end, entries.end());
  out.insert(out.end(), entries.begin() + begin, entries.begin() + end);
  return out;
}

Dim product(const Shape& shape, int64_t begin, int64_t end) {
  return element_count(Shape(shape.begin() + begin, shape.begin() + end));
}

/// Where the dims of `run` end up when `from` is reshaped to `to`, if they stay apart from others.
std::optional<Moved> run_in(const Shape& from, const Shape& to, const Moved& run) {
  const Dim before = product(from, 0, run.begin), inside = product(from, run.begin, run.end);
  if (inside == Dim(1)) return {};
  const int64_t rank = int64_t(to.size());
  int64_t begin = 0;
  while (begin < rank && product(to, 0, begin) != before) ++begin;
  int64_t end = begin;
  while (end < rank && product(to, begin, end) != inside) ++end;
  if (product(to, 0, begin) != before || product(to, begin, end) != inside) return {};
  return Moved{{}, begin, end};
}

std::optional<Moved> reshaped(Builder& b, const Value& view, const Type& from, const Moved& m) {
  auto run = run_in(from.shape, view.type.shape, m);
  if (run) run->value = b.reshape(m.value, moved(view.type.shape, run->begin, run->end));
  return run;
}

std::optional<Moved> permuted(Builder& b, const Value& view, const Type& from, const Moved& m) {
  const auto& dims = std::get<std::vector<int64_t>>(view.attrs[0]);
  const auto first = std::find(dims.begin(), dims.end(), m.begin);
  for (int64_t i = 0; i < m.end - m.begin; ++i)
    if (first + i >= dims.end() || *(first + i) != m.begin + i) return {};
  Moved out{{}, first - dims.begin(), first - dims.begin() + m.end - m.begin};
  const std::vector<int64_t> places = order_back(from.rank(), m);
  std::vector<int64_t> order;
  for (int64_t d : moved(dims, out.begin, out.end)) order.push_back(places[size_t(d)]);
  out.value = b.permute(m.value, order);
  return out;
}

std::optional<Moved> repeated(Builder& b, const Value& view, const Type& from, const Moved& m) {
  const int64_t added = view.type.rank() - from.rank();
  Moved out{{}, m.begin + added, m.end + added};
  out.value = b.broadcast(m.value, moved(view.type.shape, out.begin, out.end));
  return out;
}

std::optional<Moved> sliced(Builder& b, const Value& view, const Type& from, const Moved& m) {
  const int64_t dim = order_back(from.rank(), m)[size_t(std::get<int64_t>(view.attrs[0]))];
  return Moved{b.add(view.op, {m.value}, {dim, view.attrs[1], view.attrs[2], view.attrs[3]}),
               m.begin, m.end};
}

std::optional<Moved> padded(Builder& b, const Value& view, const Moved& m) {
  return Moved{b.add(view.op, {m.value},
                     {moved(std::get<Shape>(view.attrs[0]), m.begin, m.end),
                      moved(std::get<Shape>(view.attrs[1]), m.begin, m.end), view.attrs[2]}),
               m.begin, m.end};
}

/// Windows and their folds look at the last dims: they see the operand in its own order.
std::optional<Moved> windowed(Builder& b, const Value& view, const Type& from, const Moved& m) {
  const int64_t window_dims = int64_t(std::get<Shape>(view.attrs[0]).size());
  const int64_t behind = view.op == Op::windows ? window_dims : 2 * window_dims;
  if (m.end > from.rank() - behind) return {};
  const ValueId v = b.add_like(view, {b.permute(m.value, order_back(from.rank(), m))});
  Moved out{{}, m.begin, m.end};
  out.value = b.permute(v, moved_order(view.type.rank(), out));
  return out;
}

}  // namespace

std::vector<int64_t> moved_order(int rank, const Moved& m) {
  std::vector<int64_t> dims(static_cast<size_t>(rank));
  for (size_t d = 0; d < dims.size(); ++d) dims[d] = int64_t(d);
  return moved(dims, m.begin, m.end);
}

std::vector<int64_t> order_back(int rank, const Moved& m) {
  const std::vector<int64_t> order = moved_order(rank, m);
  std::vector<int64_t> back(order.size());
  for (size_t d = 0; d < order.size(); ++d) back[size_t(order[d])] = int64_t(d);
  return back;
}

std::optional<Moved> view_of_moved(Builder& b, const Value& view, const Type& from,
                                   const Moved& operand) {
  switch (view.op) {
    case Op::reshape:
      return reshaped(b, view, from, operand);
    case Op::permute:
      return permuted(b, view, from, operand);
    case Op::broadcast:
      return repeated(b, view, from, operand);
    case Op::slice:
      return sliced(b, view, from, operand);
    case Op::pad:
      return padded(b, view, operand);
    case Op::windows:
    case Op::fold_windows:
      return windowed(b, view, from, operand);
    default:
      return {};
  }
}

}  // namespace netc::ir
