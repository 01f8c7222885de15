#include "tests/passes/random_graph.h"

#include <algorithm>
#include <numeric>

namespace netc::passes::test {

using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::FunctionId;
using ir::Module;
using ir::Op;
using ir::ReduceKind;
using ir::Role;
using ir::Shape;
using ir::Type;
using ir::ValueId;

namespace {

class Generator {
 public:
  Generator(Module& module, FunctionId f, uint32_t seed, const RandomGraphOptions& options)
      : b_(module, f), random_(seed), options_(options) {}

  void run() {
    const Dim batch = Dim::symbol("batch");
    const DType t = options_.dtype;
    values_.push_back(b_.parameter("x", {t, {batch, Dim(4)}}, Role::Input));
    index_ = b_.parameter("i", {DType::u8, {batch}}, Role::Input);
    const std::vector<std::pair<const char*, Shape>> params = {
        {"w", {Dim(4), Dim(3)}}, {"v", {Dim(3), Dim(4)}}, {"c", {Dim(3)}}, {"s", {}}};
    for (const auto& [name, shape] : params)
      values_.push_back(b_.parameter(name, {t, shape}, Role::Param));
    for (int i = 0; i < options_.ops; ++i) step();
    finish();
  }

 private:
  Builder b_;
  std::mt19937 random_;
  RandomGraphOptions options_;
  std::vector<ValueId> values_;  ///< floats
  ValueId index_;

  int pick(int n) { return int(random_() % uint32_t(n)); }
  ValueId any() {
    // Recent values more often, so that chains grow.
    const int n = int(values_.size());
    return values_[size_t(pick(2) ? n - 1 - pick(std::min(n, 4)) : pick(n))];
  }
  int rank(ValueId v) const { return b_.type(v).rank(); }
  Shape shape(ValueId v) const { return b_.type(v).shape; }

  void keep(ValueId v) {
    if (ir::element_count(shape(v)).coefficients("batch").value_or(std::vector<int64_t>(9)).size() >
        3)
      return;
    if (rank(v) <= 4) values_.push_back(v);
  }

  void step() {
    switch (pick(10)) {
      case 0:
      case 1:
        return keep(unary(any()));
      case 2:
      case 3:
        return keep(binary());
      case 4:
        return keep(choice());
      case 5:
        return keep(reduction());
      case 6:
        return keep(contraction());
      case 7:
      case 8:
        return keep(view());
      default:
        return keep(indexed());
    }
  }

  ValueId unary(ValueId a) {
    static const Op kSmooth[] = {Op::neg, Op::tanh, Op::sin, Op::erf, Op::exp, Op::sqrt, Op::log};
    static const Op kOthers[] = {Op::abs, Op::sign, Op::floor, Op::stop_gradient};
    if (!options_.smooth && pick(4) == 0) return b_.unary(kOthers[pick(4)], a);
    const Op op = kSmooth[pick(7)];
    const bool positive = op == Op::sqrt || op == Op::log;
    ValueId inner = op == Op::exp ? b_.unary(Op::tanh, a) : a;
    if (positive) inner = b_.binary(Op::add, b_.binary(Op::mul, a, a), b_.like(a, 0.5));
    return b_.unary(op, inner);
  }

  /// A value of the same shape as `a`: one there is, one repeated to it, or a constant.
  ValueId partner(ValueId a) {
    for (int tries = 0; tries < 6; ++tries) {
      const ValueId c = any();
      if (shape(c) == shape(a)) return c;
      if (repeats_to(shape(c), shape(a))) return b_.broadcast(c, shape(a));
    }
    return b_.like(a, pick(2) ? 0.5 : -1.25);
  }

  static bool repeats_to(const Shape& from, const Shape& to) {
    if (from.size() > to.size()) return false;
    for (size_t i = 0; i < from.size(); ++i) {
      const Dim& a = from[from.size() - 1 - i];
      if (a != to[to.size() - 1 - i] && a != Dim(1)) return false;
    }
    return true;
  }

  ValueId binary() {
    static const Op kOps[] = {Op::add, Op::sub, Op::mul,     Op::mul,
                              Op::add, Op::div, Op::maximum, Op::minimum};
    const ValueId a = any(), c = partner(a);
    const Op op = kOps[pick(options_.smooth ? 6 : 8)];
    if (op != Op::div) return bounded(b_.binary(op, a, c));
    const ValueId below = b_.binary(Op::add, b_.binary(Op::mul, c, c), b_.like(c, 1));
    return b_.binary(op, a, below);
  }

  ValueId bounded(ValueId v) { return pick(3) ? v : b_.unary(Op::tanh, v); }

  ValueId choice() {
    const ValueId a = any();
    if (options_.smooth) return unary(a);
    const ValueId c = partner(a), d = partner(a);
    const ValueId test = b_.binary(pick(2) ? Op::gt : Op::le, a, c);
    return b_.where(test, d, pick(2) ? b_.like(a, 0) : a);
  }

  std::vector<int64_t> some_dims(int rank) {
    std::vector<int64_t> dims;
    for (int d = 0; d < rank; ++d)
      if (pick(2)) dims.push_back(d);
    if (dims.empty() && rank > 0) dims.push_back(pick(rank));
    return dims;
  }

  ValueId reduction() {
    const ValueId a = any();
    if (rank(a) == 0) return unary(a);
    const auto dims = some_dims(rank(a));
    const ReduceKind kind = options_.smooth || pick(2) ? ReduceKind::sum
                            : pick(2)                  ? ReduceKind::max
                                                       : ReduceKind::min;
    ValueId v = b_.reduce(kind, a, dims);
    if (kind == ReduceKind::sum) v = b_.unary(Op::tanh, b_.binary(Op::mul, v, b_.like(v, 0.25)));
    if (!pick(2)) return v;
    // Back to the operand's shape, as a normalisation does.
    Shape kept = shape(a);
    for (int64_t d : dims) kept[size_t(d)] = Dim(1);
    const ValueId wide = b_.broadcast(b_.reshape(v, kept), shape(a));
    return b_.binary(pick(2) ? Op::sub : Op::mul, a, wide);
  }

  ValueId contraction() {
    ValueId a = any(), c = any();
    if (rank(a) > 3 || rank(c) > 3) return reduction();
    std::string left, right, out;
    char next = 'a';
    for (int d = 0; d < rank(a); ++d) left += next++;
    for (int d = 0; d < rank(c); ++d) {
      char label = 0;
      for (int e = 0; e < rank(a); ++e)
        if (shape(a)[size_t(e)] == shape(c)[size_t(d)] && pick(3) &&
            right.find(left[size_t(e)]) == std::string::npos)
          label = left[size_t(e)];
      right += label ? label : next++;
    }
    for (char l : left + right) {
      if (out.find(l) != std::string::npos) continue;
      const bool both = left.find(l) != std::string::npos && right.find(l) != std::string::npos;
      if (!both || !pick(3)) out += l;
    }
    std::shuffle(out.begin(), out.end(), random_);
    if (out.size() > 3) return reduction();
    const ValueId v = b_.einsum(left + "," + right + "->" + out, a, c);
    return b_.unary(Op::tanh, b_.binary(Op::mul, v, b_.like(v, 0.3)));
  }

  ValueId view() {
    const ValueId a = any();
    const int r = rank(a);
    switch (pick(7)) {
      case 0: {  // a dim of one somewhere
        Shape s = shape(a);
        s.insert(s.begin() + pick(r + 1), Dim(1));
        return b_.reshape(a, s);
      }
      case 1: {  // two dims become one
        if (r < 2) break;
        Shape s = shape(a);
        const size_t d = size_t(pick(r - 1));
        s[d] = s[d] * s[d + 1];
        s.erase(s.begin() + int64_t(d) + 1);
        return b_.reshape(a, s);
      }
      case 2: {
        std::vector<int64_t> order(static_cast<size_t>(r));
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random_);
        return b_.permute(a, order);
      }
      case 3: {
        Shape s = shape(a);
        s.insert(s.begin(), Dim(pick(2) + 1));
        return b_.broadcast(a, s);
      }
      case 4:
      case 5: {
        if (r == 0) break;
        const int d = pick(r);
        const Dim n = shape(a)[size_t(d)];
        if (!n.is_constant()) break;
        if (n.constant() > 1 && pick(2))
          return b_.slice(a, d, Dim(n.constant() - 1), Dim(n.constant() / 2), -2);
        Shape before(size_t(r), Dim(0)), after = before;
        before[size_t(d)] = Dim(pick(2));
        after[size_t(d)] = Dim(1);
        return b_.pad(a, before, after, pick(2) ? 0 : 0.5);
      }
      default: {
        if (r == 0) break;
        const int d = pick(r);
        if (shape(a)[size_t(d)].is_constant()) return b_.concat({a, unary(a)}, d);
        break;
      }
    }
    return unary(a);
  }

  /// Rows of the one with a constant leading dim, by the integer input.
  ValueId indexed() {
    const ValueId a = any();
    if (rank(a) != 2 || !shape(a)[0].is_constant()) return view();
    const Dim batch = Dim::symbol("batch");
    const ValueId inside = b_.add(Op::index, {index_}, {shape(a)[0], false});
    const ValueId wide = b_.broadcast(b_.reshape(inside, {batch, Dim(1)}), {batch, shape(a)[1]});
    return b_.add(Op::gather, {a, wide}, {int64_t(0)});
  }

  void finish() {
    ValueId loss = b_.constant(0, {options_.dtype, {}});
    const size_t n = values_.size();
    for (size_t i = n < 4 ? 0 : n - 4; i < n; ++i) {
      std::vector<int64_t> dims(size_t(rank(values_[i])));
      std::iota(dims.begin(), dims.end(), 0);
      const ValueId part = b_.sum(b_.unary(Op::tanh, values_[i]), dims);
      loss = b_.binary(Op::add, loss, part);
    }
    loss = b_.binary(Op::add, loss, b_.like(loss, 0.125));
    b_.function()[loss].name = "loss";
    b_.result("loss", loss);
    ValueId last = b_.binary(Op::mul, values_.back(), b_.like(values_.back(), 3));
    b_.function()[last].name = "last";
    b_.result("last", last);
  }
};

void add_descent(Module& module, FunctionId step) {
  const FunctionId f = add_function(module, "m.update");
  Builder b(module, f);
  struct Item {
    std::string name;
    Type type;
    ValueId p, d;
  };
  std::vector<Item> items;
  for (const ir::Parameter& p : module[step].params)
    if (p.role == Role::Param)
      items.push_back({module[step][p.value].name, module[step][p.value].type, {}, {}});
  for (Item& item : items) item.p = b.parameter(item.name, item.type, Role::Param);
  for (Item& item : items) item.d = b.parameter("d_" + item.name, item.type, Role::Input);
  const ValueId lr = b.parameter("lr", {DType::f64, {}}, Role::Input);
  for (const Item& item : items) {
    const ValueId rate = b.broadcast(b.cast(lr, item.type.dtype), item.type.shape);
    const ValueId next = b.binary(Op::sub, item.p, b.binary(Op::mul, rate, item.d));
    b.function()[next].name = "new_" + item.name;
    b.result("new_" + item.name, next);
  }
}

}  // namespace

Module random_model(uint32_t seed, const RandomGraphOptions& options) {
  Module module;
  module.default_float = options.dtype;
  const FunctionId f = add_function(module, "m.step");
  Generator(module, f, seed, options).run();
  add_descent(module, f);
  return module;
}

}  // namespace netc::passes::test
