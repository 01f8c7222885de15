// A run whose loss or weights stop being finite names the op that made them so, its place, step,
// index and the numbers that went in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string program(const std::string& body, const std::string& settings = "",
                    const std::string& data = "random(n = 40, seed = 1)") {
  return "model m {\n  input x: [batch, 3]\n" + body + "}\ndata " + data +
         "\ntrain { epochs = 3; batch = 8; lr = 0.1; optimizer = sgd(); shuffle = false" +
         settings + " }\n";
}

/// Trains a program that has to fail; its stderr without the start lines.
std::string failure(const Scratch& s, const std::string& text,
                    std::vector<std::string> options = {}) {
  s.write("m.net", text);
  std::vector<std::string> arguments{"train", "m.net", "-o", "run", "-q"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const ProcessResult r = s.netc(arguments);
  EXPECT_EQ(r.exit_code, 3) << r.err;
  return r.err;
}

TEST(Nonfinite, LogOfZeroInTheForwardPass) {
  Scratch s;
  EXPECT_EQ(failure(s, program("  param w: [3] = ones()\n  p = relu(x * w)\n"
                               "  loss mean(log(p))\n")),
            R"(error[R0606]: the loss is -inf at step 1 (epoch 1): log(0) = -inf
 --> m.net:5:13
5 |   loss mean(log(p))
  |             ^^^ log(0) = -inf at [0, 0] of f32[batch, 3]
  = help: keep the argument above 0: `log(maximum(x, 1e-12))`; for the log of a softmax or sigmoid there are `log_softmax`, `cross_entropy`, `bce_with_logits`
  = note: row 0 of the batch is record 0 of the train split
  = note: no epoch was finished, so there is no checkpoint
)");
}

TEST(Nonfinite, OverflowThatF64WouldNotHave) {
  Scratch s;
  const std::string text = program("  param w: [3] = const(89.4)\n  loss mean(exp(w + 0 * x))\n");
  EXPECT_THAT(failure(s, text),
              AllOf(HasSubstr("the loss is inf at step 1 (epoch 1): exp(89.4) = inf\n"),
                    HasSubstr("|             ^^^ exp(89.4) = inf at [0, 0] of f32[batch, 3]\n"),
                    HasSubstr("`exp` overflows in f32 beyond 88.7")));
  EXPECT_EQ(s.netc({"train", "m.net", "--dtype", "f64", "--steps", "1"}).exit_code, 0);
}

TEST(Nonfinite, ZeroByZero) {
  Scratch s;
  EXPECT_THAT(failure(s, program("  param w: [3] = zeros()\n  n = w * x\n"
                                 "  loss mean(n / sum(n, dim = 1, keepdim = true))\n")),
              AllOf(HasSubstr("the loss is nan at step 1 (epoch 1): -0 / 0 = nan\n"),
                    HasSubstr("^ -0 / 0 = nan at [0, 0] of f32[batch, 3]\n"),
                    HasSubstr("keep the divisor away from 0")));
}

// The loss of the step is finite; the weights after it are not.
TEST(Nonfinite, RootAtZeroInTheBackwardPass) {
  Scratch s;
  EXPECT_EQ(
      failure(s, program("  param w: [3] = zeros()\n"
                         "  loss mean(sqrt(abs(w * x)))\n")),
      R"(error[R0606]: the loss is nan at step 2 (epoch 1). Step 1 made it: 0.0208333 / 0 = inf in the derivative of `sqrt`
 --> m.net:4:13
4 |   loss mean(sqrt(abs(w * x)))
  |             ^^^^ in its derivative 0.0208333 / 0 = inf at [0, 0] of f32[batch, 3]
  = help: the derivative of `sqrt` at 0 is infinite: write `sqrt(x + 1e-12)`
  = note: row 0 of the batch is record 0 of the train split
  = note: it becomes nan at m.net:4:18 in inf * 0 = nan
  = note: no epoch was finished, so there is no checkpoint
)");
  // Found at the end of the epoch when there is no next step.
  EXPECT_THAT(failure(s, program("  param w: [3] = zeros()\n"
                                 "  loss mean(sqrt(abs(w * x)))\n",
                                 "", "random(n = 8, seed = 1)")),
              HasSubstr("the weights are not finite after step 1 (epoch 1): 0.0208333 / 0 = inf"));
}

TEST(Nonfinite, DataThatHoldsNaN) {
  Scratch s;
  s.write("d.csv", "1,2,3\n4,5,6\n7,nan,9\n1,1,1\n");
  EXPECT_EQ(failure(s, program("  param w: [3] = ones()\n  loss mean(square(x * w))\n", "",
                               "csv(\"d.csv\", x = cols(0, 3))")),
            R"(error[R0606]: the loss is nan at step 1 (epoch 1): the data of `x` holds nan
 --> m.net:2:12
2 |   input x: [batch, 3]
  |            ^^^^^^^^^^ declared here
  = help: mend the data, or replace such numbers in the graph: `where(x == x, x, 0)`
  = note: d.csv: line 3, col(1): nan
  = note: no epoch was finished, so there is no checkpoint
)");
}

TEST(Nonfinite, ALearningRateThatIsTooHigh) {
  Scratch s;
  EXPECT_THAT(failure(s, program("  param w: [3, 2] = normal(1.0)\n  loss mean(square(x @ w))\n"),
                      {"--set", "train.lr=200"}),
              AllOf(HasSubstr("the loss is inf at step "), HasSubstr("(epoch 2): "),
                    HasSubstr("^^^^^^ "), HasSubstr("the loss grew from "),
                    HasSubstr("before this step, `w` held numbers up to "),
                    HasSubstr("the learning rate 200 is too high: try `--set train.lr=0.01`"),
                    HasSubstr("the checkpoint after epoch 1 is kept in run")));
  EXPECT_EQ(s.netc({"train", "--resume", "run", "--set", "train.lr=1e-3"}).exit_code, 0);
}

// In the second micro-batch of a step in the middle of an epoch; the same for any thread count.
TEST(Nonfinite, MicroBatchesClippingAndShuffling) {
  Scratch s;
  std::string rows;
  for (int i = 0; i < 40; ++i) rows += i == 33 ? "1,0,2\n" : std::to_string(i + 1) + ",2,3\n";
  s.write("d.csv", rows);
  const std::string text = program(
      "  param w: [3] = ones()\n  keep = where(w > 100, log(w - w), 0)\n"
      "  loss mean(log(abs(x * w))) + sum(keep)\n",
      "; accumulate = 3; clip = norm(1.0); seed = 3", "csv(\"d.csv\", x = cols(0, 3))");
  std::string shuffled = text;
  shuffled.replace(shuffled.find("shuffle = false"), 15, "shuffle = true ");
  const std::string one = failure(s, shuffled, {"--threads", "1", "--set", "train.batch=4"});
  EXPECT_THAT(one, AllOf(HasSubstr("log(0) = -inf at ["), HasSubstr("m.net:5:13"),
                         HasSubstr("is record 33 of the train split")));
  EXPECT_EQ(failure(s, shuffled, {"--threads", "2", "--set", "train.batch=4"}), one);
}

}  // namespace
}  // namespace netc::test
