// 2,000 random programs a run, the shrunk programs of the bugs found so far, and invalid twins.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include "tests/fuzz/check.h"
#include "tests/fuzz/coverage.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/mutate.h"

namespace netc::fuzz {
namespace {

namespace fs = std::filesystem;

TEST(Fuzz, RandomProgramsAgreeWithTheOracle) {
  constexpr uint64_t kPrograms = 2000;
  const Campaign campaign = run_campaign(1, kPrograms, 2);
  for (const auto& [seed, verdict] : campaign.failures)
    ADD_FAILURE() << "seed " << seed << ": " << verdict.failure << "\n"
                  << generate(random_bytes(seed)) << "\nshrink it: fuzz --seed " << seed
                  << " --count 1 --shrink";
  std::cout << campaign.summary();
  EXPECT_LE(campaign.invalid * 100, kPrograms) << "valid programs are rejected";
  EXPECT_GE(campaign.gradients * 3, kPrograms) << "too few gradients are compared";
  EXPECT_LE(campaign.unstable * 20, campaign.elements) << "too little is compared";
  for (const std::string& missing : campaign.coverage.missing())
    ADD_FAILURE() << missing << " is in no program";
}

/// Each was a bug once; the number behind `# seed` chooses inputs, level and CPU.
TEST(Fuzz, ShrunkProgramsOfBugs) {
  int programs = 0;
  for (const auto& entry :
       fs::directory_iterator(fs::path(NETC_SOURCE_DIR) / "tests/fuzz/programs")) {
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    const std::string program = text.str();
    const size_t at = program.find("# seed ");
    ASSERT_NE(at, std::string::npos) << entry.path();
    const uint64_t seed = std::stoull(program.substr(at + 7));
    for (uint64_t s = seed; s < seed + 4; ++s) {
      const Verdict v = check(program, s);
      EXPECT_TRUE(v.valid) << entry.path() << ": " << v.rejection;
      EXPECT_EQ(v.failure, "") << entry.path();
    }
    ++programs;
  }
  EXPECT_GT(programs, 0);
}

TEST(Fuzz, TwinsAreRejectedWhereTheyWereChanged) {
  int accepted = 0, rejected = 0, marked = 0;
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    const auto twin = mutate(generate(random_bytes(seed)), seed);
    ASSERT_TRUE(twin);
    std::string message;
    const TwinVerdict verdict = judge(*twin, message);
    ASSERT_NE(verdict, TwinVerdict::Broken) << message << "\n" << twin->text;
    ++(verdict == TwinVerdict::Accepted ? accepted : rejected);
    marked += verdict == TwinVerdict::OnToken;
  }
  std::cout << accepted << " twins accepted, " << rejected << " rejected, of which " << marked
            << " on the changed token\n";
  EXPECT_GE(rejected, 250);
  // The rest is found where the changed declaration is used.
  EXPECT_GE(marked * 2, rejected);
}

}  // namespace
}  // namespace netc::fuzz
