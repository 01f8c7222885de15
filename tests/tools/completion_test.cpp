// Completion: what netc offers for unfinished lines, and that the shells which are installed type
// it when TAB is pressed in a terminal.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using Words = std::vector<std::string>;

const char* const kProgram =
    "let hidden = 8\n"
    "fn twice(x) = x + x\n"
    "optimizer mine(rate = 1.0)(p, g, lr, step) {\n  return p - lr * rate * g\n}\n"
    "model first {\n  input pixels: [batch, 4]\n  input label: u8[batch]\n"
    "  output logits = pixels |> twice |> Linear(4, hidden)\n"
    "  loss cross_entropy(logits, label)\n  metric accuracy(logits, label)\n"
    "  metric worst = max(logits)\n}\n"
    "model second {\n  input x: [batch, 2]\n  output y = x\n}\n"
    "data csv(\"d.csv\", x = cols(0, 4))\n"
    "train { lr = cosine(1e-3); optimizer = mine() }\n";

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() {
    s.write("m.net", kProgram);
    s.write("notes.txt", "");
  }
  Scratch s;

  /// Candidates for the last word, without what they are.
  Words of(Words words) {
    words.insert(words.begin(), "__complete");
    const ProcessResult r = s.netc(words);
    EXPECT_EQ(r.exit_code, 0) << r.err;
    Words list;
    for (const std::string& line : lines(r.out)) list.push_back(line.substr(0, line.find('\t')));
    return list;
  }
};

TEST_F(CompletionTest, CommandsAndOptions) {
  EXPECT_EQ(of({"tr"}), Words{"train"});
  EXPECT_EQ(of({"c"}), (Words{"check", "completions"}));
  EXPECT_EQ(of({"dump", "--st"}), Words{"--stage"});
  EXPECT_EQ(of({"train", "m.net", "--res"}), Words{"--resume"});
  EXPECT_EQ(of({"completions", ""}), (Words{"bash", "zsh", "fish"}));
  EXPECT_EQ(of({"nosuch", "--"}), Words{});
  EXPECT_EQ(of({"check", ""}), Words{":file .net"});
}

TEST_F(CompletionTest, ValuesOfOptions) {
  EXPECT_EQ(of({"check", "--cpu", "avx"}), (Words{"avx2", "avx512"}));
  EXPECT_EQ(of({"check", "--cpu=avx5"}), Words{"--cpu=avx512"});
  EXPECT_EQ(of({"dump", "m.net", "--after", "si"}), Words{"simplify"});
  EXPECT_EQ(of({"dump", "--passes", "infer_shapes,diff"}), Words{"infer_shapes,differentiate"});
  EXPECT_EQ(of({"explain", "train.opt"}), Words{"train.optimizer"});
  EXPECT_EQ(of({"explain", "plan_m"}), Words{"plan_memory"});
  EXPECT_EQ(of({"explain", "f", ""}), Words{":file .net"});
  EXPECT_EQ(of({"eval", "run", "--weights", "w"}), Words{":file"});
  EXPECT_EQ(of({"train", "m.net", "-o", ""}), Words{":dir"});
}

TEST_F(CompletionTest, NamesOfTheProgramAtHand) {
  EXPECT_EQ(of({"check", "m.net", "--model", ""}), (Words{"first", "second"}));
  EXPECT_EQ(of({"gradcheck", "m.net", "--fn", ""}), Words{"twice"});
  EXPECT_EQ(of({"run", "m.net", "--wrt", "pixels,la"}), Words{"pixels,label"});
  EXPECT_EQ(of({"predict", "m.net", "--in", "pi"}), Words{"pixels="});
  EXPECT_EQ(of({"predict", "m.net", "--in", "pixels=x"}), Words{":file"});
  EXPECT_EQ(of({"eval", "m.net", "--expect", ""}), (Words{"loss<=", "accuracy>=", "worst>="}));
}

TEST_F(CompletionTest, SettingsOfTheProgramAtHand) {
  EXPECT_EQ(of({"train", "m.net", "--set", "hid"}), Words{"hidden="});
  EXPECT_EQ(of({"train", "m.net", "--set", "train.optimizer."}), Words{"train.optimizer.rate="});
  EXPECT_EQ(of({"train", "m.net", "--set", "train.lr.w"}), Words{"train.lr.warmup="});
  EXPECT_EQ(of({"train", "m.net", "--set=data."}), (Words{"--set=data.path=", "--set=data.x="}));
  EXPECT_EQ(of({"train", "m.net", "--set", "train.shuffle="}),
            (Words{"train.shuffle=true", "train.shuffle=false"}));
  EXPECT_EQ(of({"train", "m.net", "--set", "train.optimizer=m"}), Words{"train.optimizer=mine()"});
  EXPECT_EQ(of({"train", "m.net", "--set", "train.optimizer=adamw"}),
            Words{"train.optimizer=adamw()"});
  EXPECT_EQ(of({"train", "m.net", "--set", "train.lr=cos"}), Words{"train.lr=cosine("});
  // Without a program, and with one that has errors, as far as it goes.
  EXPECT_EQ(of({"train", "--set", "train.ep"}), Words{"train.epochs="});
  s.write("bad.net", "let width = 3\nmodel m {\n  output = (\n");
  EXPECT_EQ(of({"train", "bad.net", "--set", "wi"}), Words{"width="});
}

// -- In the shells themselves -------------------------------------------------------------------

bool installed(const std::string& shell) {
  return std::system(("command -v " + shell + " >/dev/null 2>&1").c_str()) == 0;
}

/// A shell in a terminal of its own.
class Terminal {
 public:
  Terminal(const Scratch& s, const Words& command) {
    const winsize size{24, 200, 0, 0};
    pid_ = forkpty(&fd_, nullptr, nullptr, &size);
    if (pid_ != 0) return;
    const std::string folder = std::filesystem::path(NETC_BINARY).parent_path();
    if (chdir(s.path(".").c_str()) != 0) _exit(127);
    setenv("PATH", (folder + ":" + getenv("PATH")).c_str(), 1);
    setenv("HOME", s.path(".").c_str(), 1);
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    std::vector<char*> argv;
    for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  ~Terminal() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(fd_);
  }

  void type(const std::string& text) {
    ASSERT_EQ(write(fd_, text.data(), text.size()), ssize_t(text.size()));
  }
  /// Reads until the screen has shown `text`; false after half a minute.
  bool shows(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (screen.find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      pollfd p{fd_, POLLIN, 0};
      if (poll(&p, 1, 200) <= 0) continue;
      char buffer[4096];
      const ssize_t n = read(fd_, buffer, sizeof buffer);
      if (n <= 0) return false;
      screen.append(buffer, size_t(n));
    }
    return true;
  }

  std::string screen;

 private:
  int fd_ = -1;
  pid_t pid_ = -1;
};

struct Shell {
  const char* name;
  Words command;
  std::string setup;
};

class ShellTest : public testing::TestWithParam<Shell> {};

TEST_P(ShellTest, CompletesOnTab) {
  const Shell& shell = GetParam();
  if (!installed(shell.name)) GTEST_SKIP() << shell.name << " is not installed";
  Scratch s;
  s.write("model.net", kProgram);
  s.write("model.txt", "");
  Terminal t(s, shell.command);
  t.type(shell.setup + "\necho rea''dy\n");
  ASSERT_TRUE(t.shows("ready")) << t.screen;
  // The line that TAB makes is run, and `netc` shows it.
  const std::pair<const char*, const char*> cases[] = {
      {"netc tra\t", "<train>"},
      {"netc check mod\t", "<check model.net>"},
      {"netc train model.net --set train.optimizer.\t3",
       "<train model.net --set train.optimizer.rate=3>"},
      {"netc train model.net --set train.epo\t3", "<train model.net --set train.epochs=3>"},
      {"netc dump model.net --cpu=avx5\t", "<dump model.net --cpu=avx512>"},
      {"netc dump model.net --after diffe\t", "<dump model.net --after differentiate>"},
  };
  for (const auto& [typed, result] : cases) {
    t.screen.clear();
    t.type(std::string(typed) + "\n");
    EXPECT_TRUE(t.shows(result)) << typed << "\n" << t.screen;
  }
}

const std::string kPosixFunction =
    "netc() { if [ \"$1\" = __complete ]; then command netc \"$@\"; else echo \"<$*>\"; fi; }";

INSTANTIATE_TEST_SUITE_P(
    Shells, ShellTest,
    testing::Values(
        Shell{"bash",
              {"bash", "--norc", "--noprofile", "-i"},
              "source <(netc completions bash); " + kPosixFunction},
        Shell{"zsh",
              {"zsh", "-f", "-i"},
              "autoload -U compinit; compinit -u -D; source <(netc completions zsh); " +
                  kPosixFunction},
        Shell{"fish",
              {"fish", "--no-config", "-i"},
              "netc completions fish | source; function netc; if test \"$argv[1]\" = __complete; "
              "command netc $argv; else; echo \"<$argv>\"; end; end"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace netc::test
