// reduce: folds some dims of its operand into one element.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/ops/rules.h"

namespace netc::ir::ops {
namespace {

// Attributes: kind; dims, ascending, without repetition.

bool is_argument(ReduceKind k) { return k == ReduceKind::argmax || k == ReduceKind::argmin; }
bool is_logic(ReduceKind k) { return k == ReduceKind::any || k == ReduceKind::all; }
bool has_no_empty_value(ReduceKind k) {
  return k == ReduceKind::max || k == ReduceKind::min || is_argument(k);
}

// Shape: without the dims. sum and prod of bool are i64, arg… are i64, any and all take bool.
Type infer(const Module&, const Value& value, std::span<const Type> args) {
  check_operands(value, args, 1);
  ReduceKind kind = attribute<ReduceKind>(value, 0);
  const auto& dims = attribute<std::vector<int64_t>>(value, 1);
  const Type& type = args[0];
  for (size_t i = 0; i < dims.size(); ++i) {
    check_dim(name(kind), dims[i], type.rank());
    if (i > 0 && dims[i] <= dims[i - 1])
      throw OpError("E0306",
                    fmt::format("`{}`: dim {} stands twice or out of order", name(kind), dims[i]));
    if (has_no_empty_value(kind) && type.shape[size_t(dims[i])] == Dim(0)) {
      OpError error("E0308", fmt::format("`{}` of nothing: dim {} of {} has size 0", name(kind),
                                         dims[i], str(type)));
      error.labels = {{0, str(type)}};
      throw error;
    }
  }
  if (is_logic(kind) && type.dtype != DType::boolean) {
    OpError error("E0305", fmt::format("`{}` takes bool, not {}", name(kind), name(type.dtype)));
    error.labels = {{0, str(type)}};
    throw error;
  }
  bool counts = kind == ReduceKind::sum || kind == ReduceKind::prod;
  DType dtype =
      is_argument(kind) || (counts && type.dtype == DType::boolean) ? DType::i64 : type.dtype;
  return {dtype, drop_dims(type.shape, dims)};
}

// vjp: sum repeats g; prod gives each factor the product of the others, right when one or more are
// zero; max and min split g equally among the tied.
struct ReduceVjp {
  VjpContext& c;
  ValueId x = c.value.args[0];
  Shape shape = c.b.type(x).shape;
  const std::vector<int64_t>& dims = attribute<std::vector<int64_t>>(c.value, 1);

  ValueId spread(ValueId v) const {
    return c.b.broadcast(c.b.reshape(v, keep_dims(shape, dims)), shape);
  }

  ValueId product() const {
    Builder& b = c.b;
    ValueId zero = b.like(x, 0), one = b.like(x, 1);
    ValueId is_zero = b.binary(Op::eq, x, zero);
    ValueId zeros = b.reduce(ReduceKind::sum, b.cast(is_zero, DType::i64), dims);
    ValueId rest = b.reduce(ReduceKind::prod, b.where(is_zero, one, x), dims);
    ValueId nothing = b.like(c.g, 0);
    ValueId g_rest = b.binary(Op::mul, c.g, rest);
    ValueId none = b.binary(Op::eq, zeros, b.like(zeros, 0));
    ValueId single = b.binary(Op::eq, zeros, b.like(zeros, 1));
    ValueId at_zero = spread(b.where(single, g_rest, nothing));
    ValueId elsewhere = b.binary(Op::div, spread(b.where(none, g_rest, nothing)), x);
    return b.where(is_zero, at_zero, elsewhere);
  }

  ValueId extreme() const {
    Builder& b = c.b;
    ValueId tied = b.binary(Op::eq, x, spread(c.self));
    ValueId count = b.reduce(ReduceKind::sum, b.cast(tied, c.value.type.dtype), dims);
    ValueId share = b.binary(Op::div, c.g, count);
    return b.where(tied, spread(share), b.like(x, 0));
  }
};

void vjp(VjpContext& c) {
  ReduceKind kind = attribute<ReduceKind>(c.value, 0);
  if (!c.needs[0] || is_logic(kind) || is_argument(kind)) return;
  ReduceVjp rule{c};
  if (kind == ReduceKind::sum) {
    c.out[0] = rule.spread(c.g);
  } else if (is_float(c.value.type.dtype)) {
    c.out[0] = kind == ReduceKind::prod ? rule.product() : rule.extreme();
  }
}

/// Does `v` replace `best`? NaN beats numbers and the first of equals stays.
template <class T>
bool better(bool smallest, T v, T best) {
  if (best != best) return false;
  return v != v || (smallest ? v < best : v > best);
}

template <class T>
void fold(ReduceKind kind, const std::vector<T>& in, const std::vector<int64_t>& sizes,
          const std::vector<int64_t>& strides, const std::vector<int64_t>& positions,
          std::vector<T>& out, std::vector<int64_t>& where) {
  bool smallest = kind == ReduceKind::min || kind == ReduceKind::argmin;
  std::vector<bool> seen(out.size(), false);
  std::vector<int64_t> position;
  walk(sizes, 0, positions, [&](int64_t, int64_t at) { position.push_back(at); });
  walk(sizes, 0, strides, [&](int64_t i, int64_t at) {
    const T v = in[size_t(i)];
    T& total = out[size_t(at)];
    switch (kind) {
      case ReduceKind::sum:
        if constexpr (std::is_same_v<T, int64_t>)
          total = int64_t(uint64_t(total) + uint64_t(v));
        else
          total += v;
        break;
      case ReduceKind::prod:
        if constexpr (std::is_same_v<T, int64_t>)
          total = int64_t(uint64_t(total) * uint64_t(v));
        else
          total *= v;
        break;
      case ReduceKind::any:
        total = total != 0 || v != 0;
        break;
      case ReduceKind::all:
        total = total != 0 && v != 0;
        break;
      case ReduceKind::max:
      case ReduceKind::min:
      case ReduceKind::argmax:
      case ReduceKind::argmin:
        if (!seen[size_t(at)] || better(smallest, v, total)) {
          total = v;
          where[size_t(at)] = position[size_t(i)];
        }
        seen[size_t(at)] = true;
        break;
    }
  });
}

// Reference: one pass over the operand in row-major order; f32 accumulates in double.
void reference(const Value& value, std::span<const Array* const> args, Array& out) {
  ReduceKind kind = attribute<ReduceKind>(value, 0);
  const auto& dims = attribute<std::vector<int64_t>>(value, 1);
  const Array& x = *args[0];
  std::vector<int64_t> out_strides = row_major(out.shape), strides, positions(x.shape.size(), 0);
  for (size_t d = 0, kept = 0; d < x.shape.size(); ++d) {
    bool folded = std::find(dims.begin(), dims.end(), int64_t(d)) != dims.end();
    strides.push_back(folded ? 0 : out_strides[kept++]);
  }
  int64_t stride = 1;  // row-major position among the folded dims
  for (size_t d = x.shape.size(); d-- > 0;)
    if (std::find(dims.begin(), dims.end(), int64_t(d)) != dims.end())
      positions[d] = stride, stride *= x.shape[d];

  bool starts_at_one = kind == ReduceKind::prod || kind == ReduceKind::all;
  std::vector<int64_t> where(size_t(out.size()), 0);
  if (is_float(x.dtype)) {
    std::vector<double> total(size_t(out.size()), starts_at_one ? 1 : 0);
    fold(kind, x.floats, x.shape, strides, positions, total, where);
    for (int64_t i = 0; i < out.size() && !is_argument(kind); ++i) out.set(i, total[size_t(i)]);
  } else {
    std::vector<int64_t> total(size_t(out.size()), starts_at_one ? 1 : 0);
    fold(kind, x.ints, x.shape, strides, positions, total, where);
    for (int64_t i = 0; i < out.size() && !is_argument(kind); ++i) out.set_int(i, total[size_t(i)]);
  }
  if (is_argument(kind)) out.ints = where;
}

}  // namespace

OpDef reduce_definition() {
  return {.name = "reduce",
          .form = Form::Reduce,
          .doc = "Folds dims by sum, prod, max, min, any, all, argmax or argmin.",
          .attributes = {{"kind", AttrKind::ReduceKind}, {"dim", AttrKind::Ints}},
          .infer = infer,
          .vjp = vjp,
          .reference = reference};
}

}  // namespace netc::ir::ops
