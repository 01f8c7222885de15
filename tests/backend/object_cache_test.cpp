// The object cache: entries come back whole or not at all, damage of any kind is compiled again,
// and code from the cache computes the same bits.
#include "backend/object_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "backend/artifact.h"
#include "support.h"

namespace netc::backend::test {
namespace {

namespace fs = std::filesystem;

class ObjectCaches : public testing::Test {
 protected:
  ObjectCaches() {
    std::string pattern = (fs::temp_directory_path() / "netc-cache-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder = pattern;
  }
  ~ObjectCaches() override {
    std::error_code error;
    fs::remove_all(folder, error);
  }

  static CacheKey key(const std::string& program) { return cache_key(program).value(); }
  static std::string read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  size_t files() const {
    return size_t(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }

  fs::path folder;
};

TEST_F(ObjectCaches, KeepsWhatWasStored) {
  ObjectCache cache(folder / "made" / "here");
  EXPECT_FALSE(cache.load(key("a")));
  EXPECT_EQ(cache.refused(), "");
  std::string content("code\0code", 9);
  cache.store(key("a"), content);
  cache.store(key("b"), "");
  EXPECT_EQ(cache.load(key("a")), content);
  EXPECT_EQ(cache.load(key("b")), "");
  EXPECT_FALSE(cache.load(key("c")));
  cache.store(key("a"), "other");
  EXPECT_EQ(cache.load(key("a")), "other");
}

TEST_F(ObjectCaches, RefusesEveryKindOfDamage) {
  ObjectCache cache(folder);
  cache.store(key("a"), std::string(20, 'x'));
  cache.store(key("b"), std::string(20, 'x'));
  const fs::path path = cache.path(key("a"));
  const std::string whole = read(path);
  auto refuses = [&](const std::string& file, const std::string& what) {
    write(path, file);
    EXPECT_FALSE(cache.load(key("a"))) << what;
    EXPECT_NE(cache.refused(), "") << what;
  };
  for (size_t at = 0; at < whole.size(); ++at)
    for (int bit : {0, 7}) {
      std::string flipped = whole;
      flipped[at] = char(flipped[at] ^ (1 << bit));
      refuses(flipped, "bit " + std::to_string(bit) + " of byte " + std::to_string(at));
    }
  for (size_t size = 0; size < whole.size(); ++size)
    refuses(whole.substr(0, size), "cut to " + std::to_string(size));
  refuses(whole + 'x', "longer");
  refuses(read(cache.path(key("b"))), "the entry of another key");
  write(path, whole);
  EXPECT_TRUE(cache.load(key("a")));
  EXPECT_EQ(cache.refused(), "");
}

TEST_F(ObjectCaches, DeletesTheLongestUnused) {
  ObjectCache cache(folder, 1000);
  for (const char* name : {"a", "b", "c"}) {
    cache.store(key(name), std::string(200, 'x'));
    auto earlier = fs::file_time_type::clock::now() - std::chrono::hours(*name == 'a' ? 9 : 5);
    fs::last_write_time(cache.path(key(name)), earlier);
  }
  write(folder / "left-by-a-crash.new", "x");
  fs::last_write_time(folder / "left-by-a-crash.new",
                      fs::file_time_type::clock::now() - std::chrono::hours(20));
  write(folder / "not-ours.txt", std::string(5000, 'x'));
  EXPECT_TRUE(cache.load(key("a")));  // now b is the longest unused
  cache.store(key("d"), std::string(200, 'x'));
  EXPECT_TRUE(cache.load(key("a")));
  EXPECT_FALSE(cache.load(key("b")) && cache.load(key("c")));
  EXPECT_TRUE(cache.load(key("d")));
  EXPECT_FALSE(fs::exists(folder / "left-by-a-crash.new"));
  EXPECT_TRUE(fs::exists(folder / "not-ours.txt"));
}

TEST_F(ObjectCaches, APlaceThatCannotBeWrittenIsNoError) {
  write(folder / "file", "");
  for (const fs::path& place : {fs::path(), folder / "file", folder / "file" / "below"}) {
    ObjectCache cache(place);
    cache.store(key("a"), "x");
    EXPECT_FALSE(cache.load(key("a"))) << place;
  }
  ObjectCache cache(folder);
  fs::create_directory(cache.path(key("a")));
  EXPECT_FALSE(cache.load(key("a")));
  cache.store(key("a"), "x");
  EXPECT_FALSE(cache.load(key("a")));
  EXPECT_EQ(files(), 2u);  // nothing unfinished is left
}

TEST_F(ObjectCaches, ReadersAndWritersAtOnceSeeWholeEntries) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      ObjectCache cache(folder, 3000);
      for (int i = 0; i < 100; ++i) {
        std::string name = std::to_string((i + t) % 5);
        cache.store(key(name), std::string(1000, name[0]));
        auto found = cache.load(key(name));
        wrong += found && *found != std::string(1000, name[0]);
        wrong += !cache.refused().empty();
      }
    });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Artifact, ComesBackFromItsBytes) {
  Artifact artifact;
  artifact.undone = {{3, 1}, {}};
  Emitted code;
  code.steps = {{.function = "f",
                 .chunks = 7,
                 .reads = {0, 1},
                 .writes = {2},
                 .table = {2, 1, 0},
                 .after_rows = true,
                 .flops = 1.5,
                 .bytes = 2.5},
                {.function = "g"}};
  code.scratch_bytes = {64, 128};
  code.overrun = 9;
  code.sums = {{1, 256}, {3, 512}};
  artifact.emitted = {code, {}};
  artifact.objects = {std::string("\0ELF", 4), ""};
  const std::string bytes = encode(artifact);
  auto back = decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->undone, artifact.undone);
  EXPECT_EQ(back->objects, artifact.objects);
  EXPECT_EQ(back->emitted[0].steps[0].function, "f");
  EXPECT_EQ(back->emitted[0].steps[0].flops, 1.5);
  EXPECT_EQ(back->emitted[0].steps[0].table, code.steps[0].table);
  EXPECT_TRUE(back->emitted[0].steps[0].after_rows);
  EXPECT_EQ(back->emitted[0].sums, code.sums);
  EXPECT_EQ(encode(*back), bytes);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode(std::string_view(bytes).substr(0, size))) << size;
  EXPECT_FALSE(decode(bytes + 'x'));
  EXPECT_FALSE(decode(std::string(8, '\xff')));
}

/// Two contractions and maps in one kernel. With rows of the batch it is streamed; with a number of
/// rows it has to be undone into single ops.
ir::Module program(int64_t width, ir::Dim rows = ir::Dim::symbol("batch")) {
  ir::Module module = module_of([&](ir::Builder& b) {
    auto x = b.parameter("x", {ir::DType::f32, {rows, width}});
    auto w = b.parameter("w", {ir::DType::f32, {width, 5}});
    auto y = b.einsum("bi,ij->bj", x, w);
    auto z = b.einsum("bi,ij->bj", b.unary(ir::Op::exp, x), w);
    b.result("s", b.binary(ir::Op::mul, y, z));
  });
  plan_by_hand(module, Grouping::Whole, 8);
  return module;
}

TEST_F(ObjectCaches, CodeFromTheCacheComputesTheSameBits) {
  for (const bool streamed : {true, false}) {
    ir::Module module = streamed ? program(19) : program(19, 7);
    auto inputs = random_inputs(module, 7, 3);
    RunOptions plain{.n = 7};
    const auto expected = run_compiled(module, inputs, plain);
    auto run = [&](const RunOptions& o, bool cached) {
      CompileReport report;
      auto results = run_compiled(module, inputs, o, nullptr, &report);
      EXPECT_EQ(report.from_cache, cached);
      EXPECT_EQ(report.kernels == 1, streamed);
      ASSERT_EQ(results.size(), expected.size());
      for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i].floats, expected[i].floats);
    };
    RunOptions o{.n = 7, .cache = folder};
    run(o, false);
    run(o, true);
    for (const auto& file : fs::directory_iterator(folder)) write(file.path(), "damaged");
    run(o, false);
    run(o, true);
  }
}

TEST_F(ObjectCaches, OtherProgramsAndOptionsAreOtherEntries) {
  auto from_cache = [&](const ir::Module& module, const RunOptions& o) {
    CompileReport report;
    run_compiled(module, random_inputs(module, o.n, 3), o, nullptr, &report);
    return report.from_cache;
  };
  RunOptions o{.n = 7, .cache = folder};
  EXPECT_FALSE(from_cache(program(19), o));
  EXPECT_FALSE(from_cache(program(20), o));
  EXPECT_TRUE(from_cache(program(19), o));
  o.capacity = 9;
  EXPECT_FALSE(from_cache(program(19), o));
  o.capacity = 8, o.optimise = 0;
  EXPECT_FALSE(from_cache(program(19), o));
  o.optimise = 2;
  for (CpuLevel level : levels()) {
    o.cpu = level;
    EXPECT_EQ(from_cache(program(19), o), level == native_cpu());
  }
}

}  // namespace
}  // namespace netc::backend::test
