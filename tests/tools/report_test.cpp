// `train --report`: one page that stands alone, for every kind of model and every end of a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "runtime/data/loaders.h"
#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

/// All first groups of a pattern in a text.
std::vector<std::string> all(const std::string& text, const std::string& pattern) {
  std::vector<std::string> found;
  const std::regex r(pattern);
  for (std::sregex_iterator i(text.begin(), text.end(), r), end; i != end; ++i)
    found.push_back((*i)[1]);
  return found;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The part of a page from <section id="ID"> to its end; empty when it is not there.
std::string section(const std::string& page, const std::string& id) {
  const size_t begin = page.find("<section id=\"" + id + "\">");
  if (begin == std::string::npos) return "";
  return page.substr(begin, page.find("</section>", begin) - begin);
}

/// Every tag is closed by its own, but for those that have no content.
void expect_balanced(const std::string& page) {
  static const std::set<std::string> kEmpty{"meta", "link", "img", "br"};
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\"[^\"]*\"|[^\">])*?)(/?)>");
  std::string text = page;
  for (const char* raw : {"style", "script"}) {  // their contents are no tags
    const size_t begin = text.find(std::string("<") + raw + ">") + std::strlen(raw) + 2;
    text.erase(begin, text.find(std::string("</") + raw + ">") - begin);
  }
  for (std::sregex_iterator i(text.begin(), text.end(), tag), end; i != end; ++i) {
    const std::string name = (*i)[2];
    if (kEmpty.contains(name) || (*i)[4] == "/") continue;
    if ((*i)[1] != "/") {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty()) << name;
    ASSERT_EQ(open.back(), name) << (*i).prefix().str().substr(0, 200);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

/// What must hold of any report: it loads nothing, and its links lead somewhere in it.
void expect_stands_alone(const std::string& page) {
  ASSERT_TRUE(page.starts_with("<!DOCTYPE html>"));
  expect_balanced(page);
  std::set<std::string> ids;
  for (const std::string& id : all(page, " id=\"([^\"]*)\""))
    EXPECT_TRUE(ids.insert(id).second) << id;
  for (const std::string& target : all(page, "(?:src|href|srcset|action|data)=\"([^\"]*)\"")) {
    if (target.starts_with("data:")) continue;
    ASSERT_TRUE(target.starts_with("#")) << target;
    EXPECT_TRUE(ids.contains(target.substr(1))) << target;
  }
  for (const char* loads : {"@import", "fetch(", "XMLHttpRequest", "import("})
    EXPECT_FALSE(contains(page, loads)) << loads;
  EXPECT_EQ(all(page, "(url\\()(?!#)").size(), 0u);
  // A number that cannot be drawn would leave its name in a path.
  for (const std::string& path : all(page, " d=\"([^\"]*)\""))
    EXPECT_FALSE(contains(path, "nan") || contains(path, "inf")) << path;
}

/// Trains with --report, expects `exit_code`, and gives the page.
std::string report_of(const Scratch& s, std::vector<std::string> arguments, int exit_code = 0) {
  arguments.insert(arguments.begin(), "train");
  arguments.insert(arguments.end(), {"--report"});
  if (std::find(arguments.begin(), arguments.end(), "--resume") == arguments.end())
    arguments.insert(arguments.end(), {"-o", "run"});
  const ProcessResult r = s.netc(arguments);
  EXPECT_EQ(r.exit_code, exit_code) << r.err;
  const std::string page = s.read("run/report.html");
  expect_stands_alone(page);
  return page;
}

std::vector<uint8_t> from_base64(const std::string& text) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint8_t> bytes;
  uint32_t group = 0;
  int bits = 0;
  for (char c : text) {
    if (c == '=') break;
    group = group << 6 | uint32_t(digits.find(c));
    if ((bits += 6) >= 8) bytes.push_back(uint8_t(group >> (bits -= 8)));
  }
  return bytes;
}

TEST(Report, ShowsEverythingOfAClassifier) {
  Scratch s;
  s.example("mnist.net", 300, 60);
  const std::string page = report_of(s, {"mnist.net", "--epochs", "3", "--set", "train.lr=1e-4"});
  for (const char* id :
       {"training", "predictions", "gradients", "kernels", "memory", "graph", "source"})
    EXPECT_FALSE(section(page, id).empty()) << id;
  const std::string training = section(page, "training");
  EXPECT_EQ(all(training, "<figcaption>(Loss|accuracy|Learning rate|Gradient norm)").size(), 4u);
  EXPECT_EQ(all(training, "<tr>(<td>)").size(), 3u);  // epochs

  // The matrix counts all records, and says what the last epoch said.
  const std::string predictions = section(page, "predictions");
  int64_t records = 0, right = 0;
  for (const std::string& count : all(predictions, "<td class=\"(?:right|wrong)\"[^>]*>(\\d+)"))
    records += std::stoll(count);
  for (const std::string& count : all(predictions, "<td class=\"right\"[^>]*>(\\d+)"))
    right += std::stoll(count);
  EXPECT_EQ(records, 60);
  json last;
  for (const std::string& line : lines(s.read("run/metrics.jsonl")))
    if (const json e = json::parse(line); e["event"] == "epoch") last = e;
  EXPECT_NEAR(double(right) / 60, last["test"]["accuracy"].get<double>(), 1e-6);
  EXPECT_EQ(all(predictions, "<figure class=\"(mistake)\">").size(),
            size_t(std::min<int64_t>(24, 60 - right)));

  for (const char* parameter : {"linear0.weight", "linear0.bias", "linear1.weight", "linear1.bias"})
    EXPECT_TRUE(contains(section(page, "gradients"), parameter)) << parameter;
  EXPECT_TRUE(contains(section(page, "graph"), "cross_entropy"));
  EXPECT_TRUE(contains(section(page, "graph"), "d_linear0.weight"));
  // Sizes are those of the numbers, what is padded is told apart.
  const std::string memory = section(page, "memory");
  EXPECT_TRUE(contains(memory, "linear0.weight.m"));
  EXPECT_TRUE(contains(page, "397.5 KiB</div>"));
  EXPECT_TRUE(contains(memory, "Parameters take 397.5 KiB, the optimizer's states 795.1 KiB"));
  EXPECT_TRUE(std::regex_search(memory, std::regex("and [0-9.]+ KiB pad their rows")));
  EXPECT_TRUE(contains(memory, "linear0.weight <small>f32[784, 128]</small></td><td>392.0 KiB<"));
  EXPECT_TRUE(contains(section(page, "source"), "Linear(784, 128)"));
}

TEST(Report, MistakesShowTheirRecords) {
  Scratch s;
  s.example("mnist.net", 100, 60);
  const std::string page = section(
      report_of(s, {"mnist.net", "--epochs", "1", "--set", "train.lr=1e-5"}), "predictions");
  const auto pictures = all(page, "src=\"data:image/png;base64,([^\"]*)\"");
  const auto records = all(page, "<small>[^<]*record (\\d+)</small>");
  ASSERT_EQ(pictures.size(), records.size());
  ASSERT_FALSE(pictures.empty());
  const runtime::Field images =
      runtime::read_idx(s.path("data/mnist/t10k-images-idx3-ubyte").string(), "image");
  for (size_t i = 0; i < pictures.size(); ++i) {
    const auto bytes = from_base64(pictures[i]);
    s.write("picture.png", std::string(bytes.begin(), bytes.end()));
    const runtime::Tensor picture = runtime::read_png(s.path("picture.png").string());
    ASSERT_EQ(picture.shape, (std::vector<int64_t>{28, 28}));
    EXPECT_EQ(
        std::memcmp(picture.bytes.data.get(), images.data() + std::stoll(records[i]) * 784, 784),
        0);
  }
}

TEST(Report, ChangesNoBits) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "plain", "--epochs", "2"}).exit_code, 0);
  report_of(s, {"mnist.net", "--epochs", "2"});
  EXPECT_EQ(s.read("plain/last.safetensors"), s.read("run/last.safetensors"));
}

TEST(Report, GradientsAreThoseOfTheFirstRecords) {
  Scratch s;
  s.example("two_layer.net");
  // One step on all records: the probe's first moment is that of the step.
  const std::string page = report_of(s, {"two_layer.net", "--steps", "1", "--grad-stats", "--set",
                                         "train.log_every=1", "--set", "train.epochs=2"});
  json gradients;
  for (const std::string& line : lines(s.read("run/metrics.jsonl")))
    if (const json e = json::parse(line); e["event"] == "gradients") gradients = e["parameters"];
  ASSERT_EQ(gradients.size(), 4u);
  EXPECT_EQ(all(section(page, "gradients"), "class=\"(gradient)\"").size(), 4u);
  EXPECT_TRUE(contains(section(page, "gradients"), "at 2 moments from step 0 to 1"));
}

TEST(Report, ShowsNumbersOfARegression) {
  Scratch s;
  s.example("two_layer.net");
  const std::string page = report_of(s, {"two_layer.net", "--epochs", "5"});
  const std::string predictions = section(page, "predictions");
  EXPECT_TRUE(contains(predictions, "<b>p</b> against <b>y</b>"));
  EXPECT_EQ(all(predictions, "<circle cx=\"([^\"]*)\"").size(), 200u);
  EXPECT_FALSE(contains(predictions, "Confusion"));
}

TEST(Report, TakesZerosAndOnesForClasses) {
  Scratch s;
  s.example("logreg.net");
  const std::string predictions =
      section(report_of(s, {"logreg.net", "--epochs", "3"}), "predictions");
  EXPECT_EQ(all(predictions, "<td class=\"(right|wrong)\"").size(), 4u);
  EXPECT_TRUE(contains(predictions, "<code>hours "));  // no pictures: numbers
}

TEST(Report, ShowsPicturesThatAnAutoencoderMakes) {
  Scratch s;
  s.example("autoencoder.net", 200, 40);
  const std::string page = report_of(s, {"autoencoder.net", "--epochs", "1"});
  EXPECT_EQ(all(section(page, "predictions"), "alt=\"(output)\"").size(), 12u);
}

TEST(Report, SaysWhyTrainingStopped) {
  Scratch s;
  s.example("two_layer.net");
  const std::string page = report_of(s, {"two_layer.net", "--set", "train.lr=1e30"}, 3);
  EXPECT_TRUE(contains(page, "Training stopped: the loss is"));
  EXPECT_TRUE(section(page, "predictions").empty());
  EXPECT_FALSE(section(page, "graph").empty());
}

TEST(Report, OfAResumedRunHasTheEpochsBefore) {
  Scratch s;
  s.example("mnist.net", 200, 50);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "run", "--epochs", "2"}).exit_code, 0);
  const std::string page = report_of(s, {"--resume", "run", "--epochs", "4"});
  EXPECT_EQ(all(section(page, "training"), "<tr>(<td>)").size(), 4u);
  EXPECT_TRUE(contains(section(page, "training"), "resumed at step 8"));
}

TEST(Report, EscapesWhatComesFromThePrograms) {
  Scratch s;
  s.write("m.net", R"(## <script>alert("doc")</script> & more
model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)    # </table><img src=x onerror=alert(1)> "quoted"
  loss mse(p, y)
}
data random(n = 20, seed = 1)
train { epochs = 1; batch = 10; lr = 0.1; optimizer = sgd() }
)");
  const std::string page = report_of(s, {"m.net"});
  EXPECT_FALSE(contains(page, "<script>alert"));
  EXPECT_FALSE(contains(page, "<img src=x"));
  EXPECT_TRUE(contains(page, "&lt;script&gt;alert(&quot;doc&quot;)&lt;/script&gt; &amp; more"));
  EXPECT_TRUE(
      contains(page, "&lt;/table&gt;&lt;img src=x onerror=alert(1)&gt; &quot;quoted&quot;"));
}

TEST(Report, HasRoomForManyParameters) {
  Scratch s;
  std::string layers = "x";
  for (int i = 0; i < 100; ++i) layers += " |> Linear(4, 4) |> tanh";
  s.write("deep.net",
          "model deep {\n  input x: [batch, 4]\n  input y: [batch, 4]\n  output p = " + layers +
              "\n  loss mse(p, y)\n}\ndata random(n = 40, seed = 1)\ntrain { epochs = 2; "
              "batch = 20; lr = 0.1; optimizer = sgd() }\n");
  const std::string page = report_of(s, {"deep.net"});
  EXPECT_EQ(all(section(page, "gradients"), "class=\"(gradient)\"").size(), 200u);
  EXPECT_TRUE(contains(section(page, "gradients"), "176 more parameters"));
  EXPECT_LT(page.size(), size_t{3} << 20);
}

}  // namespace
}  // namespace netc::test
