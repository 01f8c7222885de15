// Whole expressions, compiled: their values are those that PyTorch and NumPy give, their gradients
// those of central differences; in f64 and f32, many outputs a program so that they are fused.
#include <gtest/gtest.h>

#include <cmath>
#include <span>

#include "ir/reference.h"
#include "passes/pass.h"
#include "support.h"
#include "tests/frontend/elaborated.h"
#include "tests/frontend/value_cases.h"

namespace netc::backend::test {
namespace {

using frontend::ValueCase;
using ir::Array;
using ir::DType;

constexpr size_t kTogether = 12;  ///< expressions a program

ir::Module elaborate(const std::string& text) {
  frontend::Program1 program = frontend::elaborated(text);
  EXPECT_FALSE(program.diagnostics.has_errors()) << program.findings();
  return std::move(program.result.module);
}

/// The one entry of `module`, compiled through the whole pipeline.
ir::Module planned(ir::Module module, const std::string& entry) {
  passes::PassContext context;
  context.batch_capacity = 1;
  const auto list = passes::pipeline(module.stage, ir::Stage::Plan, 2);
  module = passes::run(list, std::move(module), context);
  ir::Function function = module[module.find(entry)];
  module.functions = {std::move(function)};
  return module;
}

std::vector<Array> arguments(const ir::Function& f, const std::map<std::string, Array>& inputs) {
  std::vector<Array> args;
  for (const ir::Parameter& p : f.params) {
    Array a = inputs.at(f[p.value].name);
    a.dtype = f[p.value].type.dtype;
    for (int64_t i = 0; i < a.size(); ++i)
      if (ir::is_float(a.dtype)) a.set(i, a.number(i));
    args.push_back(std::move(a));
  }
  return args;
}

void expect_values(const ValueCase& c, const Array& actual, double tolerance) {
  ASSERT_EQ(actual.shape, c.shape) << c.expression;
  for (size_t n = 0; n < c.values.size(); ++n) {
    const double wanted = c.values[n], found = actual.number(int64_t(n));
    if (std::isinf(wanted))
      EXPECT_EQ(found, wanted) << c.expression;
    else
      EXPECT_NEAR(found, wanted, tolerance * std::max(1.0, std::abs(wanted)))
          << c.expression << " [" << n << "]";
  }
}

class CompiledValues : public testing::TestWithParam<std::string> {};

TEST_P(CompiledValues, AreThoseOfPyTorch) {
  const std::string dtype = GetParam();
  const auto& cases = frontend::value_cases();
  for (size_t first = 0; first < cases.size(); first += kTogether) {
    const size_t count = std::min(kTogether, cases.size() - first);
    std::string text = "dtype " + dtype + "\nmodel m {\n" +
                       frontend::value_case_floats("input", "") + frontend::value_case_integers();
    for (size_t n = 0; n < count; ++n)
      text += "  output r" + std::to_string(n) + " = " + cases[first + n].expression + "\n";
    const ir::Module module = planned(elaborate(text + "}\n"), "m.predict");
    const auto inputs = arguments(module.functions[0], frontend::value_case_inputs());
    const auto results = run_compiled(module, inputs, {.capacity = 1, .n = 1});
    ASSERT_EQ(results.size(), count);
    for (size_t n = 0; n < count; ++n)
      expect_values(cases[first + n], results[n], dtype == "f64" ? 1e-12 : 2e-6);
  }
}

/// Whether the expression has a gradient that differences can see.
bool is_differentiable(const ValueCase& c) {
  const std::string expression = c.expression;
  if (expression.find("stop_gradient") != std::string::npos) return false;
  for (double v : c.values)
    if (std::isinf(v)) return false;
  const ir::Module module =
      elaborate("dtype f64\nmodel m {\n" + frontend::value_case_floats("input", "") +
                frontend::value_case_integers() + "  output r = " + expression + "\n}\n");
  const ir::Function& predict = module[module.find("m.predict")];
  return predict[predict.results[0].value].type.dtype == DType::f64;
}

/// Near the inputs of the cases, but where no comparison is a tie.
std::map<std::string, Array> points() {
  std::map<std::string, Array> inputs = frontend::value_case_inputs();
  int salt = 1;
  for (auto& [name, a] : inputs)
    for (double& value : a.floats) value += 0.01 * std::sin(7.3 * salt++);
  return inputs;
}

double loss_of(const ir::Module& module, const std::map<std::string, Array>& inputs) {
  const ir::FunctionId loss = module.find("m.loss");
  return ir::evaluate(module, loss, arguments(module[loss], inputs)).results[0].number(0);
}

/// A model whose loss is the sum of log1p(square(expression)) over all elements of `expressions`.
std::string model_of_losses(const std::vector<std::string>& expressions) {
  std::string loss, text = "model m {\n" + frontend::value_case_floats("param", " = zeros()") +
                           frontend::value_case_integers();
  for (const std::string& e : expressions) {
    const std::string r = "r" + std::to_string(loss.size());
    text += "  " + r + " = " + e + "\n";
    loss += (loss.empty() ? "" : " + ") + ("sum(log1p(square(float(" + r + "))))");
  }
  return text + "  loss " + loss + "\n}\n";
}

struct TorchGradient {
  std::string expression;
  std::map<std::string, std::vector<double>> gradients;  ///< by input
};

const TorchGradient kTorchGradients[] = {
#include "tests/torch/gradients.inc"
};

TEST(CompiledGradients, AreThoseOfPyTorch) {
  const std::span<const TorchGradient> all = kTorchGradients;
  for (size_t first = 0; first < all.size(); first += kTogether) {
    std::vector<std::string> expressions;
    std::map<std::string, std::vector<double>> expected;
    for (const TorchGradient& c : all.subspan(first, std::min(kTogether, all.size() - first))) {
      expressions.push_back(c.expression);
      for (const auto& [name, gradient] : c.gradients) {
        expected[name].resize(gradient.size());
        for (size_t i = 0; i < gradient.size(); ++i) expected[name][i] += gradient[i];
      }
    }
    const ir::Module step =
        planned(elaborate("dtype f64\n" + model_of_losses(expressions)), "m.step");
    const ir::Function& f = step.functions[0];
    const auto results = run_compiled(step, arguments(f, points()), {.capacity = 1, .n = 1});
    size_t compared = 0;
    for (size_t r = 1; r < results.size(); ++r) {
      const std::string name = f.results[r].name.substr(2);  // d_x
      const std::vector<double>& wanted = expected[name];
      compared += wanted.size();
      for (size_t i = 0; i < wanted.size(); ++i)
        EXPECT_NEAR(results[r].floats[i], wanted[i], 1e-9 * std::max(1.0, std::abs(wanted[i])))
            << "d/d" << name << "[" << i << "] of " << testing::PrintToString(expressions);
    }
    EXPECT_GT(compared, 0u);
  }
}

TEST(CompiledGradients, AreThoseOfDifferences) {
  std::vector<const ValueCase*> cases;
  for (const ValueCase& c : frontend::value_cases())
    if (is_differentiable(c)) cases.push_back(&c);
  ASSERT_GT(cases.size(), 100u);
  for (size_t first = 0; first < cases.size(); first += kTogether) {
    std::vector<std::string> expressions;
    for (size_t n = first; n < std::min(first + kTogether, cases.size()); ++n)
      expressions.push_back(cases[n]->expression);
    const std::string text = model_of_losses(expressions);
    const std::string shown = testing::PrintToString(expressions);
    const ir::Module forward = elaborate("dtype f64\n" + text);
    auto inputs = points();
    std::map<std::string, std::vector<double>> gradients;
    for (const char* dtype : {"f64", "f32"}) {
      const ir::Module step =
          planned(elaborate(std::string("dtype ") + dtype + "\n" + text), "m.step");
      const ir::Function& f = step.functions[0];
      const auto results = run_compiled(step, arguments(f, inputs), {.capacity = 1, .n = 1});
      for (size_t r = 1; r < results.size(); ++r) {
        const std::string name = f.results[r].name.substr(2);  // d_x
        if (gradients.count(name) == 0) {
          gradients[name] = results[r].floats;
          continue;
        }
        for (size_t i = 0; i < results[r].floats.size(); ++i)
          EXPECT_NEAR(results[r].floats[i], gradients[name][i],
                      2e-4 * std::max(1.0, std::abs(gradients[name][i])))
              << "f32, d/d" << name << "[" << i << "] of\n"
              << shown;
      }
    }
    for (auto& [name, gradient] : gradients)
      for (size_t i = 0; i < gradient.size(); ++i) {
        double& value = inputs[name].floats[i];
        const double at = value, h = 1e-6;
        value = at + h;
        const double above = loss_of(forward, inputs);
        value = at - h;
        const double below = loss_of(forward, inputs);
        value = at;
        const double numeric = (above - below) / (2 * h);
        EXPECT_NEAR(gradient[i], numeric, 1e-6 * std::max(1.0, std::abs(numeric)))
            << "d/d" << name << "[" << i << "] of\n"
            << shown;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(DTypes, CompiledValues, testing::Values("f64", "f32"),
                         [](const auto& dtype) { return dtype.param; });

}  // namespace
}  // namespace netc::backend::test
