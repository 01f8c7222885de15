// Random training steps: every pass keeps what is computed, gradients agree with central
// differences, and a planned function computes the same bits as an unplanned one.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "passes/contract.h"
#include "tests/passes/graphs.h"
#include "tests/passes/random_graph.h"

namespace netc::passes::test {
namespace {

using ir::Array;
using ir::DType;
using ir::FunctionId;
using ir::Module;

/// NETC_RANDOM_SEEDS=5000 for a longer run.
const uint32_t kSeeds =
    std::getenv("NETC_RANDOM_SEEDS") ? uint32_t(std::atoi(std::getenv("NETC_RANDOM_SEEDS"))) : 150;

std::vector<Array> results(const Module& module, const std::string& name,
                           const std::vector<Array>& args) {
  const FunctionId f = module.find(name);
  EXPECT_TRUE(f) << name;
  return ir::evaluate(module, f, args).results;
}

void expect_close(const std::vector<Array>& got, const std::vector<Array>& expected,
                  double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_LE(difference(got[i], expected[i]), tolerance) << "result " << i;
}

TEST(RandomGraphs, PassesKeepTheValues) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    PassContext context;
    context.batch_capacity = 5;
    context.target.large = 64;
    Module module =
        run_pipeline(random_model(seed, {.dtype = DType::f64}), ir::Stage::Backward, 2, context);
    const auto args = random_arguments(module[module.find("m.train")], 5, random);
    const auto expected = results(module, "m.train", args);
    for (const Pass* pass : pipeline(ir::Stage::Backward, ir::Stage::Plan, 2)) {
      SCOPED_TRACE(pass->name);
      module = run(std::vector<const Pass*>{pass}, std::move(module), context);
      ASSERT_NO_FATAL_FAILURE(expect_close(results(module, "m.train", args), expected, 1e-9));
      if (testing::Test::HasFailure()) {
        ADD_FAILURE() << ir::print(module);
        return;
      }
    }
  }
}

TEST(RandomGraphs, KernelsKeepTheContract) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    for (int level : {0, 2}) {
      PassContext context;
      context.target.large = 4;
      const Module module =
          run_pipeline(random_model(seed, {.ops = 24}), ir::Stage::Fused, level, context);
      for (const ir::Function& f : module.functions) {
        if (!f.entry) continue;
        const KernelUses uses = kernel_uses(f);
        for (size_t k = 0; k < uses.kernels.size(); ++k) {
          const auto wrong = contract_violation(f, uses, k);
          ASSERT_FALSE(wrong) << *wrong << "\n" << ir::print(module, module.find(f.name));
        }
      }
    }
  }
}

TEST(RandomGraphs, LevelsAgree) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<Array> expected, args;
    for (int level : {0, 1, 2}) {
      SCOPED_TRACE(level);
      PassContext context;
      context.batch_capacity = 3;
      context.target.large = 32;
      const Module module = run_pipeline(random_model(seed, {.dtype = DType::f64, .ops = 22}),
                                         ir::Stage::Plan, level, context);
      if (args.empty()) args = random_arguments(module[module.find("m.train")], 3, random);
      const auto got = results(module, "m.train", args);
      if (level == 0) expected = got;
      ASSERT_NO_FATAL_FAILURE(expect_close(got, expected, 1e-9));
    }
  }
}

/// The plan is laid out for 6 rows and run with 6 and with 2.
TEST(RandomGraphs, PlannedAndUnplannedAreTheSameBits) {
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    PassContext context;
    context.batch_capacity = 6;
    context.target.large = 32;
    const Module fused = run_pipeline(random_model(seed, {}), ir::Stage::Fused, 2, context);
    const Module planned = run_pipeline(fused, ir::Stage::Plan, 2, context);
    for (const char* entry : {"m.train", "m.step"}) {
      for (int64_t batch : {6, 2}) {
        const auto args = random_arguments(fused[fused.find(entry)], batch, random);
        ASSERT_NO_FATAL_FAILURE(
            expect_close(results(planned, entry, args), results(fused, entry, args), 0));
      }
    }
  }
}

TEST(RandomGraphs, GradientsAgreeWithCentralDifferences) {
  constexpr double kEps = 1e-5;
  int64_t checked = 0;
  for (uint32_t seed = 0; seed < kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    PassContext context;
    Module module = random_model(seed, {.dtype = DType::f64, .ops = 10, .smooth = true});
    const Module forward = module;
    context.wrt = {"x"};
    module = run_passes(std::move(module), {"differentiate"}, context);
    const FunctionId step = module.find("m.step");
    auto args = random_arguments(module[step], 2, random);
    const auto got = ir::evaluate(module, step, args).results;
    const std::vector<size_t> parameters = {2, 3, 4, 5, 0};  // w v c s, then x
    ASSERT_EQ(got.size(), 2 + parameters.size());
    for (size_t p = 0; p < parameters.size(); ++p) {
      Array& arg = args[parameters[p]];
      const auto at = int64_t(random() % uint64_t(arg.size()));
      const double middle = arg.number(at);
      const auto loss_at = [&](double x) {
        arg.set(at, x);
        const double loss = ir::evaluate(forward, step, args).results[0].number(0);
        arg.set(at, middle);
        return loss;
      };
      const double numeric = (loss_at(middle + kEps) - loss_at(middle - kEps)) / (2 * kEps);
      const double analytic = got[2 + p].number(at);
      EXPECT_NEAR(analytic, numeric, 1e-6 * std::max(1.0, std::abs(numeric)))
          << module[step].results[2 + p].name << "\n"
          << ir::print(forward);
      ++checked;
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(checked, int64_t(kSeeds) * 5);
}

}  // namespace
}  // namespace netc::passes::test
