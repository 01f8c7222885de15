// What values mean at the edges: each line of the language's table, in the interpreter and in
// compiled code, with the gradient of the sum of the results.
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "ir/reference.h"
#include "passes/pass.h"
#include "support.h"
#include "tests/frontend/elaborated.h"

namespace netc::backend::test {
namespace {

using ir::Array;

constexpr double kInf = INFINITY, kNaN = NAN;
using Numbers = std::vector<double>;

struct EdgeCase {
  const char* line;  ///< of the table
  const char* expression;
  Numbers x, y;  ///< the inputs; y may be empty
  Numbers result;
  std::optional<Numbers> dx, dy;  ///< absent: not defined
  bool f64_only = false, exact = false;
};

void PrintTo(const EdgeCase& c, std::ostream* os) { *os << c.expression; }

const double kLog2 = std::log(2.0);

const EdgeCase kCases[] = {
    {"relu'(0); relu(NaN)",
     "relu(x)",
     {0, -1, 2, kNaN},
     {},
     {0, 0, 2, kNaN},
     Numbers{0, 0, 1, 0},
     {}},
    {"maximum of NaN", "maximum(x, y)", {kNaN, 1, 2}, {1, kNaN, 1}, {kNaN, kNaN, 2}, {}, {}},
    {"minimum of NaN", "minimum(x, y)", {kNaN, 1, 2}, {1, kNaN, 1}, {kNaN, kNaN, 1}, {}, {}},
    {"max of NaN", "max(x)", {1, kNaN, 3}, {}, {kNaN}, {}, {}},
    {"min of NaN", "min(x)", {1, 3, kNaN}, {}, {kNaN}, {}, {}},
    {"abs'(0)", "abs(x)", {0, -2, 3}, {}, {0, 2, 3}, Numbers{0, -1, 1}, {}},
    {"sign(0)", "sign(x)", {0, -0.0, -3, 2}, {}, {0, 0, -1, 1}, Numbers{0, 0, 0, 0}, {}},
    {"maximum tie",
     "maximum(x, y)",
     {1, 2, 0},
     {1, 1, 3},
     {1, 2, 3},
     Numbers{0.5, 1, 0},
     Numbers{0.5, 0, 1}},
    {"minimum tie",
     "minimum(x, y)",
     {1, 2, 0},
     {1, 1, 3},
     {1, 1, 0},
     Numbers{0.5, 0, 1},
     Numbers{0.5, 1, 0}},
    {"max reduction tie", "max(x)", {3, 3, 1, 3}, {}, {3}, Numbers{1 / 3., 1 / 3., 0, 1 / 3.}, {}},
    {"min reduction tie",
     "min(reshape(x, 2, 2), 1)",
     {3, 3, 1, 2},
     {},
     {3, 1},
     Numbers{0.5, 0.5, 1, 0},
     {}},
    {"max_pool2d tie",
     "max_pool2d(reshape(x, 1, 1, 2, 2), 2)",
     {1, 1, 1, 1},
     {},
     {1},
     Numbers{1, 0, 0, 0},
     {}},
    {"max_pool2d padding",
     "max_pool2d(reshape(x, 1, 1, 2, 2), 2, padding = 1)",
     {-1, -2, -3, -4},
     {},
     {-1, -2, -3, -4},
     Numbers{1, 1, 1, 1},
     {}},
    {"argmax tie", "argmax(x)", {2, 5, 5}, {}, {1}, {}, {}},
    {"argmin tie", "argmin(reshape(x, 2, 2), 1)", {2, 2, 5, 1}, {}, {0, 1}, {}, {}},
    {"clip at an edge",
     "clip(x, -1, 1)",
     {-1, 1, 2, -2, 0, kNaN},
     {},
     {-1, 1, 1, -1, 0, kNaN},
     Numbers{1, 1, 0, 0, 1, 1},
     {}},
    {"sqrt'(0)", "sqrt(x)", {0, 4}, {}, {0, 2}, Numbers{kInf, 0.25}, {}},
    {"pow(0, 0), pow(0, y)",
     "pow(x, y)",
     {0, 0, 0},
     {0, 2, 1},
     {1, 0, 0},
     Numbers{0, 0, 1},
     Numbers{0, 0, 0}},
    {"pow(negative, y)",
     "pow(x, y)",
     {-1, -2},
     {2, 3},
     {1, -8},
     Numbers{-2, 12},
     Numbers{kNaN, kNaN}},
    {"pow(x, 0)", "x ** 0", {0, -3, kNaN}, {}, {1, 1, 1}, Numbers{0, 0, 0}, {}},
    {"where", "where(x > 0, log(x), 0)", {1, 0, -1}, {}, {0, 0, 0}, Numbers{1, 0, 0}, {}},
    {"where",
     "where(x > 0, sqrt(x) / x, y)",
     {4, 0, -1},
     {7, 8, 9},
     {0.5, 8, 9},
     Numbers{-0.0625, 0, 0},
     Numbers{0, 1, 1}},
    {"where through a sum",
     "where(x == 0, 0, sum(reshape(log(x), 3, 1), 1))",
     {1, 0, 2},
     {},
     {0, 0, kLog2},
     Numbers{1, 0, 0.5},
     {}},
    {"where through a mean",
     "where(sum(x) > 100, mean(sqrt(x)), 0.0)",
     {0, -1, 4},
     {},
     {0},
     Numbers{0, 0, 0},
     {}},
    {"where through a mean of rows",
     "where(x == 0, 0, mean(reshape(log(x), 3, 1), 1))",
     {1, 0, 2},
     {},
     {0, 0, kLog2},
     Numbers{1, 0, 0.5},
     {}},
    {"logsumexp is shifted", "logsumexp(x)", {1e30, 1e30}, {}, {1e30}, Numbers{0.5, 0.5}, {}},
    {"logsumexp of -inf", "logsumexp(x)", {-kInf, -kInf}, {}, {-kInf}, Numbers{0, 0}, {}},
    {"logsumexp with -inf", "logsumexp(x)", {-kInf, 1}, {}, {1}, Numbers{0, 1}, {}},
    {"softmax is shifted", "softmax(x)", {1e30, -1e30}, {}, {1, 0}, Numbers{0, 0}, {}},
    {"log_softmax is shifted",
     "log_softmax(x)",
     {1e30, 1e30},
     {},
     {-kLog2, -kLog2},
     Numbers{0, 0},
     {}},
    {"softmax of all -inf", "softmax(x)", {-kInf, -kInf}, {}, {kNaN, kNaN}, {}, {}},
    {"log_softmax of all -inf", "log_softmax(x)", {-kInf, -kInf}, {}, {kNaN, kNaN}, {}, {}},
    {"cross_entropy",
     "cross_entropy(reshape(x, 1, 3), iota(1) + 2)",
     {1, 2, 3},
     {},
     {0.40760596444437896},
     Numbers{0.09003057317038046, 0.24472847105479764, -0.3347590442251781},
     {}},
    {"cross_entropy is shifted",
     "cross_entropy(reshape(x, 1, 2), iota(1))",
     {-1e30, 1e30},
     {},
     {2e30},
     Numbers{-1, 1},
     {}},
    {"sum of nothing", "sum(x[0:0])", {1, 2}, {}, {0}, Numbers{0, 0}, {}},
    {"prod of nothing", "prod(x[0:0]) * x", {1, 2}, {}, {1, 2}, Numbers{1, 1}, {}},
    {"any of nothing", "any(x[0:0] > 0)", {1, 2}, {}, {0}, {}, {}},
    {"all of nothing", "all(x[0:0] > 0)", {1, 2}, {}, {1}, {}, {}},
    {"matmul with K = 0",
     "reshape(x, 2, 1)[:, 0:0] @ reshape(y, 1, 2)[0:0]",
     {1, 2},
     {3, 4},
     {0, 0, 0, 0},
     Numbers{0, 0},
     Numbers{0, 0}},
    {"subnormals of f32",
     "x * y",
     {0x1p-140, 0x3p-140},
     {0.5, 2},
     {0x1p-141, 0x3p-139},
     Numbers{0.5, 2},
     Numbers{0x1p-140, 0x3p-140}},
    {"subnormals of f64", "x * y", {1e-310}, {0.5}, {5e-311}, Numbers{0.5}, Numbers{1e-310}, true},
    {"division", "x / y", {1, 2, 1}, {3, 3, 49}, {1 / 3., 2 / 3., 1 / 49.}, {}, {}, false, true},
    {"sqrt", "sqrt(x)", {2, 3}, {}, {std::sqrt(2.0), std::sqrt(3.0)}, {}, {}, false, true},
};

class EdgeCases : public testing::TestWithParam<EdgeCase> {};

/// Entry `m.predict`, or `m.step` where there is a gradient, at the end of the pipeline, or (whole
/// false) just differentiated.
ir::Module entry_of(const EdgeCase& c, const std::string& dtype, bool gradient, bool whole) {
  std::string text = "dtype " + dtype + "\nmodel m {\n";
  for (const auto& [name, values] : {std::pair{"x", c.x}, std::pair{"y", c.y}})
    if (!values.empty())
      text +=
          std::string("  param ") + name + ": [" + std::to_string(values.size()) + "] = zeros()\n";
  text += std::string("  output r = ") + c.expression + "\n" + (gradient ? "  loss sum(r)\n" : "") +
          "}\n";
  frontend::Program1 program = frontend::elaborated(text);
  EXPECT_FALSE(program.diagnostics.has_errors()) << program.findings();
  ir::Module module = std::move(program.result.module);
  passes::PassContext context;
  const auto list =
      passes::pipeline(module.stage, whole ? ir::Stage::Plan : ir::Stage::Optimised, whole ? 2 : 0);
  module = passes::run(list, std::move(module), context);
  ir::Function function = module[module.find(gradient ? "m.step" : "m.predict")];
  module.functions = {std::move(function)};
  return module;
}

std::vector<Array> arguments(const ir::Function& f, const EdgeCase& c) {
  std::vector<Array> args;
  for (const ir::Parameter& p : f.params) {
    const Numbers& values = f[p.value].name == "x" ? c.x : c.y;
    Array a = Array::zeros(f[p.value].type.dtype, {int64_t(values.size())});
    for (size_t i = 0; i < values.size(); ++i) a.set(int64_t(i), values[i]);
    args.push_back(std::move(a));
  }
  return args;
}

void expect_same(const Array& found, const Numbers& wanted, bool exact, const std::string& what) {
  ASSERT_EQ(size_t(found.size()), wanted.size()) << what;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double f = found.number(int64_t(i)), w = ir::round_to(found.dtype, wanted[i]);
    const double tolerance = exact ? 0 : found.dtype == ir::DType::f64 ? 1e-14 : 2e-7;
    EXPECT_TRUE(f == w || (std::isnan(f) && std::isnan(w)) ||
                std::fabs(f - w) <= tolerance * std::fabs(w))
        << what << " [" << i << "] is " << f << ", not " << w;
  }
}

void check_entry(const EdgeCase& c, const std::string& dtype, bool gradient) {
  for (bool compiled : {false, true}) {
    const ir::Module module = entry_of(c, dtype, gradient, compiled);
    const ir::Function& f = module.functions[0];
    const auto inputs = arguments(f, c);
    const auto results = compiled ? run_compiled(module, inputs, {.capacity = 1, .n = 1})
                                  : run_reference(module, inputs, 1);
    for (size_t r = 0; r < results.size(); ++r) {
      const std::string name = f.results[r].name;
      const std::string what = name + " of " + c.expression + " in " + dtype +
                               (compiled ? ", compiled" : ", interpreted");
      if (name == "r") expect_same(results[r], c.result, c.exact, what);
      if (name == "d_x" && c.dx) expect_same(results[r], *c.dx, c.exact, what);
      if (name == "d_y" && c.dy) expect_same(results[r], *c.dy, c.exact, what);
    }
  }
}

TEST_P(EdgeCases, MeanWhatTheTableSays) {
  const EdgeCase& c = GetParam();
  SCOPED_TRACE(c.line);
  for (const char* dtype : {"f64", "f32"}) {
    if (c.f64_only && dtype != std::string("f64")) continue;
    check_entry(c, dtype, false);
    if (c.dx) check_entry(c, dtype, true);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EdgeCases, testing::ValuesIn(kCases),
                         [](const auto& c) { return "line" + std::to_string(c.index); });

}  // namespace
}  // namespace netc::backend::test
