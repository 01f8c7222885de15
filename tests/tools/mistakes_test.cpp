// Mistakes on the command line, the forms of diagnostics, and warnings.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "frontend/diagnostics.h"
#include "tests/tools/netc_process.h"
#include "tools/netc/reproducer.h"

namespace netc::test {
namespace {

using nlohmann::json;

TEST(Mistakes, MistypedCommandsAndOptionsAreNamed) {
  Scratch s;
  s.example("neuron.net");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"tran", "neuron.net"}, "error: `tran` is not a command\n  = help: did you mean `train`?\n"},
      {{"train", "neuron.net", "--epoch", "3"},
       "error: `netc train` has no option `--epoch`\n  = help: did you mean `--epochs`?\n"},
      {{"train", "neuron.net", "--lr=0.1"},
       "error: `netc train` has no option `--lr`\n"
       "  = help: settings are changed with `--set train.lr=VALUE`\n"},
      {{"train", "neuron.net", "--batch-size", "3"},
       "error: `netc train` has no option `--batch-size`\n"
       "  = help: settings are changed with `--set train.batch=VALUE`\n"},
      {{"train", "neuron.net", "--split", "test"},
       "error: `netc train` has no option `--split`\n"
       "  = help: it is an option of `netc eval`\n"},
      {{"--seed", "1", "check", "neuron.net"},
       "error: `--seed` stands before its command\n"
       "  = help: options stand behind the command: `netc check --seed`\n"},
      {{"check"},
       "error: `netc check` needs FILE: the program\n"
       "  = help: `netc check --help` lists its options\n"},
      {{"completions"},
       "error: `netc completions` needs SHELL: bash, zsh or fish\n"
       "  = help: `netc completions --help` lists its options\n"},
      {{"check", "neuron.net", "--set"},
       "error: --set needs a value: PATH=VALUE\n"
       "  = help: `netc check --help` lists its options\n"},
      {{"explain", "--all", "sgd"},
       "error: NAME does not go with --all\n"
       "  = help: `netc explain --help` lists its options\n"},
      {{"dump", "neuron.net", "--diff"},
       "error: --diff shows what passes change\n  = help: add --after PASS, or --after all\n"},
      {{"check", "neuron.net", "two.net"},
       "error: `netc check` takes one file, and `two.net` is one more argument\n"
       "  = help: `netc check --help` lists what it takes\n"}};
  for (const auto& [arguments, expected] : cases) {
    const auto r = s.netc(arguments);
    EXPECT_EQ(r.exit_code, 2) << expected;
    EXPECT_EQ(r.err, expected);
    EXPECT_EQ(r.out, "");
  }
}

TEST(Mistakes, ValuesOfOptionsAreSaidAsTheyShouldBe) {
  Scratch s;
  s.example("two_layer.net");
  s.npy_f32("x.npy", {2, 100});
  ASSERT_EQ(s.netc({"train", "two_layer.net", "-o", "run", "--epochs", "1", "-q"}).exit_code, 0);
  const std::string train = "  = help: `netc train --help` lists its options\n";
  const std::string form = "error: --expect takes NAME (>=|<=|>|<|==) NUMBER, not `";
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"train", "two_layer.net", "--steps", "2.5"},
       "error: --steps: `2.5` is no whole number from 0\n" + train},
      {{"train", "two_layer.net", "--epochs", "1e3"},
       "error: --epochs: `1e3` is no whole number from 1\n  = help: write 1000\n"},
      {{"train", "two_layer.net", "--epochs", "0"},
       "error: --epochs: `0` is no whole number from 1\n" + train},
      {{"train", "two_layer.net", "--threads", "x"},
       "error: --threads: `x` is no whole number from 1 to 4096\n" + train},
      {{"train", "two_layer.net", "--seed=-1"},
       "error: --seed: `-1` is no whole number from 0 to 2^64 - 1\n" + train},
      {{"eval", "run", "--expect", "loss => 0.5"},
       form + "loss => 0.5`\n  = help: `=>` is no comparison: did you mean `>=`?\n"},
      {{"eval", "run", "--expect", "loss =< 0.5"},
       form + "loss =< 0.5`\n  = help: `=<` is no comparison: did you mean `<=`?\n"},
      {{"eval", "run", "--expect", "loss=0.5"},
       form + "loss=0.5`\n  = help: `=` is no comparison: did you mean `==`?\n"},
      {{"eval", "run", "--expect", "loss<0.5x"},
       form + "loss<0.5x`\n  = help: for example --expect 'accuracy>=0.97'\n"},
      {{"predict", "run", "--in", "x=-"},
       "error: stdin is for all inputs at once\n"
       "  = help: `--in -` reads JSON lines from it: {\"x\": ...}\n"},
      {{"run", "two_layer.net", "--in", "x=-"},
       "error: run reads its inputs from files\n"
       "  = help: `netc predict --in -` reads JSON lines from stdin\n"},
      {{"run", "two_layer.net", "--in", "x=x.npy", "--out", "y.npy"},
       "error: --out writes a safetensors file, not `y.npy`\n"
       "  = help: `netc predict --out` writes one output as .npy\n"}};
  for (const auto& [arguments, expected] : cases) {
    const auto r = s.netc(arguments);
    EXPECT_EQ(r.exit_code, 2) << expected;
    EXPECT_EQ(r.err, expected);
    EXPECT_EQ(r.out, "");
  }
  EXPECT_FALSE(s.exists("y.npy"));
}

TEST(Mistakes, RecordsOfJsonAreMetWithWhatIsWrongInThem) {
  Scratch s;
  s.write("m.net",
          "model m {\n  input x: [batch, 2]\n  input n: u8[batch]\n"
          "  output p = x * float(n)[:, None]\n}\n");
  s.write("w.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  const std::pair<const char*, const char*> cases[] = {
      {"{\"x\": [1, 2], \"N\": 3}", "line 2 has no `n`\n"},
      {"{\"x\": [1, 2], \"N\": 3}", "= help: it has N, x\n"},
      {"{\"x\": [1], \"n\": 3}",
       "line 2: input `x`: expected an array of 2, found an array of 1\n"},
      {"{\"x\": 1, \"n\": 3}", "line 2: input `x`: expected an array of 2, found a number\n"},
      {"{\"x\": [1, null], \"n\": 3}", "line 2: input `x`: expected a number, found null\n"},
      {"{\"x\": [1, \"2\"], \"n\": 3}", "line 2: input `x`: expected a number, found a string\n"},
      {"{\"x\": [1, 1e39], \"n\": 3}", "line 2: input `x` is f32, which cannot be 1e+39\n"},
      {"{\"x\": [1, 2], \"n\": 256}", "line 2: input `n` is u8, which cannot be 256\n"},
      {"{\"x\": [1, 1e400], \"n\": 3}", "line 2: a number in it is too large\n"},
      {"{\"x\": [1, NaN], \"n\": 3}", "line 2, column 11: this is no JSON\n"},
      {"{\"x\": [1, 2], \"n\": 3", "line 2, column 21: this is no JSON\n"},
      {"[1, 2]", "line 2 is an array of 2, not an object by input name\n"}};
  for (const auto& [line, said] : cases) {
    const auto r = s.netc({"predict", "m.net", "--weights", "w.safetensors", "--in", "-"},
                          "{\"x\": [1, 2], \"n\": 3}\n" + std::string(line) + "\n");
    EXPECT_EQ(r.exit_code, 3) << line;
    EXPECT_EQ(r.out, "{\"p\":[3,6]}\n") << line;
    EXPECT_NE(r.err.find(said), std::string::npos) << line << "\n" << r.err;
  }
  s.npy_u8("x.npy", {3, 2}, 9);
  const auto r = s.netc({"run", "m.net", "--in", "x=x.npy", "--in", "n=x.npy"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("x.npy: input `n` is u8[3, 2], the model wants u8[batch]"),
            std::string::npos)
      << r.err;
  s.npy_u8("n.npy", {3}, 9);
  const auto types = s.netc({"run", "m.net", "--in", "x=x.npy", "--in", "n=n.npy"});
  EXPECT_EQ(types.exit_code, 3);
  EXPECT_NE(types.err.find("x.npy: values are u8, input `x` is f32"), std::string::npos)
      << types.err;
  EXPECT_NE(types.err.find("= help: save `x.astype(np.float32)`"), std::string::npos) << types.err;
}

TEST(Mistakes, WhatWasMeantIsSaid) {
  const std::string head = "model m {\n  input x: [batch, 4]\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {head + "  output p = x |> Linear(2, 4)\n}\n",
       "perhaps the sizes stand the wrong way round: `Linear(4, 2)`"},
      {head + "  output p = x |> dropout(0.5)\n}\n", "as a layer it is `|> Dropout(0.5)`"},
      {head + "  parm w: [4] = zeros()\n}\n", "did you mean `param`?"},
      {"model m:\n  input x: [batch, 4]\n", "bodies stand in braces: `model m { ... }`"},
      {head + "  output p = Linear(4, 1)(x)\n  loss mean(p)\n}\ntrain { optimizer = SGD }\n",
       "write `optimizer = sgd()`"},
      {head + "  output p = x\n}\ndata csv(points.csv, x = col(0))\n", "write `\"points.csv\"`"},
      {head + "  output p = x\n}\ndata csv(\"points.csv\", x = \"weight\")\n",
       "write `x = col(\"weight\")`"},
      {head + "  output p = x\n}\ndata = mnist(\"data\")\n",
       "`data` takes no `=`: `data mnist(...)`"},
      {head + "  output p = x\n}\ntrain { epochs: 3 }\n", "write `epochs = 3`"},
      {head + "  metric mean(argmax(x, 1) = 3)\n}\n", "`==` compares"},
      {head + "  output p = Linear(4 1)(x)\n}\n", "perhaps a comma is missing: `4, 1`"},
      {head + "  output p = einsum(f\"bi->b\", x)\n}\n",
       "strings have no prefix: write `\"bi->b\"`"},
      {head + "  print(x)\n  output p = x\n}\n", "programs print nothing"},
      {"fn f(x) { x * 2 }\n", "give it back: `return x * 2`"},
      {"fn f(x): return x\n", "bodies stand in braces: `fn f(...) { ... }`"},
      {"layer L(n)(x) { return x * n }\n" + head + "  output p = L(x)\n}\n",
       "tensors stand in a second list: `L(n)(x)`"},
      {head + "  param w = torch.randn(4, 3)\n  output p = x @ w\n}\n",
       "its sizes stand behind the name: `param w: [4, 3] = ...`"},
      {head + "  output p = sum(x, 2)\n}\n",
       "dims count from 0: 0 to 1, or from the end, -1 to -2"},
      {head + "  output p = max(x, 0.0)\n}\n", "the elementwise one is called `maximum`"},
      {head + "  output p = max(x, 1).values\n}\n", "`max` and `min` give the values alone"},
      {head + "  output p = x * [1, 2, 3, 4]\n}\n",
       "make a tensor of it: `float(stack([1, 2, 3, 4]))`"},
      {head + "  output p = Embedding(9, 3)(x)\n}\n", "convert it: `i64(x)`"},
      {head + "  input y: [batch]\n  loss cross_entropy(x, y)\n}\n",
       "make integers of them with `i64(...)`"},
      {head + "  input y: i64[batch, 1]\n  loss cross_entropy(x, y)\n}\n",
       "`[:, 0]` takes out a dim"},
      {"model m {\n  input x: [batch, 9, 9, 3]\n  output p = Conv2d(3, 6, 5)(x)\n}\n",
       "channels come before rows and columns: `permute(x, 0, 3, 1, 2)`"}};
  Scratch s;
  for (const auto& [program, help] : cases) {
    s.write("m.net", program);
    const auto r = s.netc({"check", "m.net"});
    EXPECT_EQ(r.exit_code, 1) << program;
    EXPECT_NE(r.err.find("= help: " + help), std::string::npos) << program << r.err;
  }
}

TEST(Mistakes, ExplainKnowsForeignNamesAndWords) {
  Scratch s;
  EXPECT_NE(s.netc({"explain", "view"}).err.find("`view` is called `reshape`"), std::string::npos);
  EXPECT_NE(s.netc({"explain", "param"}).out.find("param w: [784, 10]"), std::string::npos);
  EXPECT_EQ(s.netc({"explain", "nonsense"}).exit_code, 2);
  EXPECT_EQ(s.netc({"help", "train"}).out, s.netc({"train", "--help"}).out);
  EXPECT_EQ(s.netc({"help"}).out, s.netc({"--help"}).out);
}

TEST(Mistakes, CodeForAnotherCpuIsNotRun) {
  if (__builtin_cpu_supports("avx512f")) GTEST_SKIP() << "this CPU runs every level";
  Scratch s;
  s.example("neuron.net");
  const auto r = s.netc({"train", "neuron.net", "--cpu", "avx512", "-o", "run"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("this CPU does not run avx512 code"), std::string::npos) << r.err;
  EXPECT_FALSE(std::filesystem::exists(s.path("run")));
  EXPECT_EQ(s.netc({"dump", "neuron.net", "--stage=asm", "--cpu", "avx512"}).exit_code, 0);
}

TEST(Mistakes, EveryErrorTakesTheFormThatIsAskedFor) {
  Scratch s;
  s.write("m.net",
          "model m {\n  input x: [batch, 3]\n  output p = sofmax(x)\n  output q = rleu(x)\n"
          "  output r = tahn(x)\n}\n");
  s.example("mnist.net");
  std::filesystem::remove_all(s.path("data"));
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"check", "m.net"}, "E0201"},                         // the program's
      {{"check", "m.net", "--set", "train.epoch=3"}, "E0"},  // a setting's
      {{"train", "mnist.net", "-o", "run"}, "R0602"},        // the data's
      {{"check", "mnist.net", "--max-compile-time", "1e-6"}, "E0311"},
      {{"check", "m.net", "--no-such-option"}, ""},           // the command line's
      {{"eval", "mnist.net", "--weights", "none.st"}, "R06"}  // a file's
  };
  for (const auto& [arguments, code] : cases) {
    std::vector<std::string> command = arguments;
    command.insert(command.end(), {"--diagnostics=json", "--json"});
    const auto r = s.netc(command);
    EXPECT_NE(r.exit_code, 0);
    EXPECT_EQ(r.out, "");
    for (const std::string& line : lines(r.err)) {
      const json j = json::parse(line, nullptr, false);
      ASSERT_TRUE(j.is_object()) << arguments[0] << ": " << r.err;
      EXPECT_EQ(j["severity"], "error");
      EXPECT_EQ(j["code"].get<std::string>().rfind(code, 0), 0u) << line;
    }
    command[command.size() - 2] = "--diagnostics=short";
    for (const std::string& line : lines(s.netc(command).err))
      EXPECT_NE(line.find("error"), std::string::npos) << line;
  }
  auto r = s.netc({"check", "m.net", "--diagnostics=short", "--max-errors", "2"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_EQ(lines(r.err).size(), 3u) << r.err;
  EXPECT_NE(r.err.find("1 more error not shown (`--max-errors N` shows more)"), std::string::npos);
}

TEST(Mistakes, ATestFractionIsToldOfWhatThereIs) {
  Scratch s;
  s.write("m.net", "train { test = 0.3 }\n");
  const auto r = s.netc({"check", "m.net"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_NE(r.err.find("`valid = 0.1` keeps records"), std::string::npos) << r.err;
}

TEST(Mistakes, WhatCannotBeTrainedIsSaidAtItsPlace) {
  const std::string settings = "data random(n = 10, seed = 1)\ntrain { epochs = 1 }\n";
  const std::string layer = "  output p = Linear(4, 1)(x)\n  loss mse(p, y)\n}\n" + settings;
  struct Case {
    std::string program, place, cure;
  };
  const std::vector<Case> cases = {
      {"model m {\n  input x: [batch, 4]\n  output p = x\n}\n" + settings, "m.net:1:7",
       "`loss mse(p, y)`"},
      {"model m {\n  input x: [batch, 4]\n  loss mean(x)\n}\n" + settings, "m.net:1:7",
       "declare a `param`"},
      {"model m {\n  input x: [batch, 4]\n  fc = Linear(4, 1)\n  loss mean(fc(x))\n}\n"
       "data random(n = 10, seed = 1)\ntrain { freeze = [\"*\"] }\n",
       "m.net:1:7", "`freeze` names every parameter"},
      {"model m {\n  param w: [4] = ones()\n  loss mean(w)\n}\n", "m.net:1:7",
       "`netc run m.net --entry step`"},
      {"model m {\n  input x: [5, 4]\n  input y: [5, 1]\n" + layer, "m.net:2:12",
       "`netc explain W0314`"},
      {"model m {\n  input x: [batch, 4]\n  input y: i64\n  fc = Linear(4, 1)\n"
       "  loss mean(fc(x)) * float(y)\n}\n" +
           settings,
       "m.net:3:12", "`netc explain W0314`"}};
  for (const auto& [program, place, cure] : cases) {
    Scratch s;
    s.write("m.net", program);
    const auto r = s.netc({"train", "m.net", "-o", "run"});
    EXPECT_EQ(r.exit_code, 1) << program;
    const size_t error = r.err.find("error[E0525]");
    ASSERT_NE(error, std::string::npos) << program << r.err;
    EXPECT_NE(r.err.find("--> " + place, error), std::string::npos) << r.err;
    EXPECT_NE(r.err.find(cure, error), std::string::npos) << r.err;
    EXPECT_FALSE(s.exists("run"));
  }
}

TEST(Mistakes, DataThatWasSetOnTheCommandLineIsShownThere) {
  Scratch s;
  s.write("a.csv", "1,2\n3,4\n");
  s.write("m.net",
          "model m {\n  input x: [batch, 1]\n  output p = Linear(1, 1)(x)\n  loss mean(p)\n}\n"
          "data csv(\"a.csv\", x = cols(0, 1))\ntrain { epochs = 1 }\n");
  const auto r = s.netc({"train", "m.net", "-o", "run", "--set", "data.x=cols(0, 5)"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_EQ(r.err, R"(error[R0602]: data csv: `x`: there is no column 5; columns are 0 to 1
 --> <--set>:1:8
1 | data.x=cols(0, 5)
  |        ^^^^^^^^^^ set here
 ::: m.net:6:6
6 | data csv("a.csv", x = cols(0, 1))
  |      --- read by this loader
)");
}

bool is_ascii(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

TEST(Mistakes, WhatIsWrittenToNoTerminalIsAscii) {
  Scratch s;
  s.write("m.net", "model m {\n  input x: [batch, 4]\n  output p == x\n}\n");
  for (const char* form : {"full", "short"}) {
    const std::string said = s.netc({"check", "m.net", "--diagnostics", form}).err;
    EXPECT_NE(said, "");
    EXPECT_TRUE(is_ascii(said)) << said;
  }
  for (const char* name : {"softmax", "xavier_uniform", "gelu", "adam", "iota", "E0302", "train"}) {
    const std::string said = s.netc({"explain", name}).out;
    EXPECT_TRUE(is_ascii(said)) << said;
  }
}

TEST(Mistakes, ExplainReadsTheDocstringsOfAProgram) {
  Scratch s;
  s.write("m.net", "## Twice as much.\nfn twice(x) = 2 * x\n## Units.\nlet hidden = 3\n");
  EXPECT_EQ(s.netc({"explain", "twice", "m.net"}).out, "Twice as much.\n\nfn twice(x) = 2 * x\n");
  EXPECT_EQ(s.netc({"explain", "hidden", "m.net"}).out, "Units.\n\nlet hidden = 3\n");
  EXPECT_EQ(s.netc({"explain", "relu", "m.net"}).out, s.netc({"explain", "relu"}).out);
  EXPECT_EQ(s.netc({"explain", "twice"}).exit_code, 2);
}

TEST(Mistakes, AnInternalErrorKeepsWhatIsNeededToSeeItAgain) {
  Scratch s;
  s.write("m.net", "model m {}\n");
  const std::string program = s.path("m.net"), folder = s.path("kept");
  std::filesystem::create_directories(folder);
  setenv("TMPDIR", folder.c_str(), 1);
  std::string words[] = {"netc", "check", program, "--set", "a='b'"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const ir::Diagnostic d = tools::internal_error("an op of form 7", int(argv.size()), argv.data());
  unsetenv("TMPDIR");
  const std::string name = "netc-reproducer-" + std::to_string(getpid());
  EXPECT_EQ(frontend::render({d}, {}, {}),
            "error[I9901]: internal error: an op of form 7\n"
            "  = help: this is a fault of netc, not of the program; please report it with that "
            "folder\n"
            "  = note: program and command line are kept in " +
                folder + "/" + name + "\n");
  EXPECT_EQ(lines(s.read("kept/" + name + "/command.sh")).back(),
            R"(netc 'check' 'm.net' '--set' 'a='\''b'\''')");
  EXPECT_EQ(s.read("kept/" + name + "/m.net"), "model m {}\n");
}

TEST(Mistakes, WarningsChangeNoExitCode) {
  Scratch s;
  s.write("m.net",
          "model m {\n  input image: u8[batch, 4]\n  input label: u8[batch]\n"
          "  param unused: [3] = zeros()\n  output p = softmax(Linear(4, 3)(float(image)))\n"
          "  loss cross_entropy(p, label)\n}\n");
  auto r = s.netc({"check", "m.net", "--diagnostics=short"});
  EXPECT_EQ(r.exit_code, 0);
  for (const char* code : {"W0210", "W0312", "W0401", "W0407"})
    EXPECT_NE(r.err.find("warning[" + std::string(code) + "]"), std::string::npos) << r.err;
  EXPECT_EQ(s.netc({"check", "m.net", "-q"}).err, "");
}

TEST(Mistakes, ExamplesAreCheckedWithoutAWord) {
  for (const std::string& name : example_names()) {
    Scratch s;
    s.example(name, 20, 10);
    auto r = s.netc({"check", name});
    EXPECT_EQ(r.exit_code, 0) << name;
    EXPECT_EQ(r.err, "") << name;
  }
}

}  // namespace
}  // namespace netc::test
