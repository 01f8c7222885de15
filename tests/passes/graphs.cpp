#include "tests/passes/graphs.h"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace netc::passes::test {

using ir::Array;
using ir::Builder;
using ir::Dim;
using ir::DType;
using ir::FunctionId;
using ir::Module;
using ir::Op;
using ir::ReduceKind;
using ir::Role;
using ir::Type;
using ir::ValueId;

FunctionId add_function(Module& module, const std::string& name, bool entry) {
  const FunctionId f(module.functions.size());
  module.functions.emplace_back();
  module[f].name = name;
  module[f].source_name = name;
  module[f].entry = entry;
  return f;
}

namespace {

ValueId keep_rows(Builder& b, ValueId rows, int64_t columns) {
  const Dim n = b.type(rows).shape[0];
  return b.broadcast(b.reshape(rows, {n, Dim(1)}), {n, Dim(columns)});
}

/// relu with its own gradient, as std has it.
FunctionId add_relu(Module& module, const Type& type) {
  const FunctionId f = add_function(module, "relu", false);
  module[f].from_std = true;
  Builder b(module, f);
  const ValueId x = b.parameter("x", type);
  const ValueId y = b.binary(Op::maximum, x, b.like(x, 0));
  b.result("y", y);
  const FunctionId g = add_function(module, "relu.grad", false);
  Builder bg(module, g);
  const ValueId gy = bg.parameter("y", type);
  const ValueId dy = bg.parameter("dy", type);
  const ValueId mask = bg.binary(Op::gt, gy, bg.like(gy, 0));
  bg.result("", bg.where(mask, dy, bg.like(dy, 0)));
  module[f].grad = g;
  module[f].grad_captures = {y};
  return f;
}

/// cross_entropy(logits, label) by the shifted logarithm, with one_hot(label).
FunctionId add_cross_entropy(Module& module, const Type& logits, const Type& label) {
  const FunctionId f = add_function(module, "cross_entropy", false);
  module[f].from_std = true;
  Builder b(module, f);
  const int64_t classes = logits.shape[1].constant();
  const Dim n = logits.shape[0];
  const ValueId x = b.parameter("logits", logits);
  const ValueId y = b.parameter("label", label);
  const ValueId top = b.unary(Op::stop_gradient, b.reduce(ReduceKind::max, x, {1}));
  const ValueId shifted = b.binary(Op::sub, x, keep_rows(b, top, classes));
  const ValueId sum = b.sum(b.unary(Op::exp, shifted), {1});
  const ValueId log_sum = b.binary(Op::add, b.unary(Op::log, sum), top);
  const ValueId counter = b.broadcast(b.add(Op::iota, {}, {Dim(classes)}), logits.shape);
  const ValueId wanted = keep_rows(b, b.cast(y, DType::i64), classes);
  const ValueId hot = b.cast(b.binary(Op::eq, counter, wanted), logits.dtype);
  const ValueId picked = b.sum(b.binary(Op::mul, hot, x), {1});
  const ValueId rows = b.binary(Op::sub, log_sum, picked);
  const ValueId total = b.sum(rows, {0});
  ir::Scalar inverse;
  inverse.denominator = n;
  b.result("", b.binary(Op::mul, b.constant(inverse, {logits.dtype, {}}), total));
  return f;
}

struct Layer {
  ValueId weight, bias;
};

ValueId linear(Builder& b, ValueId x, Layer layer) {
  const ValueId y = b.einsum("bi,ij->bj", x, layer.weight);
  return b.binary(Op::add, y, b.broadcast(layer.bias, b.type(y).shape));
}

void add_update(Module& module, const std::vector<std::pair<std::string, Type>>& params) {
  const FunctionId f = add_function(module, "m.update");
  Builder b(module, f);
  std::vector<ValueId> p, v, d;
  const ir::Initializer zero{"const", {{"", 0.0}}};
  for (const auto& [name, type] : params) p.push_back(b.parameter(name, type, Role::Param));
  for (const auto& [name, type] : params)
    v.push_back(b.parameter(name + ".v", type, Role::State, zero));
  for (const auto& [name, type] : params) d.push_back(b.parameter("d_" + name, type, Role::Input));
  const ValueId lr = b.parameter("lr", {DType::f64, {}}, Role::Input);
  for (size_t i = 0; i < params.size(); ++i) {
    const Type& type = params[i].second;
    const ValueId velocity =
        b.binary(Op::add, b.binary(Op::mul, b.constant(0.9, type), v[i]), d[i]);
    const ValueId rate = b.broadcast(b.cast(lr, type.dtype), type.shape);
    const ValueId next = b.binary(Op::sub, p[i], b.binary(Op::mul, rate, velocity));
    b.result("new_" + params[i].first, next);
    b.result("new_" + params[i].first + ".v", velocity);
  }
  for (size_t i = 0; i < module[f].results.size(); ++i)
    module[f][module[f].results[i].value].name = module[f].results[i].name;
}

}  // namespace

Module perceptron(int64_t n_in, int64_t hidden, int64_t n_out) {
  Module module;
  const Dim batch = Dim::symbol("batch");
  const Type hidden_type{DType::f32, {batch, Dim(hidden)}};
  const Type logits_type{DType::f32, {batch, Dim(n_out)}};
  const Type label_type{DType::u8, {batch}};
  const FunctionId relu = add_relu(module, hidden_type);
  const FunctionId loss_of = add_cross_entropy(module, logits_type, label_type);
  const FunctionId f = add_function(module, "m.step");
  Builder b(module, f);
  const ValueId image = b.parameter("image", {DType::u8, {batch, Dim(n_in)}}, Role::Input);
  const ValueId label = b.parameter("label", label_type, Role::Input);
  const ir::Initializer kaiming{"kaiming_normal", {}}, zeros{"zeros", {}};
  const std::vector<std::pair<std::string, Type>> params = {
      {"w1", {DType::f32, {Dim(n_in), Dim(hidden)}}},
      {"b1", {DType::f32, {Dim(hidden)}}},
      {"w2", {DType::f32, {Dim(hidden), Dim(n_out)}}},
      {"b2", {DType::f32, {Dim(n_out)}}}};
  std::vector<ValueId> p;
  for (const auto& [name, type] : params)
    p.push_back(b.parameter(name, type, Role::Param, type.rank() == 2 ? kaiming : zeros));
  const ValueId decoded = b.cast(image, DType::f32);
  const ValueId x = b.binary(Op::div, decoded, b.like(decoded, 255));
  const ValueId z = linear(b, x, {p[0], p[1]});
  const ValueId h = b.call(relu, {z});
  const ValueId logits = linear(b, h, {p[2], p[3]});
  module[f][logits].name = "logits";
  const ValueId loss = b.call(loss_of, {logits, label});
  module[f][loss].name = "loss";
  b.result("loss", loss);
  add_update(module, params);
  return module;
}

Array random_array(const Type& type, int64_t batch, std::mt19937& random) {
  std::vector<int64_t> shape;
  for (const Dim& d : type.shape) shape.push_back(*d.evaluate({{"batch", batch}}));
  Array array = Array::zeros(type.dtype, shape);
  std::normal_distribution<double> normal;
  for (int64_t i = 0; i < array.size(); ++i) {
    if (ir::is_float(type.dtype))
      array.set(i, normal(random));
    else
      array.set_int(i, int64_t(random() % (type.dtype == DType::boolean ? 2 : 3)));
  }
  return array;
}

std::vector<Array> random_arguments(const ir::Function& function, int64_t batch,
                                    std::mt19937& random) {
  std::vector<Array> args;
  for (const ir::Parameter& p : function.params)
    args.push_back(random_array(function[p.value].type, batch, random));
  return args;
}

double difference(const Array& a, const Array& b) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (a.shape != b.shape || a.dtype != b.dtype) return kInfinity;
  double worst = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    const double x = a.number(i), y = b.number(i);
    if (std::isnan(x) != std::isnan(y)) return kInfinity;
    if (std::isnan(x) || x == y) continue;
    worst = std::max(worst, std::abs(x - y) / std::max({1.0, std::abs(x), std::abs(y)}));
  }
  return worst;
}

Module run_passes(Module module, const std::vector<std::string>& names, PassContext& context) {
  std::vector<const Pass*> passes;
  for (const std::string& name : names) {
    passes.push_back(find_pass(name));
    if (!passes.back()) throw std::logic_error("no pass " + name);
  }
  return run(passes, std::move(module), context);
}

Module run_pipeline(Module module, ir::Stage to, int level, PassContext& context) {
  const auto passes = pipeline(module.stage, to, level);
  return run(passes, std::move(module), context);
}

}  // namespace netc::passes::test
