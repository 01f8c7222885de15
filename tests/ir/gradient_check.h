// Shared by the tests of derivatives: builds a function around one op together with its vjp, and
// compares the vjp with central differences in f64.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ir/array.h"
#include "ir/builder.h"
#include "ir/reference.h"
#include "ir/verify.h"

namespace netc::ir::test {

/// One op applied to inputs: `build` gets the parameters and returns the op's value.
struct Sample {
  std::string name;
  std::vector<Type> inputs;
  std::function<ValueId(Builder&, const std::vector<ValueId>&)> build;
  double lo = -2, hi = 2;                  ///< domain of float inputs
  std::vector<std::vector<double>> given;  ///< values of inputs; empty: random
};

inline Array make_array(const Type& type, const std::map<std::string, int64_t>& sizes,
                        const std::vector<double>& values) {
  std::vector<int64_t> shape;
  for (const Dim& d : type.shape) shape.push_back(d.evaluate(sizes).value());
  Array a = Array::zeros(type.dtype, shape);
  for (int64_t i = 0; i < a.size() && !values.empty(); ++i) a.set(i, values.at(size_t(i)));
  return a;
}

inline Array random_array(const Type& type, const std::map<std::string, int64_t>& sizes, double lo,
                          double hi, std::mt19937_64& random) {
  Array a = make_array(type, sizes, {});
  std::uniform_real_distribution<double> uniform(lo, hi);
  for (int64_t i = 0; i < a.size(); ++i) {
    if (type.dtype == DType::boolean)
      a.set_int(i, random() % 2 == 0);
    else if (is_float(type.dtype))
      a.set(i, uniform(random));
    else
      a.set_int(i, int64_t(random() % 3));
  }
  return a;
}

/// The op alone, and the op with its vjp (one result a float input, in order).
struct Differentiated {
  Module module;
  FunctionId forward, backward;
  Type result;
  std::vector<bool> reached;  ///< a contribution came out for the input
};

inline Differentiated differentiate(const Sample& sample) {
  Differentiated d;
  d.module.functions.resize(2);
  d.forward = FunctionId(0);
  d.backward = FunctionId(1);
  for (FunctionId f : {d.forward, d.backward}) {
    d.module[f].name = f == d.forward ? "forward" : "backward";
    Builder b(d.module, f);
    std::vector<ValueId> inputs;
    for (size_t i = 0; i < sample.inputs.size(); ++i)
      inputs.push_back(b.parameter("x" + std::to_string(i), sample.inputs[i]));
    ValueId g;
    if (f == d.backward) g = b.parameter("g", d.result);
    ValueId y = sample.build(b, inputs);
    if (f == d.forward) {
      d.result = b.type(y);
      b.result("y", y);
      continue;
    }
    const Value value = b.value(y);
    size_t operands = value.args.size();
    VjpContext context{
        b, value, y, g, std::vector<bool>(operands, true), std::vector<ValueId>(operands)};
    def(value.op).vjp(context);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!is_float(sample.inputs[i].dtype)) continue;
      ValueId sum;
      for (size_t k = 0; k < operands; ++k) {
        if (value.args[k] != inputs[i] || !context.out[k]) continue;
        sum = sum ? b.binary(Op::add, sum, context.out[k]) : context.out[k];
      }
      d.reached.push_back(bool(sum));
      b.result("d" + std::to_string(i), sum ? sum : b.like(inputs[i], 0));
    }
  }
  return d;
}

/// Largest relative difference between vjp and central differences; the message names the place.
struct GradientError {
  double worst = 0;
  std::string where;
};

inline GradientError check_gradient(const Sample& sample, uint64_t seed = 1,
                                    const std::map<std::string, int64_t>& sizes = {{"n", 3}}) {
  Differentiated d = differentiate(sample);
  if (auto problem = verify(d.module)) return {1e9, *problem};
  std::mt19937_64 random(seed);
  std::vector<Array> inputs;
  for (size_t i = 0; i < sample.inputs.size(); ++i) {
    bool given = i < sample.given.size() && !sample.given[i].empty();
    inputs.push_back(given ? make_array(sample.inputs[i], sizes, sample.given[i])
                           : random_array(sample.inputs[i], sizes, sample.lo, sample.hi, random));
  }
  Array g = random_array(d.result, sizes, -1, 1, random);
  auto loss = [&] {
    Array y = evaluate(d.module, d.forward, inputs).results[0];
    double sum = 0;
    for (int64_t i = 0; i < y.size(); ++i) sum += g.number(i) * y.number(i);
    return sum;
  };
  std::vector<Array> args = inputs;
  args.push_back(g);
  std::vector<Array> gradients = evaluate(d.module, d.backward, args).results;
  GradientError error;
  size_t next = 0;
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (!is_float(inputs[k].dtype)) continue;
    const Array& gradient = gradients[next++];
    for (int64_t i = 0; i < inputs[k].size(); ++i) {
      double& x = inputs[k].floats[size_t(i)];
      const double at = x, h = 1e-6;
      x = at + h;
      double above = loss();
      x = at - h;
      double below = loss();
      x = at;
      double numeric = (above - below) / (2 * h), analytic = gradient.number(i);
      double difference = std::abs(numeric - analytic) / std::max(1.0, std::abs(numeric));
      if (difference > error.worst || difference != difference)
        error = {difference == difference ? difference : 1e9,
                 sample.name + ": d" + std::to_string(k) + "[" + std::to_string(i) + "] is " +
                     std::to_string(analytic) + ", differences say " + std::to_string(numeric)};
    }
  }
  return error;
}

}  // namespace netc::ir::test
