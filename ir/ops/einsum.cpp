// einsum: the only contraction, of two operands, written like "bi,ij->bj".
#include <map>

#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: spec; no label twice in an operand, every label in at least two of left, right and
// result.

void check_labels(const EinsumLabels& s) {
  std::map<char, int> count;
  for (const std::string& labels : {s.lhs, s.rhs, s.result}) {
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels.find(labels[i], i + 1) != std::string::npos)
        throw OpError("E0320",
                      fmt::format("einsum: label `{}` stands twice in `{}`", labels[i], labels));
      ++count[labels[i]];
    }
  }
  for (const auto& [label, n] : count)
    if (n < 2)
      throw OpError("E0320", fmt::format("einsum: label `{}` must stand in two of left, right and "
                                         "result",
                                         label));
}

// Shape: sizes by label; equal labels have equal sizes.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 2);
  EinsumLabels spec = einsum_labels(attribute<std::string>(value, 0));
  check_labels(spec);
  std::map<char, std::pair<Dim, int>> sizes;  // size and the operand that set it
  for (int k = 0; k < 2; ++k) {
    const std::string& labels = k == 0 ? spec.lhs : spec.rhs;
    const Type& type = args[size_t(k)];
    if (labels.size() != type.shape.size()) {
      OpError error("E0320", fmt::format("einsum: `{}` names {} dims, but the operand is {}",
                                         labels, labels.size(), str(type)));
      error.labels = {{k, str(type)}};
      throw error;
    }
    for (size_t i = 0; i < labels.size(); ++i) {
      auto [it, fresh] = sizes.try_emplace(labels[i], type.shape[i], k);
      if (fresh || it->second.first == type.shape[i]) continue;
      OpError error("E0320", fmt::format("einsum: label `{}` has two sizes, {} and {}", labels[i],
                                         it->second.first.str(), type.shape[i].str()));
      error.labels = {{k, fmt::format("{}: dim {} of {}", type.shape[i].str(), i, str(type))},
                      {it->second.second, fmt::format("{}: {}", it->second.first.str(),
                                                      str(args[size_t(it->second.second)]))}};
      throw error;
    }
  }
  if (args[0].dtype != args[1].dtype || args[0].dtype == DType::boolean) {
    OpError error("E0305", fmt::format("einsum: {} and {} do not mix", name(args[0].dtype),
                                       name(args[1].dtype)));
    error.labels = {{0, str(args[0])}, {1, str(args[1])}};
    throw error;
  }
  Type result{args[0].dtype, {}};
  for (char label : spec.result) result.shape.push_back(sizes.at(label).first);
  check_sizes("einsum", result.shape);
  return result;
}

// vjp: an einsum for each operand; legal because every label stands in two places.
void vjp(VjpContext& c) {
  EinsumLabels s = einsum_labels(attribute<std::string>(c.value, 0));
  ValueId lhs = c.value.args[0], rhs = c.value.args[1];
  if (c.needs[0]) c.out[0] = c.b.einsum(s.result + "," + s.rhs + "->" + s.lhs, c.g, rhs);
  if (c.needs[1]) c.out[1] = c.b.einsum(s.lhs + "," + s.result + "->" + s.rhs, lhs, c.g);
}

/// Labels by the operands they stand in: all three, left and result, right and result, both
/// operands.
struct Classes {
  std::string batch, rows, columns, summed;
};

Classes classify(const EinsumLabels& s) {
  Classes c;
  auto in = [](const std::string& labels, char l) { return labels.find(l) != std::string::npos; };
  for (char l : s.result) {
    if (in(s.lhs, l) && in(s.rhs, l))
      c.batch += l;
    else
      (in(s.lhs, l) ? c.rows : c.columns) += l;
  }
  for (char l : s.lhs)
    if (!in(s.result, l)) c.summed += l;
  return c;
}

/// `x` with its dims in the order of `wanted`.
template <class T>
std::vector<T> arrange(const std::vector<T>& x, const std::vector<int64_t>& shape,
                       const std::string& labels, const std::string& wanted) {
  std::vector<int64_t> strides = row_major(shape), sizes, steps;
  for (char l : wanted) {
    sizes.push_back(shape[labels.find(l)]);
    steps.push_back(strides[labels.find(l)]);
  }
  std::vector<T> out(x.size());
  walk(sizes, 0, steps, [&](int64_t i, int64_t at) { out[size_t(i)] = x[size_t(at)]; });
  return out;
}

int64_t extent(const std::map<char, int64_t>& sizes, const std::string& labels) {
  int64_t n = 1;
  for (char l : labels) n *= sizes.at(l);
  return n;
}

template <class T>
void contract(const T* a, const T* b, T* out, int64_t rows, int64_t summed, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t k = 0; k < summed; ++k) {
      const T factor = a[i * summed + k];
      const T* row = b + k * columns;
      T* total = out + i * columns;
      for (int64_t j = 0; j < columns; ++j) total[j] += factor * row[j];
    }
  }
}

template <class T>
std::vector<T> multiply(const EinsumLabels& s, const std::vector<T>& lhs, const std::vector<T>& rhs,
                        const Array& left, const Array& right, const Array& out) {
  Classes c = classify(s);
  std::map<char, int64_t> sizes;
  for (size_t i = 0; i < s.lhs.size(); ++i) sizes[s.lhs[i]] = left.shape[i];
  for (size_t i = 0; i < s.rhs.size(); ++i) sizes[s.rhs[i]] = right.shape[i];
  std::vector<T> a = arrange(lhs, left.shape, s.lhs, c.batch + c.rows + c.summed);
  std::vector<T> b = arrange(rhs, right.shape, s.rhs, c.batch + c.summed + c.columns);
  int64_t batch = extent(sizes, c.batch), rows = extent(sizes, c.rows);
  int64_t summed = extent(sizes, c.summed), columns = extent(sizes, c.columns);
  std::vector<T> product(size_t(out.size()), T(0));
  for (int64_t n = 0; n < batch; ++n)
    contract(a.data() + n * rows * summed, b.data() + n * summed * columns,
             product.data() + n * rows * columns, rows, summed, columns);
  std::vector<int64_t> shape;
  std::string order = c.batch + c.rows + c.columns;
  for (char l : order) shape.push_back(sizes.at(l));
  return arrange(product, shape, order, s.result);
}

// Reference: both operands laid out as matrices, rows of the right one added in the order of the
// summed labels; f32 accumulates in double.
void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  EinsumLabels s = einsum_labels(attribute<std::string>(value, 0));
  const Array &x = *args[0], &y = *args[1];
  if (is_float(out.dtype)) {
    std::vector<double> sums = multiply(s, x.floats, y.floats, x, y, out);
    for (size_t i = 0; i < sums.size(); ++i) out.floats[i] = round_to(out.dtype, sums[i]);
    return;
  }
  std::vector<uint64_t> a(x.ints.begin(), x.ints.end()), b(y.ints.begin(), y.ints.end());
  std::vector<uint64_t> sums = multiply(s, a, b, x, y, out);
  for (size_t i = 0; i < sums.size(); ++i) out.ints[i] = wrap(out.dtype, int64_t(sums[i]));
}

}  // namespace

OpDef einsum_definition() {
  return {.name = "einsum",
          .form = Form::Contract,
          .doc = "Sum of products over the labels that the result lacks.",
          .attributes = {{"spec", AttrKind::String, AttrStyle::Positional}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference};
}

}  // namespace netc::ir::ops

namespace netc::ir {

EinsumLabels einsum_labels(const std::string& spec) {
  const size_t comma = spec.find(','), arrow = spec.find("->");
  if (comma == std::string::npos || arrow == std::string::npos || arrow < comma)
    throw OpError("E0320", fmt::format("einsum: `{}` is not of the form `ij,jk->ik`", spec));
  return {spec.substr(0, comma), spec.substr(comma + 1, arrow - comma - 1), spec.substr(arrow + 2)};
}

}  // namespace netc::ir
