#include "tests/fuzz/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "frontend/parse.h"
#include "frontend/settings.h"
#include "ir/builder.h"
#include "ir/print.h"
#include "ir/reference.h"
#include "ir/verify.h"
#include "passes/contract.h"
#include "passes/pass.h"
#include "tests/backend/support.h"
#include "tests/fuzz/oracle.h"

namespace netc::fuzz {
namespace {

using backend::CpuLevel;
using ir::Array;
using ir::FunctionId;
using ir::Module;
using ir::ValueId;

/// Thrown when a comparison fails.
struct Mismatch {
  std::string text;
};

constexpr char kAll[] = "m.step";  // a name that dumps know

/// The sum of `a` and what `b` adds to it, as one entry: every result of step, of the optimizer's
/// update and of predict.
class Joined {
 public:
  explicit Joined(Module& module) : b_(module, add(module)) {
    std::vector<FunctionId> parts;
    for (const char* name : {"own_m.step", "own_m.update", "own_m.predict"})
      if (FunctionId f = module.find(name)) parts.push_back(f);
    std::vector<std::string> given;
    for (FunctionId f : parts) {
      const ir::Function part = module[f];
      for (const ir::Parameter& p : part.params) {
        const ir::Value& v = part[p.value];
        const bool made = std::find(given.begin(), given.end(), v.name) != given.end();
        if (!made && !named_.contains(v.name))
          named_[v.name] = b_.parameter(v.name, v.type, p.role, p.init);
      }
      for (const ir::Result& r : part.results) given.push_back(r.name);
    }
    for (FunctionId f : parts) call(f);
  }

 private:
  ir::Builder b_;
  std::map<std::string, ValueId> named_;

  static FunctionId add(Module& module) {
    for (ir::Function& f : module.functions) {
      if (f.entry) f.name = "own_" + f.name;
      f.entry = false;
    }
    module.functions.emplace_back();
    module.functions.back().name = kAll;
    module.functions.back().entry = true;
    return FunctionId(module.functions.size() - 1);
  }

  void call(FunctionId f) {
    const ir::Function part = b_.module()[f];
    std::vector<ValueId> args;
    for (const ir::Parameter& p : part.params) args.push_back(named_.at(part[p.value].name));
    const ValueId v = b_.call(f, std::move(args));
    for (size_t i = 0; i < part.results.size(); ++i) {
      const ValueId result(v.index + i);
      const std::string& name = part.results[i].name;
      b_.function()[result].name = name;
      named_.try_emplace(name, result);
      b_.result(name, result);
    }
  }
};

std::vector<std::string> float_inputs(const Module& module) {
  std::vector<std::string> names;
  for (const ir::Function& f : module.functions)
    for (const ir::Parameter& p : f.params)
      if (f.entry && p.role == ir::Role::Input && ir::is_float(f[p.value].type.dtype) &&
          std::find(names.begin(), names.end(), f[p.value].name) == names.end() &&
          f[p.value].name != "lr" && !f[p.value].name.starts_with("d_"))
        names.push_back(f[p.value].name);
  return names;
}

void pass_on(const passes::PassContext& context, Verdict& verdict) {
  for (const ir::Diagnostic& d : context.diagnostics)
    if (d.severity == ir::Severity::Error) {
      verdict.rejection = d.code + ": " + d.message;
      throw verdict;
    }
}

/// The least number of valid indices that the module promises anywhere; integers given stay below.
int64_t index_limit(const Module& module) {
  int64_t limit = 9;
  for (const ir::Function& f : module.functions)
    for (const ir::Value& v : f.values)
      if (v.op == ir::Op::index && f[v.args[0]].op != ir::Op::mod)
        limit = std::min(limit, std::get<ir::Dim>(v.attrs[0]).evaluate({{"batch", 1}}).value_or(1));
  return std::max<int64_t>(limit, 1);
}

class Program {
 public:
  Program(Module module, uint64_t seed, std::optional<CpuLevel> cpu, Verdict& verdict)
      : module_(std::move(module)), random_(seed), verdict_(verdict) {
    static const int64_t kCapacities[] = {5, 8, 1, 17, 3};
    capacity_ = kCapacities[random_() % 5];
    n_ = random_() % 3 == 0 ? std::max<int64_t>(1, capacity_ / 2) : capacity_;
    const std::vector<CpuLevel> levels = backend::test::levels();
    cpu_ = random_() % 3 == 0 ? levels[random_() % levels.size()] : backend::native_cpu();
    cpu_ = cpu.value_or(cpu_);
    level_ = int(random_() % 4);
    if (level_ == 3) level_ = 2;
    style_ = random_() % 3;
  }

  void run() {
    print_and_parse();
    passes::PassContext context;
    context.wrt = float_inputs(module_);
    lower(ir::Stage::Backward, context);
    print_and_parse();
    Joined{module_};
    if (auto wrong = ir::verify(module_)) throw Mismatch{"joined functions: " + *wrong};
    bind();
    make_arguments();
    const OracleResult expected = track(bound_, bound_.find(kAll), arguments_);
    wide_ = passes::widen(bound_);
    check_gradient(track(wide_, wide_.find(kAll), wide_arguments()));
    passes::PassContext compiled;
    lower(ir::Stage::Plan, compiled);
    print_and_parse();
    check_plan(expected);
    compare(expected);
  }

 private:
  Module module_, bound_, wide_;  ///< the program; with sizes; and every float in f64
  std::mt19937_64 random_;
  Verdict& verdict_;
  int64_t capacity_, n_;
  CpuLevel cpu_;
  int level_;
  uint64_t style_;
  std::vector<Tracked> arguments_;

  double uniform(double lo, double hi) {
    return lo + (hi - lo) * double(random_() >> 11) * 0x1p-53;
  }

  /// Puts the batch's size in. A window over the batch may not fit into it: no program to check.
  void bind() {
    try {
      bound_ = passes::specialise(module_, {{"batch", ir::Dim(n_)}});
    } catch (const ir::OpError& e) {
      verdict_.rejection = e.code + ": " + e.what();
      throw verdict_;
    }
  }

  void lower(ir::Stage to, passes::PassContext& context) {
    context.batch_capacity = capacity_;
    context.target.vector_bytes = backend::vector_bytes(cpu_);
    if (random_() % 2) context.target.large = 256;  // so that batches are streamed
    module_ = passes::run(passes::pipeline(module_.stage, to, level_), std::move(module_), context);
    pass_on(context, verdict_);
  }

  /// A dump is the program: it reads back as what was printed.
  void print_and_parse() {
    const std::string text = ir::print(module_);
    const Loaded again = load(text);
    if (!again.accepted())
      throw Mismatch{"a dump does not read back: " +
                     frontend::render(again.diagnostics.all(), again.sources, {}) + text};
    const std::string second = ir::print(again.module);
    if (second != text)
      throw Mismatch{"print(parse(print)) differs" + first_difference(text, second)};
  }

  static std::string first_difference(const std::string& a, const std::string& b) {
    const size_t at =
        size_t(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
    const size_t from = at < 150 ? 0 : at - 150;
    return ":\n" + a.substr(from, 300) + "\n--- and then\n" + b.substr(from, 300);
  }

  double number() {
    switch (style_) {
      case 0:
        return double(float(uniform(-2, 2)));
      case 1:  // ties and zeros
        return double(int64_t(random_() % 17) - 8) * 0.25;
      default:
        return random_() % 16 == 0 ? 0 : double(float(uniform(-1, 1) * std::exp2(uniform(-6, 2))));
    }
  }

  void make_arguments() {
    const ir::Function& f = bound_[bound_.find(kAll)];
    const int64_t limit = index_limit(bound_);
    const bool indexed = limit < 9;
    for (const ir::Parameter& p : f.params) {
      const ir::Value& v = f[p.value];
      std::vector<int64_t> shape;
      for (const ir::Dim& d : v.type.shape) shape.push_back(d.constant());
      Array a = Array::zeros(v.type.dtype, shape);
      for (int64_t i = 0; i < a.size(); ++i) {
        if (p.role == ir::Role::State)
          a.set(i, std::fabs(number()));
        else if (ir::is_float(v.type.dtype))
          a.set(i, number());
        else if (v.type.dtype == ir::DType::boolean)
          a.set_int(i, int64_t(random_() & 1));
        else
          a.set_int(i, int64_t(random_() % uint64_t(limit)) -
                           (indexed || v.type.dtype == ir::DType::u8 ? 0 : limit / 2));
      }
      if (v.name == "lr") a.set(0, 0.05);
      if (v.name == "step") a.set_int(0, 1 + int64_t(random_() % 4));
      std::vector<double> tangent;
      const bool moved = p.role == ir::Role::Param || (p.role == ir::Role::Input && v.name != "lr");
      if (ir::is_float(v.type.dtype) && moved)
        for (int64_t i = 0; i < a.size(); ++i) tangent.push_back(uniform(-1, 1));
      arguments_.push_back(exact(std::move(a), std::move(tangent)));
    }
  }

  std::vector<Tracked> wide_arguments() const {
    std::vector<Tracked> wide = arguments_;
    for (Tracked& t : wide)
      if (t.value.dtype == ir::DType::f32) t.value.dtype = ir::DType::f64;
    return wide;
  }

  const Tracked* find(const OracleResult& r, const std::string& name) const {
    const ir::Function& f = bound_[bound_.find(kAll)];
    for (size_t i = 0; i < f.results.size(); ++i)
      if (f.results[i].name == name) return &r.results[i];
    return nullptr;
  }

  /// <gradient, direction> is the loss's derivative along the direction, in both modes and as a
  /// quotient of differences.
  void check_gradient(const OracleResult& expected) {
    const Tracked* loss = find(expected, "loss");
    if (!loss || expected.at_kink || expected.may_fault()) return;
    const double forward = loss->tangent[0];
    double reverse = 0, scale = 1e-12, slack = 0;
    const ir::Function& f = bound_[bound_.find(kAll)];
    for (size_t i = 0; i < f.params.size(); ++i) {
      const Tracked* g = find(expected, "d_" + f[f.params[i].value].name);
      if (!g) continue;
      for (size_t k = 0; k < g->error.size(); ++k) {
        const double t = arguments_[i].tangent[k];
        reverse += g->value.floats[k] * t;
        scale += std::fabs(g->value.floats[k] * t);
        slack += g->error[k];
      }
    }
    // Where even f32 would have no digit left, f64 has few.
    if (!std::isfinite(forward) || !(slack < 0.1 * scale + 1e-3) || scale > 1e8) return;
    verdict_.gradient_checked = true;
    // A derivative that is 0 in numbers without rounding is as small as the rounding of the loss.
    const double size = std::fabs(loss->value.number(0));
    const double rounding = 1e-15 * (std::isfinite(size) ? 1 + size : 1);
    if (!(std::fabs(forward - reverse) <= 1e-10 * scale + 1e-7 * slack + rounding))
      throw Mismatch{
          fmt::format("gradient: forward mode gives {}, reverse mode {}", forward, reverse)};
    if (!expected.holds_back) check_difference(forward, scale, loss->value.number(0));
  }

  double loss_at(double h, bool& smooth) {
    std::vector<Tracked> moved = wide_arguments();
    for (Tracked& t : moved)
      for (size_t k = 0; k < t.tangent.size(); ++k) t.value.floats[k] += h * t.tangent[k];
    const OracleResult r = track(wide_, wide_.find(kAll), moved);
    smooth = smooth && !r.at_kink;
    return find(r, "loss")->value.number(0);
  }

  void check_difference(double forward, double scale, double middle) {
    if (random_() % 3 != 0) return;
    const double h = 1e-5;
    bool smooth = true;
    const double up = loss_at(h, smooth), down = loss_at(-h, smooth);
    const double up2 = loss_at(h / 2, smooth), down2 = loss_at(-h / 2, smooth);
    const double whole = (up - down) / (2 * h), half = (up2 - down2) / h;
    const double noise = 1e-15 * (1 + std::fabs(middle)) / h;
    if (!smooth || !(std::fabs(whole - half) <= 1e-6 * scale + 16 * noise)) return;
    verdict_.difference_checked = true;
    if (!(std::fabs(half - forward) <= 1e-5 * scale + 64 * noise))
      throw Mismatch{fmt::format("differences: forward mode gives {}, differences {} and {}",
                                 forward, whole, half)};
  }

  std::vector<Array> inputs() const {
    std::vector<Array> list;
    for (const Tracked& t : arguments_) list.push_back(t.value);
    return list;
  }

  /// Kernels keep their contract; the interpreter computes the same bits over the plan's arena as
  /// without one, and agrees with the oracle.
  void check_plan(const OracleResult& expected) {
    const ir::Function& f = module_.functions.at(0);
    const passes::KernelUses uses = passes::kernel_uses(f);
    for (size_t k = 0; k < uses.kernels.size(); ++k)
      if (auto wrong = passes::contract_violation(f, uses, k))
        throw Mismatch{"contract: " + *wrong};
    Module plain = module_;
    for (ir::Value& v : plain.functions[0].values) v.storage.reset();
    const ir::EvaluationResult planned = ir::evaluate(module_, FunctionId(0), inputs()),
                               unplanned = ir::evaluate(plain, FunctionId(0), inputs());
    for (size_t r = 0; r < f.results.size(); ++r) {
      if (!same_bits(planned.results[r], unplanned.results[r]))
        throw Mismatch{"plan: it changes " + f.results[r].name};
      compare("interpreted", f.results[r].name, unplanned.results[r], expected.results[r],
              expected.fault_uncertain);
    }
  }

  void compare(const OracleResult& expected) {
    backend::test::RunOptions run{.cpu = cpu_, .capacity = capacity_, .n = n_, .optimise = level_};
    uint32_t fault = 0;
    backend::CompileOptions options;
    options.cpu = cpu_;
    options.batch_capacity = capacity_;
    options.optimise = level_;
    const runtime::Plan plan = backend::compile(module_, FunctionId(0), options);
    const std::vector<Array> got = backend::test::run_plan(module_, plan, inputs(), run, &fault);
    if ((fault & 1) ? !expected.may_fault() : expected.faulted && !expected.fault_uncertain)
      throw Mismatch{fmt::format("fault: {}, expected {}", fault, expected.faulted)};
    const ir::Function& f = module_.functions[0];
    for (size_t r = 0; r < got.size(); ++r)
      compare("compiled", f.results[r].name, got[r], expected.results[r], expected.fault_uncertain);
    run.threads = 2;
    run.reversed = true;
    const std::vector<Array> again = backend::test::run_plan(module_, plan, inputs(), run);
    for (size_t r = 0; r < got.size(); ++r)
      if (!same_bits(got[r], again[r]))
        throw Mismatch{"threads: two give other bits in " + f.results[r].name};
  }

  static bool same_bits(const Array& a, const Array& b) {
    for (size_t i = 0; i < a.floats.size(); ++i)
      if (!(a.floats[i] == b.floats[i] || (std::isnan(a.floats[i]) && std::isnan(b.floats[i]))))
        return false;
    return a.ints == b.ints;
  }

  void compare(const char* how, const std::string& name, const Array& got, const Tracked& expected,
               bool uncertain) {
    if (got.shape != expected.value.shape || got.dtype != expected.value.dtype)
      throw Mismatch{fmt::format("type: {} {}", how, name)};
    constexpr double kSlack = 4;
    for (int64_t i = 0; i < got.size(); ++i) {
      ++verdict_.elements;
      if (uncertain || !expected.stable(i)) {
        ++verdict_.unstable;
        continue;
      }
      const double a = got.number(i), v = expected.value.number(i), e = expected.error[size_t(i)];
      bool same = a == v || (std::isnan(a) && std::isnan(v)) || std::fabs(a - v) <= kSlack * e;
      if (!ir::is_float(got.dtype)) same = got.ints[size_t(i)] == expected.value.ints[size_t(i)];
      if (!same)
        throw Mismatch{
            fmt::format("value {}: {}[{}] is {}, expected {} within {:.3g} ({} O{} B{} n{})", how,
                        name, i, a, v, e, backend::name(cpu_), level_, capacity_, n_)};
      if (e > 0 && std::isfinite(a - v))
        verdict_.tightest = std::max(verdict_.tightest, std::fabs(a - v) / e);
    }
  }
};

}  // namespace

Loaded load(const std::string& text) {
  Loaded out;
  std::vector<frontend::Unit> units(1);
  const uint32_t file = out.sources.add("random.net", "", text);
  units[0].ast = frontend::parse(out.sources, file, out.diagnostics);
  if (out.diagnostics.has_errors()) return out;
  try {
    out.module = frontend::elaborate(units, out.sources, {}, out.diagnostics).module;
  } catch (const ir::OpError& e) {  // a limit that no statement is to blame for
    ir::Diagnostic d;
    d.code = e.code;
    d.message = e.what();
    d.place = {file, 1, 1, 1};
    out.diagnostics.add(d);
  }
  frontend::Program settings;
  if (!out.diagnostics.has_errors())
    frontend::read_settings(units, out.sources, out.diagnostics, settings);
  return out;
}

Verdict check(const std::string& text, uint64_t seed, std::optional<CpuLevel> cpu) {
  Verdict verdict;
  try {
    Loaded loaded = load(text);
    for (const ir::Diagnostic& d : loaded.diagnostics.all()) {
      if (d.code.starts_with("I")) verdict.failure = d.code + ": " + d.message;
      if (d.severity == ir::Severity::Error && verdict.rejection.empty())
        verdict.rejection = d.code + ": " + d.message;
    }
    if (!loaded.accepted()) return verdict;
    Program(std::move(loaded.module), seed, cpu, verdict).run();
    verdict.valid = true;
  } catch (const Verdict&) {  // rejected by a pass: the verdict says so
  } catch (const Mismatch& m) {
    verdict.valid = true;
    verdict.failure = m.text;
  } catch (const ir::DiagnosticError& e) {
    const bool no_size = e.diagnostic.code == "E0310";  // found when memory is laid out
    (no_size ? verdict.rejection : verdict.failure) =
        e.diagnostic.code + ": " + e.diagnostic.message;
  } catch (const std::exception& e) {
    verdict.failure = std::string("exception: ") + e.what();
  }
  return verdict;
}

}  // namespace netc::fuzz
