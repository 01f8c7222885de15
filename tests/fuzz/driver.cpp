// Random programs from the command line: `fuzz --count 20000 --seed 1`; or those of files, each
// with its line `# seed N`: `fuzz tests/fuzz/programs/*.net`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/fuzz/coverage.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/shrink.h"

namespace {

/// Checks the program in `path`; whether nothing is wrong with it.
bool check_file(const std::string& path, std::optional<netc::backend::CpuLevel> cpu) {
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const size_t at = text.find("# seed ");
  const uint64_t seed = at == std::string::npos ? 1 : std::stoull(text.substr(at + 7));
  const netc::fuzz::Verdict v = netc::fuzz::check(text, seed, cpu);
  if (v.failure.empty() && v.valid) return true;
  fmt::print("{}: {}\n", path, v.failure.empty() ? "rejected: " + v.rejection : v.failure);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace netc;
  using namespace netc::fuzz;
  CLI::App app{"random programs through the compiler, against the oracle"};
  uint64_t seed = 1, count = 2000;
  int threads = 2;
  std::string level;
  std::vector<std::string> files;
  bool print = false, shrinks = false, table = false;
  app.add_option("--seed", seed, "of the first program");
  app.add_option("--count", count, "how many");
  app.add_option("--threads", threads, "how many programs at a time");
  app.add_option("FILE", files, "programs to check in place of random ones");
  app.add_option("--cpu", level, "sse2, avx2 or avx512 for all; by default each has its own")
      ->check([](const std::string& name) {
        const auto found = backend::parse_cpu(name);
        return found && backend::supported(*found) ? "" : "not a level that this machine runs";
      });
  app.add_flag("--print", print, "show the programs, run none");
  app.add_flag("--shrink", shrinks, "show the least program that fails like each that fails");
  app.add_flag("--coverage", table, "show which ops had which types and ranks");
  CLI11_PARSE(app, argc, argv);
  const std::optional<backend::CpuLevel> cpu = backend::parse_cpu(level);
  if (!files.empty())
    return std::count_if(files.begin(), files.end(),
                         [&](const std::string& path) { return !check_file(path, cpu); }) != 0;
  if (print) {
    for (uint64_t s = seed; s < seed + count; ++s)
      fmt::print("# seed {}\n{}\n", s, generate(random_bytes(s)));
    return 0;
  }
  // In pieces, so that a long run shows what it finds.
  Campaign all;
  constexpr uint64_t kPiece = 500;
  for (uint64_t s = seed; s < seed + count; s += kPiece) {
    const Campaign piece = run_campaign(s, std::min(kPiece, seed + count - s), threads, cpu);
    for (const auto& [at, verdict] : piece.rejections)
      fmt::print("{}: rejected: {}\n", at, verdict.rejection);
    for (const auto& [at, verdict] : piece.failures) {
      fmt::print("{}: {}\n", at, verdict.failure.substr(0, 600));
      if (!shrinks) continue;
      const uint64_t same = at;
      const std::string kind = kind_of(verdict.failure);
      const std::string minimal = generate(shrink(random_bytes(at), [&](const Bytes& bytes) {
        return kind_of(check(generate(bytes), same, cpu).failure) == kind;
      }));
      fmt::print("# seed {}\n{}# {}\n", at, minimal,
                 check(minimal, at, cpu).failure.substr(0, 600));
    }
    std::fflush(stdout);
    all.add(piece);
  }
  fmt::print("{}", all.summary());
  if (table) fmt::print("{}", all.coverage.table());
  return !all.failures.empty();
}
