// Weights that PyTorch's safetensors wrote (tests/torch/weights.safetensors, by make_weights.py)
// give the numbers that the net gives there.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/safetensors.h"
#include "runtime/tensor.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

const char* const kNet =
    "model net {\n  input x: [batch, 6, 6]\n"
    "  conv = Conv2d(1, 3, 3)\n  norm = BatchNorm(3)\n"
    "  fc1 = Linear(48, 5)\n  fc2 = Linear(5, 5)\n  out = Linear(5, 2)\n"
    "  h = x[:, None] |> conv |> norm |> relu |> Flatten(1) |> fc1 |> relu |> fc2 |> tanh\n"
    "  output y = out(h)\n}\n";

class TorchWeights : public testing::Test {
 protected:
  TorchWeights() {
    std::ifstream in(NETC_SOURCE_DIR "/tests/torch/weights.json");
    reference = json::parse(in);
    std::filesystem::copy_file(NETC_SOURCE_DIR "/tests/torch/weights.safetensors",
                               s.path("w.safetensors"));
    s.write("net.net", kNet);
    for (const json& x : reference["x"]) records += json{{"x", x}}.dump() + "\n";
  }

  ProcessResult predict(std::vector<std::string> options) {
    options.insert(options.begin(),
                   {"predict", "net.net", "--weights", "w.safetensors", "--in", "-"});
    return s.netc(options, records);
  }

  Scratch s;
  json reference;
  std::string records;
};

TEST_F(TorchWeights, GiveTheNumbersOfPyTorch) {
  const ProcessResult r = predict({"--layout", "torch"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.err, "");
  const auto rows = lines(r.out);
  ASSERT_EQ(rows.size(), reference["y"].size());
  for (size_t i = 0; i < rows.size(); ++i)
    for (size_t k = 0; k < 2; ++k)
      EXPECT_NEAR(json::parse(rows[i])["y"][k].get<double>(), reference["y"][i][k].get<double>(),
                  1e-6);
}

// What PyTorch loads again after `.T` of the matrices, as docs/pytorch.md has it.
TEST_F(TorchWeights, GoBackWithMatricesTransposed) {
  std::string trained = kNet;
  trained.insert(trained.rfind('}'), "  loss mean(square(y))\n");
  s.write("net.net", trained +
                         "data random(n = 4, seed = 1)\n"
                         "train { epochs = 1; batch = 4; lr = 1e-30; optimizer = sgd() }\n");
  const ProcessResult r =
      s.netc({"train", "net.net", "--init", "w.safetensors", "--layout", "torch", "-o", "run"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const runtime::TensorFile from = runtime::read_safetensors(s.path("w.safetensors")),
                            back = runtime::read_safetensors(s.path("run/last.safetensors"));
  int matrices = 0;
  for (const runtime::TensorView& written : back.tensors) {
    if (written.name.find("running_") != std::string::npos) continue;  // training moves them
    const runtime::TensorView* read = from.find(written.name);
    ASSERT_NE(read, nullptr) << written.name;
    const auto number = [](const runtime::TensorView& t, int64_t i) {
      return runtime::load_number(t.type, t.bytes.data() + i * 4);
    };
    const bool matrix = read->shape.size() == 2;
    const int64_t rows = read->shape[0], columns = matrix ? read->shape[1] : 1;
    matrices += matrix;
    for (int64_t i = 0; i < int64_t(read->bytes.size() / 4); ++i) {
      const int64_t at = matrix ? i % columns * rows + i / columns : i;
      ASSERT_NEAR(number(written, at), number(*read, i), 1e-25) << written.name << " " << i;
    }
  }
  EXPECT_EQ(matrices, 3);
}

TEST_F(TorchWeights, WithoutTheLayoutTheTensorAndTheCureAreNamed) {
  const ProcessResult r = predict({});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("tensor `fc1.weight` is f32[5, 48], the model has f32[48, 5]"),
            std::string::npos)
      << r.err;
  EXPECT_NE(r.err.find("--layout torch"), std::string::npos) << r.err;
}

TEST_F(TorchWeights, SquareMatricesOfAnUnsaidLayoutAreWarnedOf) {
  s.write("net.net",
          "model net {\n  input x: [batch, 6, 6]\n  fc2 = Linear(5, 5)\n"
          "  output y = x[:, 0, 0:5] |> fc2\n}\n");
  const std::string warning = "`fc2.weight` is square";
  const ProcessResult unsaid = predict({}), torch = predict({"--layout", "torch"}),
                      netc = predict({"--layout", "netc"});
  EXPECT_NE(unsaid.err.find(warning), std::string::npos) << unsaid.err;
  EXPECT_EQ(torch.err.find(warning), std::string::npos) << torch.err;
  EXPECT_EQ(netc.err.find(warning), std::string::npos) << netc.err;
  EXPECT_EQ(unsaid.out, netc.out);
  EXPECT_NE(unsaid.out, torch.out);
}

TEST_F(TorchWeights, TensorsThatAreMissingOrLeftOverAreNamed) {
  std::string other = kNet;
  const std::string written = "fc1", renamed = "fc";
  for (size_t at = other.find(written); at != std::string::npos; at = other.find(written, at))
    other.replace(at, written.size(), renamed);
  s.write("net.net", other);
  ProcessResult r = predict({"--layout", "torch"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("`fc.weight`"), std::string::npos) << r.err;
  EXPECT_NE(r.err.find("did you mean `fc1.weight`?"), std::string::npos) << r.err;

  s.write("net.net",
          "model net {\n  input x: [batch, 6, 6]\n  out = Linear(36, 2)\n  fc2 = Linear(5, 5)\n"
          "  output y = x[:, 0, 0:5] |> fc2\n}\n");
  r = predict({"--layout", "torch"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.err.find("warning: w.safetensors: tensor `conv.weight` is not used by the model"),
            std::string::npos)
      << r.err;
}

}  // namespace
}  // namespace netc::test
