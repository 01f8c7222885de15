// A real client on the pipes of `netc lsp`.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Client {
 public:
  explicit Client(const Scratch& scratch) : scratch_(scratch) {
    signal(SIGPIPE, SIG_IGN);  // the server may be gone before the client
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) return;
    process_ = fork();
    if (process_ == 0) {
      dup2(to[0], 0);
      dup2(from[1], 1);
      setenv("XDG_CACHE_HOME", scratch.path("cache").c_str(), 1);
      execl(NETC_BINARY, "netc", "lsp", nullptr);
      _exit(127);
    }
    close(to[0]), close(from[1]);
    in_ = to[1], out_ = from[0];
  }
  ~Client() {
    if (process_ > 0 && !ended_) kill(process_, SIGKILL), waitpid(process_, nullptr, 0);
    close_input();
    if (out_ >= 0) close(out_);
  }

  void raw(const std::string& bytes) {
    for (size_t at = 0; at < bytes.size();) {
      const ssize_t n = write(in_, bytes.data() + at, bytes.size() - at);
      if (n <= 0) return;
      at += size_t(n);
    }
  }
  static std::string framed(const json& message) {
    const std::string body = message.dump();
    return "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  void send(const json& message) { raw(framed(message)); }
  void notify(const std::string& method, json params) {
    send({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}});
  }
  int ask(const std::string& method, json params) {
    send({{"jsonrpc", "2.0"}, {"id", ++id_}, {"method", method}, {"params", std::move(params)}});
    return id_;
  }

  /// The next message; null when none comes within 20 s or the server has gone.
  json next() {
    while (true) {
      const size_t header = buffer_.find("\r\n\r\n");
      if (header != std::string::npos) {
        const size_t length = std::stoul(buffer_.substr(buffer_.find(':') + 1));
        if (buffer_.size() >= header + 4 + length) {
          json message = json::parse(buffer_.substr(header + 4, length));
          buffer_.erase(0, header + 4 + length);
          return message;
        }
      }
      pollfd wait{out_, POLLIN, 0};
      if (poll(&wait, 1, 20000) <= 0) return {};
      char bytes[65536];
      const ssize_t n = read(out_, bytes, sizeof bytes);
      if (n <= 0) return {};
      buffer_.append(bytes, size_t(n));
    }
  }
  /// The answer to request `id`; diagnostics on the way are kept.
  json answer(int id) {
    while (true) {
      json message = next();
      if (message.is_null() || message.value("id", json()) == id) return message;
      if (message.value("method", "") == "textDocument/publishDiagnostics")
        published_ = message["params"];
    }
  }
  json result(const std::string& method, json params) {
    return answer(ask(method, std::move(params)))["result"];
  }
  /// Diagnostics of the text as it is now.
  json diagnostics() {
    result("textDocument/documentSymbol", {{"textDocument", {{"uri", uri}}}});
    return published_["diagnostics"];
  }

  void initialize() {
    result("initialize", {{"capabilities", json::object()}});
    notify("initialized", json::object());
  }
  void open(const std::string& text, const std::string& name = "m.net") {
    uri = "file://" + scratch_.path(name).string();
    notify(
        "textDocument/didOpen",
        {{"textDocument", {{"uri", uri}, {"languageId", "netc"}, {"version", 1}, {"text", text}}}});
    text_ = text;
  }
  void change(const json& changes) {
    notify("textDocument/didChange",
           {{"textDocument", {{"uri", uri}, {"version", 2}}}, {"contentChanges", changes}});
  }
  /// Position of the `nth` (from 1) appearance of `word` in the text that was opened, `into` it.
  json at(const std::string& word, int nth = 1, size_t into = 0) const {
    size_t found = text_.find(word);
    while (--nth > 0) found = text_.find(word, found + 1);
    EXPECT_NE(found, std::string::npos) << word;
    const std::string before = text_.substr(0, found + into);
    const size_t line = size_t(std::count(before.begin(), before.end(), '\n'));
    const size_t start = before.rfind('\n') + 1;
    return {{"textDocument", {{"uri", uri}}},
            {"position", {{"line", line}, {"character", before.size() - start}}}};
  }

  void close_input() {
    if (in_ >= 0) close(in_);
    in_ = -1;
  }
  void close_output() {
    close(out_);
    out_ = -1;
  }
  /// Exit code once the process ends; 128 + signal.
  int exit_code() {
    int status = 0;
    for (int i = 0; i < 400; ++i) {
      if (waitpid(process_, &status, WNOHANG) == process_) {
        ended_ = true;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      usleep(50000);
    }
    return -1;
  }

  std::string uri;

 private:
  const Scratch& scratch_;
  pid_t process_ = -1;
  int in_ = -1, out_ = -1, id_ = 0;
  bool ended_ = false;
  std::string buffer_, text_;
  json published_;
};

const char* kProgram = R"(## A classifier.
let hidden = 2
## Scales its input.
layer Scale(n)(x: [..., n]) -> [..., n] {
  param weight: [n] = ones()
  return x * weight
}
model m {
  input  x: [batch, 4]
  input  y: [batch, hidden]
  fc = Scale(4)
  h = relu(fc(x))
  output p = Linear(4, 2)(h)
  loss   mse(p, y)
}
data  random(n = 100, seed = 3)
train { epochs = 2; batch = 10; lr = 0.01; optimizer = adam() }
)";

std::vector<std::string> labels(const json& items) {
  std::vector<std::string> list;
  for (const json& item : items) list.push_back(item["label"]);
  return list;
}

TEST(Lsp, LifeOfASession) {
  Scratch s;
  Client c(s);
  EXPECT_EQ(c.answer(c.ask("textDocument/hover", json::object()))["error"]["code"], -32002);
  const json capabilities = c.result("initialize", {{"capabilities", json::object()}});
  EXPECT_EQ(capabilities["capabilities"]["textDocumentSync"]["change"], 2);
  EXPECT_EQ(capabilities["serverInfo"]["name"], "netc");
  c.notify("initialized", json::object());
  EXPECT_EQ(c.answer(c.ask("initialize", json::object()))["error"]["code"], -32602);
  EXPECT_EQ(c.answer(c.ask("no/such", json::object()))["error"]["code"], -32601);
  EXPECT_EQ(c.answer(c.ask("textDocument/hover", {{"textDocument", 3}}))["error"]["code"], -32602);
  c.notify("no/such", json::object());
  EXPECT_TRUE(c.result("shutdown", nullptr).is_null());
  EXPECT_EQ(c.answer(c.ask("textDocument/hover", json::object()))["error"]["code"], -32600);
  c.notify("exit", nullptr);
  EXPECT_EQ(c.exit_code(), 0);
}

TEST(Lsp, BrokenMessagesCostThemselvesOnly) {
  Scratch s;
  Client c(s);
  c.raw("Content-Length: 9\r\n\r\n{\"id\": 1,,");
  c.raw("X-Header: 1\r\n\r\n");
  EXPECT_EQ(c.next()["error"]["code"], -32700);
  c.initialize();
  c.send(json::array({1, 2}));
  EXPECT_EQ(c.answer(c.ask("shutdown", nullptr)).value("result", json(1)), json());
}

TEST(Lsp, EndsWithItsPipes) {
  Scratch s;
  {
    Client c(s);
    c.initialize();
    c.close_input();
    EXPECT_EQ(c.exit_code(), 1);  // no `shutdown`
  }
  Client c(s);
  c.initialize();
  c.close_output();
  c.open(kProgram);
  EXPECT_EQ(c.exit_code(), 1);
}

TEST(Lsp, ARequestThatWasCancelledIsNotAnswered) {
  Scratch s;
  Client c(s);
  c.initialize();
  c.open(kProgram);
  const json place = c.at("relu");
  json hover = {
      {"jsonrpc", "2.0"}, {"id", 77}, {"method", "textDocument/hover"}, {"params", place}};
  json cancel = {{"jsonrpc", "2.0"}, {"method", "$/cancelRequest"}, {"params", {{"id", 77}}}};
  // In one write, so that the cancellation is there when the request is looked at.
  std::string all;
  for (int i = 0; i < 50; ++i)
    all += Client::framed({{"jsonrpc", "2.0"},
                           {"id", 1000 + i},
                           {"method", "textDocument/documentSymbol"},
                           {"params", {{"textDocument", {{"uri", c.uri}}}}}});
  c.raw(all + Client::framed(hover) + Client::framed(cancel));
  EXPECT_EQ(c.answer(77)["error"]["code"], -32800);
}

TEST(Lsp, DiagnosticsWhileTyping) {
  Scratch s;
  Client c(s);
  c.initialize();
  c.open(kProgram);
  EXPECT_EQ(c.diagnostics(), json::array());
  // `relu` becomes `rel`, behind a letter of two UTF-16 units in a comment of the same line.
  const json place = c.at("  h = relu")["position"];
  c.change({{{"range", {{"start", place}, {"end", place}}}, {"text", "# \xF0\x9D\x84\x9E\n"}}});
  const json line = place["line"].get<int>() + 1;
  c.change({{{"range",
              {{"start", {{"line", line}, {"character", 6}}},
               {"end", {{"line", line}, {"character", 10}}}}},
             {"text", "rell"}}});
  const json found = c.diagnostics();
  ASSERT_EQ(found.size(), 1u) << found;
  EXPECT_EQ(found[0]["code"], "E0201");
  EXPECT_EQ(found[0]["severity"], 1);
  EXPECT_EQ(found[0]["range"]["start"], json({{"line", line}, {"character", 6}}));
  EXPECT_EQ(found[0]["range"]["end"], json({{"line", line}, {"character", 10}}));
  const json actions = c.result("textDocument/codeAction", {{"textDocument", {{"uri", c.uri}}},
                                                            {"range", found[0]["range"]},
                                                            {"context", {{"diagnostics", found}}}});
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0]["edit"]["changes"][c.uri][0]["newText"], "relu");
  // The whole text at once.
  c.change({{{"text", std::string(kProgram) + "\nfn f(x) = x +\n"}}});
  EXPECT_EQ(c.diagnostics()[0]["code"].get<std::string>().substr(0, 3), "E01");
  c.notify("textDocument/didClose", {{"textDocument", {{"uri", c.uri}}}});
  EXPECT_EQ(c.next()["params"]["diagnostics"], json::array());
}

TEST(Lsp, Utf16Positions) {
  Scratch s;
  Client c(s);
  c.initialize();
  // An emoji is two UTF-16 units, one code point and four bytes; é one, one and two.
  c.open(
      "let a = 1  # \xC3\xA9\nmodel m { input x: [n]; output y = \"\xF0\x9F\x98\x80\" + sofmax(x) "
      "}\n");
  const json found = c.diagnostics();
  ASSERT_FALSE(found.empty());
  bool seen = false;
  for (const json& d : found)
    if (d["code"] == "E0201") {
      seen = true;
      EXPECT_EQ(d["range"]["start"]["character"], 42);
      EXPECT_EQ(d["range"]["end"]["character"], 48);
    }
  EXPECT_TRUE(seen) << found;
}

TEST(Lsp, HoverShowsTypeFlopsBytesAndWords) {
  Scratch s;
  Client c(s);
  c.initialize();
  c.open(kProgram);
  auto hover = [&](const json& place) {
    const json r = c.result("textDocument/hover", place);
    return r.is_null() ? "" : r["contents"]["value"].get<std::string>();
  };
  EXPECT_THAT(hover(c.at("relu")), AllOf(HasSubstr("fn relu"), HasSubstr("f32[batch, 4]"),
                                         HasSubstr("At batch 10"), HasSubstr("FLOP")));
  EXPECT_THAT(hover(c.at("Linear")), AllOf(HasSubstr("layer Linear(n_in, n_out"),
                                           HasSubstr("f32[batch, 2]"), HasSubstr("180 FLOP")));
  EXPECT_THAT(hover(c.at("h)\n")), HasSubstr("h: f32[batch, 4]"));
  EXPECT_THAT(hover(c.at("* weight")), AllOf(HasSubstr("f32[batch, 4]"), HasSubstr("40 FLOP")));
  EXPECT_THAT(hover(c.at("fc(x)")), HasSubstr("fc"));
  EXPECT_THAT(hover(c.at("Scale(4)")), HasSubstr("Scales its input"));
  EXPECT_THAT(hover(c.at("epochs")), HasSubstr("how often training goes through the data"));
  EXPECT_THAT(hover(c.at("adam")), HasSubstr("optimizer adam"));
  EXPECT_THAT(hover(c.at("random")), HasSubstr("random("));
  EXPECT_EQ(hover(c.at("  h = relu")), "");
}

TEST(Lsp, Definitions) {
  Scratch s;
  s.write("lib.net", "fn twice(x) = 2 * x\n");
  Client c(s);
  c.initialize();
  c.open("use \"lib.net\" as l\n" +
         std::string(kProgram).replace(std::string(kProgram).find("relu("), 5, "l.twice("));
  EXPECT_EQ(c.diagnostics(), json::array());
  auto line_of = [&](const json& place) {
    const json r = c.result("textDocument/definition", place);
    EXPECT_FALSE(r.is_null());
    return r.is_null() ? std::make_pair(std::string(), -1)
                       : std::make_pair(r["uri"].get<std::string>(),
                                        r["range"]["start"]["line"].get<int>());
  };
  EXPECT_EQ(line_of(c.at("Scale(4)")), std::make_pair(c.uri, 4));
  EXPECT_EQ(line_of(c.at("fc(x)")), std::make_pair(c.uri, 11));
  EXPECT_EQ(line_of(c.at("(h)", 1, 1)), std::make_pair(c.uri, 12));
  EXPECT_EQ(line_of(c.at("twice")), std::make_pair("file://" + s.path("lib.net").string(), 0));
  EXPECT_EQ(line_of(c.at("lib.net")), std::make_pair("file://" + s.path("lib.net").string(), 0));
  const auto [uri, line] = line_of(c.at("Linear"));
  EXPECT_THAT(uri, HasSubstr("std/layers.net"));
  const std::string text = s.read("cache/netc/std/layers.net");
  EXPECT_THAT(lines(text)[size_t(line)], HasSubstr("layer Linear"));
  EXPECT_TRUE(c.result("textDocument/definition", c.at("## A")).is_null());
}

TEST(Lsp, Completions) {
  Scratch s;
  Client c(s);
  c.initialize();
  c.open(kProgram);
  auto complete = [&](const json& place) {
    return labels(c.result("textDocument/completion", place));
  };
  const auto in_body = complete(c.at("relu(fc", 1, 2));
  EXPECT_THAT(in_body, AllOf(Contains("x"), Contains("fc"), Contains("hidden"), Contains("Scale"),
                             Contains("Linear"), Contains("softmax"), Contains("einsum")));
  EXPECT_THAT(in_body, Not(Contains("p")));  // bound further down
  EXPECT_THAT(in_body, Not(Contains("weight")));
  EXPECT_THAT(complete(c.at("epochs = 2", 1, 2)),
              AllOf(Contains("patience"), Contains("lr"), Not(Contains("softmax"))));
  EXPECT_THAT(complete(c.at("adam()", 1, 1)), AllOf(Contains("rmsprop"), Contains("adam")));
  EXPECT_THAT(complete(c.at("random(", 1, 2)), AllOf(Contains("mnist"), Contains("csv")));
  EXPECT_THAT(complete(c.at("ones()", 1, 1)), Contains("kaiming_normal()"));
  EXPECT_THAT(complete(c.at("  input  x", 1, 3)), AllOf(Contains("metric"), Contains("output")));
  EXPECT_EQ(complete(c.at("Scales its", 1, 3)), std::vector<std::string>{});
  c.change({{{"text", std::string(kProgram) + "fn f(x) = fc.\n"}}});
  EXPECT_THAT(labels(c.result("textDocument/completion",
                              {{"textDocument", {{"uri", c.uri}}},
                               {"position", {{"line", 17}, {"character", 13}}}})),
              Contains("relu"));
}

TEST(Lsp, OutlineFormatAndSignature) {
  Scratch s;
  Client c(s);
  c.initialize();
  const std::string untidy = "model m{\ninput x:[batch,4]\noutput p=sum(x,dim=1)\n}\n";
  c.open(untidy);
  const json file = {{"textDocument", {{"uri", c.uri}}}};
  const json symbols = c.result("textDocument/documentSymbol", file);
  ASSERT_EQ(symbols.size(), 1u);
  EXPECT_EQ(symbols[0]["name"], "m");
  EXPECT_EQ(symbols[0]["children"][0]["name"], "x");
  const json signature = c.result("textDocument/signatureHelp", c.at("dim=1", 1, 5));
  EXPECT_THAT(signature["signatures"][0]["label"].get<std::string>(), HasSubstr("sum("));
  EXPECT_EQ(signature["activeParameter"], 1);
  json options = file;
  options["options"] = {{"tabSize", 2}};
  const json edits = c.result("textDocument/formatting", options);
  ASSERT_EQ(edits.size(), 1u);
  s.write("m.net", untidy);
  ASSERT_EQ(s.netc({"fmt", "m.net"}).exit_code, 0);
  EXPECT_EQ(edits[0]["newText"], s.read("m.net"));
  c.change({{{"text", "model m {"}}});
  EXPECT_TRUE(c.result("textDocument/formatting", options).is_null());
}

// Every prefix of a program is what somebody has on the screen while typing it.
TEST(Lsp, EveryPrefixOfAProgramIsAnswered) {
  Scratch s;
  Client c(s);
  c.initialize();
  c.open("");
  const std::string text = kProgram;
  for (size_t end = 0; end <= text.size(); end += 29) {
    c.change({{{"text", text.substr(0, end)}}});
    const std::string before = text.substr(0, end);
    const int line = int(std::count(before.begin(), before.end(), '\n'));
    json place = {{"textDocument", {{"uri", c.uri}}},
                  {"position", {{"line", line}, {"character", end - (before.rfind('\n') + 1)}}}};
    for (const char* method : {"textDocument/hover", "textDocument/completion",
                               "textDocument/definition", "textDocument/signatureHelp"}) {
      const json answer = c.answer(c.ask(method, place));
      ASSERT_FALSE(answer.is_null()) << end << " " << method;
      EXPECT_FALSE(answer.contains("error")) << end << " " << answer;
    }
  }
}

TEST(Lsp, AVeryLargeFile) {
  Scratch s;
  Client c(s);
  c.initialize();
  std::string text = "model m {\n  input x: [4]\n  h0 = x\n";
  for (int i = 1; i < 2000; ++i)
    text += "  h" + std::to_string(i) + " = h" + std::to_string(i - 1) + " + 1\n";
  c.open(text + "  output y = h1999\n}\n");
  EXPECT_EQ(c.diagnostics(), json::array());
  c.open(std::string(17u << 20, '#'), "huge.net");
  EXPECT_EQ(c.diagnostics()[0]["code"].get<std::string>().substr(0, 3), "E01");
}

}  // namespace
}  // namespace netc::test
