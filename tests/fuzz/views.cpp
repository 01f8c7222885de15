// Views, joins and indexing of a random program; shapes as the language page has them.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "ir/shape_rules.h"
#include "tests/fuzz/generator.h"

namespace netc::fuzz {

using ir::Dim;
using ir::DType;
using ir::Shape;
using ir::Type;

namespace {

const std::vector<DType> kAll = {DType::f32, DType::i32, DType::f64,    DType::i64,
                                 DType::u8,  DType::f32, DType::boolean};

std::string list(const Shape& shape) {
  std::vector<std::string> texts;
  for (const Dim& d : shape) texts.push_back(d.str());
  return fmt::format("{}", fmt::join(texts, ", "));
}

bool known(const Dim& d) { return d.is_constant(); }
bool has_names(const Shape& shape) { return !std::all_of(shape.begin(), shape.end(), known); }

}  // namespace

/// One of the dims of `t` (rank 1 or more), written from either end.
int64_t Generator::dim_of(const Term& t, std::string* text) {
  const int rank = t.type.rank(), d = c_.below(rank);
  *text = std::to_string(c_.below(2) ? d - rank : d);
  return d;
}

Generator::Result Generator::reshape() {
  auto x = operand(kAll);
  if (!x) return {};
  Shape s = x->type.shape;
  const int steps = 1 + c_.below(4);
  for (int i = 0; i < steps; ++i) {
    const size_t at = size_t(c_.below(int(s.size()) + 1));
    switch (c_.below(3)) {
      case 0:  // two dims become one
        if (at + 1 < s.size()) {
          s[at] = s[at] * s[at + 1];
          s.erase(s.begin() + int64_t(at) + 1);
        }
        break;
      case 1:  // one becomes two
        for (int64_t f : {2, 3, 5})
          if (at < s.size() && known(s[at]) && s[at].constant() > f && s[at].constant() % f == 0) {
            s.insert(s.begin() + int64_t(at), Dim(f));
            s[at + 1] = Dim(s[at + 1].constant() / f);
            break;
          }
        break;
      default:
        s.insert(s.begin() + int64_t(at), Dim(1));
    }
  }
  if (s.size() > 6) return {};
  std::vector<std::string> texts;
  for (const Dim& d : s) texts.push_back(d.str());
  if (!s.empty() && ir::element_count(s) != Dim(0) && c_.one_in(3))
    texts[size_t(c_.below(int(s.size())))] = "-1";
  // The body of a function without types knows no names of sizes.
  if (!may_declare_ && has_names(s))
    for (size_t d = 0; d < s.size(); ++d)
      if (!known(s[d]) && texts[d] != "-1") return {};
  const bool in_list = s.empty() || c_.one_in(3);
  std::string sizes = fmt::format("{}", fmt::join(texts, ", "));
  if (in_list) sizes = "[" + sizes + "]";
  return Term{fmt::format("reshape({}, {})", x->text, sizes), {x->type.dtype, s}, x->lo, x->hi};
}

Generator::Result Generator::flatten() {
  auto x = operand(kAll);
  if (!x || x->type.rank() == 0) return {};
  Shape s = x->type.shape;
  std::string text;
  size_t start = 0;
  if (c_.below(2)) start = size_t(dim_of(*x, &text));
  const Dim n = ir::element_count(Shape(s.begin() + int64_t(start), s.end()));
  s.resize(start);
  s.push_back(n);
  return Term{fmt::format("flatten({}{}{})", x->text, text.empty() ? "" : ", ", text),
              {x->type.dtype, s},
              x->lo,
              x->hi};
}

Generator::Result Generator::transpose() {
  auto x = operand(kAll);
  if (!x || x->type.rank() < 2) return {};
  Shape s = x->type.shape;
  switch (c_.below(3)) {
    case 0: {
      std::vector<int> order(s.size());
      std::iota(order.begin(), order.end(), 0);
      for (size_t i = order.size(); i-- > 1;)
        std::swap(order[i], order[size_t(c_.below(int(i) + 1))]);
      Shape moved;
      for (int d : order) moved.push_back(s[size_t(d)]);
      return Term{fmt::format("permute({}, {})", x->text, fmt::join(order, ", ")),
                  {x->type.dtype, moved},
                  x->lo,
                  x->hi};
    }
    case 1: {
      std::string i, j;
      const auto a = size_t(dim_of(*x, &i)), b = size_t(dim_of(*x, &j));
      std::swap(s[a], s[b]);
      return Term{
          fmt::format("transpose({}, {}, {})", x->text, i, j), {x->type.dtype, s}, x->lo, x->hi};
    }
    default:
      std::swap(s[s.size() - 1], s[s.size() - 2]);
      return Term{x->text + ".T", {x->type.dtype, s}, x->lo, x->hi};
  }
}

Generator::Result Generator::unsqueeze() {
  auto x = operand(kAll);
  if (!x) return {};
  Shape s = x->type.shape;
  const int at = c_.below(int(s.size()) + 1);
  const int written = c_.below(2) ? at : at - int(s.size()) - 1;
  s.insert(s.begin() + at, Dim(1));
  return Term{fmt::format("unsqueeze({}, {})", x->text, written), {x->type.dtype, s}, x->lo, x->hi};
}

Generator::Result Generator::squeeze() {
  auto x = pick([](const Type& t) {
    return std::find(t.shape.begin(), t.shape.end(), Dim(1)) != t.shape.end();
  });
  if (!x) x = leaf(float_, {Dim(1), size()});
  if (!x) return {};
  Shape s = x->type.shape;
  const auto at = std::find(s.begin(), s.end(), Dim(1)) - s.begin();
  if (c_.below(2)) {
    s.erase(s.begin() + at);
    return Term{fmt::format("squeeze({}, {})", x->text, at), {x->type.dtype, s}, x->lo, x->hi};
  }
  std::erase(s, Dim(1));
  return Term{fmt::format("squeeze({})", x->text), {x->type.dtype, s}, x->lo, x->hi};
}

Generator::Result Generator::expand() {
  auto x = operand(kAll);
  if (!x) return {};
  Shape s = x->type.shape;
  std::vector<std::string> texts;
  for (Dim& d : s) {
    const bool repeats = d == Dim(1) && c_.below(2);
    if (repeats) d = size();
    texts.push_back(!repeats && (!d.is_constant() || c_.one_in(4)) ? "-1" : d.str());
  }
  if (s.size() < 5 && c_.below(2)) {
    s.insert(s.begin(), size());
    texts.insert(texts.begin(), s[0].str());
  }
  if (s.empty()) return {};
  return Term{!has_names(s) && c_.below(2)
                  ? fmt::format("broadcast({}, [{}])", x->text, list(s))
                  : fmt::format("expand({}, {})", x->text, fmt::join(texts, ", ")),
              {x->type.dtype, s},
              x->lo,
              x->hi};
}

/// concat or stack.
Generator::Result Generator::join() {
  auto x = operand(kAll);
  if (!x) return {};
  std::vector<std::string> parts = {x->text};
  Shape s = x->type.shape;
  const bool stacks = s.empty() || c_.below(3) == 0;
  const int count = c_.below(3);
  std::string dim = "0";
  size_t d = 0;
  if (stacks) {
    d = size_t(c_.below(int(s.size()) + 1));
    dim = std::to_string(c_.below(2) ? int64_t(d) : int64_t(d) - int64_t(s.size()) - 1);
  } else {
    d = size_t(dim_of(*x, &dim));
  }
  Dim total = stacks ? Dim(1) : s[d];
  double lo = x->lo, hi = x->hi;
  for (int k = 0; k < count; ++k) {
    Shape other = x->type.shape;
    if (!stacks && known(other[d]) && c_.below(2)) other[d] = size();
    auto part = c_.one_in(4) && other == x->type.shape ? x : exactly({x->type.dtype, other});
    if (!part) return {};
    parts.push_back(part->text);
    total = total + (stacks ? Dim(1) : other[d]);
    lo = std::min(lo, part->lo), hi = std::max(hi, part->hi);
  }
  if (stacks)
    s.insert(s.begin() + int64_t(d), total);
  else
    s[d] = total;
  const std::string where = dim == "0" && c_.below(2) ? "" : ", dim = " + dim;
  return Term{fmt::format("{}([{}]{})", stacks ? "stack" : "concat", fmt::join(parts, ", "), where),
              {x->type.dtype, s},
              lo,
              hi};
}

Generator::Result Generator::pad() {
  auto x = operand(kAll);
  if (!x) return {};
  Shape s = x->type.shape;
  std::vector<std::string> pairs;
  for (Dim& d : s) {
    const int before = c_.below(3), after = c_.below(3);
    d = Dim(before) + d + Dim(after);
    pairs.push_back(fmt::format("[{}, {}]", before, after));
  }
  std::string value;
  if (c_.below(2) && x->type.dtype != DType::boolean)
    value = (c_.below(2) ? ", value = " : ", ") + literal(x->type.dtype);
  return Term{fmt::format("pad({}, [{}]{})", x->text, fmt::join(pairs, ", "), value),
              {x->type.dtype, s},
              std::min(x->lo, -2.0),
              std::max(x->hi, 3.0)};
}

/// A slice bound around a size, often left out.
std::string Generator::bound(int64_t size) {
  const int n = int(std::clamp<int64_t>(size, 0, 100));
  if (c_.below(3) == 0) return "";
  return std::to_string(c_.below(2 * n + 5) - n - 2);
}

namespace {

/// How many elements a slice takes of `n`, as Python counts.
int64_t taken(int64_t n, const std::string& start, const std::string& stop, int64_t step) {
  auto place = [&](const std::string& text, int64_t open) {
    if (text.empty()) return open;
    int64_t k = std::stoll(text);
    if (k < 0) k += n;
    return step > 0 ? std::clamp<int64_t>(k, 0, n) : std::clamp<int64_t>(k, -1, n - 1);
  };
  const int64_t first = place(start, step > 0 ? 0 : n - 1), last = place(stop, step > 0 ? n : -1);
  const int64_t span = step > 0 ? last - first : first - last, stride = step > 0 ? step : -step;
  return span <= 0 ? 0 : (span + stride - 1) / stride;
}

}  // namespace

Generator::Result Generator::slice() {
  auto x = operand(kAll);
  if (!x || x->type.rank() == 0) return {};
  Shape s = x->type.shape;
  std::string dim;
  Dim& d = s[size_t(dim_of(*x, &dim))];
  if (!known(d)) return {};
  const std::string start = bound(d.constant()), stop = bound(d.constant());
  const int64_t step = c_.of(std::vector<int64_t>{1, 2, -1, 3, -2});
  d = Dim(taken(d.constant(), start, stop, step));
  std::string text = fmt::format("slice({}, {}", x->text, dim);
  if (!start.empty()) text += ", start = " + start;
  if (!stop.empty()) text += ", stop = " + stop;
  if (step != 1) text += fmt::format(", step = {}", step);
  return Term{text + ")", {x->type.dtype, s}, x->lo, x->hi};
}

/// `x[…]` with numbers, slices, None, `...` and tensors of integers.
Generator::Result Generator::subscript() {
  auto x = operand(kAll);
  if (!x) return {};
  const Shape& own = x->type.shape;
  Shape s;
  std::vector<std::string> texts;
  bool picked = false, dots = false;
  size_t d = 0;
  const size_t last = size_t(c_.below(int(own.size()) + 1));
  while (d < own.size() && texts.size() < 7) {
    const Dim& n = own[d];
    if (d >= last && !dots && !texts.empty()) break;
    if (c_.one_in(8) && s.size() + own.size() < 6) {
      texts.push_back("None");
      s.push_back(1);
      continue;
    }
    if (!dots && c_.one_in(8)) {
      dots = true;
      texts.push_back("...");
      const size_t skip = size_t(c_.below(int(own.size() - d) + 1));
      s.insert(s.end(), own.begin() + int64_t(d), own.begin() + int64_t(d + skip));
      d += skip;
      // The rest is written out, so that `...` stands for exactly the dims skipped.
      continue;
    }
    ++d;
    const int form = c_.below(5);
    if (form == 0 && known(n) && n.constant() > 0) {
      const int k = c_.below(int(std::min<int64_t>(n.constant(), 100)));
      texts.push_back(std::to_string(c_.below(2) ? k : k - int(n.constant())));
    } else if (form == 1 && !picked && own.size() < 5) {
      auto i = index_into(n, shape(2));
      if (!i || n == Dim(0)) return {};
      picked = true;
      texts.push_back(i->text);
      s.insert(s.end(), i->type.shape.begin(), i->type.shape.end());
    } else if (form <= 3 && known(n)) {
      const std::string start = bound(n.constant()), stop = bound(n.constant());
      const int64_t step = c_.of(std::vector<int64_t>{1, 1, 2, -1, -2, 3});
      s.push_back(Dim(taken(n.constant(), start, stop, step)));
      texts.push_back(start + ":" + stop + (step == 1 ? "" : fmt::format(":{}", step)));
    } else {
      s.push_back(n);
      texts.push_back(c_.one_in(3) ? "::-1" : ":");
    }
  }
  if (texts.empty()) return {};
  if (!dots) s.insert(s.end(), own.begin() + int64_t(d), own.end());
  if (dots && d < own.size()) return {};
  return Term{
      fmt::format("{}[{}]", x->text, fmt::join(texts, ", ")), {x->type.dtype, s}, x->lo, x->hi};
}

Generator::Result Generator::diagonal() {
  size_t i = 0, j = 0;
  auto x = pick([](const Type& t) {
    for (size_t a = 0; a < t.shape.size(); ++a)
      for (size_t b = a + 1; b < t.shape.size(); ++b)
        if (t.shape[a] == t.shape[b]) return true;
    return false;
  });
  if (!x) {
    const Dim n = size();
    x = leaf(float_, {n, n});
  }
  if (!x) return {};
  Shape s = x->type.shape;
  for (size_t a = 0; a < s.size(); ++a)
    for (size_t b = a + 1; b < s.size(); ++b)
      if (s[a] == s[b]) i = a, j = b;
  s.erase(s.begin() + int64_t(j));
  const bool standard = i == 0 && j == 1 && c_.below(2);
  return Term{standard ? fmt::format("diagonal({})", x->text)
                       : fmt::format("diagonal({}, {}, {})", x->text, i, j),
              {x->type.dtype, s},
              x->lo,
              x->hi};
}

Generator::Result Generator::gather() {
  auto x = operand(kAll);
  if (!x || x->type.rank() == 0) return {};
  std::string dim;
  Shape s = x->type.shape;
  const size_t d = size_t(dim_of(*x, &dim));
  const Dim n = s[d];
  if (n == Dim(0)) return {};
  if (c_.below(2)) s[d] = size();
  auto i = index_into(n, s);
  if (!i) return {};
  return Term{
      fmt::format("gather({}, {}, {})", x->text, i->text, dim), {x->type.dtype, s}, x->lo, x->hi};
}

Generator::Result Generator::scatter() {
  auto x = operand({DType::f32, DType::f64, DType::i32, DType::i64, DType::u8});
  if (!x || x->type.rank() == 0) return {};
  std::string dim;
  Shape s = x->type.shape;
  const size_t d = size_t(dim_of(*x, &dim));
  const Dim n = Dim(1 + c_.below(6));
  auto i = index_into(n, s);
  if (!i) return {};
  s[d] = n;
  return Term{fmt::format("scatter_add({}, {}, {}, {})", i->text, x->text, dim, n.str()),
              {x->type.dtype, s},
              x->lo * 8,
              x->hi * 8};
}

/// Integers that no tensor gives: counters, promised indices, sizes.
Generator::Result Generator::counter() {
  const Dim n = size();
  switch (c_.below(3)) {
    case 0:
      return Term{fmt::format("iota({})", n.str()), {DType::i64, {n}}};
    case 1: {
      if (n == Dim(0)) return {};
      auto i = operand({DType::i64, DType::i32, DType::u8});
      if (!i) return {};
      return Term{fmt::format("index({} % {}, {})", i->text, n.str(), n.str()), i->type};
    }
    default: {
      auto x = floats();
      if (!x || x->type.rank() == 0) return {};
      std::string dim;
      const auto d = dim_of(*x, &dim);
      const std::string number = c_.below(2) ? fmt::format("size({}, {})", x->text, dim)
                                             : fmt::format("{}.shape[{}]", x->text, d);
      return Term{fmt::format("({} * rank({}) / ({} + 1))", x->text, x->text, number), x->type,
                  x->lo * 5, x->hi * 5};
    }
  }
}

}  // namespace netc::fuzz
