// How the tests plan by hand, run and compare: see support.h.
#include "support.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <thread>

#include "backend/slots.h"
#include "ir/access.h"
#include "ir/print.h"
#include "ir/reference.h"
#include "ir/verify.h"
#include "runtime/slots.h"

namespace netc::backend::test {

using ir::Array;
using ir::ValueId;

ir::Module module_of(const std::function<void(ir::Builder&)>& build) {
  ir::Module module;
  module.stage = ir::Stage::Plan;
  module.functions.emplace_back();
  module.functions[0].name = "t.f";
  module.functions[0].entry = true;
  ir::Builder builder(module, ir::FunctionId(0));
  build(builder);
  return module;
}

void plan_by_hand(ir::Module& module, Grouping grouping, int64_t batch) {
  ir::Function& f = module.functions[0];
  int64_t offset = 0;
  auto place = [&](ValueId v) {
    f[v].storage = ir::Storage{offset, {}};
    offset += (stored_bytes(f, v, batch) + 63) / 64 * 64;
  };
  for (const ir::Parameter& p : f.params) place(p.value);
  std::vector<bool> result(f.values.size(), false);
  for (const ir::Result& r : f.results) result[r.value.index] = true;
  if (grouping == Grouping::Whole) f.kernels.push_back({"k", ""});
  for (size_t i = f.params.size(); i < f.values.size(); ++i) {
    ValueId v(i);
    if (grouping == Grouping::Whole) {
      f[v].kernel = ir::KernelId(0);
      if (result[i]) place(v);
      continue;
    }
    ir::Form form = ir::def(f[v].op).form;
    bool view = form == ir::Form::View && f[v].args.size() == 1 && ir::affine_access(f, v) &&
                f[ir::affine_access(f, v)->base].storage;
    bool leaf = form == ir::Form::Leaf && f[v].args.empty();
    if ((view || leaf) && !result[i]) continue;
    f[v].kernel = ir::KernelId(f.kernels.size());
    f.kernels.push_back({"k" + std::to_string(i), ""});
    place(v);
  }
}

std::vector<Array> random_inputs(const ir::Module& module, int64_t n, uint64_t seed, double lo,
                                 double hi, int64_t limit) {
  std::mt19937_64 random(seed);
  std::vector<Array> inputs;
  for (const ir::Parameter& p : module.functions[0].params) {
    const ir::Type& type = module.functions[0][p.value].type;
    std::vector<int64_t> shape;
    for (const ir::Dim& d : type.shape) shape.push_back(*d.evaluate({{"batch", n}}));
    Array a = Array::zeros(type.dtype, shape);
    for (int64_t i = 0; i < a.size(); ++i) {
      if (ir::is_float(type.dtype))
        a.set(i, lo + (hi - lo) * double(random() >> 11) / double(1ull << 53));
      else if (type.dtype == ir::DType::boolean)
        a.set_int(i, int64_t(random() & 1));
      else
        a.set_int(i, int64_t(random() % uint64_t(limit)) -
                         (lo < 0 && type.dtype != ir::DType::u8 ? limit / 2 : 0));
    }
    inputs.push_back(std::move(a));
  }
  return inputs;
}

namespace {

void run_phase(const runtime::Phase& phase, runtime::Context context, const RunOptions& o) {
  struct Piece {
    const runtime::Task* task;
    int64_t chunk;
  };
  std::vector<Piece> pieces;
  for (const runtime::Task& task : phase.tasks)
    for (int64_t c = 0; c < task.chunks; ++c) pieces.push_back({&task, c});
  if (o.reversed) std::reverse(pieces.begin(), pieces.end());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next.fetch_add(1)) < pieces.size();) {
      runtime::Context own = context;
      own.user = pieces[i].task->user;
      pieces[i].task->function(&own, pieces[i].chunk);
    }
  };
  std::vector<std::thread> threads;
  for (int t = 1; t < o.threads; ++t) threads.emplace_back(work);
  work();
  for (std::thread& t : threads) t.join();
}

}  // namespace

std::vector<Array> run_plan(const ir::Module& module, const runtime::Plan& plan,
                            const std::vector<Array>& inputs, const RunOptions& o,
                            uint32_t* fault) {
  runtime::Arena arena(plan.arena_bytes);
  std::memset(arena.data(), 0xff, arena.bytes().size());  // NaN: reading what nobody wrote shows
  std::vector<std::byte> dense;
  for (size_t i = 0; i < inputs.size(); ++i) {
    dense.resize(size_t(runtime::dense_bytes(plan.slots[i], o.n)));
    inputs[i].store(dense.data());
    runtime::write_slot(plan.slots[i], arena, o.n, dense);
  }
  std::atomic<uint32_t> word = 0;
  runtime::Context context{arena.data(), o.n, nullptr, &word};
  for (const runtime::Phase& phase : plan.phases) run_phase(phase, context, o);
  std::vector<Array> results;
  for (size_t i = inputs.size(); i < plan.slots.size(); ++i) {
    dense.resize(size_t(runtime::dense_bytes(plan.slots[i], o.n)));
    runtime::read_slot(plan.slots[i], arena, o.n, std::span(dense));
    results.push_back(Array::load(
        module.functions[0][module.functions[0].results[i - inputs.size()].value].type.dtype,
        runtime::dims(plan.slots[i], o.n), dense.data()));
  }
  if (fault) *fault = word;
  return results;
}

std::vector<Array> run_compiled(const ir::Module& module, const std::vector<Array>& inputs,
                                const RunOptions& o, uint32_t* fault, CompileReport* report) {
  CompileOptions options;
  options.cpu = o.cpu;
  options.batch_capacity = o.capacity;
  options.optimise = o.optimise;
  options.cache_directory = o.cache;
  const runtime::Plan plan = compile(module, ir::FunctionId(0), options, report);
  return run_plan(module, plan, inputs, o, fault);
}

std::vector<Array> run_reference(const ir::Module& module, const std::vector<Array>& inputs,
                                 int64_t) {
  ir::Module plain = module;
  for (ir::Value& v : plain.functions[0].values) v.storage.reset();
  return ir::evaluate(plain, ir::FunctionId(0), inputs).results;
}

void expect_close(const std::vector<Array>& actual, const std::vector<Array>& expected,
                  double tolerance, const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (size_t r = 0; r < actual.size(); ++r) {
    ASSERT_EQ(actual[r].shape, expected[r].shape) << what;
    for (int64_t i = 0; i < actual[r].size(); ++i) {
      double a = actual[r].number(i), e = expected[r].number(i);
      bool same = a == e || (std::isnan(a) && std::isnan(e)) ||
                  std::fabs(a - e) <= tolerance * std::max(1.0, std::fabs(e));
      if (same && !std::isnan(a) == !std::isnan(e)) continue;
      ADD_FAILURE() << what << ": result " << r << " element " << i << " is " << a << ", wanted "
                    << e;
      return;
    }
  }
}

void check(const std::function<void(ir::Builder&)>& build, const RunOptions& options,
           double tolerance, const std::string& what, double lo, double hi) {
  for (Grouping grouping : {Grouping::Single, Grouping::Whole}) {
    ir::Module module = module_of(build);
    plan_by_hand(module, grouping, options.capacity);
    std::vector<Array> inputs = random_inputs(module, options.n, 7, lo, hi);
    std::vector<Array> expected = run_reference(module, inputs, options.n);
    for (CpuLevel level : levels()) {
      RunOptions o = options;
      o.cpu = level;
      std::string text = what + " at " + name(level) +
                         (grouping == Grouping::Whole ? ", one kernel" : ", single kernels");
      try {
        expect_close(run_compiled(module, inputs, o), expected, tolerance, text);
      } catch (const std::exception& e) {
        ADD_FAILURE() << text << ": " << e.what() << "\n" << ir::print(module);
      }
      if (testing::Test::HasFailure()) {
        GTEST_LOG_(INFO) << ir::print(module);
        return;
      }
    }
  }
}

std::vector<CpuLevel> levels() {
  std::vector<CpuLevel> some;
  for (CpuLevel level : {CpuLevel::sse2, CpuLevel::avx2, CpuLevel::avx512})
    if (supported(level)) some.push_back(level);
  return some;
}

}  // namespace netc::backend::test
