// Convolutions and pools of awkward shapes: compiled code against the interpreter in f32 and f64 at
// every level of optimisation, gradients against differences, and the rows of the edge table.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/data/loaders.h"
#include "runtime/safetensors.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

struct Case {
  const char* shape;    ///< of `x` without the batch
  const char* weights;  ///< shape of `w`
  const char* value;
};

// Sizes around the lanes of a vector, strides beyond the window, one-element windows and results.
const std::vector<Case> kCases = {
    {"4, 9, 8", "6, 4, 3, 2", "conv2d(x, w)"},
    {"3, 7, 17", "16, 3, 3, 3", "conv2d(x, w, padding = 1)"},
    {"2, 11, 9", "5, 2, 2, 2", "conv2d(x, w, stride = 3)"},
    {"2, 12, 9", "3, 2, 2, 3", "conv2d(x, w, stride = [4, 2], padding = [2, 1])"},
    {"3, 10, 11", "7, 3, 3, 2", "conv2d(x, w, dilation = [2, 5], padding = [2, 0])"},
    {"6, 5, 5", "6, 1, 3, 3", "conv2d(x, w, groups = 6, padding = 2)"},
    {"6, 6, 7", "9, 2, 2, 3", "conv2d(x, w, stride = [2, 1], groups = 3)"},
    {"17, 4, 3", "33, 17, 1, 1", "conv2d(x, w)"},
    {"5, 5, 4", "8, 5, 1, 1", "conv2d(x, w, stride = 3)"},
    {"16, 3, 5", "16, 16, 3, 5", "conv2d(x, w)"},
    {"1, 1, 1", "1, 1, 1, 1", "conv2d(x, w)"},
    {"1, 1, 16", "1, 1, 3, 3", "conv2d(x, w, padding = [1, 0])"},
    {"2, 6, 15", "4, 2, 3, 3", "conv2d(relu(conv2d(x, w)), w[:2, :, :1].reshape(1, 4, 1, 3))"},
    {"3, 8, 6", "2, 12", "w @ unfold(x, 2)"},
    {"2, 7, 9", "3, 8",
     "w @ unfold(x, [2, 2], stride = [3, 2], padding = [1, 0], dilation = [1, 3])"},
    {"8, 3, 4", "8", "fold(w[:, None] * x.flatten(2), [4, 5], [2, 2])"},
    {"4, 2, 3", "4", "fold(w[:, None] * x.flatten(2), [5, 7], 2, stride = [3, 2])"},
    {"3, 8, 6", "3, 1, 1", "max_pool2d(w * x, 2)"},
    {"3, 9, 7", "3, 1, 1", "max_pool2d(w * x, 2)"},
    {"16, 7, 5", "16, 1, 1", "max_pool2d(w * x, 3, stride = 2, padding = 1)"},
    {"3, 7, 8", "3, 1, 1", "max_pool2d(w * x, [1, 2], stride = [3, 4])"},
    {"2, 6, 6", "2, 1, 1", "relu(max_pool2d(relu(w * x), [2, 3]))"},
    {"3, 8, 6", "3, 1, 1", "avg_pool2d(w * x, 2)"},
    {"3, 7, 9", "3, 1, 1", "avg_pool2d(w * x, [3, 2], stride = [2, 1], padding = [1, 1])"},
    {"1, 5, 5", "1, 1, 1", "avg_pool2d(w * x, 2, stride = 3)"},
    {"2, 3, 3", "2, 1, 1", "max_pool2d(w * x, 3)"},
};

/// Writes a program of all cases: `x` is an input plus a parameter, so that its gradient is
/// asked for; the loss is the sum of the mean squares.
void write_program(const Scratch& s) {
  std::string layers, inputs, uses, loss = "mean(square(b))";
  for (size_t i = 0; i < kCases.size(); ++i) {
    const Case& c = kCases[i];
    const std::string k = std::to_string(i);
    layers += "layer Case" + k + "()(given: [n, " + c.shape + "]) {\n  param s: [" + c.shape +
              "] = normal(0.5)\n  param w: [" + c.weights +
              "] = normal(1.0)\n  x = given + s\n  return " + c.value + "\n}\n";
    inputs += "  input x" + k + ": [batch, " + std::string(c.shape) + "]\n";
    uses += "  y" + k + " = Case" + k + "()(x" + k + ")\n";
    loss += " + mean(square(y" + k + "))";
  }
  s.write("cases.net",
          layers + "model m {\n  input b: [batch]\n" + inputs + uses + "  loss " + loss + "\n}\n");
}

std::vector<int64_t> sizes(const char* text, int64_t batch) {
  std::vector<int64_t> shape = {batch};
  for (const char* at = text; *at; at += *at == ',' ? 2 : 0) {
    char* end = nullptr;
    shape.push_back(strtol(at, &end, 10));
    at = end;
  }
  return shape;
}

void run(const Scratch& s, const std::string& out, const std::vector<std::string>& options,
         int64_t batch) {
  std::vector<std::string> command = {"run", "cases.net", "--entry", "step", "--out", out};
  command.insert(command.end(), options.begin(), options.end());
  s.npy_f32("b.npy", {batch});
  command.insert(command.end(), {"--in", "b=b.npy"});
  for (size_t i = 0; i < kCases.size(); ++i) {
    const std::string name = "x" + std::to_string(i);
    s.npy_f32(name + ".npy", sizes(kCases[i].shape, batch), int(i) + 3);
    command.insert(command.end(), {"--in", name + "=" + name + ".npy"});
  }
  auto r = s.netc(command);
  ASSERT_EQ(r.exit_code, 0) << r.err;
}

/// Every number of `a` within `tolerance` of that of `b`, relative to the largest of its tensor.
void expect_close(const Scratch& s, const std::string& a, const std::string& b, double tolerance) {
  const auto left = runtime::read_safetensors(s.path(a)),
             right = runtime::read_safetensors(s.path(b));
  ASSERT_EQ(left.tensors.size(), right.tensors.size());
  for (const runtime::TensorView& t : left.tensors) {
    const runtime::TensorView* u = right.find(t.name);
    ASSERT_NE(u, nullptr) << t.name;
    double scale = 1e-30, error = 0;
    for (size_t i = 0; i < t.bytes.size(); i += size_t(runtime::byte_size(t.type))) {
      const double x = runtime::load_number(t.type, t.bytes.data() + i);
      const double y = runtime::load_number(u->type, u->bytes.data() + i);
      scale = std::max(scale, std::abs(y));
      error = std::max(error, std::isnan(x) != std::isnan(y) ? 1 : std::abs(x - y));
    }
    EXPECT_LE(error / scale, tolerance) << t.name << " of " << a;
  }
}

TEST(Windows, CompiledCodeAgreesWithTheInterpreter) {
  Scratch s;
  write_program(s);
  for (const char* batch : {"1", "3"}) {
    run(s, "interp", {"--backend", "interp"}, atoi(batch));
    for (const char* level : {"0", "1", "2"}) {
      run(s, "jit", {"-O", level}, atoi(batch));
      expect_close(s, "jit", "interp", 2e-5);
    }
    for (const char* cpu : {"sse2", "avx2"}) {
      run(s, "jit", {"--cpu", cpu}, atoi(batch));
      expect_close(s, "jit", "interp", 2e-5);
    }
  }
}

TEST(Windows, BitsDoNotDependOnThreads) {
  Scratch s;
  write_program(s);
  run(s, "one", {"--threads", "1"}, 5);
  run(s, "three", {"--threads", "3"}, 5);
  expect_close(s, "three", "one", 0);
}

TEST(Windows, GradientsAgreeWithDifferences) {
  Scratch s;
  write_program(s);
  auto r = s.netc({"gradcheck", "cases.net"});
  EXPECT_EQ(r.exit_code, 0) << r.out << r.err;
}

/// What `value` of `x`, four rows of three, is, and the gradient of its sum, on both backends.
void expect_pool(const std::string& value, const std::vector<double>& x, double sum,
                 const std::vector<double>& gradient) {
  Scratch s;
  s.write("pool.net",
          "model m {\n  input x: [batch, 1, 4, 3]\n  output y = " + value + "\n  loss sum(y)\n}\n");
  runtime::Tensor input = runtime::make_tensor(runtime::ElementType::f32, {1, 1, 4, 3});
  std::copy(x.begin(), x.end(), input.as<float>().begin());
  runtime::write_npy(s.path("x.npy"), input);
  for (const char* backend : {"jit", "interp"}) {
    auto r = s.netc({"run", "pool.net", "--entry", "step", "--wrt", "x", "--backend", backend,
                     "--in", "x=x.npy", "--out", "out"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    const auto out = runtime::read_safetensors(s.path("out"));
    auto at = [&](const char* name, size_t i) {
      const auto* t = out.find(name);
      return t ? runtime::load_number(t->type, t->bytes.data() + 4 * i) : -1e9;
    };
    const double loss = at("loss", 0);
    EXPECT_TRUE(loss == sum || (std::isnan(loss) && std::isnan(sum))) << value << ": " << loss;
    for (size_t i = 0; i < gradient.size(); ++i)
      EXPECT_EQ(at("grad.x", i), gradient[i]) << value << " at " << i << ", " << backend;
  }
}

TEST(Windows, MaximumGoesToTheFirstInRowOrder) {
  const double inf = HUGE_VAL, nan = NAN;
  expect_pool("max_pool2d(x, 2)", {1, 1, 5, 1, 1, 5, 0, 2, 5, 2, 2, 5}, 3,
              {1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0});
  // Overlapping windows add; padding counts as -inf and loses against any number.
  expect_pool("max_pool2d(x, 3, 1, 1)", {-9, -9, -9, -9, -1, -9, -9, -9, -9, -9, -9, -9}, -36,
              {0, 0, 0, 0, 9, 0, 2, 1, 0, 0, 0, 0});
  expect_pool("max_pool2d(x, [2, 3])", {nan, 7, 1, 1, 1, 1, -inf, -inf, -inf, -inf, -inf, -inf},
              nan, {1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0});
}

}  // namespace
}  // namespace netc::test
