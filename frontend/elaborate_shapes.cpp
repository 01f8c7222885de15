// Builtins that move elements: views, concat, pad, slice, gather, and the ops that only dumps
// write.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_builtins.h"
#include "ir/shape_rules.h"

namespace netc::frontend {
namespace {

ir::ValueId reshape_to(Elaborator& e, ir::ValueId x, const ir::Shape& shape, Span at) {
  return e.emit(at, [&](ir::Builder& b) { return b.reshape(x, shape); });
}

/// Numbers behind the first argument: `f(x, 2, 3)` or `f(x, [2, 3])`.
std::vector<std::pair<Val, Span>> rest_arguments(Elaborator& e, CallSite& site,
                                                 const Bound& bound) {
  std::vector<std::pair<Val, Span>> out;
  for (CallArg& arg : site.args) {
    if (&arg == bound[0] || !arg.name.empty()) continue;
    Val v = e.eval(arg);
    Span at = argument_span(site, &arg);
    if (const auto* list = v.as<ListVal>())
      for (const Val& item : list->items) out.emplace_back(item, at);
    else
      out.emplace_back(v, at);
  }
  return out;
}

ir::Shape shape_argument(Elaborator& e, CallSite& site, CallArg* arg, const char* what) {
  Val v = e.eval(*arg);
  Span at = argument_span(site, arg);
  const auto* list = v.as<ListVal>();
  if (!list)
    e.fail("E0206", fmt::format("{} is a list of sizes", what), at, "this is " + e.describe(v));
  ir::Shape shape;
  for (const Val& item : list->items) shape.push_back(e.size(item, at, what));
  return shape;
}

bool minus_one(const ir::Dim& d) { return d == ir::Dim(-1); }

Val reshape(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const ir::Type t = e.type(x);
  ir::Shape shape;
  std::optional<size_t> hole;
  ir::Dim others = 1;
  for (const auto& [v, at] : rest_arguments(e, site, bound)) {
    ir::Dim d = e.size(v, at, "a size");
    if (minus_one(d)) {
      if (hole) e.fail("E0309", "`reshape`: -1 stands twice", at);
      hole = shape.size();
    } else {
      if (d.is_constant() && d.constant() < 0)
        e.fail("E0310", fmt::format("a size of {}", d.constant()), at);
      others = others * d;
    }
    shape.push_back(d);
  }
  if (hole) {
    ir::Dim total = ir::element_count(t.shape);
    auto quotient = exact_div(total, others);
    if (others == ir::Dim(0)) quotient.reset();
    if (!quotient)
      e.fail("E0309",
             fmt::format("`reshape`: {} has {} elements, which {} does not divide", ir::str(t),
                         total.str(), others.str()),
             site.at);
    shape[*hole] = *quotient;
  }
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.reshape(x, shape); },
                           {argument_span(site, bound[0])})}};
}

Val flatten(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const ir::Type t = e.type(x);
  int64_t start = bound[1] ? dim_argument(e, site, bound[1], t.rank()) : 0;
  ir::Shape shape(t.shape.begin(), t.shape.begin() + start);
  shape.push_back(ir::element_count(ir::Shape(t.shape.begin() + start, t.shape.end())));
  return {TensorVal{reshape_to(e, x, shape, site.at)}};
}

Val transpose(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const int rank = e.type(x).rank();
  int64_t i = dim_argument(e, site, bound[1], rank), j = dim_argument(e, site, bound[2], rank);
  std::vector<int64_t> order = ir::all_dims(rank);
  std::swap(order[size_t(i)], order[size_t(j)]);
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.permute(x, order); })}};
}

Val permute(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const int rank = e.type(x).rank();
  std::vector<int64_t> order;
  for (const auto& [v, at] : rest_arguments(e, site, bound)) {
    int64_t d = e.constant_int(v, at, "a dim");
    try {
      order.push_back(ir::normalise_dim("permute", d, rank));
    } catch (const ir::OpError& error) {
      e.fail(error, at);
    }
  }
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != ir::all_dims(rank))
    e.fail("E0306",
           fmt::format("`permute` of {} names each of its {} dims once", ir::str(e.type(x)), rank),
           site.at);
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.permute(x, order); })}};
}

Val unsqueeze(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  int64_t d = dim_argument(e, site, bound[1], e.type(x).rank() + 1);
  ir::Shape shape = e.type(x).shape;
  shape.insert(shape.begin() + d, ir::Dim(1));
  return {TensorVal{reshape_to(e, x, shape, site.at)}};
}

Val squeeze(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const ir::Type t = e.type(x);
  ir::Shape shape;
  if (!bound[1]) {
    for (const ir::Dim& d : t.shape)
      if (!(d == ir::Dim(1))) shape.push_back(d);
    return {TensorVal{reshape_to(e, x, shape, site.at)}};
  }
  std::vector<int64_t> dims = dims_argument(e, site, bound[1], t.rank());
  for (int64_t d : dims)
    if (!(t.shape[size_t(d)] == ir::Dim(1)))
      e.fail("E0301", fmt::format("`squeeze`: dim {} of {} is not 1", d, ir::str(t)),
             argument_span(site, bound[1]));
  return {TensorVal{reshape_to(e, x, ir::drop_dims(t.shape, dims), site.at)}};
}

Val expand(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const ir::Shape own = e.type(x).shape;
  auto sizes = rest_arguments(e, site, bound);
  ir::Shape shape;
  for (size_t i = 0; i < sizes.size(); ++i) {
    ir::Dim d = e.size(sizes[i].first, sizes[i].second, "a size");
    size_t behind = sizes.size() - i;
    if (minus_one(d) && behind <= own.size()) d = own[own.size() - behind];
    shape.push_back(d);
  }
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.broadcast(x, shape); },
                           {argument_span(site, bound[0])})}};
}

Val broadcast(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  ir::Shape shape = shape_argument(e, site, bound[1], "the shape");
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.broadcast(x, shape); },
                           {argument_span(site, bound[0])})}};
}

std::vector<ir::ValueId> list_of_tensors(Elaborator& e, CallSite& site, CallArg* arg) {
  Val v = e.eval(*arg);
  Span at = argument_span(site, arg);
  const auto* list = v.as<ListVal>();
  if (!list || list->items.empty())
    e.fail("E0206",
           fmt::format("`{}` takes a list of tensors: `{}([a, b], dim = 0)`", site.callee,
                       site.callee),
           at);
  return e.strong_tensors(list->items, std::vector<Span>(list->items.size(), at));
}

Val concat(Elaborator& e, CallSite& site, Bound& bound) {
  std::vector<ir::ValueId> parts = list_of_tensors(e, site, bound[0]);
  int64_t d = bound[1] ? dim_argument(e, site, bound[1], e.type(parts[0]).rank()) : 0;
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.concat(parts, d); })}};
}

Val stack(Elaborator& e, CallSite& site, Bound& bound) {
  std::vector<ir::ValueId> parts = list_of_tensors(e, site, bound[0]);
  int64_t d = bound[1] ? dim_argument(e, site, bound[1], e.type(parts[0]).rank() + 1) : 0;
  for (ir::ValueId& part : parts) {
    if (!(e.type(part).shape == e.type(parts[0]).shape) &&
        e.type(part).rank() + 1 != e.type(parts[0]).rank())
      e.fail("E0301",
             fmt::format("`stack` joins tensors of one shape, not {}", ir::str(e.type(part))),
             site.at);
    ir::Shape shape = e.type(part).shape;
    shape.insert(shape.begin() + d, ir::Dim(1));
    part = reshape_to(e, part, shape, site.at);
  }
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.concat(parts, d); })}};
}

Val pad(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const ir::Type t = e.type(x);
  Val pairs = e.eval(*bound[1]);
  Span at = argument_span(site, bound[1]);
  const auto* list = pairs.as<ListVal>();
  if (!list || int(list->items.size()) != t.rank())
    e.fail(
        "E0301",
        fmt::format("`pad` takes one pair [before, after] a dim: {} for {}", t.rank(), ir::str(t)),
        at);
  ir::Shape before, after;
  for (const Val& item : list->items) {
    const auto* pair = item.as<ListVal>();
    if (!pair || pair->items.size() != 2) e.fail("E0301", "a pair of `pad` is [before, after]", at);
    before.push_back(e.size(pair->items[0], at, "a padding"));
    after.push_back(e.size(pair->items[1], at, "a padding"));
  }
  double value = 0;
  if (bound[2] && t.dtype == ir::DType::boolean && e.eval(*bound[2]).is<BoolVal>()) {
    value = e.truth(e.eval(*bound[2]), argument_span(site, bound[2]), "`value`");
  } else if (bound[2]) {
    NumberVal n = e.number(e.eval(*bound[2]), argument_span(site, bound[2]), "`value`");
    auto k = known_value(n);
    if (!k) e.fail("E0313", "`value` hangs on an open size", argument_span(site, bound[2]));
    if (!n.is_int && !ir::is_float(t.dtype))
      e.fail(
          "E0305",
          fmt::format("`pad`: the floating-point number {} beside {}", str(n), ir::name(t.dtype)),
          argument_span(site, bound[2]));
    value = *k;
  }
  return {
      TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.pad(x, before, after, value); })}};
}

Val slice(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  int64_t d = dim_argument(e, site, bound[1], e.type(x).rank());
  auto limit = [&](CallArg* arg) -> std::optional<ir::Dim> {
    if (!arg || e.eval(*arg).is<NoneVal>()) return std::nullopt;
    return e.size(e.eval(*arg), argument_span(site, arg), "a slice bound");
  };
  auto start = limit(bound[2]), stop = limit(bound[3]);
  int64_t step =
      bound[4] ? e.constant_int(e.eval(*bound[4]), argument_span(site, bound[4]), "a slice step")
               : 1;
  if (!e.items_[e.scope_->unit].staged || step == 0 || !start)
    return {TensorVal{e.take_slice(x, d, start, stop, step, site.at)}};
  // A dump says exactly what it takes.
  ir::Dim last = stop ? *stop : step < 0 ? ir::Dim(-1) : e.type(x).shape[size_t(d)];
  int64_t stride = step > 0 ? step : -step;
  ir::Dim span = step > 0 ? last - *start : *start - last;
  ir::Dim size = stride == 1 ? span : floor_div(span + ir::Dim(stride - 1), ir::Dim(stride));
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) {
    return b.add(ir::Op::slice, {x}, {d, *start, size, step});
  })}};
}

Val diagonal(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const int rank = e.type(x).rank();
  int64_t i = bound[1] ? dim_argument(e, site, bound[1], rank) : 0;
  int64_t j = bound[2] ? dim_argument(e, site, bound[2], rank) : 1;
  return {TensorVal{e.emit(
      site.at, [&](ir::Builder& b) { return b.diagonal(x, std::min(i, j), std::max(i, j)); })}};
}

/// An int or [rows, columns], as two numbers.
std::vector<Val> two_numbers(Elaborator& e, CallSite& site, CallArg* arg, const char* what) {
  Val v = e.eval(*arg);
  Span at = argument_span(site, arg);
  const auto* list = v.as<ListVal>();
  if (list && list->items.size() != 2)
    e.fail("E0206", fmt::format("{} is an int or [rows, columns]", what), at,
           fmt::format("this is a list of {}", list->items.size()));
  std::vector<Val> two = list ? list->items : std::vector<Val>{v, v};
  for (const Val& item : two) e.size(item, at, what);
  return two;
}

Val pair(Elaborator& e, CallSite& site, Bound& bound) {
  return {ListVal{two_numbers(e, site, bound[0], "a number for each dim"), 0}};
}

/// A list of sizes, or an int for both dims.
ir::Shape window_argument(Elaborator& e, CallSite& site, CallArg* arg, const char* what) {
  if (e.eval(*arg).is<ListVal>()) return shape_argument(e, site, arg, what);
  ir::Shape sizes;
  for (const Val& v : two_numbers(e, site, arg, what))
    sizes.push_back(e.size(v, argument_span(site, arg), what));
  return sizes;
}

Val windows(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  ir::WindowSizes w{window_argument(e, site, bound[1], "`k`"),
                    window_argument(e, site, bound[2], "`stride`"),
                    window_argument(e, site, bound[3], "`dilation`")};
  const ir::Shape shape = e.type(x).shape;
  if (shape.size() >= w.k.size()) {
    try {
      ir::window_counts(ir::Shape(shape.end() - int64_t(w.k.size()), shape.end()), w);
    } catch (const ir::OpError& error) {
      fail_in_program(e, site.at, error.code.c_str(), error.what(),
                      error.helps.empty() ? "" : error.helps[0]);
    }
  }
  return {TensorVal{e.emit(site.at,
                           [&](ir::Builder& b) { return b.windows(x, w.k, w.stride, w.dilation); },
                           {argument_span(site, bound[0])})}};
}

Val fold_windows(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  ir::Shape size = window_argument(e, site, bound[1], "`size`");
  ir::Shape stride = window_argument(e, site, bound[2], "`stride`");
  ir::Shape dilation = window_argument(e, site, bound[3], "`dilation`");
  return {TensorVal{
      e.emit(site.at, [&](ir::Builder& b) { return b.fold_windows(x, size, stride, dilation); },
             {argument_span(site, bound[0])})}};
}

Val gather(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId x = tensor_argument(e, site, bound[0]), i = tensor_argument(e, site, bound[1]);
  int64_t d = dim_argument(e, site, bound[2], e.type(x).rank());
  if (!e.items_[e.scope_->unit].staged) {
    // As in PyTorch an index may be smaller in the other dims, and then reads the first of each.
    const ir::Shape whole = e.type(x).shape, read = e.type(i).shape;
    for (int64_t k = 0; whole.size() == read.size() && k < int64_t(whole.size()); ++k) {
      const ir::Dim &n = whole[size_t(k)], &m = read[size_t(k)];
      if (k != d && n.is_constant() && m.is_constant() && m.constant() < n.constant())
        x = e.take_slice(x, k, ir::Dim(0), m, 1, site.at);
    }
    i = e.gather_index(i, whole[size_t(d)], false, site.at);
  }
  return {
      TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.add(ir::Op::gather, {x, i}, {d}); },
                       {argument_span(site, bound[0]), argument_span(site, bound[1])})}};
}

Val scatter_add(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId i = tensor_argument(e, site, bound[0]), source = tensor_argument(e, site, bound[1]);
  int64_t d = dim_argument(e, site, bound[2], e.type(source).rank());
  ir::Dim n = e.size(e.eval(*bound[3]), argument_span(site, bound[3]), "`size`");
  if (!e.items_[e.scope_->unit].staged) i = e.gather_index(i, n, false, site.at);
  return {TensorVal{e.emit(
      site.at, [&](ir::Builder& b) { return b.add(ir::Op::scatter_add, {i, source}, {d, n}); })}};
}

Val index(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId i = tensor_argument(e, site, bound[0]);
  ir::Dim n = e.size(e.eval(*bound[1]), argument_span(site, bound[1]), "the number of indices");
  bool wrap = flag_argument(e, site, bound[2], false);
  return {TensorVal{e.emit(site.at,
                           [&](ir::Builder& b) { return b.add(ir::Op::index, {i}, {n, wrap}); },
                           {argument_span(site, bound[0])})}};
}

Val iota(Elaborator& e, CallSite& site, Bound& bound) {
  ir::Dim n = e.size(e.eval(*bound[0]), argument_span(site, bound[0]), "the length");
  return {TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.add(ir::Op::iota, {}, {n}); })}};
}

Val random(Elaborator& e, CallSite& site, Bound& bound) {
  CallArg* sizes = bound[3] ? bound[3] : bound[2];
  if (!sizes) e.fail("E0205", "`random` needs a shape", site.at, "", "write `[batch, 10]`");
  std::vector<ir::ValueId> operands;
  for (size_t k = 0; k < 3; ++k)
    if (bound[k] && bound[k] != sizes) operands.push_back(tensor_argument(e, site, bound[k]));
  ir::Shape shape = shape_argument(e, site, sizes, "the shape");
  std::string place = e.string(e.eval(*bound[4]), argument_span(site, bound[4]), "`site`");
  return {TensorVal{e.emit(
      site.at, [&](ir::Builder& b) { return b.add(ir::Op::random, operands, {shape, place}); })}};
}

}  // namespace

void add_shape_builtins(std::vector<Builtin>& list) {
  list.push_back({"reshape(x, *sizes)", reshape});
  list.push_back({"flatten(x, start: int = 0)", flatten});
  list.push_back({"transpose(x, i: int, j: int)", transpose});
  list.push_back({"permute(x, *dims)", permute});
  list.push_back({"unsqueeze(x, i: int)", unsqueeze});
  list.push_back({"squeeze(x, i: int = None)", squeeze});
  list.push_back({"expand(x, *sizes)", expand});
  list.push_back({"broadcast(x, shape: list)", broadcast});
  list.push_back({"concat(parts: list, dim: int = 0)", concat});
  list.push_back({"stack(parts: list, dim: int = 0)", stack});
  list.push_back({"pad(x, pairs: list, value = 0)", pad});
  list.push_back({"slice(x, dim: int, start: int = None, stop: int = None, step: int = 1)", slice});
  list.push_back({"diagonal(x, i: int = 0, j: int = 1)", diagonal});
  list.push_back({"pair(v)", pair});
  list.push_back({"windows(x, k: list, stride: list, dilation: list)", windows});
  list.push_back({"fold_windows(x, size: list, stride: list, dilation: list)", fold_windows});
  list.push_back({"gather(x, i, dim: int)", gather});
  list.push_back({"scatter_add(i, source, dim: int, size: int)", scatter_add});
  list.push_back({"index(i, n: int, wrap: bool = false)", index});
  list.push_back({"iota(n: int)", iota});
  list.push_back({"random(seed, step, first = None, shape: list = None, site: str)", random});
}

}  // namespace netc::frontend
