// Measures one contraction, 512x1024x1024 in f32 unless sizes are given, against the multiply-add
// peak of the same run, with one thread and with two: median of five.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "backend/compile.h"
#include "ir/builder.h"
#include "runtime/executor.h"

namespace {

using namespace netc;

struct Sizes {
  int64_t m = 512, k = 1024, n = 1024;
};

/// relu(x @ y + b) with every operand stored one after the other.
ir::Module contraction(const std::string& spec, Sizes s) {
  ir::Module module;
  module.stage = ir::Stage::Plan;
  module.functions.emplace_back();
  ir::Function& f = module.functions[0];
  f.name = "bench.f";
  ir::Builder b(module, ir::FunctionId(0));
  auto shape = [&](const std::string& labels) {
    ir::Shape r;
    for (char c : labels) r.push_back(c == 'i' ? s.m : c == 'j' ? s.k : s.n);
    return r;
  };
  auto x = b.parameter("x", {ir::DType::f32, shape(spec.substr(0, 2))});
  auto y = b.parameter("y", {ir::DType::f32, shape(spec.substr(3, 2))});
  auto z = b.einsum(spec, x, y);
  auto relu = b.binary(ir::Op::maximum, z, b.like(z, 0));
  b.result("z", relu);
  int64_t offset = 0;
  f.kernels.push_back({"contraction", ""});
  for (auto v : {x, y, relu}) {
    bool pad = std::getenv("NETC_BENCH_PAD") != nullptr;
    auto columns = f[v].type.shape[1].constant();
    f[v].storage = ir::Storage{offset, {}};
    if (pad) f[v].storage->leading_stride = columns + 16, columns += 16;
    offset += (f[v].type.shape[0].constant() * columns * 4 + 63) / 64 * 64;
  }
  f[z].kernel = f[relu].kernel = ir::KernelId(0);
  for (size_t i = 2; i < f.values.size(); ++i) f.values[i].kernel = ir::KernelId(0);
  return module;
}

double median_seconds(runtime::Executor& executor, const runtime::Plan& plan,
                      runtime::Arena& arena) {
  std::vector<double> times;
  executor.run(plan, arena, 1);
  for (int i = 0; i < 5; ++i) {
    auto start = std::chrono::steady_clock::now();
    for (int repeat = 0; repeat < 4; ++repeat) executor.run(plan, arena, 1);
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 4);
  }
  std::sort(times.begin(), times.end());
  return times[2];
}

}  // namespace

int main(int argc, char** argv) {
  backend::CompileOptions options;
  std::string spec = argc > 1 ? argv[1] : "ij,jk->ik";
  Sizes sizes;
  if (argc > 4) sizes = {std::atoll(argv[2]), std::atoll(argv[3]), std::atoll(argv[4])};
  if (argc > 5) options.cpu = backend::parse_cpu(argv[5]).value_or(options.cpu);
  backend::CompileReport report;
  ir::Module module = contraction(spec, sizes);
  runtime::Plan plan = backend::compile(module, ir::FunctionId(0), options, &report);
  if (argc > 6) std::puts(backend::dump_assembly(module, ir::FunctionId(0), options).c_str());
  runtime::Arena arena(plan.arena_bytes);
  std::memset(arena.data(), 0, size_t(plan.arena_bytes));
  double flops = 2.0 * double(sizes.m) * double(sizes.k) * double(sizes.n);
  std::printf("%s %lldx%lldx%lld %s, compiled in %.1f ms\n", spec.c_str(), (long long)sizes.m,
              (long long)sizes.k, (long long)sizes.n, backend::name(options.cpu),
              report.milliseconds);
  for (int threads : {1, 2}) {
    runtime::ThreadPool pool(threads);
    runtime::Executor executor(pool);
    double before = backend::fma_peak(options.cpu, threads);
    double seconds = median_seconds(executor, plan, arena);
    double peak = std::max(before, backend::fma_peak(options.cpu, threads));
    std::printf("%d thread%s: %8.3f ms %7.1f GFLOP/s  %5.1f %% of %7.1f GFLOP/s peak\n", threads,
                threads == 1 ? " " : "s", seconds * 1e3, flops / seconds * 1e-9,
                100 * flops / seconds / peak, peak * 1e-9);
  }
  return 0;
}
