// Every scalar primitive, from its row of the table, against the interpreter at every CPU level.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/reference.h"
#include "support.h"

namespace netc::backend::test {
namespace {

using ir::Builder;
using ir::DType;
using ir::Op;
using ir::ScalarInfo;
using ir::Type;
using ir::ValueId;

std::vector<Op> scalar_ops() {
  return {
#define SCALAR(name, ...) Op::name,
#include "ir/scalar.def"
  };
}

std::vector<DType> types_of(const ScalarInfo& info) {
  switch (info.cls) {
    case ScalarInfo::Class::Float:
      return {DType::f32, DType::f64};
    case ScalarInfo::Class::Number:
    case ScalarInfo::Class::Compare:
    case ScalarInfo::Class::Select:
    case ScalarInfo::Class::Any:
    case ScalarInfo::Class::Cast:
      return {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8};
    case ScalarInfo::Class::Integer:
      return {DType::i32, DType::i64, DType::u8};
    case ScalarInfo::Class::Logic:
      return {DType::boolean};
  }
  return {};
}

/// All applications of scalar ops at one shape in one function: one compilation tests them all.
void build_all(Builder& b, const ir::Shape& shape) {
  struct Application {
    Op op;
    DType type;
    std::vector<ValueId> args;
  };
  std::vector<Application> all;
  for (Op op : scalar_ops()) {
    const ScalarInfo& info = *ir::def(op).scalar;
    for (DType type : types_of(info)) {
      Application a{op, type, {}};
      for (int i = 0; i < info.arity; ++i) {
        bool condition = info.cls == ScalarInfo::Class::Select && i == 0;
        std::string name = std::string(ir::op_name(op)) + "_" + ir::name(type) + std::to_string(i);
        a.args.push_back(b.parameter(name, {condition ? DType::boolean : type, shape}));
      }
      all.push_back(a);
    }
  }
  for (const Application& a : all) {
    if (ir::def(a.op).scalar->cls != ScalarInfo::Class::Cast) {
      b.result(std::string(ir::op_name(a.op)) + "_" + ir::name(a.type), b.add(a.op, a.args));
      continue;
    }
    for (DType to : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean})
      if (to != a.type)
        b.result(std::string("cast_") + ir::name(a.type) + ir::name(to), b.cast(a.args[0], to));
  }
}

void fill(const ir::Module& module, std::vector<ir::Array>& inputs) {
  const ir::Function& f = module.functions[0];
  std::vector<std::pair<double, double>> domain(f.params.size(), {-4, 4});
  for (const ir::Value& v : f.values) {
    if (!ir::def(v.op).scalar) continue;
    for (ValueId a : v.args)
      if (a.index < f.params.size())
        domain[a.index] = {ir::def(v.op).scalar->lo, ir::def(v.op).scalar->hi};
  }
  for (size_t p = 0; p < inputs.size(); ++p) {
    ir::Array& a = inputs[p];
    for (int64_t i = 0; i < a.size(); ++i) {
      double t = double((i * 7919 + int64_t(p) * 104729) % 1009) / 1008;
      auto [lo, hi] = domain[p];
      if (ir::is_float(a.dtype))
        a.set(i, lo + (hi - lo) * t);
      else if (a.dtype == DType::boolean)
        a.set_int(i, int64_t(t * 1000) & 1);
      else
        a.set_int(i, int64_t(std::floor(lo + (hi - lo + 1) * t)));
    }
  }
}

TEST(Table, EveryScalarOpAtEveryTypeAndShape) {
  std::vector<ir::Shape> shapes = {{}, {0}, {1}, {17}, {5, 7}};
  for (const ir::Shape& shape : shapes) {
    ir::Module module = module_of([&](Builder& b) { build_all(b, shape); });
    plan_by_hand(module, Grouping::Whole, 1);
    auto inputs = random_inputs(module, 1, 1);
    fill(module, inputs);
    auto expected = run_reference(module, inputs, 1);
    for (CpuLevel level : levels()) {
      auto actual = run_compiled(module, inputs, {.cpu = level, .capacity = 1, .n = 1});
      for (size_t r = 0; r < actual.size(); ++r) {
        const ir::Result& result = module.functions[0].results[r];
        bool single = module.functions[0][result.value].type.dtype == DType::f32;
        expect_close({actual[r]}, {expected[r]}, single ? 1.3e-7 : 5e-16,
                     result.name + " of " + ir::str(shape) + " at " + name(level));
      }
    }
  }
}

/// The values that arithmetic is famous for.
TEST(Table, SpecialValues) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> special = {0.0,   -0.0, 1,    -1,    kInfinity, -kInfinity,
                                       NAN,   0.5,  -0.5, 1e-40, -1e-40,    1e30,
                                       -1e30, 88.8, -104, 2.5,   3.5,       -2.5};
  for (DType type : {DType::f32, DType::f64}) {
    ir::Module module = module_of([&](Builder& b) {
      auto n = int64_t(special.size());
      auto x = b.parameter("x", {type, {n * n}}), y = b.parameter("y", {type, {n * n}});
      for (Op op : scalar_ops()) {
        const ScalarInfo& info = *ir::def(op).scalar;
        bool floats = info.cls == ScalarInfo::Class::Float ||
                      info.cls == ScalarInfo::Class::Number ||
                      info.cls == ScalarInfo::Class::Compare;
        if (!floats) continue;
        b.result(ir::op_name(op), info.arity == 1 ? b.unary(op, x) : b.binary(op, x, y));
      }
      b.result("to_i32", b.cast(x, DType::i32));
      b.result("to_u8", b.cast(x, DType::u8));
      b.result("to_bool", b.cast(x, DType::boolean));
    });
    plan_by_hand(module, Grouping::Whole, 1);
    auto inputs = random_inputs(module, 1, 1);
    for (size_t i = 0; i < special.size(); ++i)
      for (size_t j = 0; j < special.size(); ++j) {
        inputs[0].set(int64_t(i * special.size() + j), special[i]);
        inputs[1].set(int64_t(i * special.size() + j), special[j]);
      }
    auto expected = run_reference(module, inputs, 1);
    for (CpuLevel level : levels()) {
      auto actual = run_compiled(module, inputs, {.cpu = level, .capacity = 1, .n = 1});
      for (size_t r = 0; r < actual.size(); ++r)
        expect_close({actual[r]}, {expected[r]}, type == DType::f32 ? 1.3e-7 : 5e-16,
                     module.functions[0].results[r].name + std::string(" of special values at ") +
                         name(level));
    }
  }
}

}  // namespace
}  // namespace netc::backend::test
