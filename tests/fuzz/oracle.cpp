// One rule for the values, bounds and tangents of each form of op. Scalar primitives need no rule
// of their own: the bound comes from the row's value at the corners of the operands' intervals and
// from its partials, the tangent from the partials.
#include "tests/fuzz/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "ir/ops/rules.h"
#include "tests/fuzz/bounds.h"

namespace netc::fuzz {

using ir::Array;
using ir::DType;
using ir::ReduceKind;
using ir::ScalarInfo;
using ir::Value;
using Class = ir::ScalarInfo::Class;

namespace {

class Tracker {
 public:
  Tracker(const ir::Module& module, OracleResult& out) : module_(module), out_(out) {}

  /// `whole`: for each result whether all of it is read; empty: all are.
  std::vector<Tracked> run(ir::FunctionId function, const std::vector<Tracked>& args,
                           const std::vector<bool>& whole = {}) {
    const ir::Function& f = module_[function];
    const std::vector<bool> read = read_whole(f, whole);
    std::vector<Tracked> values(f.values.size());
    for (size_t i = 0; i < args.size(); ++i) values[f.params[i].value.index] = args[i];
    std::vector<Tracked> further;
    for (size_t v = 0; v < f.values.size(); ++v) {
      const Value& value = f.values[v];
      if (value.op == ir::Op::parameter) continue;
      if (value.op == ir::Op::result) {
        values[v] = further.at(size_t(std::get<int64_t>(value.attrs[0])));
        continue;
      }
      std::vector<const Tracked*> operands;
      for (ir::ValueId a : value.args) operands.push_back(&values[a.index]);
      if (value.op == ir::Op::call) {
        std::vector<Tracked> inner;
        for (const Tracked* t : operands) inner.push_back(*t);
        const auto callee = std::get<ir::FunctionId>(value.attrs[0]);
        further = run(callee, inner, results_read_whole(f, v, read));
        values[v] = further.at(0);
        continue;
      }
      is_read_whole_ = read[v];
      values[v] = compute(value, operands);
    }
    std::vector<Tracked> results;
    for (const ir::Result& r : f.results)
      results.push_back(r.value ? values[r.value.index] : Tracked());
    return results;
  }

 private:
  const ir::Module& module_;
  OracleResult& out_;
  bool is_read_whole_ = true;  ///< all elements of the value that is computed

  /// Whether `user` reads every element of its operand `a`.
  static bool reads_whole(const Value& user, size_t a) {
    const bool drops = user.op == ir::Op::slice || user.op == ir::Op::diagonal ||
                       user.op == ir::Op::windows || (user.op == ir::Op::gather && a == 0);
    return !drops && std::none_of(user.type.shape.begin(), user.type.shape.end(),
                                  [](const ir::Dim& d) { return d == ir::Dim(0); });
  }

  /// For each value whether all its elements are surely needed for the results.
  static std::vector<bool> read_whole(const ir::Function& f, const std::vector<bool>& whole) {
    std::vector<bool> read(f.values.size());
    for (size_t r = 0; r < f.results.size(); ++r)
      if (f.results[r].value && (whole.empty() || whole[r])) read[f.results[r].value.index] = true;
    for (size_t v = f.values.size(); v-- > 0;)
      for (size_t a = 0; a < f.values[v].args.size(); ++a)
        if (read[v] && reads_whole(f.values[v], a)) read[f.values[v].args[a].index] = true;
    return read;
  }

  /// The same of the results of the call `at`: its value, then the `result` values behind it.
  std::vector<bool> results_read_whole(const ir::Function& f, size_t at,
                                       const std::vector<bool>& read) const {
    const Value& call = f.values[at];
    std::vector<bool> whole(module_[std::get<ir::FunctionId>(call.attrs[0])].results.size());
    whole.at(0) = read[at];
    for (size_t v = at + 1; v < f.values.size() && f.values[v].op == ir::Op::result; ++v)
      whole.at(size_t(std::get<int64_t>(f.values[v].attrs[0]))) = read[v];
    return whole;
  }

  using Operands = std::vector<const Tracked*>;

  Tracked compute(const Value& value, const Operands& args) {
    switch (ir::def(value.op).form) {
      case ir::Form::Map:
        return map(value, args);
      case ir::Form::Reduce:
        return reduce(value, args);
      case ir::Form::Contract:
        return contract(value, args);
      case ir::Form::Scatter:
        return scatter(value, args);
      case ir::Form::Leaf:
      case ir::Form::View:
      case ir::Form::Gather:
        return move(value, args);
      case ir::Form::Call:
        break;
    }
    throw std::logic_error("a call is run elsewhere");
  }

  static std::vector<int64_t> sizes(const Value& value) {
    return ir::ops::constant_sizes(value.type.shape);
  }

  /// The op's reference rule on floats given as plain numbers, in f64.
  static Array reference(Value value, std::vector<Array> args, DType dtype) {
    value.type.dtype = dtype;
    std::vector<const Array*> pointers;
    for (const Array& a : args) pointers.push_back(&a);
    Array out = Array::zeros(dtype, sizes(value));
    ir::def(value.op).reference(value, pointers, out);
    return out;
  }

  static Array plain(const Tracked& like, std::vector<double> numbers) {
    Array a;
    a.dtype = DType::f64;
    a.shape = like.value.shape;
    a.floats = std::move(numbers);
    return a;
  }

  static Array magnitudes(const Tracked& t) {
    std::vector<double> m;
    for (double v : t.value.floats) m.push_back(std::fabs(v));
    return plain(t, std::move(m));
  }

  static Array ones(const Tracked& t) {
    return plain(t, std::vector<double>(size_t(t.value.size()), 1));
  }

  static Array wide(const Tracked& t) {
    Array a = t.value;
    if (ir::is_float(a.dtype)) a.dtype = DType::f64;
    return a;
  }

  static bool all_known(const Tracked& t) {
    return std::all_of(t.error.begin(), t.error.end(), [](double e) { return e == 0; });
  }

  static bool all_finite(const Tracked& t) {
    return std::all_of(t.value.floats.begin(), t.value.floats.end(),
                       [](double x) { return std::isfinite(x); });
  }

  static Tracked blank(const Value& value) {
    Tracked t;
    t.value = Array::zeros(value.type.dtype, sizes(value));
    t.error.assign(size_t(t.value.size()), 0);
    if (ir::is_float(value.type.dtype)) t.tangent = t.error;
    return t;
  }

  // ---- elements that only move: leaves, views, gathers ----

  Tracked move(const Value& value, const Operands& args) {
    std::vector<Array> values;
    for (const Tracked* t : args) values.push_back(t->value);
    Tracked out;
    out.value = reference(value, values, value.type.dtype);
    // What moves: all operands but the index of a gather. A border is equal in both runs.
    const bool gathers = args.size() == 2 && ir::def(value.op).form == ir::Form::Gather;
    auto moved = [&](auto part) {
      std::vector<Array> from, zero;
      for (size_t k = 0; k < args.size(); ++k) {
        const bool index = gathers && k == 1;
        from.push_back(index ? args[k]->value : plain(*args[k], part(*args[k])));
        zero.push_back(index ? args[k]->value
                             : plain(*args[k], std::vector<double>(size_t(args[k]->value.size()))));
      }
      std::vector<double> a = reference(value, from, DType::f64).floats;
      const std::vector<double> b = reference(value, zero, DType::f64).floats;
      for (size_t i = 0; i < a.size(); ++i) a[i] = std::isfinite(b[i]) ? a[i] - b[i] : 0;
      return a;
    };
    const size_t count = size_t(out.value.size());
    if (args.empty() || value.op == ir::Op::random || value.op == ir::Op::index) {
      out.error.assign(count, 0);
      if (value.op == ir::Op::index) out.error = args[0]->error, promise(value, *args[0]);
    } else {
      out.error = moved([](const Tracked& t) { return t.error; });
      if (ir::is_float(value.type.dtype) && !gathers) add_overlaps(value, args, moved, out);
    }
    if (gathers)
      for (size_t i = 0; i < count; ++i)
        if (args[1]->error[i] > 0) out.error[i] = kUnknown;
    if (!ir::is_float(value.type.dtype)) return out;
    // Passes may write it as a contraction over a border of zeros, of which 0 * inf is NaN.
    if (value.op == ir::Op::fold_windows && !all_finite(*args[0]))
      std::fill(out.error.begin(), out.error.end(), kUnknown);
    if (args.empty())
      out.tangent.assign(count, 0);
    else
      out.tangent = moved([](const Tracked& t) { return t.tangent; });
    return out;
  }

  /// Where operand elements meet in one place of the result they were added up.
  template <class Moved>
  static void add_overlaps(const Value& value, const Operands& args, Moved moved, Tracked& out) {
    const std::vector<double> terms = moved([](const Tracked& t) { return ones(t).floats; });
    if (std::none_of(terms.begin(), terms.end(), [](double n) { return n > 1; })) return;
    std::vector<Array> wide_args;
    for (const Tracked* t : args) wide_args.push_back(wide(*t));
    out.value.floats = reference(value, wide_args, DType::f64).floats;
    const std::vector<double> magnitude =
        moved([](const Tracked& t) { return magnitudes(t).floats; });
    for (size_t i = 0; i < terms.size(); ++i)
      out.error[i] = known(out.error[i] + sum_error(value.type.dtype, terms[i], magnitude[i]));
  }

  void promise(const Value& value, const Tracked& given) {
    const int64_t n = std::get<ir::Dim>(value.attrs[0]).constant();
    const int64_t low = std::get<bool>(value.attrs[1]) ? -n : 0;
    for (size_t i = 0; i < given.error.size(); ++i) {
      if (given.error[i] > 0)
        out_.fault_uncertain = true;
      else if (given.value.ints[i] < low || given.value.ints[i] >= n)
        (is_read_whole_ ? out_.faulted : out_.fault_unread) = true;
    }
  }

  // ---- scalar primitives ----

  Tracked map(const Value& value, const Operands& args) {
    const ScalarInfo& row = *ir::def(value.op).scalar;
    Tracked out = blank(value);
    const bool select = row.cls == Class::Select;
    const bool integers = row.eval_int && std::none_of(args.begin(), args.end(), [](auto* t) {
                            return ir::is_float(t->value.dtype);
                          });
    for (size_t i = 0; i < out.error.size(); ++i) {
      if (integers) {
        map_integers(row, args, i, out);
      } else if (select) {
        choose(args, i, out);
      } else {
        map_floats(value, row, args, i, out);
      }
    }
    return out;
  }

  static void map_integers(const ScalarInfo& row, const Operands& args, size_t i, Tracked& out) {
    auto at = [&](size_t k) { return k < args.size() ? args[k]->value.ints[i] : 0; };
    out.value.set_int(int64_t(i), row.eval_int(at(0), at(1), at(2)));
    for (const Tracked* t : args)
      if (t->error[i] > 0) out.error[i] = kUnknown;
    if (row.cls == Class::Select && args[0]->error[i] == 0)
      out.error[i] = args[at(0) != 0 ? 1 : 2]->error[i];
    // Logic is certain when one operand decides.
    if (row.cls == Class::Logic && args.size() == 2)
      for (size_t k = 0; k < 2; ++k)
        if (args[k]->error[i] == 0 && row.eval_int(at(k), 0, 0) == row.eval_int(at(k), 1, 0))
          out.error[i] = 0, out.value.set_int(int64_t(i), row.eval_int(at(k), 0, 0));
  }

  /// where on floats: an uncertain condition gives either branch.
  static void choose(const Operands& args, size_t i, Tracked& out) {
    const bool first = args[0]->value.ints[i] != 0;
    const Tracked &taken = *args[first ? 1 : 2], &other = *args[first ? 2 : 1];
    out.value.floats[i] = taken.value.floats[i];
    out.error[i] = taken.error[i];
    out.tangent[i] = taken.tangent[i];
    if (args[0]->error[i] == 0) return;
    const double gap = std::fabs(taken.value.floats[i] - other.value.floats[i]);
    out.error[i] = known(std::max(taken.error[i], other.error[i] + gap));
    if (std::isnan(out.error[i])) out.error[i] = kUnknown;
  }

  void map_floats(const Value& value, const ScalarInfo& row, const Operands& args, size_t i,
                  Tracked& out) {
    double x[3] = {0, 0, 0}, e[3] = {0, 0, 0};
    bool exact = true, unknown = false;
    for (size_t k = 0; k < args.size(); ++k) {
      x[k] = args[k]->value.number(int64_t(i));
      e[k] = args[k]->error[i];
      exact = exact && e[k] == 0;
      unknown = unknown || !(e[k] < 1e300);
    }
    const double y = row.eval(x[0], x[1], x[2]);
    out.value.floats.empty() ? out.value.set(int64_t(i), y) : void(out.value.floats[i] = y);
    if (unknown)
      out.error[i] = kUnknown;
    else if (ir::is_float(value.type.dtype))
      out.error[i] = known(spread(row, args.size(), x, e, y) + rounded(value, row, args, y, exact));
    else
      out.error[i] = decided(row, args, i, x, e, out) ? 0 : kUnknown;
    if (!ir::is_float(value.type.dtype)) return;
    double t = 0;
    for (size_t k = 0; k < args.size(); ++k)
      if (!args[k]->tangent.empty() && args[k]->tangent[i] != 0) {
        t += row.partial(int(k), x[0], x[1], x[2], y, args[k]->tangent[i]);
        note_kinks(row, k, x, e, args[k]->tangent[i]);
      }
    out.tangent[i] = t;
  }

  static double rounded(const Value& value, const ScalarInfo& row, const Operands& args, double y,
                        bool exact) {
    const DType dtype = value.type.dtype;
    // Copies round nothing; a cast rounds where it narrows.
    if (row.cls == Class::Any) return 0;
    if (row.cls == Class::Cast && args[0]->value.dtype == dtype) return 0;
    // In f64 library functions are within 2 ULP.
    const double ulps = row.ulp > 0 && dtype == DType::f64 ? 2 : row.ulp;
    return rounding(dtype, y, ulps, exact);
  }

  /// Calls visit with every corner of the intervals x ± e, and with 0 where an interval holds it.
  template <class Visit>
  static void corners(size_t arity, const double* x, const double* e, Visit visit) {
    double points[3][4] = {};
    int counts[3] = {1, 1, 1};
    for (size_t k = 0; k < 3; ++k) {
      points[k][0] = x[k];
      if (k >= arity || e[k] == 0) continue;
      points[k][1] = x[k] - e[k], points[k][2] = x[k] + e[k];
      counts[k] = 3;
      if (x[k] != 0 && std::fabs(x[k]) <= e[k]) points[k][3] = 0, counts[k] = 4;
    }
    for (int a = 0; a < counts[0]; ++a)
      for (int b = 0; b < counts[1]; ++b)
        for (int c = 0; c < counts[2]; ++c) visit(points[0][a], points[1][b], points[2][c]);
  }

  /// How far the row's value is from y over x ± e.
  static double spread(const ScalarInfo& row, size_t arity, const double* x, const double* e,
                       double y) {
    if (e[0] == 0 && e[1] == 0 && e[2] == 0) return 0;
    for (size_t k = 0; k < arity; ++k)  // too wide for what corners tell of a wave
      if (e[k] > 0.5 * std::max(1.0, std::fabs(x[k]))) return kUnknown;
    double widest = 0;
    bool wild = false;
    corners(arity, x, e, [&](double a, double b, double c) {
      const double v = row.eval(a, b, c);
      if (v != y && !(std::isnan(v) && std::isnan(y))) widest = std::max(widest, std::fabs(v - y));
      wild = wild || std::isnan(v) != std::isnan(y);
      const double at[3] = {a, b, c};
      double slope = 0;
      for (size_t k = 0; k < arity; ++k)
        if (e[k] > 0) slope += std::fabs(row.partial(int(k), at[0], at[1], at[2], v, e[k]));
      // At a kink a partial may be infinite where the value is not: sqrt at 0.
      if (std::isfinite(slope)) widest = std::max(widest, slope);
    });
    return wild || std::isnan(widest) ? kUnknown : widest;
  }

  /// Whether all of x ± e give the integer or bool that x gives.
  bool decided(const ScalarInfo& row, const Operands& args, size_t i, const double* x,
               const double* e, Tracked& out) {
    bool same = true;
    Array one = Array::zeros(out.value.dtype, {});
    corners(args.size(), x, e, [&](double a, double b, double c) {
      one.set(0, row.eval(a, b, c));
      same = same && one.ints[0] == out.value.ints[i];
    });
    // Two operands within each other's bounds compare either way, whatever the corners say.
    if (args.size() == 2 && e[0] + e[1] > 0 && std::fabs(x[0] - x[1]) <= e[0] + e[1]) same = false;
    // Where one of two is computed, equality is luck.
    const bool moves = std::any_of(args.begin(), args.end(), [&](const Tracked* t) {
      return !t->tangent.empty() && t->tangent[i] != 0;
    });
    if (moves && args.size() == 2 && std::fabs(x[0] - x[1]) <= 1e-7 * (1 + std::fabs(x[0])))
      out_.at_kink = true;
    if (moves && args.size() == 1) {  // a cast
      const double gap = x[0] - std::nearbyint(x[0]);
      if (std::fabs(gap) < 1e-6) out_.at_kink = true;
    }
    return same;
  }

  /// The derivative jumps near x: its value on both sides tells.
  void note_kinks(const ScalarInfo& row, size_t k, const double* x, const double* e,
                  double tangent) {
    const double h = std::max(e[k], 1e-7 * (1 + std::fabs(x[k])));
    double low[3] = {x[0], x[1], x[2]}, high[3] = {x[0], x[1], x[2]};
    low[k] -= h, high[k] += h;
    auto slope = [&](const double* p) {
      return row.partial(int(k), p[0], p[1], p[2], row.eval(p[0], p[1], p[2]), tangent);
    };
    const double a = slope(low), b = slope(high);
    if (std::fabs(a - b) > 0.1 * (std::fabs(a) + std::fabs(b)) + 1e-5 * std::fabs(tangent) ||
        std::isnan(a - b))
      out_.at_kink = true;
    // Steps have no slope to see: floor, sign.
    const double below = row.eval(low[0], low[1], low[2]),
                 above = row.eval(high[0], high[1], high[2]);
    if (a == 0 && b == 0 && below != above) out_.at_kink = true;
    if (row.cls == Class::Any) out_.holds_back = true;
  }

  // ---- reductions ----

  /// For each element of the operand the number of the result it is folded into.
  static std::vector<int64_t> targets(const Value& value, const Tracked& x) {
    const auto& dims = std::get<std::vector<int64_t>>(value.attrs[1]);
    const std::vector<int64_t> strides = ir::ops::row_major(sizes(value));
    std::vector<int64_t> steps;
    size_t kept = 0;
    for (size_t d = 0; d < x.value.shape.size(); ++d) {
      const bool folded = std::find(dims.begin(), dims.end(), int64_t(d)) != dims.end();
      steps.push_back(folded ? 0 : strides[kept++]);
    }
    std::vector<int64_t> to;
    ir::ops::walk(x.value.shape, 0, steps, [&](int64_t, int64_t at) { to.push_back(at); });
    return to;
  }

  Tracked reduce(const Value& value, const Operands& args) {
    const Tracked& x = *args[0];
    const auto kind = std::get<ReduceKind>(value.attrs[0]);
    Tracked out = blank(value);
    const bool real = ir::is_float(value.type.dtype);
    out.value = reference(value, {wide(x)}, real ? DType::f64 : value.type.dtype);
    out.value.dtype = value.type.dtype;
    std::vector<std::vector<int64_t>> groups(out.error.size());
    const std::vector<int64_t> to = targets(value, x);
    for (size_t i = 0; i < to.size(); ++i) groups[size_t(to[i])].push_back(int64_t(i));
    for (size_t g = 0; g < groups.size(); ++g) fold(kind, x, groups[g], g, out, out_.at_kink);
    return out;
  }

  // ---- contractions and scatters ----

  static void clean(std::vector<double>& errors) {
    for (double& e : errors)
      if (!(e < 1e300)) e = kUnknown;
  }

  Tracked contract(const Value& value, const Operands& args) {
    const Tracked &a = *args[0], &b = *args[1];
    Tracked out = blank(value);
    if (!ir::is_float(value.type.dtype)) {
      out.value = reference(value, {a.value, b.value}, value.type.dtype);
      if (!all_known(a) || !all_known(b)) std::fill(out.error.begin(), out.error.end(), kUnknown);
      return out;
    }
    out.value = reference(value, {wide(a), wide(b)}, DType::f64);
    out.value.dtype = value.type.dtype;
    auto product = [&](Array x, Array y) {
      return reference(value, {std::move(x), std::move(y)}, DType::f64).floats;
    };
    const Array ea = plain(a, a.error), eb = plain(b, b.error);
    const std::vector<double> magnitude = product(magnitudes(a), magnitudes(b)),
                              terms = product(ones(a), ones(b)), both = product(ea, eb),
                              left = product(ea, magnitudes(b)), right = product(magnitudes(a), eb);
    const bool exact = all_known(a) && all_known(b), shorts = exact && is_short(a) && is_short(b);
    for (size_t i = 0; i < out.error.size(); ++i) {
      const double own = terms[i] < 2 ? rounding(value.type.dtype, magnitude[i], 0, exact)
                                      : sum_error(value.type.dtype, terms[i] + 1, magnitude[i]);
      out.error[i] = shorts && magnitude[i] < kShort ? 0 : left[i] + right[i] + both[i] + own;
    }
    clean(out.error);
    const std::vector<double> ta = product(plain(a, a.tangent), wide(b)),
                              tb = product(wide(a), plain(b, b.tangent));
    for (size_t i = 0; i < ta.size(); ++i) out.tangent[i] = ta[i] + tb[i];
    return out;
  }

  Tracked scatter(const Value& value, const Operands& args) {
    const Tracked &index = *args[0], &source = *args[1];
    Tracked out = blank(value);
    const bool real = ir::is_float(value.type.dtype);
    out.value = reference(value, {index.value, wide(source)}, real ? DType::f64 : value.type.dtype);
    out.value.dtype = value.type.dtype;
    if (!all_known(index) || (!real && !all_known(source))) {
      std::fill(out.error.begin(), out.error.end(), kUnknown);
    } else if (real) {
      auto added = [&](Array x) {
        return reference(value, {index.value, std::move(x)}, DType::f64).floats;
      };
      const std::vector<double> errors = added(plain(source, source.error)),
                                magnitude = added(magnitudes(source)), terms = added(ones(source));
      for (size_t i = 0; i < out.error.size(); ++i)
        out.error[i] = errors[i] + sum_error(value.type.dtype, terms[i], magnitude[i]);
      clean(out.error);
    }
    if (real)
      out.tangent =
          reference(value, {index.value, plain(source, source.tangent)}, DType::f64).floats;
    return out;
  }
};

}  // namespace

Tracked exact(Array value, std::vector<double> tangent) {
  Tracked t;
  t.value = std::move(value);
  t.error.assign(size_t(t.value.size()), 0);
  t.tangent = std::move(tangent);
  if (t.tangent.empty() && ir::is_float(t.value.dtype)) t.tangent = t.error;
  return t;
}

OracleResult track(const ir::Module& module, ir::FunctionId function,
                   const std::vector<Tracked>& args) {
  OracleResult out;
  out.results = Tracker(module, out).run(function, args);
  return out;
}

}  // namespace netc::fuzz
