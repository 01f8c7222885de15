// Runs functions by the reference rule of each op. Sizes are bound first, so that rules see plain
// integers; a planned function runs kernel by kernel over one arena and sees what its plan does.
#include "ir/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "ir/scalar.h"
#include "ir/shape_rules.h"

namespace netc::ir {
namespace {

using Sizes = std::map<std::string, int64_t>;

[[noreturn]] void fail(const std::string& message) {
  Diagnostic d;
  d.code = "R0601";
  d.message = message;
  throw DiagnosticError(d);
}

Dim with_sizes(const Dim& size, const Sizes& sizes, const Function& f) {
  if (size.is_constant()) return size;
  auto number = size.evaluate(sizes);
  if (!number) fail(fmt::format("`{}`: the size `{}` is not known", f.name, size.str()));
  return *number;
}

Shape with_sizes(const Shape& shape, const Sizes& sizes, const Function& f) {
  Shape bound;
  for (const Dim& d : shape) bound.push_back(with_sizes(d, sizes, f));
  return bound;
}

/// A copy of `value` with constant sizes in type and attributes.
Value with_sizes(const Value& value, const Sizes& sizes, const Function& f) {
  Value bound = value;
  bound.type.shape = with_sizes(value.type.shape, sizes, f);
  check_sizes(op_name(value.op), bound.type.shape);
  for (Attribute& a : bound.attrs) {
    if (auto* dim = std::get_if<Dim>(&a)) *dim = with_sizes(*dim, sizes, f);
    if (auto* shape = std::get_if<Shape>(&a)) *shape = with_sizes(*shape, sizes, f);
    if (auto* s = std::get_if<Scalar>(&a)) {
      s->numerator = with_sizes(s->numerator, sizes, f);
      s->denominator = with_sizes(s->denominator, sizes, f);
    }
  }
  return bound;
}

std::vector<int64_t> plain(const Shape& shape) {
  std::vector<int64_t> sizes;
  for (const Dim& d : shape) sizes.push_back(d.constant());
  return sizes;
}

/// Learns the name in `size` when it is a + b * name and the number given for it tells.
void learn(const Dim& size, int64_t given, Sizes& sizes) {
  std::vector<std::string> names = size.symbols();
  if (names.size() != 1) return;
  auto c = size.coefficients(names[0]);
  if (!c || c->size() != 2 || (*c)[1] == 0 || (given - (*c)[0]) % (*c)[1] != 0) return;
  sizes.try_emplace(names[0], (given - (*c)[0]) / (*c)[1]);
}

/// Adds the names in the parameters' sizes to `sizes`, then checks every size of the arguments.
Sizes bind_arguments(const Function& f, const std::vector<Array>& args, Sizes sizes) {
  if (args.size() != f.params.size())
    fail(fmt::format("`{}` takes {} arguments, not {}", f.name, f.params.size(), args.size()));
  auto mismatch = [&](size_t i) {
    const Value& p = f[f.params[i].value];
    fail(fmt::format("`{}`: argument `{}` must be {}, this is {}[{}]", f.name, p.name, str(p.type),
                     name(args[i].dtype), fmt::join(args[i].shape, ", ")));
  };
  for (size_t i = 0; i < args.size(); ++i) {
    const Type& type = f[f.params[i].value].type;
    if (type.dtype != args[i].dtype || type.shape.size() != args[i].shape.size()) mismatch(i);
    for (size_t d = 0; d < type.shape.size(); ++d) learn(type.shape[d], args[i].shape[d], sizes);
  }
  for (size_t i = 0; i < args.size(); ++i) {
    const Type& type = f[f.params[i].value].type;
    for (size_t d = 0; d < type.shape.size(); ++d)
      if (type.shape[d].evaluate(sizes) != args[i].shape[d]) mismatch(i);
  }
  return sizes;
}

/// The first index that breaks its promise, as text.
std::string broken_promise(const Value& bound, const Array& given) {
  int64_t n = std::get<Dim>(bound.attrs[0]).constant();
  int64_t least = std::get<bool>(bound.attrs[1]) ? -n : 0;
  for (int64_t v : given.ints)
    if (v < least || v >= n) return fmt::format("is {}, but must be in {} … {}", v, least, n - 1);
  return "";
}

EvaluationResult evaluate_with(const Module& module, FunctionId function,
                               const std::vector<Array>& args, const Sizes& known);

class Evaluator {
 public:
  Evaluator(const Module& module, const Function& function, Sizes sizes)
      : module_(module), f_(function), sizes_(std::move(sizes)) {}

  std::string fault;

  /// All values in order, without an arena.
  std::vector<Array> run(const std::vector<Array>& args) {
    std::vector<Array> values(f_.values.size());
    std::vector<size_t> last_use = last_uses();
    for (size_t i = 0; i < args.size(); ++i) values[f_.params[i].value.index] = args[i];
    std::vector<Array> further;  // results of the last call after its first
    for (size_t v = 0; v < f_.values.size(); ++v) {
      const Value& value = f_.values[v];
      if (value.op == Op::parameter) continue;
      if (value.op == Op::result) {
        values[v] = further.at(size_t(std::get<int64_t>(value.attrs[0])));
      } else {
        std::vector<const Array*> operands;
        for (ValueId a : value.args) operands.push_back(&values[a.index]);
        values[v] = compute(v, operands, further);
      }
      for (ValueId a : value.args)
        if (last_use[a.index] == v) values[a.index] = Array();
    }
    std::vector<Array> results;
    for (const Result& r : f_.results) {
      if (r.value)
        results.push_back(values[r.value.index]);
      else
        results.emplace_back();
    }
    return results;
  }

  /// Kernel by kernel over an arena. A kernel reads all it needs before it writes anything.
  void run_in_arena(std::byte* arena) {
    std::vector<size_t> last_use = last_uses();
    for (size_t begin = 0; begin < f_.values.size();) {
      size_t end = kernel_end(begin);
      std::map<size_t, Array> fresh;  // of this kernel, and free views read by it
      for (size_t v = begin; v < end; ++v)
        if (is_run(v)) demand(v, arena, begin, end, fresh);
      for (size_t v = begin; v < end; ++v)
        if (is_run(v) && f_.values[v].storage) write(v, fresh.at(v), arena);
      begin = end;
    }
  }

  Array read(size_t v, const std::byte* arena) const {
    Array a = Array::zeros(f_.values[v].type.dtype,
                           plain(with_sizes(f_.values[v].type.shape, sizes_, f_)));
    each_place(v, a.shape, [&](int64_t i, int64_t at) {
      a.load_element(arena + f_.values[v].storage->offset, at, i);
    });
    return a;
  }

  void write(size_t v, const Array& a, std::byte* arena) const {
    each_place(v, a.shape, [&](int64_t i, int64_t at) {
      a.store_element(arena + f_.values[v].storage->offset, at, i);
    });
  }

  /// A result after run_in_arena: stored, or a constant or view of what is.
  Array result(ValueId v, std::byte* arena) {
    std::map<size_t, Array> fresh;
    return demand(v.index, arena, v.index, v.index, fresh);
  }

 private:
  const Module& module_;
  const Function& f_;
  Sizes sizes_;

  std::vector<size_t> last_uses() const {
    std::vector<size_t> last(f_.values.size(), 0);
    for (size_t v = 0; v < f_.values.size(); ++v)
      for (ValueId a : f_.values[v].args) last[a.index] = v;
    for (const Result& r : f_.results)
      if (r.value) last[r.value.index] = f_.values.size();
    return last;
  }

  Array compute(size_t v, const std::vector<const Array*>& operands, std::vector<Array>& further) {
    const Value& value = f_.values[v];
    if (value.op == Op::call) {
      std::vector<Array> args;
      for (const Array* a : operands) args.push_back(*a);
      FunctionId callee = std::get<FunctionId>(value.attrs[0]);
      // A callee was instantiated with the names of its caller.
      EvaluationResult inner = evaluate_with(module_, callee, args, sizes_);
      if (fault.empty()) fault = inner.fault;
      further = std::move(inner.results);
      return further.at(0);
    }
    Value bound = with_sizes(value, sizes_, f_);
    Array out = Array::zeros(bound.type.dtype, plain(bound.type.shape));
    def(value.op).reference(bound, operands, out);
    if (value.op == Op::index && fault.empty()) {
      std::string problem = broken_promise(bound, *operands[0]);
      if (!problem.empty()) fault = fmt::format("index `{}` {}", display_names(f_)[v], problem);
    }
    return out;
  }

  size_t kernel_end(size_t begin) const {
    size_t end = begin + 1;
    KernelId kernel = f_.values[begin].kernel;
    auto continues = [&](size_t v) {
      return f_.values[v].kernel == kernel || f_.values[v].op == Op::constant;
    };
    if (kernel)
      while (end < f_.values.size() && continues(end)) ++end;
    return end;
  }

  /// Values that a kernel computes; the rest (parameters, constants, free views) is read on demand.
  bool is_run(size_t v) const {
    const Value& value = f_.values[v];
    return value.op != Op::parameter && (value.kernel || value.storage);
  }

  /// The value as a kernel [begin, end) sees it: from its own cache, from the arena, or computed.
  const Array& demand(size_t v, const std::byte* arena, size_t begin, size_t end,
                      std::map<size_t, Array>& fresh) {
    if (auto it = fresh.find(v); it != fresh.end()) return it->second;
    const Value& value = f_.values[v];
    bool own = v >= begin && v < end && is_run(v);
    if (value.storage && !own) return fresh[v] = read(v, arena);
    if (value.op == Op::parameter) fail(fmt::format("`{}` has no storage", value.name));
    if (value.op == Op::result) return fresh[v] = further_result(v, arena, begin, end, fresh);
    std::vector<const Array*> operands;
    for (ValueId a : value.args) operands.push_back(&demand(a.index, arena, begin, end, fresh));
    std::vector<Array> further;
    return fresh[v] = compute(v, operands, further);
  }

  Array further_result(size_t v, const std::byte* arena, size_t begin, size_t end,
                       std::map<size_t, Array>& fresh) {
    size_t call = f_.values[v].args[0].index;
    std::vector<const Array*> operands;
    for (ValueId a : f_.values[call].args)
      operands.push_back(&demand(a.index, arena, begin, end, fresh));
    std::vector<Array> further;
    compute(call, operands, further);
    return further.at(size_t(std::get<int64_t>(f_.values[v].attrs[0])));
  }

  /// visit(i, at): element i in row-major order stands `at` elements behind the value's offset.
  template <class Visit>
  void each_place(size_t v, const std::vector<int64_t>& shape, Visit visit) const {
    const Storage& storage = *f_.values[v].storage;
    int64_t row = shape.empty() ? 1 : shape.back();
    int64_t stride = storage.leading_stride.value_or(row);
    int64_t count = 1;
    for (int64_t n : shape) count *= n;
    for (int64_t i = 0; i < count; ++i) {
      int64_t r = i / row, c = i % row;
      if (storage.panel) {
        int64_t width = *storage.panel;
        visit(i, c / width * stride + r * width + c % width);
      } else {
        visit(i, r * stride + c);
      }
    }
  }
};

bool has_storage(const Function& f) {
  return std::any_of(f.values.begin(), f.values.end(), [](const Value& v) { return v.storage; });
}

int64_t arena_size(const Function& f, const Sizes& sizes) {
  int64_t bytes = 0;
  for (const Value& v : f.values) {
    if (!v.storage) continue;
    std::vector<int64_t> shape = plain(with_sizes(v.type.shape, sizes, f));
    int64_t rows = 1;
    for (size_t d = 0; d + 1 < shape.size(); ++d) rows *= shape[d];
    int64_t row = shape.empty() ? 1 : shape.back();
    int64_t stride = v.storage->leading_stride.value_or(row);
    int64_t extent = rows * std::max(row, stride);
    if (v.storage->panel) extent = row / *v.storage->panel * stride + rows * *v.storage->panel;
    bytes = std::max(bytes, v.storage->offset + extent * byte_size(v.type.dtype));
  }
  return bytes;
}

EvaluationResult evaluate_with(const Module& module, FunctionId function,
                               const std::vector<Array>& args, const Sizes& known) {
  const Function& f = module[function];
  Sizes sizes = bind_arguments(f, args, known);
  Evaluator evaluator(module, f, sizes);
  EvaluationResult result;
  try {
    if (!has_storage(f)) {
      result.results = evaluator.run(args);
    } else {
      std::vector<std::byte> arena(size_t(arena_size(f, sizes)));
      for (size_t i = 0; i < args.size(); ++i) {
        size_t v = f.params[i].value.index;
        if (f.values[v].storage) evaluator.write(v, args[i], arena.data());
      }
      evaluator.run_in_arena(arena.data());
      for (const Result& r : f.results)
        result.results.push_back(r.value ? evaluator.result(r.value, arena.data()) : Array());
    }
  } catch (const OpError& error) {
    fail(fmt::format("`{}`: {}", f.name, error.what()));
  }
  result.fault = evaluator.fault;
  return result;
}

}  // namespace

EvaluationResult evaluate(const Module& module, FunctionId function,
                          const std::vector<Array>& args) {
  return evaluate_with(module, function, args, {});
}

std::string evaluate_in_arena(const Module& module, FunctionId function, std::byte* arena,
                              int64_t batch) {
  const Function& f = module[function];
  Sizes sizes;
  for (const Parameter& p : f.params)
    for (const Dim& d : f[p.value].type.shape)
      for (const std::string& symbol : d.symbols()) sizes[symbol] = batch;
  Evaluator evaluator(module, f, sizes);
  evaluator.run_in_arena(arena);
  return evaluator.fault;
}

}  // namespace netc::ir
