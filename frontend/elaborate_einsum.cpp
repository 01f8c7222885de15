// Contractions: `@` and einsum of any number of operands become binary einsums in canonical form,
// in the order that needs the fewest multiplications.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

using Labels = std::vector<int>;  // letters, or kRun + k for the k-th dim from the right of `...`
constexpr int kRun = 1000;

bool has(const Labels& l, int label) { return std::find(l.begin(), l.end(), label) != l.end(); }

struct Term {
  Labels labels;
  ir::ValueId value;
  const Labels* labels_at() const { return &labels; }
};

/// A spec as written: labels of the operands and of the result, with places in the string.
struct Written {
  std::vector<std::string> operands;  ///< `.` for `...`
  std::vector<std::vector<size_t>> at;
  std::optional<std::string> result;
};

/// Multiplications of a contraction; open sizes count as 256.
double cost(const std::map<int, ir::Dim>& sizes, const Labels& a, const Labels& b) {
  double total = 1;
  auto factor = [&](int label) {
    const ir::Dim& d = sizes.at(label);
    if (d.is_constant()) return double(std::max<int64_t>(d.constant(), 1));
    std::map<std::string, int64_t> guess;
    for (const std::string& s : d.symbols()) guess[s] = 256;
    return double(d.evaluate(guess).value_or(256));
  };
  for (int l : a) total *= factor(l);
  for (int l : b)
    if (!has(a, l)) total *= factor(l);
  return total;
}

/// Labels of the product of a and b that something else still needs, a's first.
Labels remaining(const Labels& a, const Labels& b, const std::vector<Labels>& others,
                 const Labels& result) {
  Labels out;
  auto needed = [&](int l) {
    return has(result, l) ||
           std::any_of(others.begin(), others.end(), [&](const Labels& o) { return has(o, l); });
  };
  for (int l : a)
    if (needed(l)) out.push_back(l);
  for (int l : b)
    if (!has(a, l) && needed(l)) out.push_back(l);
  return out;
}

/// The cheapest next pair: of all orders for few operands, greedily for many.
double best_order(const std::map<int, ir::Dim>& sizes, const std::vector<Labels>& terms,
                  const Labels& result, std::pair<size_t, size_t>& pair) {
  if (terms.size() < 2) return 0;
  double best = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < terms.size(); ++i)
    for (size_t j = i + 1; j < terms.size(); ++j) {
      std::vector<Labels> rest;
      for (size_t k = 0; k < terms.size(); ++k)
        if (k != i && k != j) rest.push_back(terms[k]);
      double total = cost(sizes, terms[i], terms[j]);
      if (total >= best) continue;
      if (terms.size() <= 6) {
        rest.insert(rest.begin() + int64_t(i), remaining(terms[i], terms[j], rest, result));
        std::pair<size_t, size_t> inner;
        total += best_order(sizes, rest, result, inner);
      }
      if (total < best) {
        best = total;
        pair = {i, j};
      }
    }
  return best;
}

}  // namespace

/// One or two terms to the labels of `result`.
static ir::ValueId contract(Elaborator& e, Term a, const Term* b, const Labels& result, Span at,
                            const std::vector<Span>& spans) {
  auto reduce_lonely = [&](Term& t, const Labels* other) {
    std::vector<int64_t> dims;
    Labels kept;
    for (size_t i = 0; i < t.labels.size(); ++i)
      if (!has(result, t.labels[i]) && !(other && has(*other, t.labels[i])))
        dims.push_back(int64_t(i));
      else
        kept.push_back(t.labels[i]);
    if (dims.empty()) return;
    t.value = e.emit(at, [&](ir::Builder& builder) { return builder.sum(t.value, dims); });
    t.labels = kept;
  };
  if (!b) {
    reduce_lonely(a, nullptr);
    std::vector<int64_t> order;
    for (int l : result)
      order.push_back(std::find(a.labels.begin(), a.labels.end(), l) - a.labels.begin());
    return e.emit(at, [&](ir::Builder& builder) { return builder.permute(a.value, order); });
  }
  Term c = *b;
  reduce_lonely(a, &c.labels);
  reduce_lonely(c, &a.labels);
  std::map<int, char> letters;
  std::string used;
  for (const Labels* l : {a.labels_at(), c.labels_at(), &result})
    for (int label : *l)
      if (label < kRun) letters[label] = char(label), used += char(label);
  for (const Labels* l : {a.labels_at(), c.labels_at(), &result})
    for (int label : *l)
      if (label >= kRun && !letters.count(label))
        for (char k : std::string("acdefghklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZbij"))
          if (used.find(k) == std::string::npos) {
            letters[label] = k;
            used += k;
            break;
          }
  auto spell = [&](const Labels& l) {
    std::string s;
    for (int label : l) s += letters[label];
    return s;
  };
  std::string spec = spell(a.labels) + "," + spell(c.labels) + "->" + spell(result);
  return e.emit(
      at, [&](ir::Builder& builder) { return builder.einsum(spec, a.value, c.value); }, spans);
}

namespace {

ir::ValueId without_dim(Elaborator& e, ir::ValueId v, size_t dim, Span at) {
  ir::Shape shape = e.type(v).shape;
  shape.erase(shape.begin() + int64_t(dim));
  return e.emit(at, [&](ir::Builder& b) { return b.reshape(v, shape); });
}

}  // namespace

Val Elaborator::matmul(const Val& lhs, const Val& rhs, Span lhs_span, Span rhs_span, Span at) {
  for (const auto& [v, span] : {std::pair{&lhs, lhs_span}, std::pair{&rhs, rhs_span}})
    if (!v->is<TensorVal>() || type(v->as<TensorVal>()->id).rank() == 0)
      fail("E0301", fmt::format("`@` multiplies matrices, not {}", describe(*v)), at, "",
           "use `*` for numbers");
  const auto pair = strong_tensors({lhs, rhs}, {lhs_span, rhs_span});
  ir::ValueId a = pair[0], b = pair[1];
  const ir::Type ta = type(a), tb = type(b);
  auto wrong = [&](const char* code, const std::string& why, const std::string& help) {
    ir::Diagnostic d = error(
        code, fmt::format("`@`: {} and {} do not multiply: {}", ir::str(ta), ir::str(tb), why), at);
    other(d, lhs_span, label_of(a));
    other(d, rhs_span, label_of(b));
    if (!help.empty()) d.helps.push_back(help);
    fail(std::move(d));
  };
  if (ta.dtype != tb.dtype) {
    bool left = ir::is_float(tb.dtype) && !ir::is_float(ta.dtype);
    wrong("E0305", fmt::format("{} and {} do not mix", ir::name(ta.dtype), ir::name(tb.dtype)),
          fmt::format("convert one of them: `{}({})`", ir::name(left ? tb.dtype : ta.dtype),
                      text(left ? lhs_span : rhs_span)));
  }
  const size_t ra = ta.shape.size(), rb = tb.shape.size();
  const ir::Dim ka = ta.shape.back(), kb = tb.shape[rb == 1 ? 0 : rb - 2];
  if (!(ka == kb)) {
    bool known = ka.is_constant() && kb.is_constant();
    bool flipped = rb >= 2 && tb.shape.back() == ka;
    wrong("E0301",
          known ? fmt::format("{} is not {}", ka.str(), kb.str())
                : fmt::format("{} and {} are not known to be equal", ka.str(), kb.str()),
          flipped ? fmt::format("`{}.T` would fit", text(rhs_span)) : "");
  }
  // Labels: b rows, i contracted, j columns; leading dims by their place from the right.
  Term l, r;
  Labels result;
  const size_t batch_a = ra > 2 ? ra - 2 : 0, batch_b = rb > 2 ? rb - 2 : 0;
  const size_t batch = std::max(batch_a, batch_b);
  l.value = a;
  r.value = b;
  for (size_t k = 0; k < batch; ++k) {
    const int label = kRun + int(batch - 1 - k);
    const size_t from_right = batch - k;
    const ir::Dim* sa = from_right <= batch_a ? &ta.shape[batch_a - from_right] : nullptr;
    const ir::Dim* sb = from_right <= batch_b ? &tb.shape[batch_b - from_right] : nullptr;
    if (sa && sb && !(*sa == *sb)) {
      if (*sa == ir::Dim(1)) {
        l.value = without_dim(*this, l.value, l.labels.size(), at);
        sa = nullptr;
      } else if (*sb == ir::Dim(1)) {
        r.value = without_dim(*this, r.value, r.labels.size(), at);
        sb = nullptr;
      } else {
        wrong("E0302", fmt::format("leading dims {} and {} do not broadcast", sa->str(), sb->str()),
              "");
      }
    }
    if (sa) l.labels.push_back(label);
    if (sb) r.labels.push_back(label);
    result.push_back(label);
  }
  if (ra > 1) {
    l.labels.push_back('b');
    result.push_back('b');
  }
  l.labels.push_back('i');
  r.labels.push_back('i');
  if (rb > 1) {
    r.labels.push_back('j');
    result.push_back('j');
  }
  return {TensorVal{contract(*this, l, &r, result, at, {lhs_span, rhs_span})}};
}

std::string Elaborator::label_of(ir::ValueId v) const {
  std::string label = ir::str(type(v));
  auto it = frame_->declared.find(v.index);
  if (it != frame_->declared.end()) label += ", declared at " + short_place(it->second);
  return label;
}

Val Elaborator::einsum(const std::string& spec, Span spec_span, const std::vector<Val>& operands,
                       const std::vector<Span>& spans, const std::vector<const Expr*>& exprs,
                       Span at) {
  // A character of the string, for messages (a spec has no escapes).
  auto place_in = [&](size_t i) {
    Span s = spec_span;
    s.begin = std::min(spec_span.begin + 1 + uint32_t(i), spec_span.end);
    s.end = std::min(s.begin + 1, spec_span.end);
    return s;
  };
  Written written;
  written.operands.emplace_back();
  written.at.emplace_back();
  for (size_t i = 0; i < spec.size(); ++i) {
    char c = spec[i];
    if (c == ' ') continue;
    const bool in_result = written.result.has_value();
    if (c == '-' && i + 1 < spec.size() && spec[i + 1] == '>' && !in_result) {
      written.result = "";
      ++i;
    } else if (c == ',' && !in_result) {
      written.operands.emplace_back();
      written.at.emplace_back();
    } else if (c == '.' && spec.substr(i, 3) == "...") {
      std::string& to = in_result ? *written.result : written.operands.back();
      if (to.find('.') != std::string::npos)
        fail("E0320", "einsum: `...` stands twice", place_in(i));
      to += '.';
      if (!in_result) written.at.back().push_back(i);
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      (in_result ? *written.result : written.operands.back()) += c;
      if (!in_result) written.at.back().push_back(i);
    } else {
      fail("E0320", fmt::format("einsum: `{}` has no place in a specification", c), place_in(i), "",
           "labels are letters: `einsum(\"bi,ij->bj\", x, w)`");
    }
  }
  if (written.operands.size() != operands.size())
    fail("E0320",
         fmt::format("einsum: {} operand{} in the specification, {} given", written.operands.size(),
                     written.operands.size() == 1 ? "" : "s", operands.size()),
         spec_span);
  std::vector<Term> terms;
  std::map<int, ir::Dim> sizes;
  struct From {
    size_t operand, dim, place;
  };
  std::map<int, From> from;
  std::map<int, int> count;
  Labels run;
  std::optional<ir::DType> dtype_seen;
  const auto tensors = strong_tensors(operands, spans);
  for (size_t k = 0; k < operands.size(); ++k) {
    Term t;
    t.value = tensors[k];
    const ir::Type own = type(t.value);
    if (dtype_seen && *dtype_seen != own.dtype) {
      ir::Diagnostic d = error(
          "E0305",
          fmt::format("einsum: {} and {} do not mix", ir::name(*dtype_seen), ir::name(own.dtype)),
          at);
      other(d, spans[0], ir::name(*dtype_seen));
      other(d, spans[k], ir::name(own.dtype));
      d.helps.push_back(fmt::format("convert it: `{}({})`", ir::name(*dtype_seen), text(spans[k])));
      fail(std::move(d));
    }
    dtype_seen = own.dtype;
    const std::string& labels = written.operands[k];
    const bool dots = labels.find('.') != std::string::npos;
    const size_t fixed = labels.size() - (dots ? 1 : 0);
    if (dots ? own.shape.size() < fixed : own.shape.size() != fixed)
      fail("E0320",
           fmt::format("einsum: `{}` names {} dim{}, but {} is {}", dots ? spec : labels, fixed,
                       fixed == 1 ? "" : "s", text(spans[k]), ir::str(own)),
           spans[k], ir::str(own));
    size_t d = 0;
    for (size_t c = 0; c < labels.size(); ++c) {
      if (labels[c] == '.') {
        size_t length = own.shape.size() - fixed;
        for (size_t j = 0; j < length; ++j, ++d) {
          int label = kRun + int(length - 1 - j);
          t.labels.push_back(label);
          if (!has(run, label)) run.push_back(label);
          auto [it, fresh] = sizes.try_emplace(label, own.shape[d]);
          if (!fresh && it->second == ir::Dim(1)) it->second = own.shape[d];
          if (!fresh && !(it->second == own.shape[d]) && !(own.shape[d] == ir::Dim(1)))
            fail("E0302",
                 fmt::format("einsum: `...` is {} and {}, which do not broadcast", it->second.str(),
                             own.shape[d].str()),
                 spans[k], ir::str(own));
        }
        continue;
      }
      const int label = labels[c];
      const ir::Dim size = own.shape[d];
      ++count[label];
      auto [it, fresh] = sizes.try_emplace(label, size);
      // As in NumPy a size of 1 is repeated, but not within a diagonal.
      const bool diagonal = has(t.labels, label);
      if (fresh || (it->second == ir::Dim(1) && !diagonal)) {
        it->second = size;
        from[label] = {k, d, written.at[k][c]};
      } else if (!(it->second == size) && (diagonal || !(size == ir::Dim(1)))) {
        const From& f = from[label];
        auto describe_dim = [&](size_t operand, size_t dim, const ir::Dim& s) {
          return fmt::format("{}: dim {} of `{}`, {}", s.str(), dim, text(spans[operand]),
                             describe(operands[operand]));
        };
        ir::Diagnostic e = error("E0320",
                                 fmt::format("einsum: label `{}` has two sizes, {} and {}",
                                             char(label), it->second.str(), size.str()),
                                 place_in(written.at[k][c]), describe_dim(k, d, size));
        other(e, place_in(f.place), describe_dim(f.operand, f.dim, it->second));
        suggest_declaration(e, {{f.operand, f.dim, size}, {k, d, it->second}}, operands, exprs);
        fail(std::move(e));
      }
      t.labels.push_back(label);
      ++d;
    }
    terms.push_back(std::move(t));
  }
  std::sort(run.begin(), run.end(), std::greater<int>());
  Labels result;
  if (written.result) {
    for (char c : *written.result) {
      if (c == '.') {
        result.insert(result.end(), run.begin(), run.end());
        continue;
      }
      if (has(result, c))
        fail("E0320", fmt::format("einsum: label `{}` stands twice in the result", c), spec_span);
      if (!count.count(c))
        fail("E0320", fmt::format("einsum: label `{}` of the result stands in no operand", c),
             spec_span);
      result.push_back(c);
    }
  } else {
    result = run;
    for (const auto& [label, n] : count)
      if (n == 1) result.push_back(label);
  }
  for (Term& t : terms) {
    // Repeated labels are diagonals; dims of size 1 are repeated by leaving them out.
    for (size_t i = 0; i < t.labels.size(); ++i)
      for (size_t j = i + 1; j < t.labels.size();) {
        if (t.labels[i] != t.labels[j]) {
          ++j;
          continue;
        }
        t.value =
            emit(at, [&](ir::Builder& b) { return b.diagonal(t.value, int64_t(i), int64_t(j)); });
        t.labels.erase(t.labels.begin() + int64_t(j));
      }
    for (size_t i = 0; i < t.labels.size();) {
      const bool repeated = !(type(t.value).shape[i] == sizes[t.labels[i]]);
      if (!repeated) {
        ++i;
        continue;
      }
      t.value = without_dim(*this, t.value, i, at);
      t.labels.erase(t.labels.begin() + int64_t(i));
    }
  }
  std::vector<Span> pair_spans = spans.size() == 2 ? spans : std::vector<Span>{};
  while (terms.size() > 2) {
    std::vector<Labels> labels;
    for (const Term& t : terms) labels.push_back(t.labels);
    std::pair<size_t, size_t> pair;
    best_order(sizes, labels, result, pair);
    std::vector<Labels> rest;
    for (size_t k = 0; k < terms.size(); ++k)
      if (k != pair.first && k != pair.second) rest.push_back(labels[k]);
    Term merged;
    merged.labels = remaining(labels[pair.first], labels[pair.second], rest, result);
    merged.value = contract(*this, terms[pair.first], &terms[pair.second], merged.labels, at, {});
    terms.erase(terms.begin() + int64_t(pair.second));
    terms[pair.first] = std::move(merged);
  }
  ir::ValueId v = terms.size() == 2 ? contract(*this, terms[0], &terms[1], result, at, pair_spans)
                                    : contract(*this, terms[0], nullptr, result, at, {});
  return {TensorVal{v}};
}

void Elaborator::suggest_declaration(ir::Diagnostic& e, const std::vector<DimOf>& dims,
                                     const std::vector<Val>& operands,
                                     const std::vector<const Expr*>& exprs) {
  for (const DimOf& d : dims) {
    const Expr* expr = exprs[d.operand];
    const auto* t = operands[d.operand].as<TensorVal>();
    if (!expr || !t || !std::holds_alternative<Name>(expr->node)) continue;
    auto it = frame_->declared.find(t->id.index);
    if (it == frame_->declared.end()) continue;
    const ir::Type own = type(t->id);
    if (!own.shape[d.dim].is_constant() || !d.size.is_constant()) continue;
    ir::Shape fixed = own.shape;
    fixed[d.dim] = d.size;
    std::string prefix = own.dtype == module_.default_float ? "" : ir::name(own.dtype);
    e.helps.push_back(fmt::format("`{0}` is declared at {1}; `{0}: {2}{3}` would agree",
                                  text(expr->span), short_place(it->second), prefix,
                                  ir::str(fixed)));
    return;
  }
}

}  // namespace netc::frontend
