// The whole pipeline on a small training step.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/passes/graphs.h"

namespace netc::passes::test {
namespace {

TEST(Pipeline, PrintsEveryStage) {
  for (ir::Stage stage :
       {ir::Stage::Backward, ir::Stage::Optimised, ir::Stage::Fused, ir::Stage::Plan}) {
    SCOPED_TRACE(name(stage));
    PassContext context;
    context.batch_capacity = 32;
    ir::Module module = run_pipeline(perceptron(), stage, 2, context);
    for (const auto& d : context.diagnostics) ADD_FAILURE() << d.code << " " << d.message;
    if (std::getenv("NETC_SHOW")) std::puts(ir::print(module).c_str());
  }
}

TEST(Pipeline, EveryLevelComputesTheSame) {
  std::mt19937 random(1);
  PassContext context;
  context.batch_capacity = 7;
  const ir::Module plain = run_pipeline(perceptron(12, 8, 5), ir::Stage::Backward, 0, context);
  const ir::FunctionId train = plain.find("m.train");
  ASSERT_TRUE(train);
  const auto args = random_arguments(plain[train], 7, random);
  const auto expected = ir::evaluate(plain, train, args);
  for (int level : {0, 1, 2}) {
    const ir::Module module = run_pipeline(perceptron(12, 8, 5), ir::Stage::Fused, level, context);
    const auto got = ir::evaluate(module, module.find("m.train"), args);
    ASSERT_EQ(got.results.size(), expected.results.size());
    for (size_t i = 0; i < got.results.size(); ++i)
      EXPECT_LT(difference(got.results[i], expected.results[i]), 1e-6) << level << " " << i;
  }
}

}  // namespace
}  // namespace netc::passes::test
