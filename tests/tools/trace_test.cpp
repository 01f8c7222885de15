// `train --trace`: what Perfetto needs of the file, and that it shows what ran.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

json trace_of(const Scratch& s, const std::string& name) {
  return json::parse(s.read(name), nullptr, false);
}

std::vector<json> events(const json& trace, const std::string& category) {
  std::vector<json> found;
  for (const json& e : trace["traceEvents"])
    if (e.value("cat", "") == category) found.push_back(e);
  return found;
}

/// Kernel names in a dump of the planned entry.
std::set<std::string> kernels_of(const Scratch& s, const std::string& program,
                                 const std::string& entry) {
  const std::string text = s.netc({"dump", program, "--stage=plan", "--entry", entry}).out;
  const std::regex kernel("kernel (\\w+) \\{");
  std::set<std::string> names;
  for (std::sregex_iterator i(text.begin(), text.end(), kernel), end; i != end; ++i)
    names.insert((*i)[1]);
  return names;
}

int64_t nanoseconds(const json& microseconds) {
  return std::llround(microseconds.get<double>() * 1000);
}

TEST(Trace, TracksAreSortedAndNest) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  auto r = s.netc(
      {"train", "mnist.net", "-o", "run", "--epochs", "2", "--threads", "2", "--trace", "t.json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json trace = trace_of(s, "t.json");
  ASSERT_TRUE(trace.is_object());
  std::map<int, std::vector<std::pair<int64_t, int64_t>>> open;  // by track
  std::map<int, int64_t> last;
  std::set<std::string> track_names;
  for (const json& e : trace["traceEvents"]) {
    if (e["name"] == "thread_name") track_names.insert(e["args"]["name"]);
    if (e["ph"] != "X") continue;
    const int track = e["tid"];
    const int64_t start = nanoseconds(e["ts"]), end = start + nanoseconds(e["dur"]);
    EXPECT_LE(last[track], start);
    EXPECT_LE(start, end);
    last[track] = start;
    auto& stack = open[track];
    while (!stack.empty() && stack.back().second <= start) stack.pop_back();
    EXPECT_TRUE(stack.empty() || end <= stack.back().second) << e;
    stack.emplace_back(start, end);
    // On the track of the thread that trains, a kernel stands in a step or an evaluation.
    EXPECT_TRUE(track != 0 || e["cat"] != "kernel" || stack.size() >= 4) << e;
  }
  EXPECT_EQ(track_names, (std::set<std::string>{"trains", "worker 1"}));
}

TEST(Trace, ShowsEveryKernelWithItsLineAndWork) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  auto r = s.netc({"train", "mnist.net", "-o", "run", "--epochs", "1", "--trace", "t.json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json trace = trace_of(s, "t.json");
  std::map<std::string, std::set<std::string>> seen;  // by entry
  double flops = 0;
  std::set<std::string> sources;
  for (const json& e : events(trace, "kernel")) {
    const json& args = e["args"];
    seen[args["entry"]].insert(args["kernel"]);
    sources.insert(args["source"]);
    EXPECT_GE(args["bytes"], 0.0);
    EXPECT_TRUE(e["name"].get<std::string>().starts_with(args["kernel"].get<std::string>()));
    if (args["entry"] == "mnist.train") flops += args["flops"].get<double>();
  }
  EXPECT_EQ(seen["mnist.train"], kernels_of(s, "mnist.net", "train"));
  EXPECT_EQ(seen["mnist.eval"], kernels_of(s, "mnist.net", "eval"));
  // Two products with the large matrix, three with the small one, for each of the 300 records.
  const double products = 300 * 2.0 * (2 * 784 * 128 + 3 * 128 * 10);
  EXPECT_GT(flops, products);
  EXPECT_LT(flops, 1.3 * products);
  bool found = false;
  for (const std::string& line : sources)
    found = found || line.find("Linear(784, 128)") != std::string::npos;
  EXPECT_TRUE(found);

  std::map<std::string, int> count;
  for (const json& e : events(trace, "activity")) ++count[e["name"]];
  EXPECT_EQ(count["epoch"], 1);
  EXPECT_EQ(count["step"], 5);  // of 64 records
  EXPECT_EQ(count["run mnist.train"], 5);
  EXPECT_EQ(count["evaluate test"], 1);
  EXPECT_EQ(count["gather batch"], 6);
  EXPECT_GE(count["checkpoint"], 1);
  EXPECT_EQ(trace["otherData"]["kernels of mnist.train"], "all 5 runs");
  EXPECT_EQ(trace["otherData"]["activities left out"], 0);
}

TEST(Trace, ChangesNoBits) {
  Scratch s;
  s.example("mnist.net", 300, 50);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "plain", "--epochs", "2"}).exit_code, 0);
  ASSERT_EQ(
      s.netc({"train", "mnist.net", "-o", "run", "--epochs", "2", "--trace", "t.json"}).exit_code,
      0);
  EXPECT_EQ(s.read("plain/last.safetensors"), s.read("run/last.safetensors"));
}

TEST(Trace, IsWrittenWhenTheLossStopsBeingFinite) {
  Scratch s;
  s.example("two_layer.net");
  auto r = s.netc(
      {"train", "two_layer.net", "-o", "run", "--set", "train.lr=1e30", "--trace", "t.json"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_FALSE(events(trace_of(s, "t.json"), "kernel").empty());
}

TEST(Trace, ThatCannotBeWrittenIsFoundBeforeTraining) {
  Scratch s;
  s.example("two_layer.net");
  auto r = s.netc({"train", "two_layer.net", "-o", "run", "--trace", "nowhere/t.json"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("nowhere/t.json"), std::string::npos) << r.err;
  EXPECT_FALSE(s.exists("run"));
}

}  // namespace
}  // namespace netc::test
