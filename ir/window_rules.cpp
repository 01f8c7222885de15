// See window_rules.h. Relies on constant sizes of windows and strides; else values stay as they
// are.
#include "ir/window_rules.h"

#include <algorithm>
#include <optional>

#include "ir/access.h"
#include "ir/shape_rules.h"

namespace netc::ir {
namespace {

struct Fold {
  size_t moved, lead;  ///< dims of the window; dims in front of the places
  Shape size, places, k, stride, dilation;
};

std::optional<Fold> read_fold(const Builder& b, const Value& value) {
  Fold f;
  f.size = std::get<Shape>(value.attrs[0]);
  f.stride = std::get<Shape>(value.attrs[1]);
  f.dilation = std::get<Shape>(value.attrs[2]);
  const Shape& shape = b.type(value.args[0]).shape;
  f.moved = f.size.size();
  f.lead = shape.size() - 2 * f.moved;
  const auto places = shape.begin() + int64_t(f.lead), k = places + int64_t(f.moved);
  f.places.assign(places, k);
  f.k.assign(k, shape.end());
  for (const Shape* s : {&f.size, &f.places, &f.k, &f.stride, &f.dilation})
    if (!std::all_of(s->begin(), s->end(), [](const Dim& d) { return d.is_constant(); })) return {};
  return f;
}

/// Windows side by side: [.., o, k] becomes [.., o * stride], cut or filled to the size.
ValueId fold_apart(Builder& b, const Fold& f, ValueId g) {
  Shape none(b.type(g).shape.size(), Dim(0)), gap = none;
  std::vector<int64_t> order;
  Shape joined(b.type(g).shape.begin(), b.type(g).shape.begin() + int64_t(f.lead));
  for (size_t d = 0; d < f.lead; ++d) order.push_back(int64_t(d));
  for (size_t i = 0; i < f.moved; ++i) {
    gap[f.lead + f.moved + i] = f.stride[i] - f.k[i];
    order.insert(order.end(), {int64_t(f.lead + i), int64_t(f.lead + f.moved + i)});
    joined.push_back(f.places[i] * f.stride[i]);
  }
  ValueId r = b.reshape(b.permute(b.pad(g, none, gap, 0), order), joined);
  Shape before(joined.size(), Dim(0)), after = before;
  for (size_t i = 0; i < f.moved; ++i) {
    const int64_t missing = f.size[i].constant() - joined[f.lead + i].constant();
    if (missing < 0) r = b.slice(r, int64_t(f.lead + i), 0, f.size[i], 1);
    after[f.lead + i] = std::max<int64_t>(missing, 0);
  }
  return b.pad(r, before, after, 0);
}

bool windows_lie_apart(const Fold& f) {
  for (size_t i = 0; i < f.moved; ++i)
    if (f.stride[i].constant() < f.k[i].constant() || (f.dilation[i] != Dim(1) && f.k[i] != Dim(1)))
      return false;
  return true;
}

/// A contraction, its operands' and its result's labels.
struct Product {
  ValueId operands[2];
  std::string labels[2], result;
};

char fresh_label(const Product& p) {
  const std::string used = p.labels[0] + p.labels[1] + p.result;
  for (const char* c = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"; *c; ++c)
    if (used.find(*c) == std::string::npos) return *c;
  throw OpError("E0320", "einsum: more than 52 labels");
}

ValueId emit(Builder& b, const Product& p) {
  return b.einsum(p.labels[0] + "," + p.labels[1] + "->" + p.result, p.operands[0], p.operands[1]);
}

std::optional<Product> read_product(const Builder& b, ValueId v) {
  const Value& value = b.value(v);
  if (value.op != Op::einsum) return {};
  const EinsumLabels s = einsum_labels(std::get<std::string>(value.attrs[0]));
  return Product{{value.args[0], value.args[1]}, {s.lhs, s.rhs}, s.result};
}

/// How the dims of `joined` are products of runs of the dims of `single`: the number of dims in
/// each run. A size of 1 goes with the dim behind it.
std::optional<std::vector<size_t>> runs_of(const Shape& joined, const Shape& single) {
  std::vector<size_t> runs;
  size_t at = 0;
  for (size_t d = 0; d < joined.size(); ++d) {
    const size_t first = at;
    Dim product = 1;
    while (at < single.size() && (at == first || product != joined[d]))
      product = product * single[at++];
    if (product != joined[d]) return {};
    runs.push_back(at - first);
  }
  while (at < single.size() && single[at] == Dim(1) && !runs.empty()) ++at, ++runs.back();
  if (at != single.size()) return {};
  return runs;
}

/// Gives the dim called `label` one label for each of `sizes`, in all three places.
void split_label(Builder& b, Product& p, char label, const Shape& sizes) {
  if (sizes.size() == 1) return;
  std::string names(1, label);
  while (names.size() < sizes.size()) {
    Product taken = p;
    taken.result += names;
    names += fresh_label(taken);
  }
  for (int which : {0, 1}) {
    const size_t at = p.labels[which].find(label);
    if (at == std::string::npos) continue;
    Shape shape = b.type(p.operands[which]).shape;
    shape.erase(shape.begin() + int64_t(at));
    shape.insert(shape.begin() + int64_t(at), sizes.begin(), sizes.end());
    const Value operand = b.value(p.operands[which]);
    p.operands[which] =
        b.reshape(operand.op == Op::reshape ? operand.args[0] : p.operands[which], shape);
    p.labels[which].replace(at, 1, names);
  }
  if (const size_t at = p.result.find(label); at != std::string::npos)
    p.result.replace(at, 1, names);
}

/// A label for each dim of `single`, whose runs are the dims of `joined` that `labels` names.
bool split_labels(Builder& b, Product& p, const std::string& labels, const Shape& joined,
                  const Shape& single) {
  const auto runs = runs_of(joined, single);
  if (!runs) return false;
  size_t at = 0;
  for (size_t d = 0; d < labels.size(); ++d) {
    const Shape sizes(single.begin() + int64_t(at), single.begin() + int64_t(at + (*runs)[d]));
    if (sizes.empty()) return false;
    split_label(b, p, labels[d], sizes);
    at += (*runs)[d];
  }
  return true;
}

/// `v` as a contraction with the dims in v's order: through reshapes that split its dims, and
/// permutations.
std::optional<Product> product_behind(Builder& b, ValueId v) {
  const Value value = b.value(v);
  if (value.op == Op::einsum) return read_product(b, v);
  if (value.op != Op::permute && value.op != Op::reshape) return {};
  auto p = product_behind(b, value.args[0]);
  if (!p) return {};
  if (value.op == Op::permute) {
    std::string order;
    for (int64_t d : std::get<std::vector<int64_t>>(value.attrs[0])) order += p->result[size_t(d)];
    p->result = order;
    return p;
  }
  const std::string labels = p->result;
  if (!split_labels(b, *p, labels, b.type(value.args[0]).shape, value.type.shape)) return {};
  return p;
}

bool has_all(const std::string& labels, const std::string& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](char l) { return labels.find(l) != std::string::npos; });
}
bool has_any(const std::string& labels, const std::string& wanted) {
  return labels.find_first_of(wanted) != std::string::npos;
}

/// Moves the dims called `last` of operand `which` to its end.
void move_last(Builder& b, Product& p, int which, const std::string& last) {
  std::string& labels = p.labels[which];
  std::string wanted;
  for (char l : labels)
    if (last.find(l) == std::string::npos) wanted += l;
  wanted += last;
  std::vector<int64_t> order;
  for (char l : wanted) order.push_back(int64_t(labels.find(l)));
  p.operands[which] = b.permute(p.operands[which], order);
  labels = wanted;
}

/// The sum over windows of g[.., q] * w[.., k] where q * stride + k * dilation is the place. With
/// k = p + stride * j for a phase p: over j of g[.., t - j] * w[.., p + stride * j] at the place
/// t * stride + p, so that nothing is multiplied by the zeros that a stride leaves.
ValueId fold_product(Builder& b, const Fold& f, Product p) {
  const std::string places = p.result.substr(f.lead, f.moved),
                    own = p.result.substr(f.lead + f.moved);
  const int data = has_all(p.labels[0], places) ? 0 : 1, weights = 1 - data;
  move_last(b, p, data, places);
  move_last(b, p, weights, own);
  ValueId &g = p.operands[data], &w = p.operands[weights];
  std::string phases;
  Shape border_before(p.labels[data].size(), Dim(0)), border_after = border_before;
  Shape steps, counts;
  for (size_t i = 0; i < f.moved; ++i) {
    const int64_t s = f.stride[i].constant(), k = f.k[i].constant();
    const int64_t d = f.dilation[i].constant(), size = f.size[i].constant();
    const int64_t turns = (k + s - 1) / s, rows = (size + s - 1) / s;
    const size_t at = p.labels[weights].find(own[i]);
    Shape fill(p.labels[weights].size(), Dim(0)), none = fill;
    fill[at] = turns * s - k;
    w = b.pad(w, none, fill, 0);
    if (s > 1) {
      Shape split = b.type(w).shape;
      split[at] = turns;
      split.insert(split.begin() + int64_t(at) + 1, Dim(s));
      w = b.reshape(w, split);
      Product taken = p;
      taken.result += phases;
      phases += fresh_label(taken);
      p.labels[weights].insert(at + 1, 1, phases.back());
    }
    w = b.slice(w, int64_t(at), turns - 1, turns, -1);
    border_before[border_before.size() - f.moved + i] = d * (turns - 1);
    border_after[border_after.size() - f.moved + i] = rows - f.places[i].constant();
    steps.push_back(s > 1 ? Dim(1) : f.dilation[i]);
    counts.push_back(turns);
  }
  g = b.windows(b.pad(g, border_before, border_after, 0), counts, Shape(f.moved, Dim(1)), steps);
  p.labels[data] += own;
  // Each place with its phase behind it, joined again.
  p.result = p.result.substr(0, f.lead) + places + phases;
  const ValueId sums = emit(b, p);
  std::vector<int64_t> order = all_dims(int(f.lead));
  Shape joined(b.type(sums).shape.begin(), b.type(sums).shape.begin() + int64_t(f.lead));
  size_t phase = f.lead + f.moved;
  for (size_t i = 0; i < f.moved; ++i) {
    order.push_back(int64_t(f.lead + i));
    if (f.stride[i] != Dim(1)) order.push_back(int64_t(phase++));
    joined.push_back(b.type(sums).shape[f.lead + i] * f.stride[i]);
  }
  ValueId r = b.reshape(b.permute(sums, order), joined);
  for (size_t i = 0; i < f.moved; ++i) r = b.slice(r, int64_t(f.lead + i), 0, f.size[i], 1);
  return r;
}

bool can_fold_product(const Fold& f, const Product& p) {
  const std::string places = p.result.substr(f.lead, f.moved),
                    own = p.result.substr(f.lead + f.moved);
  for (size_t i = 0; i < f.moved; ++i)
    if (f.stride[i] != Dim(1) && f.dilation[i] != Dim(1) && f.k[i] != Dim(1)) return false;
  for (int data : {0, 1})
    if (has_all(p.labels[data], places) && !has_any(p.labels[1 - data], places) &&
        has_all(p.labels[1 - data], own) && !has_any(p.labels[data], own))
      return true;
  return false;
}

ValueId simpler_fold(Builder& b, ValueId v) {
  const Value value = b.value(v);
  const auto f = read_fold(b, value);
  if (!f) return v;
  if (windows_lie_apart(*f)) return fold_apart(b, *f, value.args[0]);
  const auto p = product_behind(b, value.args[0]);
  return p && can_fold_product(*f, *p) ? fold_product(b, *f, *p) : v;
}

ValueId over_single_dims(Builder& b, ValueId v) {
  Product p = *read_product(b, v);
  const Shape shape = b.type(v).shape;
  bool split = false;
  for (int which : {0, 1}) {
    const Value joined = b.value(p.operands[which]);
    if (joined.op != Op::reshape || affine_access(b.function(), p.operands[which])) continue;
    const Shape single = b.type(joined.args[0]).shape;
    if (!affine_access(b.function(), joined.args[0])) continue;
    Product tried = p;
    if (!split_labels(b, tried, p.labels[which], joined.type.shape, single)) continue;
    p = tried;
    split = true;
  }
  return split ? b.reshape(emit(b, p), shape) : v;
}

}  // namespace

ValueId without_columns(Builder& b, ValueId v) {
  switch (b.value(v).op) {
    case Op::fold_windows:
      return simpler_fold(b, v);
    case Op::einsum:
      return over_single_dims(b, v);
    default:
      return v;
  }
}

}  // namespace netc::ir
