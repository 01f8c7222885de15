// Single passes: what each does and leaves alone, stages, fuel, and errors with their places.
#include <gtest/gtest.h>

#include "passes/check_plan.h"
#include "tests/passes/graphs.h"

namespace netc::passes::test {
namespace {

using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::FunctionId;
using ir::Module;
using ir::Op;
using ir::Role;
using ir::Type;
using ir::ValueId;

const Type kVector{DType::f32, {Dim(4)}};

std::vector<std::string> names(const std::vector<const Pass*>& passes) {
  std::vector<std::string> list;
  for (const Pass* pass : passes) list.push_back(pass->name);
  return list;
}

TEST(Pipelines, LevelsSayWhichPassesRun) {
  using ir::Stage;
  EXPECT_EQ(names(pipeline(Stage::Forward, Stage::Plan, 0)),
            (std::vector<std::string>{"infer_shapes", "differentiate", "inline", "dce", "split",
                                      "remarks", "plan_memory"}));
  EXPECT_EQ(names(pipeline(Stage::Backward, Stage::Fused, 1)),
            (std::vector<std::string>{"inline", "simplify", "cse", "dce", "fuse", "remarks"}));
  EXPECT_EQ(names(pipeline(Stage::Optimised, Stage::Plan, 2)),
            (std::vector<std::string>{"results_last", "borders", "layouts", "fuse", "stream",
                                      "remarks", "panels", "plan_memory"}));
  EXPECT_TRUE(pipeline(Stage::Plan, Stage::Plan, 2).empty());
  for (const Pass& pass : all_passes()) EXPECT_EQ(find_pass(pass.name), &pass);
  EXPECT_EQ(find_pass("fusion"), nullptr);
}

TEST(Pipelines, EveryStageIsReached) {
  for (int level : {0, 1, 2}) {
    Module module = perceptron(8, 4, 3);
    for (ir::Stage to :
         {ir::Stage::Backward, ir::Stage::Optimised, ir::Stage::Fused, ir::Stage::Plan}) {
      PassContext context;
      module = run_pipeline(std::move(module), to, level, context);
      EXPECT_EQ(module.stage, to) << level;
    }
  }
}

TEST(Pipelines, FuelStopsRewrites) {
  int64_t rewrites = 0;
  {
    PassContext context;
    run_pipeline(perceptron(8, 4, 3), ir::Stage::Optimised, 2, context);
    for (const auto& [statistic, count] : context.statistics)
      if (!statistic.starts_with("dce")) rewrites += count;
  }
  ASSERT_GT(rewrites, 5);
  std::mt19937 random(3);
  std::vector<ir::Array> args, expected;
  for (int64_t fuel : {rewrites, rewrites / 2, int64_t(3), int64_t(0)}) {
    PassContext context;
    context.fuel = fuel;
    const Module module = run_pipeline(perceptron(8, 4, 3), ir::Stage::Optimised, 2, context);
    const FunctionId train = module.find("m.train");
    if (args.empty()) args = random_arguments(module[train], 4, random);
    const auto got = ir::evaluate(module, train, args).results;
    if (expected.empty()) expected = got;
    for (size_t i = 0; i < got.size(); ++i) EXPECT_LT(difference(got[i], expected[i]), 1e-6);
  }
}

TEST(InferShapes, SpecialiseReplacesSizes) {
  const Module module = specialise(perceptron(8, 4, 3), {{"batch", Dim(16)}});
  for (const ir::Function& f : module.functions)
    for (const ir::Value& v : f.values)
      for (const Dim& d : v.type.shape) EXPECT_TRUE(d.is_constant());
  EXPECT_FALSE(ir::verify(module));
}

TEST(InferShapes, WhatDoesNotFitIsReportedAtItsPlace) {
  Module module;
  module.files = {"m.net"};
  const FunctionId f = add_function(module, "m.predict");
  Builder b(module, f);
  const ValueId x = b.parameter("x", {DType::f32, {Dim::symbol("batch"), Dim(4)}}, Role::Input);
  const ValueId y = b.parameter("y", {DType::f32, {Dim::symbol("n"), Dim(4)}}, Role::Input);
  b.locs = {module.add({{0, 7, 21, 1}, {}})};
  const ValueId half = b.slice(y, 0, Dim(0), Dim::symbol("batch"), 1);
  b.result("p", b.binary(Op::add, x, half));
  try {
    specialise(module, {{"n", Dim(2)}, {"batch", Dim(3)}});
    FAIL();
  } catch (const ir::DiagnosticError& e) {
    EXPECT_TRUE(e.diagnostic.code.starts_with("E03")) << e.diagnostic.code;
    EXPECT_EQ(e.diagnostic.place.line, 7u);
    EXPECT_EQ(e.diagnostic.place.column, 21u);
  }
}

TEST(PlanMemory, RefusesSizesThatShrinkAsTheBatchGrows) {
  for (const int64_t batch : {1, 3}) {
    Module module;
    module.files = {"m.net"};
    const FunctionId f = add_function(module, "m.predict");
    Builder b(module, f);
    const Dim n = Dim::symbol("batch");
    const ValueId x = b.parameter("x", {DType::f32, {n, Dim(9)}}, Role::Input);
    b.locs = {module.add({{0, 7, 21, 1}, {}})};
    b.result("p", b.unary(Op::neg, b.slice(x, 1, Dim(0), Dim(4) - n, 1)));
    PassContext context;
    context.batch_capacity = batch;
    std::string code = "none";
    try {
      run_pipeline(std::move(module), ir::Stage::Plan, 2, context);
    } catch (const ir::DiagnosticError& e) {
      code = e.diagnostic.code;
      EXPECT_EQ(e.diagnostic.place.line, 7u);
    }
    EXPECT_EQ(code, batch == 1 ? "none" : "E0310");
  }
}

TEST(Inline, PlacesAreDefinitionThenCall) {
  Module module;
  const ir::LocId definition = module.add({{1, 12, 3, 1}, {}});
  const ir::LocId call = module.add({{0, 7, 14, 1}, {}});
  const FunctionId callee = add_function(module, "square", false);
  {
    Builder b(module, callee);
    const ValueId x = b.parameter("x", kVector);
    b.locs = {definition};
    const ValueId y = b.binary(Op::mul, x, x);
    module[callee][y].name = "inner";
    b.result("", y);
  }
  const FunctionId f = add_function(module, "m.predict");
  Builder b(module, f);
  const ValueId x = b.parameter("x", kVector, Role::Input);
  b.locs = {call};
  const ValueId p = b.call(callee, {x});
  module[f][p].name = "p";
  b.result("p", p);
  PassContext context;
  module = run_passes(std::move(module), {"inline", "dce"}, context);
  ASSERT_EQ(module.functions.size(), 1u);
  const ir::Value& value = module.functions[0].values.back();
  EXPECT_EQ(value.name, "p");
  ASSERT_EQ(value.locs.size(), 1u);
  const ir::Loc& loc = module.locs[value.locs[0].index];
  EXPECT_EQ(loc.place.line, 12u);
  EXPECT_EQ(module.locs[loc.called_from.index].place.line, 7u);
}

TEST(Cse, EqualValuesBecomeOneAndTheirPlacesUnite) {
  Module module;
  const FunctionId f = add_function(module, "m.predict");
  Builder b(module, f);
  const ValueId x = b.parameter("x", kVector, Role::Input);
  b.locs = {module.add({{0, 1, 1, 1}, {}})};
  const ValueId first = b.unary(Op::exp, x);
  b.locs = {module.add({{0, 2, 1, 1}, {}})};
  const ValueId second = b.unary(Op::exp, x);
  const ValueId p = b.binary(Op::mul, first, second);
  module[f][p].name = "p";
  b.result("p", p);
  PassContext context;
  module = run_passes(std::move(module), {"cse", "dce"}, context);
  ASSERT_EQ(module[f].values.size(), 3u);
  EXPECT_EQ(module[f].values[1].locs.size(), 2u);
}

// Each value has two ways to the one before: 2^200 ways to walk, 600 values to visit.
TEST(Fuse, ValuesWithManyWaysToThemAreVisitedOnce) {
  Module module;
  const FunctionId f = add_function(module, "m.predict");
  Builder b(module, f);
  ValueId h = b.parameter("x", {DType::f32, {Dim::symbol("batch"), Dim(4)}}, Role::Input);
  for (int i = 0; i < 200; ++i)
    h = b.binary(Op::mul, b.binary(Op::add, b.unary(Op::sin, h), h), b.unary(Op::cos, h));
  b.result("p", h);
  module.stage = ir::Stage::Optimised;
  PassContext context;
  const Module planned = run_pipeline(std::move(module), ir::Stage::Plan, 2, context);
  EXPECT_EQ(planned.stage, ir::Stage::Plan);
  EXPECT_FALSE(planned[planned.find("m.predict")].kernels.empty());
}

TEST(CheckPlan, FindsPlantedOverlaps) {
  PassContext context;
  context.batch_capacity = 16;
  const Module module = run_pipeline(perceptron(8, 6, 3), ir::Stage::Plan, 2, context);
  ASSERT_FALSE(check_plan(module, 16));
  const FunctionId train = module.find("m.train");
  int64_t found = 0, tried = 0;
  for (size_t i = 0; i < module[train].values.size(); ++i) {
    const ir::Value& value = module[train].values[i];
    if (!value.kernel || !value.storage || value.name.starts_with("new_")) continue;
    Module broken = module;
    ++tried;
    // On top of the first weight, which the update still needs.
    broken[train].values[i].storage->offset = 0;
    found += check_plan(broken, 16).has_value();
  }
  EXPECT_GT(tried, 4);
  // A loss written after the last reader of the old weight would overwrite the new one.
  EXPECT_EQ(found, tried);
  // More rows than the plan was made for.
  EXPECT_TRUE(check_plan(module, 4096));
}

}  // namespace
}  // namespace netc::passes::test
