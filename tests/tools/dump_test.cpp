// Every dump of every example at every text stage is a program: it parses back, prints the same and
// runs to the same numbers, compiled and in the interpreter.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "runtime/safetensors.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

struct Example {
  const char* file;
  bool pictures;                 ///< inputs image and label; else x and y
  int64_t features;              ///< of x
  std::vector<std::string> set;  ///< settings that make it small
};

void PrintTo(const Example& example, std::ostream* out) { *out << example.file; }

// Sizes are cut so that the interpreter finishes in a second or two.
const std::vector<Example>& examples() {
  static const std::vector<Example> list = {
      {"neuron.net", false, 784, {"train.batch=16"}},
      {"two_layer.net", false, 100, {"train.batch=16"}},
      {"mnist.net", true, 0, {}},
      {"mnist_fast.net", true, 0, {"train.batch=16"}},
      {"mnist_mlp.net", true, 0, {"train.batch=16"}},
      {"mnist_modules.net", true, 0, {"hidden=24", "train.batch=16"}},
      {"custom_grad.net", false, 16, {}},
      {"lenet.net", true, 0, {"train.batch=8"}},
      {"cnn.net", true, 0, {"channels=4", "train.batch=8"}},
      {"unfold.net", true, 0, {"train.batch=8"}},
      {"attention.net", true, 0, {"d=8", "train.batch=8"}},
      {"residual.net", true, 0, {"channels=4", "train.batch=8"}},
  };
  return list;
}

class DumpTest : public ::testing::TestWithParam<std::tuple<Example, const char*>> {};

std::vector<std::string> with_settings(std::vector<std::string> command, const Example& example) {
  for (const std::string& s : example.set) {
    command.push_back("--set");
    command.push_back(s);
  }
  return command;
}

void write_inputs(const Scratch& s, const Example& example, int64_t rows) {
  if (example.pictures) {
    s.npy_u8("image.npy", {rows, 28, 28}, 256);
    s.npy_u8("label.npy", {rows}, 10, 2);
  } else {
    s.npy_f32("x.npy", {rows, example.features});
    s.npy_f32("y.npy", {rows, 1}, 2);
  }
}

std::vector<std::string> run_step(const std::string& file, const Example& example,
                                  const std::string& backend, const std::string& out) {
  std::vector<std::string> command = {"run",       file,    "--entry", "step",
                                      "--backend", backend, "--out",   out};
  for (const char* input : example.pictures ? std::vector<const char*>{"image", "label"}
                                            : std::vector<const char*>{"x", "y"}) {
    command.push_back("--in");
    command.push_back(std::string(input) + "=" + input + ".npy");
  }
  return command;
}

/// Largest difference of any number of two files, relative to the largest number of its tensor.
double difference(const Scratch& s, const std::string& a, const std::string& b) {
  auto left = runtime::read_safetensors(s.path(a).string());
  auto right = runtime::read_safetensors(s.path(b).string());
  EXPECT_EQ(left.tensors.size(), right.tensors.size());
  double worst = 0;
  for (const runtime::TensorView& t : left.tensors) {
    const runtime::TensorView* u = right.find(t.name);
    if (u == nullptr || u->bytes.size() != t.bytes.size()) {
      ADD_FAILURE() << t.name << " is missing or differs in size";
      continue;
    }
    double scale = 1e-30, error = 0;
    for (size_t i = 0; i < t.bytes.size(); i += size_t(runtime::byte_size(t.type))) {
      double x = runtime::load_number(t.type, t.bytes.data() + i);
      double y = runtime::load_number(u->type, u->bytes.data() + i);
      scale = std::max(scale, std::abs(x));
      error = std::max(error, std::abs(x - y));
    }
    worst = std::max(worst, error / scale);
  }
  return worst;
}

TEST_P(DumpTest, ParsesBackPrintsAndRunsTheSame) {
  const auto& [example, stage] = GetParam();
  Scratch s;
  s.example(example.file);
  write_inputs(s, example, 8);
  std::string dump = std::string(stage) + ".net";

  auto made = s.netc(with_settings({"dump", example.file, "--stage", stage, "-o", dump}, example));
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(s.read(dump).rfind(std::string("#@ stage ") + stage, 0), 0u);

  auto again = s.netc({"dump", dump, "--stage", stage});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, s.read(dump));
  EXPECT_EQ(s.netc({"check", dump, "-q"}).exit_code, 0);

  auto source =
      s.netc(with_settings(run_step(example.file, example, "jit", "source.safetensors"), example));
  ASSERT_EQ(source.exit_code, 0) << source.err;
  auto jit = s.netc(run_step(dump, example, "jit", "jit.safetensors"));
  ASSERT_EQ(jit.exit_code, 0) << jit.err;
  EXPECT_EQ(difference(s, "source.safetensors", "jit.safetensors"), 0.0);
  if (std::string(example.file) == "mnist_mlp.net" && std::string(stage) != "plan") return;
  auto interpreted = s.netc(run_step(dump, example, "interp", "interp.safetensors"));
  ASSERT_EQ(interpreted.exit_code, 0) << interpreted.err;
  EXPECT_LT(difference(s, "interp.safetensors", "jit.safetensors"), 2e-5);
}

TEST_P(DumpTest, TrainsToTheBitsOfItsSource) {
  const auto& [example, stage] = GetParam();
  Scratch s;
  s.example(example.file, 96, 32);
  std::string dump = std::string(stage) + ".net";
  Example small = example;
  if (!example.pictures) small.set.push_back("data.n=40");
  small.set.push_back("train.epochs=2");
  auto made = s.netc(with_settings({"dump", example.file, "--stage", stage, "-o", dump}, small));
  ASSERT_EQ(made.exit_code, 0) << made.err;
  auto source = s.netc(with_settings({"train", example.file, "-o", "a", "--steps", "5"}, small));
  ASSERT_EQ(source.exit_code, 0) << source.err;
  auto from_dump = s.netc({"train", dump, "-o", "b", "--steps", "5"});
  ASSERT_EQ(from_dump.exit_code, 0) << from_dump.err;
  EXPECT_EQ(difference(s, "a/last.safetensors", "b/last.safetensors"), 0.0);
}

INSTANTIATE_TEST_SUITE_P(Examples, DumpTest,
                         ::testing::Combine(::testing::ValuesIn(examples()),
                                            ::testing::Values("forward", "backward", "optimised",
                                                              "fused", "plan")),
                         [](const auto& test) {
                           std::string name = std::get<0>(test.param).file;
                           return name.substr(0, name.size() - 4) + "_" + std::get<1>(test.param);
                         });

TEST(Dump, AstIsFormattedSourceAfterSet) {
  Scratch s;
  s.example("mnist_modules.net");
  auto r = s.netc({"dump", "mnist_modules.net", "--stage", "ast", "--set", "hidden=64"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("let hidden = 64"), std::string::npos) << r.out;
}

TEST(Dump, DrawsWithGraphviz) {
  Scratch s;
  s.example("neuron.net");
  auto r = s.netc({"dump", "neuron.net", "--stage", "dot", "--entry", "step"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out.rfind("digraph \"neuron.step\"", 0), 0u);
  EXPECT_NE(r.out.find("label=\"kernel k0\""), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("mse  (line 16)"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("label=\"f32[784, 1]\""), std::string::npos) << r.out;
  // The dump of a stage is drawn as its source is, but for the words of lines it does not have.
  ASSERT_EQ(s.netc({"dump", "neuron.net", "--stage", "fused", "-o", "f.net"}).exit_code, 0);
  auto again = s.netc({"dump", "f.net", "--stage", "dot", "--entry", "step"});
  EXPECT_NE(again.out.find("label=\"line 16\""), std::string::npos) << again.out;
  if (std::system("command -v dot >/dev/null 2>&1") != 0) return;
  s.write("g.dot", s.netc({"dump", "neuron.net", "--stage", "dot"}).out);
  EXPECT_EQ(std::system(("dot -Tsvg -o '" + s.path("g.svg").string() + "' '" +
                         s.path("g.dot").string() + "' 2>'" + s.path("err").string() + "'")
                            .c_str()),
            0);
  EXPECT_EQ(s.read("err"), "");
  EXPECT_NE(s.read("g.svg").find("</svg>"), std::string::npos);
}

TEST(Dump, FusedSaysWhyKernelsAndStoredValuesAreWhatTheyAre) {
  Scratch s;
  s.example("mnist.net");
  auto r = s.netc({"dump", "mnist.net", "--stage", "fused", "--entry", "step"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("#@ einsum, then "), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("; stored: "), std::string::npos) << r.out;
  EXPECT_NE(r.out.find(", at "), std::string::npos) << r.out;
}

TEST(Dump, ShowsMachineCode) {
  Scratch s;
  s.example("neuron.net");
  for (const char* stage : {"llvm", "asm"}) {
    auto r = s.netc(
        {"dump", "neuron.net", "--stage", stage, "--entry", "step", "--set", "train.batch=64"});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    EXPECT_GT(lines(r.out).size(), 20u);
  }
}

TEST(Dump, AfterAllShowsEachPassAndDiffOnlyChanges) {
  Scratch s;
  s.example("neuron.net");
  auto all = s.netc({"dump", "neuron.net", "--after", "all"});
  ASSERT_EQ(all.exit_code, 0) << all.err;
  EXPECT_NE(all.out.find("# after differentiate"), std::string::npos);
  auto changed = s.netc({"dump", "neuron.net", "--after", "all", "--diff"});
  ASSERT_EQ(changed.exit_code, 0) << changed.err;
  EXPECT_NE(changed.out.find("\n+"), std::string::npos);
  EXPECT_LT(changed.out.size(), all.out.size());
  EXPECT_NE(changed.out.find("# inline: open every call in entry points ("), std::string::npos)
      << changed.out;
  // What only gets other numbers for its temporaries has not changed.
  auto dce = s.netc({"dump", "neuron.net", "--after", "cse", "--diff", "--entry", "step"});
  for (const std::string& line : lines(dce.out))
    EXPECT_FALSE(line.starts_with("-  return") || line.starts_with("+  return")) << dce.out;
  EXPECT_EQ(changed.out.find('\x1b'), std::string::npos);
  auto coloured = s.netc({"dump", "neuron.net", "--after", "all", "--diff", "--color", "always"});
  EXPECT_NE(coloured.out.find("\x1b[32m+"), std::string::npos);
  EXPECT_NE(coloured.out.find("\x1b[31m-"), std::string::npos);
}

TEST(Dump, RunsChosenPasses) {
  Scratch s;
  s.example("neuron.net");
  auto r = s.netc({"dump", "neuron.net", "--passes", "differentiate,simplify"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.out.find("d_w"), std::string::npos);
  auto unknown = s.netc({"dump", "neuron.net", "--passes", "differentate"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("differentiate"), std::string::npos);
}

TEST(Dump, DiffIsTheBackward) {
  Scratch s;
  s.example("neuron.net");
  EXPECT_EQ(s.netc({"diff", "neuron.net"}).out,
            s.netc({"dump", "neuron.net", "--stage", "backward"}).out);
}

}  // namespace
}  // namespace netc::test
