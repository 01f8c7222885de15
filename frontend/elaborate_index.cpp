// Indexing as in NumPy: integers, slices, None, `...`, and gathers by integer tensors.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
ir::ValueId Elaborator::gather_index(ir::ValueId v, const ir::Dim& n, bool wrap, Span at) {
  if (frame_->b.value(v).op == ir::Op::index) return v;
  return emit(at, [&](ir::Builder& b) { return b.add(ir::Op::index, {v}, {n, wrap}); });
}

ir::ValueId Elaborator::take_slice(ir::ValueId v, int64_t dim, const std::optional<ir::Dim>& start,
                                   const std::optional<ir::Dim>& stop, int64_t step, Span at) {
  const ir::Dim n = type(v).shape[size_t(dim)];
  if (step == 0) fail("E0307", "a slice of step 0", at);
  auto open = [&](const ir::Dim& d) {
    if (check_only_) throw Undecided{};
    fail("E0307",
         fmt::format("this slice cannot be clamped: `{}` against the open size `{}`", d.str(),
                     n.str()),
         at, "", "slice a dim whose size is known, or count from an end: `x[k:]`, `x[:-k]`");
  };
  const bool known = n.is_constant();
  const int64_t count = known ? n.constant() : 0;
  auto clamp = [&](const ir::Dim& written, int64_t low, int64_t high) -> ir::Dim {
    if (known) {
      if (!written.is_constant()) open(written);
      int64_t k = written.constant();
      if (k < 0) k += count;
      return std::clamp(k, low, high);
    }
    // The promise of a size that is at least what is cut off.
    if (!written.is_constant()) return written;
    return written.constant() < 0 ? n + written : written;
  };
  ir::Dim first, last;
  if (step > 0) {
    first = start ? clamp(*start, 0, count) : ir::Dim(0);
    last = stop ? clamp(*stop, 0, count) : n;
  } else {
    first = start ? clamp(*start, -1, count - 1) : n - ir::Dim(1);
    last = stop ? clamp(*stop, -1, count - 1) : ir::Dim(-1);
  }
  ir::Dim span = step > 0 ? last - first : first - last;
  int64_t stride = step > 0 ? step : -step;
  ir::Dim size = stride == 1 ? span : floor_div(span + ir::Dim(stride - 1), ir::Dim(stride));
  if (size.is_constant() && size.constant() < 0) size = 0;
  if (!known && size.is_constant() &&
      !(stop && start &&
        (stop->is_constant() && start->is_constant() && stop->constant() < 0 &&
         start->constant() < 0)))
    open(stop ? *stop : *start);
  if (size == ir::Dim(0)) first = 0;
  return emit(at, [&](ir::Builder& b) { return b.slice(v, dim, first, size, step); });
}

ir::Dim Elaborator::element_index(const ir::Type& t, int64_t dim, const Val& index, Span at) {
  const ir::Dim n = t.shape[size_t(dim)], k = size(index, at, "an index");
  if (!k.is_constant()) return k;
  if (n.is_constant() && (k.constant() >= n.constant() || k.constant() < -n.constant()))
    fail("E0307", fmt::format("index {} is outside dim {} of {}", k.constant(), dim, ir::str(t)),
         at, fmt::format("must be in -{}..{}", n.str(), n.constant() - 1));
  return k.constant() < 0 ? n + k : k;
}

Val Elaborator::subscript(const Expr& e, const Subscript& s) {
  Val base = eval(*s.base);
  if (base.is<ErrorVal>()) throw Failed{};
  if (const auto* list = base.as<ListVal>()) {
    if (s.indices.size() != 1 || s.indices[0].kind != Index::Kind::Expr)
      fail("E0307", "a list is indexed by one number", e.at);
    int64_t k = constant_int(eval(*s.indices[0].value), s.indices[0].span, "the index");
    int64_t n = int64_t(list->items.size());
    if (k < -n || k >= n)
      fail("E0307", fmt::format("index {} of a list of {}", k, n), s.indices[0].span);
    return list->items[size_t(k < 0 ? k + n : k)];
  }
  ir::ValueId v = strong_tensor(base, s.base->span);
  const int rank = type(v).rank();
  int consumed = 0, ellipses = 0;
  std::vector<Val> values(s.indices.size());
  for (size_t i = 0; i < s.indices.size(); ++i) {
    const Index& index = s.indices[i];
    if (index.kind == Index::Kind::Ellipsis) {
      ++ellipses;
      continue;
    }
    if (index.kind == Index::Kind::Expr) {
      values[i] = eval(*index.value);
      if (values[i].is<NoneVal>()) continue;
    }
    ++consumed;
  }
  if (ellipses > 1) fail("E0307", "`...` stands once in an index", e.at);
  if (consumed > rank)
    fail("E0307", fmt::format("{} indices for {}", consumed, ir::str(type(v))), e.at,
         fmt::format("has {} dim{}", rank, rank == 1 ? "" : "s"));
  std::vector<Picked> picked;
  int64_t dim = 0, lists = 0;
  for (size_t i = 0; i < s.indices.size(); ++i) {
    const Index& index = s.indices[i];
    if (index.kind == Index::Kind::Ellipsis) {
      dim += rank - consumed;
      continue;
    }
    if (index.kind == Index::Kind::Slice) {
      auto bound = [&](const ExprPtr& p) -> std::optional<ir::Dim> {
        if (!p) return std::nullopt;
        Val bound_value = eval(*p);
        if (bound_value.is<NoneVal>()) return std::nullopt;
        return size(bound_value, p->span, "a slice bound");
      };
      int64_t step =
          index.step ? constant_int(eval(*index.step), index.step->span, "a slice step") : 1;
      v = take_slice(v, dim, bound(index.start), bound(index.stop), step, e.at);
      ++dim;
      continue;
    }
    if (values[i].is<NoneVal>()) {
      ir::Shape shape = type(v).shape;
      shape.insert(shape.begin() + dim, ir::Dim(1));
      v = emit(e.at, [&](ir::Builder& b) { return b.reshape(v, shape); });
      ++dim;
      continue;
    }
    if (values[i].is<NumberVal>()) {
      const ir::Dim k = element_index(type(v), dim, values[i], index.span);
      v = emit(e.at, [&](ir::Builder& b) { return b.slice(v, dim, k, 1, 1); });
      ir::Shape shape = type(v).shape;
      shape.erase(shape.begin() + dim);
      v = emit(e.at, [&](ir::Builder& b) { return b.reshape(v, shape); });
      continue;
    }
    if (const auto* list = values[i].as<ListVal>()) {
      if (++lists > 1 || list->items.empty())
        fail("E0307",
             lists > 1 ? "one list an index: as in NumPy, two would pair up"
                       : "a list of no indices",
             index.span, "", lists > 1 ? "index twice: `x[[0, 2]][:, [1, 3]]`" : "");
      std::vector<ir::ValueId> parts;
      for (const Val& item : list->items) {
        const ir::Dim k = element_index(type(v), dim, item, index.span);
        parts.push_back(emit(e.at, [&](ir::Builder& b) { return b.slice(v, dim, k, 1, 1); }));
      }
      v = emit(e.at, [&](ir::Builder& b) { return b.concat(parts, dim); });
      ++dim;
      continue;
    }
    ir::ValueId at = strong_tensor(values[i], index.span);
    if (!ir::is_integer(type(at).dtype))
      fail("E0305", fmt::format("an index tensor holds integers, this is {}", ir::str(type(at))),
           index.span, "",
           type(at).dtype == ir::DType::boolean
               ? "a mask has no shape known before it runs: use `where`"
               : "");
    picked.push_back({dim, at});
    ++dim;
  }
  if (picked.empty()) return {TensorVal{v}};
  if (lists > 0)
    fail("E0307", "a list beside an index tensor: as in NumPy, they would pair up", e.at, "",
         "index twice: `x[idx][:, [1, 3]]`");
  return {TensorVal{gather_dims(v, picked, e.at)}};
}

ir::ValueId Elaborator::gather_dims(ir::ValueId v, const std::vector<Picked>& picked, Span at) {
  // The indexed dims side by side (where the first stands, or in front when others lie between).
  const int rank = type(v).rank();
  bool adjacent = true;
  for (size_t k = 1; k < picked.size(); ++k)
    adjacent = adjacent && picked[k].dim == picked[k - 1].dim + 1;
  int64_t target = adjacent ? picked[0].dim : 0;
  if (!adjacent) {
    std::vector<int64_t> order;
    for (const Picked& p : picked) order.push_back(p.dim);
    for (int64_t d = 0; d < rank; ++d)
      if (std::find(order.begin(), order.end(), d) == order.end()) order.push_back(d);
    v = emit(at, [&](ir::Builder& b) { return b.permute(v, order); });
  }
  // One index over the product of the dims: i * n + j.
  const ir::Shape shape = type(v).shape;
  std::optional<Val> flat;
  ir::Dim product = 1;
  for (size_t k = 0; k < picked.size(); ++k) {
    const ir::Dim n = shape[size_t(target) + k];
    product = product * n;
    Val part{TensorVal{gather_index(picked[k].index, n, true, at)}};
    if (picked.size() > 1) part = cast(part, ir::DType::i64, at);
    if (flat) {
      Val scaled = elementwise(ir::Op::mul, {*flat, {int_number(n)}}, {at, at}, at, "*");
      part = elementwise(ir::Op::add, {scaled, part}, {at, at}, at, "[]");
    }
    flat = part;
  }
  ir::ValueId index = flat->as<TensorVal>()->id;
  const ir::Shape index_shape = type(index).shape;
  ir::Shape before(shape.begin(), shape.begin() + target);
  ir::Shape behind(shape.begin() + target + int64_t(picked.size()), shape.end());
  ir::Shape table = before;
  table.push_back(product);
  table.insert(table.end(), behind.begin(), behind.end());
  v = emit(at, [&](ir::Builder& b) { return b.reshape(v, table); });
  ir::Dim count = ir::element_count(index_shape);
  ir::Shape aligned(before.size(), ir::Dim(1)), wide = before;
  aligned.push_back(count);
  wide.push_back(count);
  for (const ir::Dim& d : behind) {
    aligned.push_back(1);
    wide.push_back(d);
  }
  index = emit(at, [&](ir::Builder& b) { return b.reshape(index, aligned); });
  index = broadcast_to(index, wide, at);
  ir::ValueId result =
      emit(at, [&](ir::Builder& b) { return b.add(ir::Op::gather, {v, index}, {target}); });
  ir::Shape final_shape = before;
  final_shape.insert(final_shape.end(), index_shape.begin(), index_shape.end());
  final_shape.insert(final_shape.end(), behind.begin(), behind.end());
  return emit(at, [&](ir::Builder& b) { return b.reshape(result, final_shape); });
}

}  // namespace netc::frontend
