// What the emitted code of contractions must look like: inner loops of multiply-adds keep their
// sums in registers and call nothing.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <tuple>

#include "tests/tools/netc_process.h"

namespace netc::test {
namespace {

struct InnerLoop {
  std::string function;
  std::vector<std::string> lines;
};

/// Loops without a label inside that hold at least four multiply-adds.
std::vector<InnerLoop> multiply_loops(const std::string& assembly) {
  static const std::regex label(R"(^(\.LBB\w+):.*)"), function(R"(^(k\w+):.*)"),
      jump(R"(^\s+j\w+\s+(\.LBB\w+).*)"), multiply(R"(^\s+vfn?madd.*)");
  std::vector<InnerLoop> found;
  std::map<std::string, size_t> labels;
  const std::vector<std::string> text = lines(assembly);
  std::string in;
  size_t last_label = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    std::smatch m;
    if (std::regex_match(text[i], m, function)) in = m[1];
    if (std::regex_match(text[i], m, label)) labels[m[1]] = last_label = i;
    if (!std::regex_match(text[i], m, jump)) continue;
    const auto to = labels.find(m[1]);
    if (to == labels.end() || to->second != last_label) continue;
    InnerLoop loop{in, {text.begin() + long(last_label), text.begin() + long(i) + 1}};
    const auto count = std::count_if(loop.lines.begin(), loop.lines.end(), [](const auto& line) {
      return std::regex_match(line, multiply);
    });
    if (count >= 4) found.push_back(std::move(loop));
  }
  return found;
}

using Target = std::tuple<const char*, const char*>;  // dtype, level of the CPU
class Assembly : public ::testing::TestWithParam<Target> {};

TEST_P(Assembly, InnerLoopsOfContractionsStayInRegisters) {
  static const std::regex outside(R"(.*(mm.*%r[sb]p\)|%r[sb]p\).*mm|\tcall|gather).*)");
  for (const char* optimizer : {"sgd()", "rmsprop(momentum = 0.9)", "adam()"}) {
    Scratch s;
    s.write("net.net",
            fmt::format("model net {{\n  input x: [batch, 200]\n  input y: [batch]\n"
                        "  h = x |> Linear(200, 96) |> relu |> Linear(96, 50) |> relu\n"
                        "  output p = h |> Linear(50, 10) |> relu |> Linear(10, 1)\n"
                        "  loss mse(p[:, 0], y)\n}}\n"
                        "train {{ epochs = 1; batch = 128; lr = 0.1; optimizer = {} }}\n",
                        optimizer));
    const auto [dtype, level] = GetParam();
    auto r = s.netc({"dump", "net.net", "--stage=asm", "--cpu", level, "--dtype", dtype});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    const std::vector<InnerLoop> loops = multiply_loops(r.out);
    EXPECT_GE(loops.size(), 4u);
    for (const InnerLoop& loop : loops)
      for (const std::string& line : loop.lines)
        EXPECT_FALSE(std::regex_match(line, outside)) << loop.function << ": " << line;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Assembly,
                         testing::Combine(testing::Values("f32", "f64"),
                                          testing::Values("avx2", "avx512")),
                         [](const auto& p) {
                           return fmt::format("{}_{}", std::get<0>(p.param), std::get<1>(p.param));
                         });

}  // namespace
}  // namespace netc::test
