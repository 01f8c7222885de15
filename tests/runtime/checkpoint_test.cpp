// Checkpoints and weight files: hostile headers, damage, kills and full disks. The promise under
// test: there is a whole checkpoint at every moment after the first save.
#include "runtime/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>

#include "runtime/checksum.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "runtime/run_directory.h"
#include "runtime/weights.h"
#include "tests/runtime/datasets.h"
#include "tests/runtime/toy.h"

namespace netc::runtime {
namespace {

using testing::HasSubstr;
using toy::message;
using toy::TemporaryDirectory;

std::string safetensors(const std::string& json, const std::string& data = "") {
  const uint64_t length = json.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + json + data;
}

/// Tensors filled with `value`, and a state that says so.
struct Saved {
  explicit Saved(int64_t value, size_t size = 1000) : values(size, static_cast<float>(value)) {
    state.model = "toy";
    state.step = value;
    state.running.reset(2);
    state.running.sums = {0.1 + static_cast<double>(value), 1e-300};
    const auto bytes = std::as_bytes(std::span(values));
    tensors.push_back(
        {"w", ElementType::f32, {static_cast<int64_t>(size / 2)}, bytes.first(bytes.size() / 2)});
    tensors.push_back({"w.v",
                       ElementType::f32,
                       {static_cast<int64_t>(size - size / 2)},
                       bytes.subspan(bytes.size() / 2)});
  }
  void save(const std::string& directory) const {
    save_checkpoint(directory, state, tensors, true);
  }

  std::vector<float> values;
  TrainingState state;
  std::vector<TensorView> tensors;
};

/// Step number of a checkpoint whose tensors must all hold that number.
int64_t consistent_step(const Checkpoint& checkpoint) {
  for (const TensorView& tensor : checkpoint.file.tensors) {
    for (size_t i = 0; i < tensor.bytes.size(); i += 4) {
      const double value = load_number(ElementType::f32, tensor.bytes.data() + i);
      EXPECT_EQ(value, static_cast<double>(checkpoint.state.step));
    }
  }
  return checkpoint.state.step;
}

TEST(Safetensors, RoundTrip) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("w.safetensors");
  const Saved saved(3);
  write_safetensors(path, saved.tensors, {{"model", "m \"quoted\" \n"}});
  const TensorFile file = read_safetensors(path);
  EXPECT_EQ(file.header_bytes % 8, 0u);
  EXPECT_EQ(file.metadata.at("model"), "m \"quoted\" \n");
  ASSERT_NE(file.find("w.v"), nullptr);
  EXPECT_EQ(file.find("w.v")->shape, std::vector<int64_t>{500});
  EXPECT_EQ(std::memcmp(file.find("w")->bytes.data(), saved.values.data(), 2000), 0);
}

TEST(Safetensors, RefusesHostileHeaders) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("w.safetensors");
  auto error = [&](const std::string& content) {
    toy::write(path, content);
    return message([&] { read_safetensors(path); });
  };
  auto one = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return safetensors("{\"a\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
                           ",\"data_offsets\":" + offsets + "}}",
                       "12345678");
  };
  EXPECT_EQ(error(one("F32", "[2]", "[0,8]")), "no error");
  EXPECT_EQ(error(one("F16", "[4]", "[0,8]")), "no error");
  EXPECT_EQ(error(safetensors("{}")), "no error");
  EXPECT_THAT(error(""), HasSubstr("w.safetensors: is truncated"));
  EXPECT_THAT(error("1234567"), HasSubstr("truncated"));
  EXPECT_THAT(error(std::string(8, '\xff')), HasSubstr("not a safetensors file"));
  EXPECT_THAT(error(std::string(8, '\0')), HasSubstr("malformed"));
  EXPECT_THAT(error(safetensors("{\"a\":1}").substr(0, 14)), HasSubstr("is truncated"));
  for (const char* json :
       {"[]", "1", "{", "{\"a\":1,}", "{\"\xff\":{}}", "nul", "", "{\"a\":{},\"a\":{}}",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],"
        "\"data_offsets\":[0,4]}}"}) {
    EXPECT_THAT(error(safetensors(json)), HasSubstr("malformed")) << json;
  }
  EXPECT_THAT(error(safetensors(std::string(1 << 20, '['))), HasSubstr("malformed"));
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += "{\"a\":";
  EXPECT_THAT(error(safetensors(nested + "1" + std::string(100'000, '}'))), HasSubstr("malformed"));
  EXPECT_THAT(error(one("F128", "[2]", "[0,8]")), HasSubstr("unknown dtype"));
  for (const char* shape : {"[3]", "[4611686018427387904,4]", "[4294967296,4294967296,0]",
                            "[18446744073709551615]", "[-2]", "[2.0]", "\"2\"", "[true]", "{}"}) {
    EXPECT_THAT(error(one("F32", shape, "[0,8]")), HasSubstr("tensor `a`")) << shape;
  }
  for (const char* offsets : {"[4,12]", "[8,0]", "[0,9223372036854775807]", "[0,8,8]", "[0]",
                              "[-8,0]", "[18446744073709551608,0]"}) {
    EXPECT_THAT(error(one("F32", "[2]", offsets)), HasSubstr("tensor `a`")) << offsets;
  }
  auto two = [](const std::string& first, const std::string& second, const std::string& data) {
    auto entry = [](const char* name, const std::string& offsets) {
      return std::string("\"") + name +
             "\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":" + offsets + "}";
    };
    return safetensors("{" + entry("a", first) + "," + entry("b", second) + "}", data);
  };
  EXPECT_EQ(error(two("[8,16]", "[0,8]", std::string(16, 'x'))), "no error");
  EXPECT_THAT(error(two("[0,8]", "[0,8]", std::string(8, 'x'))), HasSubstr("overlap"));
  EXPECT_THAT(error(two("[0,8]", "[4,12]", std::string(12, 'x'))), HasSubstr("overlap"));
  EXPECT_THAT(error(two("[0,8]", "[12,20]", std::string(20, 'x'))), HasSubstr("hole"));
  EXPECT_THAT(error(two("[0,8]", "[8,16]", std::string(20, 'x'))), HasSubstr("no tensor"));
  EXPECT_THAT(error(two("[0,8]", "[8,16]", std::string(12, 'x'))),
              HasSubstr("is truncated: its tensors take 16 bytes, there are 12"));
  // A header of 640 bytes begins as a pickle does.
  EXPECT_EQ(error(safetensors("{}" + std::string(638, ' '))), "no error");
  for (const char* torch : {"PK\x03\x04 net/data.pkl", "\x80\x02 a bare pickle"})
    EXPECT_THAT(error(torch), HasSubstr("w.safetensors: is a torch.save file"));
  EXPECT_THAT(error(safetensors("{\"__metadata__\":{\"a\":1}}")), HasSubstr("__metadata__"));
  EXPECT_THAT(error(safetensors("{\"__metadata__\":[]}")), HasSubstr("__metadata__"));
}

TEST(Safetensors, TruncationAtEveryByteIsAnError) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("w.safetensors");
  const Saved saved(1, 220);
  write_safetensors(path, saved.tensors, {});
  const std::string whole = toy::read(path);
  ASSERT_GT(whole.size(), 1000u);
  for (size_t size = 0; size < whole.size(); ++size) {
    toy::write(path, whole.substr(0, size));
    ASSERT_THAT(message([&] { read_safetensors(path); }), HasSubstr("w.safetensors: ")) << size;
  }
}

TEST(ReplaceFile, LinksRightsAndDevicesStayWhatTheyAre) {
  namespace fs = std::filesystem;
  const TemporaryDirectory scratch;
  const std::string file = scratch.file("file"), link = scratch.file("link");
  const auto replace = [](const std::string& path, std::string_view text) {
    replace_file(path, {std::as_bytes(std::span(text))});
  };
  replace(file, "old");
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
  fs::create_symlink("file", link);
  replace(link, "new");
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(toy::read(file), "new");
  EXPECT_EQ(fs::status(file).permissions(),
            fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);

  const std::string full = scratch.file("full");
  fs::create_symlink("/dev/full", full);
  EXPECT_THROW(replace(full, "x"), Error);
  EXPECT_TRUE(fs::is_symlink(full));
  EXPECT_TRUE(fs::is_character_file(full));
}

TEST(Checksum, PiecesDoNotMatterAndEveryBitDoes) {
  std::vector<std::byte> bytes(777);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
  auto digest = [](std::span<const std::byte> content) {
    Checksum checksum;
    checksum.update(content);
    return checksum.digest();
  };
  const std::string whole = digest(bytes);
  EXPECT_EQ(whole.size(), 32u);
  for (size_t cut = 0; cut < bytes.size(); cut += 13) {
    Checksum checksum;
    checksum.update(std::span(bytes).first(cut));
    checksum.update(std::span(bytes).subspan(cut));
    EXPECT_EQ(checksum.digest(), whole);
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    ASSERT_NE(digest(bytes), whole);
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
  EXPECT_NE(digest(std::span(bytes).first(776)), whole);
  EXPECT_NE(digest(std::vector<std::byte>(64)), digest(std::vector<std::byte>(128)));
}

TEST(Checkpoint, EverythingComesBack) {
  const TemporaryDirectory directory;
  Saved saved(9);
  saved.state.program_hash = "abc";
  saved.state.seed = UINT64_MAX;
  saved.state.epoch = 4;
  saved.state.sample = 512;
  saved.state.best_loss = 0.1;
  saved.state.plateau = {1.0 / 3, 2, 0.01};
  saved.save(directory.path());
  const TrainingState state = newest_checkpoint(directory.path()).state;
  EXPECT_EQ(state.seed, UINT64_MAX);
  EXPECT_EQ(state.epoch, 4);
  EXPECT_EQ(state.sample, 512);
  EXPECT_EQ(state.best_loss, 0.1);
  EXPECT_EQ(state.running.sums, saved.state.running.sums);
  EXPECT_EQ(state.plateau.best, 1.0 / 3);
  EXPECT_EQ(state.plateau.bad_epochs, 2);
  Saved first(1);  // infinity is what best_loss starts with
  first.save(directory.path());
  EXPECT_EQ(newest_checkpoint(directory.path()).state.best_loss, INFINITY);
}

TEST(Checkpoint, EveryBitFlipIsDetectedAndThePreviousOneTaken) {
  const TemporaryDirectory directory;
  Saved(1, 200).save(directory.path());
  Saved(2, 200).save(directory.path());
  const std::string path = directory.file("last.state");
  const std::string whole = toy::read(path);
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    toy::write(path, damaged);
    const Checkpoint checkpoint = newest_checkpoint(directory.path());
    ASSERT_EQ(consistent_step(checkpoint), 1) << "bit " << bit;
    ASSERT_THAT(checkpoint.note, HasSubstr("resuming from last.state.1"));
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    toy::write(path, whole.substr(0, size));
    ASSERT_EQ(consistent_step(newest_checkpoint(directory.path())), 1) << "cut at " << size;
  }
  toy::write(directory.file("last.state.1"), "x");
  EXPECT_THAT(message([&] { newest_checkpoint(directory.path()); }),
              HasSubstr("holds no whole checkpoint"));
}

TEST(Checkpoint, OtherFilesAreNotTakenForOne) {
  const TemporaryDirectory directory;
  EXPECT_THAT(message([&] { newest_checkpoint(directory.path()); }),
              HasSubstr("holds no checkpoint"));
  write_safetensors(directory.file("last.state"), Saved(1).tensors, {});
  EXPECT_THAT(message([&] { read_checkpoint(directory.file("last.state")); }),
              HasSubstr("checksum does not match"));
}

TEST(Checkpoint, AKillAtAnyMomentLeavesAWholeOne) {
  const TemporaryDirectory directory;
  int64_t newest = 0;
  constexpr int kKills = 200;
  for (int kill_number = 0; kill_number < kKills; ++kill_number) {
    const pid_t child = fork();
    if (child == 0) {
      for (int64_t step = newest + 1;; ++step) Saved(step, 50'000).save(directory.path());
    }
    // From before the first save to well into later ones.
    usleep(static_cast<useconds_t>(200 + kill_number * 7919 % 9000));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    if (newest == 0 && !std::filesystem::exists(directory.file("last.state"))) continue;
    const Checkpoint checkpoint = newest_checkpoint(directory.path());
    const int64_t step = consistent_step(checkpoint);
    EXPECT_EQ(checkpoint.note, "");
    ASSERT_GE(step, newest) << "a checkpoint was lost";
    newest = step;
  }
  EXPECT_GT(newest, 0);
  RunDirectory::open(directory.path(), false).remove_temporaries();
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    EXPECT_EQ(entry.path().string().find(".tmp."), std::string::npos) << entry.path();
  }
}

TEST(Checkpoint, AFullDiskKeepsTheOldOne) {
  // RLIMIT_FSIZE makes writes fail after any number of bytes, as a full disk does.
  const TemporaryDirectory directory;
  Saved(1, 5000).save(directory.path());
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    int failures = 0;
    for (rlim_t size = 0; size < 20'000; size += 777) {
      const rlimit limit{size, RLIM_INFINITY};
      setrlimit(RLIMIT_FSIZE, &limit);
      const std::string text = message([&] { Saved(2, 5000).save(directory.path()); });
      failures += text.find("cannot write") != std::string::npos;
    }
    _exit(failures == 26 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(consistent_step(newest_checkpoint(directory.path())), 1);
  EXPECT_EQ(newest_checkpoint(directory.path()).note, "");
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    EXPECT_EQ(entry.path().filename(), "last.state");
  }
}

TEST(Checkpoint, ADamagedOneIsNotKeptAsThePreviousOne) {
  const TemporaryDirectory directory;
  const Dataset data = toy::dataset(100);
  toy::Session whole;
  whole.run(data, toy::settings("", 3));
  toy::Session session;
  TrainerSettings settings = toy::settings(directory.path(), 3);
  settings.step_limit = 9;
  session.run(data, settings);
  toy::write(directory.file("last.state"), "damaged");
  toy::Session resumed;
  settings.step_limit = 2;
  resumed.run(data, settings, true);
  EXPECT_LT(read_checkpoint(directory.file("last.state.1")).state.step, 9);
  toy::Session again;
  settings.step_limit = -1;
  again.run(data, settings, true);
  EXPECT_EQ(again.weights(), whole.weights());
}

TEST(Checkpoint, KilledTrainingResumesBitExactly) {
  const Dataset data = toy::dataset(160, 16);
  toy::Session whole;
  whole.run(data, toy::settings("", 12));
  // As the command does it: a run that left no checkpoint is started anew.
  auto go_on = [&](toy::Session& session, const std::string& path) {
    RunDirectory directory = RunDirectory::open(path, true);
    const bool resume = std::filesystem::exists(path + "/last.state");
    if (!resume) directory.start_new();
    session.run(data, toy::settings(path, 12), resume);
  };
  for (int trial = 0; trial < 12; ++trial) {
    const TemporaryDirectory directory;
    for (int kills = 0; kills < 3; ++kills) {
      const pid_t child = fork();
      if (child == 0) {
        toy::Session session(1);
        go_on(session, directory.path());
        _exit(0);
      }
      usleep(static_cast<useconds_t>(1000 + trial * 1700 + kills * 900));
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    toy::Session last;
    go_on(last, directory.path());
    EXPECT_EQ(last.weights(), whole.weights()) << trial;
    const std::string csv = toy::read(directory.file("metrics.csv"));
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 13) << csv;
  }
}

TEST(RunDirectory, NumbersLocksAndMakesRoom) {
  const TemporaryDirectory directory;
  {
    const RunDirectory first = RunDirectory::create(directory.file("runs"), "mlp");
    const RunDirectory second = RunDirectory::create(directory.file("runs"), "mlp");
    EXPECT_EQ(first.path(), directory.file("runs/mlp-1"));
    EXPECT_EQ(second.path(), directory.file("runs/mlp-2"));
    EXPECT_THAT(message([&] { RunDirectory::open(first.path(), false); }), HasSubstr("is in use"));
  }
  RunDirectory again = RunDirectory::open(directory.file("runs/mlp-1"), false);
  // What came to nothing makes room.
  toy::write(again.file("metrics.jsonl"), "x");
  toy::write(again.file("config.net"), "x");
  toy::write(again.file("last.state.tmp.123"), "x");
  toy::write(again.file("notes.txt"), "x");
  again.start_new();
  EXPECT_FALSE(std::filesystem::exists(again.file("metrics.jsonl")));
  EXPECT_FALSE(std::filesystem::exists(again.file("config.net")));
  EXPECT_FALSE(std::filesystem::exists(again.file("last.state.tmp.123")));
  EXPECT_TRUE(std::filesystem::exists(again.file("notes.txt")));
  EXPECT_THAT(message([&] { RunDirectory::open(directory.file("none"), false); }),
              HasSubstr("cannot open the directory"));
  EXPECT_THAT(message([&] { RunDirectory::open("/proc/none", true); }), HasSubstr("cannot create"));
}

TEST(RunDirectory, AnEarlierRunMovesAside) {
  const TemporaryDirectory parent;
  const std::string path = parent.file("run");
  for (const char* number : {"1", "2"}) {
    RunDirectory run = RunDirectory::open(path + "/", true);
    EXPECT_EQ(run.start_new(), number[0] == '1' ? "" : path + ".1");
    for (const char* name : {"metrics.jsonl", "config.net", "last.state"})
      toy::write(run.file(name), number);
    toy::write(run.file("notes.txt"), number);
  }
  RunDirectory run = RunDirectory::open(path, true);
  EXPECT_EQ(run.start_new(), path + ".2");
  EXPECT_EQ(toy::read(path + ".1/last.state"), "1");
  EXPECT_EQ(toy::read(path + ".2/last.state"), "2");
  EXPECT_FALSE(std::filesystem::exists(run.file("last.state")));
  EXPECT_EQ(toy::read(run.file("notes.txt")), "2");
}

TEST(RunDirectory, NeverMakesRoomAmongFilesOfOthers) {
  for (const std::vector<const char*>& present : std::vector<std::vector<const char*>>{
           {"last.state"}, {"epoch-3.safetensors"}, {"config.net", "notes.txt"}}) {
    const TemporaryDirectory directory;
    for (const char* name : present) toy::write(directory.file(name), "x");
    RunDirectory run = RunDirectory::open(directory.path(), true);
    EXPECT_THAT(message([&] { run.start_new(); }), HasSubstr("which no run has written"));
    for (const char* name : present)
      EXPECT_TRUE(std::filesystem::exists(directory.file(name))) << name;
  }
}

TEST(Interrupt, ASecondSignalEndsTheProcessAtOnce) {
  for (const int number : {SIGINT, SIGTERM}) {
    const pid_t child = fork();
    if (child == 0) {
      const InterruptScope scope;
      raise(number);
      const InterruptScope inner;
      if (requested_signal() != number) _exit(1);
      raise(number);
      _exit(2);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 128 + number);
  }
}

/// A plan with one matrix `fc.weight` [2, 3], its momentum and a layer's state.
Plan weight_plan() {
  Plan plan;
  plan.arena_bytes = 256;
  plan.slots.push_back(
      toy::slot("fc.weight", SlotRole::Param, ElementType::f32, {{{2}}, {{3}}}, 0));
  plan.slots.push_back(
      toy::slot("fc.weight.v", SlotRole::State, ElementType::f32, {{{2}}, {{3}}}, 64));
  plan.slots.push_back(toy::slot("bn.mean", SlotRole::State, ElementType::f32, {{{3}}}, 128));
  return plan;
}

TEST(Weights, OptimizerStatesAreNotWeights) {
  const Plan plan = weight_plan();
  ASSERT_EQ(weight_slots(plan).size(), 2u);
  EXPECT_EQ(weight_slots(plan)[1]->name, "bn.mean");
  EXPECT_EQ(persistent_slots(plan).size(), 3u);
}

std::vector<std::string> load_weights(const std::string& path, WeightLayout layout,
                                      std::span<const Slot* const> slots, Arena& arena) {
  return load_tensors(read_safetensors(path), layout, slots, arena, Fault::Weights);
}

TEST(Weights, TorchLayoutIsTransposed) {
  const TemporaryDirectory directory;
  const Plan plan = weight_plan();
  const std::string path = directory.file("w.safetensors");
  const std::vector<float> values{1, 2, 3, 4, 5, 6}, mean{7, 8, 9};
  auto save = [&](std::vector<int64_t> shape) {
    write_safetensors(path,
                      std::vector<TensorView>{
                          {"fc.weight", ElementType::f32, shape, std::as_bytes(std::span(values))},
                          {"bn.mean", ElementType::f32, {3}, std::as_bytes(std::span(mean))}},
                      {});
  };
  Arena arena(256);
  save({3, 2});
  EXPECT_TRUE(load_weights(path, WeightLayout::Torch, weight_slots(plan), arena).empty());
  EXPECT_EQ(read_slot(plan.slots[0], arena, 0).number(1), 3);
  EXPECT_EQ(read_slot(plan.slots[0], arena, 0).number(3), 2);
  EXPECT_EQ(read_slot(plan.slots[2], arena, 0).number(2), 9);
  try {
    load_weights(path, WeightLayout::InOut, weight_slots(plan), arena);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, path + ": tensor `fc.weight` is f32[3, 2], the model has f32[2, 3]");
    EXPECT_THAT(error.helps[0], HasSubstr("--layout torch"));
  }
  save({2, 3});
  load_weights(path, WeightLayout::InOut, weight_slots(plan), arena);
  EXPECT_EQ(read_slot(plan.slots[0], arena, 0).number(1), 2);
}

TEST(Weights, MissingAndExtraTensorsAreNamed) {
  const TemporaryDirectory directory;
  const Plan plan = weight_plan();
  const std::string path = directory.file("w.safetensors");
  const std::vector<float> values(6), mean(3);
  auto load = [&](const char* weight, ElementType type = ElementType::f32) {
    const auto bytes = std::as_bytes(std::span(values));
    const auto length = static_cast<int64_t>(24 / byte_size(type) / 2);
    write_safetensors(
        path,
        std::vector<TensorView>{{weight, type, {2, length}, bytes},
                                {"extra", ElementType::f32, {3}, std::as_bytes(std::span(mean))},
                                {"bn.mean", ElementType::f32, {3}, std::as_bytes(std::span(mean))}},
        {});
    Arena arena(256);
    return load_weights(path, WeightLayout::InOut, weight_slots(plan), arena);
  };
  EXPECT_EQ(load("fc.weight"),
            std::vector<std::string>{path + ": tensor `extra` is not used by the model"});
  try {
    load("fc.wieght");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message, path + " has no tensor `fc.weight`, which the model needs");
    EXPECT_EQ(error.helps[0], "did you mean `fc.wieght`?");
  }
  const std::pair<const char*, const char*> prefixes[] = {
      {"module.fc.weight",
       "the file calls it `module.fc.weight`: remove the prefix `module.` from its names"},
      {"weight", "the file calls it `weight`: put the prefix `fc.` before its names"}};
  for (const auto& [name, help] : prefixes) {
    try {
      load(name);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.helps[0], help);
    }
  }
  EXPECT_THAT(message([&] { load("fc.weight", ElementType::i32); }), HasSubstr("is i32[2, 3]"));
}

}  // namespace
}  // namespace netc::runtime
