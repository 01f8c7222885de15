// Losses, gradients and training steps of the binary, for the examples and for optimizers, against
// figures of PyTorch in f64 (tests/torch/reference.json, made by make_reference.py, whose formulas
// for weights and data stand here again).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "runtime/data/loaders.h"
#include "runtime/safetensors.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;
using runtime::ElementType;
using runtime::Tensor;

const json& reference() {
  static const json j = [] {
    std::ifstream in(NETC_SOURCE_DIR "/tests/torch/reference.json");
    return json::parse(in);
  }();
  return j;
}

int64_t residue(int64_t i, int64_t salt) { return (i * 7919 + salt * 104729) % 10007; }

/// `grid` of make_reference.py.
Tensor grid(std::vector<int64_t> shape, int64_t salt, double scale,
            ElementType type = ElementType::f64) {
  Tensor t = runtime::make_tensor(ElementType::f64, std::move(shape));
  int64_t i = 0;
  for (double& x : t.as<double>()) x = (double(residue(i++, salt)) / 10007 - 0.5) * scale;
  return type == ElementType::f64 ? std::move(t) : runtime::convert(t, type);
}

Tensor bytes(std::vector<int64_t> shape, int64_t salt, int64_t range) {
  Tensor t = runtime::make_tensor(ElementType::u8, std::move(shape));
  int64_t i = 0;
  for (uint8_t& x : t.as<uint8_t>()) x = uint8_t(residue(i++, salt) % range);
  return t;
}

/// Writes the weights of `layout` to `file`: name, shape and, for states, the number they start
/// from.
void write_weights(const Scratch& s, const std::string& file, const json& layout,
                   ElementType type) {
  std::vector<Tensor> tensors;
  std::vector<runtime::TensorView> views;
  for (const json& entry : layout) {
    const auto shape = entry[1].get<std::vector<int64_t>>();
    const double scale = shape.size() < 2 ? 0.1 : 2 / std::sqrt(double(shape[0]));
    Tensor t = grid(shape, int64_t(tensors.size()) + 1, scale);
    if (entry.size() > 2)
      for (double& x : t.as<double>()) x = entry[2];
    tensors.push_back(type == ElementType::f64 ? std::move(t) : runtime::convert(t, type));
  }
  for (size_t k = 0; k < tensors.size(); ++k)
    views.push_back({layout[k][0], type, tensors[k].shape, tensors[k].bytes.span()});
  runtime::write_safetensors(s.path(file), views, {});
}

struct Difference {
  double tolerance;
  void expect(double actual, double expected, double scale, const std::string& what) const {
    EXPECT_LE(std::abs(actual - expected), tolerance * std::max(scale, 1e-30))
        << what << ": " << actual << " against " << expected;
  }
};

void compare_gradient(const runtime::TensorView& found, const json& expected,
                      const std::string& name, const Difference& difference) {
  const int64_t n = int64_t(found.bytes.size()) / runtime::byte_size(found.type);
  auto at = [&](int64_t i) {
    return runtime::load_number(found.type, found.bytes.data() + i * byte_size(found.type));
  };
  double dot = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    dot += at(i) * (double(residue(i, 99)) / 10007 - 0.5);
    squares += at(i) * at(i);
  }
  const double norm = expected["norm"];
  difference.expect(std::sqrt(squares), norm, norm, name + " norm");
  difference.expect(dot, expected["dot"], norm, name + " dot");
  for (int64_t k = 0; k < 5; ++k)
    difference.expect(at(k * (n - 1) / 4), expected["elements"][size_t(k)], norm, name);
}

/// Writes NAME.npy for each input that `inputs` describes: kind, shape of a row, salt, and the
/// scale of numbers or the bound of whole ones.
void write_inputs(const Scratch& s, const json& inputs, int64_t rows) {
  for (const auto& [name, how] : inputs.items()) {
    auto shape = how[1].get<std::vector<int64_t>>();
    shape.insert(shape.begin(), rows);
    const std::string kind = how[0];
    Tensor t = kind == "grid" ? grid(shape, how[2], how[3]) : bytes(shape, how[2], how[3]);
    if (kind == "choice") t = runtime::convert(t, ElementType::f64);
    runtime::write_npy(s.path(name + ".npy"), t);
  }
}

std::vector<std::string> reference_names(bool with_steps) {
  std::vector<std::string> names;
  for (const auto& [name, example] : reference()["examples"].items())
    if (!with_steps || example.contains("steps")) names.push_back(name);
  return names;
}

class TorchExample : public testing::TestWithParam<std::string> {};

TEST_P(TorchExample, LossAndGradientsAgreeInF64) {
  const std::string name = GetParam();
  const json& expected = reference()["examples"][name];
  Scratch s;
  s.example(name + ".net");
  write_weights(s, "w.safetensors", expected["layout"], ElementType::f64);
  write_inputs(s, expected["inputs"], expected["batch"]);
  for (const char* backend : {"jit", "interp"}) {
    std::vector<std::string> command = {
        "run",       name + ".net", "--dtype",   "f64",           "--entry", "step",
        "--backend", backend,       "--weights", "w.safetensors", "--out",   "out.safetensors"};
    for (const auto& [input, how] : expected["inputs"].items())
      command.insert(command.end(), {"--in", input + "=" + input + ".npy"});
    auto r = s.netc(command);
    ASSERT_EQ(r.exit_code, 0) << r.err;
    const auto out = runtime::read_safetensors(s.path("out.safetensors"));
    const Difference difference{1e-9};
    ASSERT_NE(out.find("loss"), nullptr);
    const double loss = runtime::load_number(ElementType::f64, out.find("loss")->bytes.data());
    difference.expect(loss, expected["loss"], std::abs(expected["loss"].get<double>()), "loss");
    for (const auto& [parameter, probe] : expected["gradients"].items()) {
      const auto* found = out.find("grad." + parameter);
      ASSERT_NE(found, nullptr) << parameter;
      compare_gradient(*found, probe, parameter, difference);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, TorchExample, testing::ValuesIn(reference_names(false)),
                         [](const auto& example) { return example.param; });

/// Losses of a run's step events against `expected`.
void compare_losses(const Scratch& s, const json& expected, double tolerance,
                    const std::string& what) {
  size_t step = 0;
  for (const std::string& line : lines(s.read("run/metrics.jsonl"))) {
    const json event = json::parse(line);
    if (event["event"] != "step") continue;
    ASSERT_LT(step, expected.size());
    const double loss = event["loss"], torch = expected[step++];
    EXPECT_NEAR(loss, torch, tolerance * std::max(1.0, std::abs(torch)))
        << what << " step " << step;
  }
  EXPECT_EQ(step, expected.size());
}

class TorchSteps : public testing::TestWithParam<std::string> {};

/// The example as it is, but for the data and for what makes 100 steps of 8 rows an epoch.
TEST_P(TorchSteps, AHundredLossesAgreeInF64) {
  const std::string name = GetParam();
  const json& expected = reference()["examples"][name];
  Scratch s;
  s.example(name + ".net");
  std::string text, fields;
  for (const auto& [input, how] : expected["inputs"].items())
    fields += (fields.empty() ? "" : ", ") + input + " = \"" + input + ".npy\"";
  for (const std::string& line : lines(s.read(name + ".net")))
    text += (line.rfind("data ", 0) == 0 ? "data npy(" + fields + ")" : line) + "\n";
  // No record is held back.
  text = std::regex_replace(text, std::regex("(valid|patience) = [0-9.]+;"), "");
  s.write(name + ".net", text);
  write_weights(s, "w.safetensors", expected["layout"], ElementType::f64);
  write_inputs(s, expected["inputs"], 800);
  auto r = s.netc({"train", name + ".net", "--dtype", "f64", "--init", "w.safetensors", "-o", "run",
                   "--set", "train.epochs=1", "--set", "train.batch=8", "--set",
                   "train.shuffle=false", "--set", "train.log_every=1"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  compare_losses(s, expected["steps"], 1e-8, name);
  const auto weights = runtime::read_safetensors(s.path("run/last.safetensors"));
  for (const auto& [state, probe] : expected["states"].items()) {
    const auto* found = weights.find(state);
    ASSERT_NE(found, nullptr) << state;
    compare_gradient(*found, probe, state, Difference{1e-8});
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, TorchSteps, testing::ValuesIn(reference_names(true)),
                         [](const auto& example) { return example.param; });

const char* kClassifier = R"(
model classifier {
  input  x: [batch, 20]
  input  label: i64[batch]
  output logits = x |> Linear(20, 16) |> relu |> Linear(16, 5)
  loss   cross_entropy(logits, label)
}
data  npy(x = "x.npy", label = "label.npy")
train { SETTINGS; shuffle = false; log_every = 1 }
)";

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  return text.replace(text.find(word), word.size(), by);
}

/// `settings` without `batch` train in batches of 8.
void compare_training(const std::string& settings, ElementType type, double tolerance) {
  const json& expected = reference()["training"][settings];
  Scratch s;
  const bool has_batch = settings.find("batch = ") != std::string::npos;
  s.write("classifier.net",
          replaced(kClassifier, "SETTINGS", settings + (has_batch ? "" : "; batch = 8")));
  write_weights(s, "w.safetensors",
                json::parse(R"([["linear0.weight", [20, 16]], ["linear0.bias", [16]],
                                ["linear1.weight", [16, 5]], ["linear1.bias", [5]]])"),
                type);
  runtime::write_npy(s.path("x.npy"), grid({160, 20}, 60, 4, type));
  Tensor label = runtime::convert(bytes({160}, 61, 5), ElementType::i64);
  runtime::write_npy(s.path("label.npy"), label);
  auto r = s.netc({"train", "classifier.net", "--dtype", runtime::name(type), "--init",
                   "w.safetensors", "-o", "run", "--steps", "20"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  compare_losses(s, expected, tolerance, settings);
}

TEST(TorchTraining, TwentyStepsAgreeInF64) {
  for (const auto& [settings, losses] : reference()["training"].items())
    compare_training(settings, ElementType::f64, 1e-9);
}

TEST(TorchTraining, TwentyStepsAgreeInF32) {
  for (const auto& [settings, losses] : reference()["training"].items())
    compare_training(settings, ElementType::f32, 1e-3);
}

}  // namespace
}  // namespace netc::test
