// One broken module for each rule that the verifier keeps.
#include "ir/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "ir/builder.h"

namespace netc::ir {
namespace {

/// A sound module: y = exp(x) + x, then `damage`; the verifier's message.
std::string message_after(const std::function<void(Module&, Function&)>& damage) {
  Module m;
  m.functions.resize(1);
  Builder b(m, FunctionId(0));
  m.functions[0].name = "m.predict";
  m.functions[0].entry = true;
  Type type{DType::f32, {Dim::symbol("batch"), 4}};
  ValueId x = b.parameter("x", type, Role::Input);
  ValueId e = b.unary(Op::exp, x);
  b.result("y", b.binary(Op::add, e, x));
  damage(m, m.functions[0]);
  return verify(m).value_or("");
}

using testing::HasSubstr;

TEST(Verify, SoundModulesPass) {
  EXPECT_EQ(message_after([](Module&, Function&) {}), "");
}

TEST(Verify, OperandsComeFirst) {
  auto text = message_after([](Module&, Function& f) { f.values[1].args[0] = ValueId(2); });
  EXPECT_THAT(text, HasSubstr("m.predict"));
  EXPECT_THAT(text, HasSubstr("not defined before"));
}

TEST(Verify, TypesFollowTheShapeRule) {
  auto text = message_after([](Module&, Function& f) { f.values[1].type.shape[1] = 5; });
  EXPECT_THAT(text, HasSubstr("its shape rule says f32[batch, 4]"));
  text = message_after([](Module&, Function& f) { f.values[0].type.dtype = DType::i64; });
  EXPECT_THAT(text, HasSubstr("`exp` takes floats"));
}

TEST(Verify, AttributesHaveTheDeclaredKinds) {
  auto text = message_after([](Module&, Function& f) { f.values[1].attrs = {int64_t(1)}; });
  EXPECT_THAT(text, HasSubstr("has 1 attributes instead of 0"));
  text = message_after([](Module&, Function& f) {
    f.values[1].op = Op::iota;
    f.values[1].args.clear();
    f.values[1].attrs = {std::string("n")};
  });
  EXPECT_THAT(text, HasSubstr("attribute `n` has the wrong kind"));
}

TEST(Verify, ParametersStandFirst) {
  auto text = message_after([](Module&, Function& f) { f.params.clear(); });
  EXPECT_THAT(text, HasSubstr("a parameter after other values"));
}

TEST(Verify, KernelsAreContiguous) {
  auto text = message_after([](Module& m, Function& f) {
    f.kernels = {{"k0", ""}, {"k1", ""}};
    Builder b(m, FunctionId(0));
    b.unary(Op::sin, ValueId(1));
    f.values[1].kernel = KernelId(0);
    f.values[2].kernel = KernelId(1);
    f.values[3].kernel = KernelId(0);
  });
  EXPECT_THAT(text, HasSubstr("kernel k0 is not one run"));
}

TEST(Verify, KernelsExist) {
  auto text = message_after([](Module&, Function& f) { f.values[1].kernel = KernelId(3); });
  EXPECT_THAT(text, HasSubstr("kernel that is not there"));
}

TEST(Verify, ResultsAreNamed) {
  auto text = message_after([](Module&, Function& f) { f.results[0].name.clear(); });
  EXPECT_THAT(text, HasSubstr("a result has no name"));
}

TEST(Verify, OneNamedSizeIsLeftFromBackwardOn) {
  auto damage = [](Module& m, Function& f) {
    m.stage = Stage::Backward;
    for (Value& v : f.values) v.type.shape[1] = Dim::symbol("n");
  };
  EXPECT_THAT(message_after(damage), HasSubstr("more than one named size is left: batch, n"));
}

TEST(Verify, CallsLeadSomewhere) {
  auto text = message_after([](Module&, Function& f) {
    f.values[1].op = Op::call;
    f.values[1].attrs = {FunctionId(9), std::string()};
  });
  EXPECT_THAT(text, HasSubstr("calls a function that is not there"));
}

TEST(Verify, ResultsFollowTheirCall) {
  auto text = message_after([](Module&, Function& f) {
    f.values[1].op = Op::result;
    f.values[1].attrs = {int64_t(1)};
  });
  EXPECT_THAT(text, HasSubstr("not a call"));
}

}  // namespace
}  // namespace netc::ir
