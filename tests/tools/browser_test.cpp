// The report in a real browser, at the widths of a desktop and of a phone, by day and in the dark.
// Skipped where there is no Chromium.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

using nlohmann::json;

/// Runs first in the page: tells the frame around it what went wrong, what was loaded and what is
/// to be seen.
constexpr char kProbe[] = R"(<script>
const problems = [];
addEventListener("error", e => problems.push(String(e.message || e.target.outerHTML)), true);
addEventListener("securitypolicyviolation", e => problems.push("blocked " + e.blockedURI));
console.error = console.warn = text => problems.push(String(text));
addEventListener("load", () => {
  const seen = e => e.getBoundingClientRect().width > 100 && e.getBoundingClientRect().height > 50;
  const colour = (e, what) => getComputedStyle(e)[what].match(/[\d.]+/g).map(Number);
  const chart = document.querySelector("#training svg"), frame = chart.getBoundingClientRect();
  chart.dispatchEvent(new PointerEvent("pointermove",
      {clientX: frame.left + frame.width * 0.98, clientY: frame.top + 20}));
  const tip = document.getElementById("tip"), shown = !tip.hidden ? tip.textContent : "";
  chart.dispatchEvent(new PointerEvent("pointerleave"));
  document.querySelector(".node").dispatchEvent(new PointerEvent("pointerenter"));
  parent.postMessage({
    width: innerWidth,
    content: document.documentElement.scrollWidth,
    charts: [...document.querySelectorAll(".chart svg")].filter(seen).length,
    graph: seen(document.querySelector(".graph svg")),
    pictures: [...document.images].filter(i => i.naturalWidth === 28).length,
    tip: shown,
    edges: document.querySelectorAll(".edge.on").length,
    page: colour(document.body, "backgroundColor"),
    ink: colour(document.body, "color"),
    smallest: Math.min(...[...document.querySelectorAll("p, td, summary, figcaption")]
        .map(e => parseFloat(getComputedStyle(e).fontSize))),
    resources: performance.getEntriesByType("resource").map(r => r.name)
        .filter(name => !name.startsWith("data:")),
    problems
  }, "*");
});
</script>)";

constexpr char kFrames[] = R"(<!DOCTYPE html><title></title><script>
const found = [];
addEventListener("message", e => {
  found.push(e.data);
  document.documentElement.setAttribute("data-found", encodeURIComponent(JSON.stringify(found)));
});
</script>
<iframe width="1200" height="900" src="probed.html"></iframe>
<iframe width="390" height="844" src="probed.html"></iframe>
)";

std::string decoded(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += char(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// What the page says of itself in both widths, the wider first.
std::vector<json> look(const Scratch& s, bool dark) {
  const std::string command =
      "cd '" + s.path("").string() +
      "' && timeout 100 chromium --headless --no-sandbox --disable-gpu "
      "--disable-quic --no-first-run --disable-background-networking --disable-component-update "
      "--disable-sync --user-data-dir=profile --window-size=1700,1000 --virtual-time-budget=10000 "
      "--blink-settings=preferredColorScheme=" +
      (dark ? "0" : "1") + " --dump-dom file://" + s.path("frames.html").string() + " 2>/dev/null";
  std::string dom;
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) dom.append(buffer, n);
  pclose(pipe);
  const std::string key = "data-found=\"";
  const size_t begin = dom.find(key);
  if (begin == std::string::npos) return {};
  const size_t from = begin + key.size();
  std::vector<json> found =
      json::parse(decoded(dom.substr(from, dom.find('"', from) - from))).get<std::vector<json>>();
  std::sort(found.begin(), found.end(),
            [](const json& a, const json& b) { return a["width"] > b["width"]; });
  return found;
}

double brightness(const json& colour) {
  return (0.3 * colour[0].get<double>() + 0.59 * colour[1].get<double>() +
          0.11 * colour[2].get<double>()) /
         255;
}

TEST(Browser, ShowsTheReportAtAnyWidthByDayAndInTheDark) {
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) GTEST_SKIP() << "no chromium";
  Scratch s;
  s.example("mnist.net", 300, 60);
  auto r = s.netc(
      {"train", "mnist.net", "-o", "run", "--epochs", "3", "--set", "train.lr=1e-4", "--report"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  std::string page = s.read("run/report.html");
  page.insert(page.find("<head>") + 6, kProbe);
  s.write("probed.html", page);
  s.write("frames.html", kFrames);
  for (const bool dark : {false, true}) {
    SCOPED_TRACE(dark ? "dark" : "light");
    const std::vector<json> found = look(s, dark);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0]["width"], 1200);
    EXPECT_EQ(found[1]["width"], 390);
    for (const json& f : found) {
      SCOPED_TRACE(f["width"].dump());
      EXPECT_EQ(f["problems"], json::array());
      EXPECT_EQ(f["resources"], json::array());
      EXPECT_LE(f["content"], f["width"]);  // nothing to scroll sideways
      EXPECT_EQ(f["charts"], 5);            // four curves and the memory
      EXPECT_EQ(f["graph"], true);
      EXPECT_GT(f["pictures"], 0);
      EXPECT_NE(f["tip"].get<std::string>().find("train  "), std::string::npos) << f["tip"];
      EXPECT_GT(f["edges"], 0);
      EXPECT_GE(f["smallest"], 9.5);
      EXPECT_EQ(brightness(f["page"]) < 0.2, dark);
      EXPECT_GT(std::abs(brightness(f["page"]) - brightness(f["ink"])), 0.6);
    }
  }
}

}  // namespace
}  // namespace netc::test
