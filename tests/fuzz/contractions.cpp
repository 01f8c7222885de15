// Reductions, matrix products and einsums of a random program.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ir/shape_rules.h"
#include "tests/fuzz/generator.h"

namespace netc::fuzz {

using ir::Dim;
using ir::DType;
using ir::ReduceKind;
using ir::Shape;
using ir::Type;

namespace {

const std::vector<DType> kAll = {DType::f32, DType::i32, DType::f64,    DType::i64,
                                 DType::u8,  DType::f32, DType::boolean};
const std::vector<DType> kNumbers = {DType::f32, DType::f64, DType::f32,
                                     DType::i32, DType::i64, DType::u8};

std::vector<ReduceKind> reduce_kinds() {
  std::vector<ReduceKind> list;
  for (int k = 0; k <= int(ReduceKind::argmin); ++k) list.push_back(ReduceKind(k));
  return list;
}

double extent(const Dim& d) { return double(d.evaluate({{"batch", 8}}).value_or(1)); }

}  // namespace

Generator::Result Generator::reduction() {
  static const std::vector<ReduceKind> kinds = reduce_kinds();
  const ReduceKind kind = c_.of(kinds);
  auto x = operand(kAll);
  if (!x) return {};
  const bool position = kind == ReduceKind::argmax || kind == ReduceKind::argmin;
  const bool logic = kind == ReduceKind::any || kind == ReduceKind::all;
  const bool counts = kind == ReduceKind::sum || kind == ReduceKind::prod;
  const int rank = x->type.rank();
  std::vector<int64_t> dims;
  std::string written;
  switch (rank == 0 ? 0 : c_.below(4)) {
    case 0:
      dims = ir::all_dims(rank);
      break;
    case 1: {
      std::vector<std::string> texts;
      for (int d = 0; d < rank; ++d)
        if (c_.below(2)) {
          dims.push_back(d);
          texts.push_back(std::to_string(c_.below(2) ? d - rank : d));
        }
      if (position && dims.size() != 1) return {};
      written = fmt::format("[{}]", fmt::join(texts, ", "));
      break;
    }
    default:
      dims = {dim_of(*x, &written)};
  }
  double folded = 1;
  for (int64_t d : dims) {
    if (!counts && !logic && x->type.shape[size_t(d)] == Dim(0)) return {};
    folded *= extent(x->type.shape[size_t(d)]);
  }
  const bool keep = c_.one_in(3);
  const std::string name = ir::name(kind);
  std::string text =
      c_.one_in(4) && x->text.find('(') == std::string::npos
          ? fmt::format("{}.{}(", x->text, name)
          : fmt::format("{}({}{}", name, x->text, written.empty() && !keep ? "" : ", ");
  if (!written.empty()) text += (c_.below(2) ? "dim = " : "") + written;
  if (keep) text += written.empty() ? "keepdim = true" : ", keepdim = true";
  Term t{text + ")", {x->type.dtype, {}}, x->lo, x->hi};
  t.type.shape = keep ? ir::keep_dims(x->type.shape, dims) : ir::drop_dims(x->type.shape, dims);
  if (position || (counts && t.type.dtype == DType::boolean)) t.type.dtype = DType::i64;
  if (logic) t.type.dtype = DType::boolean;
  if (counts) t.lo *= folded, t.hi *= folded;
  return t;
}

Generator::Result Generator::product() {
  const DType dtype = c_.of(kNumbers);
  auto a = pick([&](const Type& t) { return t.dtype == dtype && t.rank() > 0; });
  if (!a) a = leaf(dtype, {size(), size()});
  if (!a || a->type.rank() == 0) return {};
  const Dim k = a->type.shape.back();
  Result b =
      pick([&](const Type& t) { return t.dtype == dtype && t.rank() == 2 && t.shape[0] == k; });
  bool transposed = false;
  if (!b || c_.below(2)) {
    Shape s;
    switch (c_.below(5)) {
      case 0:
        s = {k};
        break;
      case 1:
        s = {size(), k};
        transposed = true;
        break;
      case 2:
        if (a->type.rank() > 2) {
          s.assign(a->type.shape.begin(), a->type.shape.end() - 2);
          s.push_back(k);
          s.push_back(size());
          break;
        }
        [[fallthrough]];
      default:
        s = {k, size()};
    }
    b = leaf(dtype, s);
  }
  if (!b) return {};
  Shape right = b->type.shape;
  if (transposed) std::swap(right[0], right[1]);
  Shape out(a->type.shape.begin(), a->type.shape.end() - 1);
  if (right.size() > 2 && a->type.rank() == int(right.size())) {
    out.push_back(right.back());
  } else if (right.size() == 2) {
    out.push_back(right[1]);
  } else if (right.size() != 1) {
    return {};
  }
  const double n = extent(k) * 9;
  return Term{
      fmt::format("({} @ {}{})", a->text, b->text, transposed ? ".T" : ""), {dtype, out}, -n, n};
}

/// Up to four operands; equal sizes may share a label, within one operand too.
Generator::Result Generator::einsum() {
  const DType dtype = c_.of(kNumbers);
  const int count = 1 + c_.below(4);
  std::map<char, Dim> sizes;
  std::vector<std::string> operands, specs;
  std::string labels;  // in the order of their first use
  Shape run;           // what `...` stands for
  bool dots = false;
  for (int k = 0; k < count; ++k) {
    auto fits = [&](const Type& t) { return t.dtype == dtype && t.rank() <= 4; };
    auto x = c_.one_in(5) ? Result{} : pick(fits);
    if (!x) x = leaf(dtype, shape(3));
    if (!x) return {};
    std::string spec;
    size_t first = 0;
    const Shape& own = x->type.shape;
    if (!dots && own.size() > 1 && c_.one_in(6)) {
      dots = true;
      first = own.size() - 1;
      run.assign(own.begin(), own.end() - 1);
      spec = "...";
    }
    for (size_t d = first; d < own.size(); ++d) {
      char label = 0;
      for (char l : labels)
        if (sizes.at(l) == own[d] && c_.below(3) != 0) label = l;
      if (!label) {
        static const std::string kLetters = "ijkbcdxyzABCD";
        if (labels.size() == kLetters.size()) return {};
        label = kLetters[labels.size()];
        labels += label;
        sizes[label] = own[d];
      }
      spec += label;
    }
    specs.push_back(spec);
    operands.push_back(x->text);
  }
  std::string spec = fmt::format("{}", fmt::join(specs, c_.below(4) ? "," : ", "));
  std::string out;
  double work = 1;
  for (const Dim& d : run) work *= extent(d);
  for (const auto& [l, n] : sizes) work *= std::max(1.0, extent(n));
  if (work > 4000) return {};
  Shape result = run;
  if (c_.one_in(5)) {  // as NumPy: the labels that stand once, in the order of the alphabet
    for (const auto& [l, n] : sizes)
      if (std::count(spec.begin(), spec.end(), l) == 1) result.push_back(n);
  } else {
    for (char l : labels)
      if (c_.below(3) != 0) out.insert(out.begin() + c_.below(int(out.size()) + 1), l);
    if (out.size() > 4) return {};
    for (char l : out) result.push_back(sizes.at(l));
    spec += (c_.below(3) ? "->" : " -> ") + std::string(dots ? "..." : "") + out;
  }
  Term t{fmt::format("einsum(\"{}\", {})", spec, fmt::join(operands, ", ")), {dtype, result}};
  t.hi = work * 9, t.lo = -t.hi;
  return t;
}

}  // namespace netc::fuzz
