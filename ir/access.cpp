// Composition of affine views. Relies on sizes in normal form: contiguity of symbolic dims is an
// equality of polynomials.
#include "ir/access.h"

#include <algorithm>

namespace netc::ir {
namespace {

/// One run of operand dims that becomes a run of result dims.
struct Run {
  size_t from_begin, from_end, to_begin, to_end;
};

/// Which of two unequal products must grow: the left when it divides the right or is smaller.
std::optional<bool> left_is_behind(const Dim& left, const Dim& right) {
  if (left.is_constant() && right.is_constant()) return left.constant() < right.constant();
  if (exact_div(right, left)) return true;
  if (exact_div(left, right)) return false;
  return {};
}

/// Cuts both shapes into the shortest runs of equal products; what cannot be compared is one run.
std::vector<Run> split_runs(const Shape& from, const Shape& to) {
  std::vector<Run> runs;
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    Run run{i, i, j, j};
    Dim left = 1, right = 1;
    if (i < from.size()) left = from[i++];
    if (j < to.size()) right = to[j++];
    while (left != right) {
      std::optional<bool> behind = left_is_behind(left, right);
      if (behind && *behind && i < from.size()) {
        left = left * from[i++];
      } else if (behind && !*behind && j < to.size()) {
        right = right * to[j++];
      } else {
        i = from.size();
        j = to.size();
        break;
      }
    }
    run.from_end = i;
    run.to_end = j;
    runs.push_back(run);
  }
  return runs;
}

std::optional<std::vector<Dim>> reshape_strides(const Shape& from, const std::vector<Dim>& strides,
                                                const Shape& to) {
  Shape sizes;  // without dims of size 1, whose stride means nothing
  std::vector<Dim> steps;
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] == Dim(0)) return std::vector<Dim>(to.size(), Dim(0));
    if (from[i] == Dim(1)) continue;
    sizes.push_back(from[i]);
    steps.push_back(strides[i]);
  }
  Shape wide;
  for (const Dim& d : to)
    if (d != Dim(1)) wide.push_back(d);

  std::vector<Dim> wide_steps(wide.size());
  for (const Run& run : split_runs(sizes, wide)) {
    for (size_t k = run.from_begin; k + 1 < run.from_end; ++k)
      if (steps[k] != steps[k + 1] * sizes[k + 1]) return {};
    Dim step = run.from_end > run.from_begin ? steps[run.from_end - 1] : Dim(0);
    for (size_t k = run.to_end; k-- > run.to_begin;) {
      wide_steps[k] = step;
      step = step * wide[k];
    }
  }
  std::vector<Dim> result(to.size());
  Dim unit = 1;
  for (size_t i = to.size(), k = wide.size(); i-- > 0;) {
    if (to[i] == Dim(1)) {
      result[i] = unit;
      continue;
    }
    --k;
    result[i] = wide_steps[k];
    unit = wide_steps[k] * wide[k];
  }
  return result;
}

/// One panel, or panels of one column, are affine.
Access panelled_access(ValueId v, const Shape& shape, const Storage& storage) {
  Access access{v, 0, std::vector<Dim>(shape.size()), {}};
  const size_t last = shape.size() - 1;
  const int64_t width = *storage.panel, distance = *storage.leading_stride;
  access.strides[last] = width == 1 ? Dim(distance) : Dim(1);
  Dim stride = width;
  for (size_t d = last; d-- > 0;) {
    access.strides[d] = stride;
    stride = stride * shape[d];
  }
  if (width > 1 && !(shape[last].is_constant() && shape[last].constant() <= width))
    access.panels = PanelledDim{last, width, distance};
  return access;
}

/// The dim of `to` that dim `dim` of `from` becomes, with the same elements before and behind it.
std::optional<size_t> kept_dim(const Shape& from, size_t dim, const Shape& to) {
  const auto product = [](const Shape& shape, size_t begin, size_t end) {
    Dim count = 1;
    for (size_t d = begin; d < end; ++d) count = count * shape[d];
    return count;
  };
  const Dim before = product(from, 0, dim), behind = product(from, dim + 1, from.size());
  for (size_t d = 0; d < to.size(); ++d)
    if (to[d] == from[dim] && product(to, 0, d) == before &&
        product(to, d + 1, to.size()) == behind)
      return d;
  return {};
}

/// Whether `v`, a view, is what its kernel stores: the last value of a kernel of views alone.
bool has_own_kernel(const Function& function, ValueId v) {
  KernelId kernel = function[v].kernel;
  if (!kernel) return false;
  size_t i = v.index;
  if (i + 1 < function.values.size() && function.values[i + 1].kernel == kernel) return false;
  for (; i > 0 && function.values[i - 1].kernel == kernel; --i)
    if (def(function.values[i - 1].op).form != Form::View) return false;
  return true;
}

}  // namespace

bool is_affine_view(Op op) {
  switch (op) {
    case Op::reshape:
    case Op::permute:
    case Op::broadcast:
    case Op::slice:
    case Op::diagonal:
    case Op::windows:
      return true;
    default:
      return false;
  }
}

Access row_major_access(ValueId v, const Shape& shape, std::optional<int64_t> leading_stride) {
  Access access{v, 0, std::vector<Dim>(shape.size()), {}};
  Dim stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (d + 2 == shape.size() && leading_stride) stride = *leading_stride;
    access.strides[d] = stride;
    stride = stride * shape[d];
  }
  return access;
}

Access stored_access(const Function& function, ValueId v) {
  const Value& value = function[v];
  const Shape& shape = value.type.shape;
  if (!value.storage) return row_major_access(v, shape);
  if (value.storage->panel) return panelled_access(v, shape, *value.storage);
  return row_major_access(v, shape, value.storage->leading_stride);
}

namespace {

/// A reshape that leaves the dim in panels as it is.
std::optional<Access> through_reshape(const Shape& from, const Access& operand, const Shape& to) {
  const size_t dim = operand.panels->dim;
  const auto kept = kept_dim(from, dim, to);
  if (!kept) return {};
  const auto part = [](const auto& all, size_t begin, size_t end) {
    return std::vector(all.begin() + int64_t(begin), all.begin() + int64_t(end));
  };
  const auto before =
      reshape_strides(part(from, 0, dim), part(operand.strides, 0, dim), part(to, 0, *kept));
  const auto behind =
      reshape_strides(part(from, dim + 1, from.size()), part(operand.strides, dim + 1, from.size()),
                      part(to, *kept + 1, to.size()));
  if (!before || !behind) return {};
  Access access = operand;
  access.panels->dim = *kept;
  access.strides = *before;
  access.strides.push_back(operand.strides[dim]);
  access.strides.insert(access.strides.end(), behind->begin(), behind->end());
  return access;
}

/// What a permutation, broadcast, slice or diagonal makes of the dim in panels; nothing where it
/// takes a part of it.
std::optional<PanelledDim> through_panels(const Value& view, const Type& from, PanelledDim panels) {
  switch (view.op) {
    case Op::permute: {
      const auto& dims = std::get<std::vector<int64_t>>(view.attrs[0]);
      const auto at = std::find(dims.begin(), dims.end(), int64_t(panels.dim));
      panels.dim = size_t(at - dims.begin());
      return panels;
    }
    case Op::broadcast:
      panels.dim += view.type.shape.size() - from.shape.size();
      return panels;
    case Op::slice: {
      const bool whole =
          std::get<Dim>(view.attrs[1]) == Dim(0) && std::get<int64_t>(view.attrs[3]) == 1;
      if (size_t(std::get<int64_t>(view.attrs[0])) == panels.dim && !whole) return {};
      return panels;
    }
    case Op::diagonal: {
      const size_t i = size_t(std::get<int64_t>(view.attrs[0]));
      const size_t j = size_t(std::get<int64_t>(view.attrs[1]));
      if (i == panels.dim || j == panels.dim) return {};
      if (j < panels.dim) --panels.dim;
      return panels;
    }
    default:
      return {};
  }
}

}  // namespace

std::optional<Access> through_view(const Value& view, const Type& from, const Access& operand) {
  Access access = operand;
  if (operand.panels && view.op != Op::reshape) {
    access.panels = through_panels(view, from, *operand.panels);
    if (!access.panels) return {};
  }
  switch (view.op) {
    case Op::reshape: {
      if (operand.panels) return through_reshape(from.shape, operand, view.type.shape);
      auto strides = reshape_strides(from.shape, operand.strides, view.type.shape);
      if (!strides) return {};
      access.strides = *strides;
      return access;
    }
    case Op::permute: {
      const auto& dims = std::get<std::vector<int64_t>>(view.attrs[0]);
      for (size_t i = 0; i < dims.size(); ++i) access.strides[i] = operand.strides[size_t(dims[i])];
      return access;
    }
    case Op::broadcast: {
      size_t lead = view.type.shape.size() - from.shape.size();
      access.strides.assign(view.type.shape.size(), Dim(0));
      for (size_t i = 0; i < from.shape.size(); ++i)
        if (from.shape[i] == view.type.shape[lead + i])
          access.strides[lead + i] = operand.strides[i];
      return access;
    }
    case Op::slice: {
      size_t dim = size_t(std::get<int64_t>(view.attrs[0]));
      access.offset = access.offset + std::get<Dim>(view.attrs[1]) * operand.strides[dim];
      access.strides[dim] = operand.strides[dim] * Dim(std::get<int64_t>(view.attrs[3]));
      return access;
    }
    case Op::diagonal: {
      size_t i = size_t(std::get<int64_t>(view.attrs[0]));
      size_t j = size_t(std::get<int64_t>(view.attrs[1]));
      access.strides[i] = operand.strides[i] + operand.strides[j];
      access.strides.erase(access.strides.begin() + int64_t(j));
      return access;
    }
    case Op::windows: {
      const auto& stride = std::get<Shape>(view.attrs[1]);
      const auto& dilation = std::get<Shape>(view.attrs[2]);
      size_t first = from.shape.size() - stride.size();
      for (size_t i = 0; i < stride.size(); ++i) {
        access.strides[first + i] = operand.strides[first + i] * stride[i];
        access.strides.push_back(operand.strides[first + i] * dilation[i]);
      }
      return access;
    }
    default:
      return {};
  }
}

std::optional<Access> affine_access(const Function& function, ValueId v) {
  const Value& value = function[v];
  if (!is_affine_view(value.op) || value.storage || has_own_kernel(function, v))
    return stored_access(function, v);
  std::optional<Access> operand = affine_access(function, value.args[0]);
  if (!operand) return {};
  return through_view(value, function[value.args[0]].type, *operand);
}

}  // namespace netc::ir
