// Hand-written plans and datasets that the runtime's tests train: linear regression in f32 with a
// momentum state, its sums in fixed chunks as compiled kernels have them.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/executor.h"
#include "runtime/initializers.h"
#include "runtime/philox.h"
#include "runtime/slots.h"
#include "runtime/trainer.h"

namespace netc::runtime::toy {

constexpr int64_t kFeatures = 12;
constexpr int64_t kCapacity = 16;
constexpr int64_t kRowsPerChunk = 4;
constexpr int64_t kChunks = kCapacity / kRowsPerChunk;

/// Offsets in bytes; the persistent part comes first and is common to both plans.
struct Layout {
  static constexpr int64_t w = 0, v = 64, x = 128, y = x + kCapacity * 16 * 4, lr = y + 64,
                           step = lr + 64, seed = step + 64, loss = seed + 64, error = loss + 64,
                           partial = error + 64, bytes = partial + kChunks * 64 + 64;
  static constexpr int64_t x_stride = 16;  ///< elements: rows of x are padded
};

inline float* floats(const Context* context, int64_t offset) {
  return reinterpret_cast<float*>(context->arena + offset);
}

/// Forward and partial gradients of a chunk of rows.
inline void forward(const Context* context, int64_t chunk) {
  const float *x = floats(context, Layout::x), *y = floats(context, Layout::y);
  const float* w = floats(context, Layout::w);
  float* partial = floats(context, Layout::partial) + chunk * 16;
  for (int64_t j = 0; j < 16; ++j) partial[j] = 0;
  const int64_t end = std::min(context->batch, (chunk + 1) * kRowsPerChunk);
  for (int64_t i = chunk * kRowsPerChunk; i < end; ++i) {
    float p = 0;
    for (int64_t j = 0; j < kFeatures; ++j) p += x[i * Layout::x_stride + j] * w[j];
    const float d = p - y[i];
    for (int64_t j = 0; j < kFeatures; ++j) partial[j] += d * x[i * Layout::x_stride + j];
    partial[14] += d * d;
    partial[15] += d < 0 ? -d : d;
  }
}

inline void scores(const Context* context, int64_t) {
  float loss = 0, error = 0;
  for (int64_t c = 0; c < kChunks; ++c) {
    loss += floats(context, Layout::partial)[c * 16 + 14];
    error += floats(context, Layout::partial)[c * 16 + 15];
  }
  *floats(context, Layout::loss) = loss / static_cast<float>(context->batch);
  *floats(context, Layout::error) = error / static_cast<float>(context->batch);
}

/// Momentum update, one chunk a feature. A little noise keyed by (seed, step) stands for dropout.
inline void update(const Context* context, int64_t j) {
  const double lr = *reinterpret_cast<const double*>(context->arena + Layout::lr);
  const int64_t step = *reinterpret_cast<const int64_t*>(context->arena + Layout::step);
  const int64_t seed = *reinterpret_cast<const int64_t*>(context->arena + Layout::seed);
  float gradient = 0;
  for (int64_t c = 0; c < kChunks; ++c) gradient += floats(context, Layout::partial)[c * 16 + j];
  const Stream noise(static_cast<uint64_t>(seed), "noise");
  gradient += 1e-3f * static_cast<float>(unit_interval(noise.word64(static_cast<uint64_t>(step))));
  float& v = floats(context, Layout::v)[j];
  v = 0.9f * v + gradient / static_cast<float>(context->batch);
  floats(context, Layout::w)[j] -= static_cast<float>(lr) * v;
}

inline Slot slot(const char* name, SlotRole role, ElementType type, std::vector<Extent> shape,
                 int64_t offset) {
  Slot result;
  result.name = name;
  result.role = role;
  result.type = type;
  result.batched = !shape.empty() && shape[0].coefficients.size() == 2;
  result.shape = std::move(shape);
  result.offset = offset;
  return result;
}

inline Plan plan(bool training) {
  Plan plan;
  plan.name = training ? "toy.train" : "toy.eval";
  plan.arena_bytes = Layout::bytes;
  plan.batch_capacity = kCapacity;
  const Extent batch{{0, 1}}, features{{kFeatures}};
  using enum SlotRole;
  plan.slots.push_back(slot("x", Input, ElementType::f32, {batch, features}, Layout::x));
  plan.slots.back().leading_stride = Layout::x_stride;
  plan.slots.push_back(slot("y", Input, ElementType::f32, {batch}, Layout::y));
  plan.slots.push_back(slot("w", Param, ElementType::f32, {features}, Layout::w));
  plan.slots.back().init = {.name = "normal", .std = 0.1};
  if (training) {
    plan.slots.push_back(slot("w.v", State, ElementType::f32, {features}, Layout::v));
    plan.slots.back().init = {.name = "const"};
    plan.slots.push_back(slot("lr", Input, ElementType::f64, {}, Layout::lr));
    plan.slots.push_back(slot("step", Input, ElementType::i64, {}, Layout::step));
    plan.slots.push_back(slot("seed", Input, ElementType::i64, {}, Layout::seed));
  }
  plan.slots.push_back(slot("loss", Result, ElementType::f32, {}, Layout::loss));
  plan.slots.push_back(slot("error", Result, ElementType::f32, {}, Layout::error));
  plan.phases.push_back({{{"k0", forward, nullptr, kChunks, 0, 0}}});
  plan.phases.push_back({{{"k1", scores, nullptr, 1, 0, 0}}});
  if (training) plan.phases.push_back({{{"k2", update, nullptr, kFeatures, 0, 0}}});
  return plan;
}

/// `train` records (and `test` ones when asked for) of a noisy linear function.
inline Dataset dataset(int64_t train, int64_t test = 0) {
  Dataset dataset{"toy", {}};
  for (const auto& [split, records] : {std::pair{"train", train}, std::pair{"test", test}}) {
    if (records == 0) continue;
    auto x = std::make_shared<Buffer>(static_cast<size_t>(records * kFeatures * 4));
    auto y = std::make_shared<Buffer>(static_cast<size_t>(records * 4));
    const Stream stream(3, split);
    for (int64_t i = 0; i < records; ++i) {
      float sum = 0;
      for (int64_t j = 0; j < kFeatures; ++j) {
        const auto index = static_cast<uint64_t>(i * kFeatures + j);
        const float value = static_cast<float>(2 * unit_interval(stream.word64(index)) - 1);
        reinterpret_cast<float*>(x->data.get())[index] = value;
        sum += value * static_cast<float>(j - 5);
      }
      reinterpret_cast<float*>(y->data.get())[i] = sum;
    }
    dataset.splits.push_back({split,
                              {{"x", ElementType::f32, {kFeatures}, records, x, 0, split},
                               {"y", ElementType::f32, {}, records, y, 0, split}},
                              records});
  }
  return dataset;
}

inline TrainerSettings settings(const std::string& directory, int64_t epochs) {
  TrainerSettings settings;
  settings.model = "toy";
  settings.epochs = epochs;
  settings.batch = 16;
  settings.seed = 5;
  settings.lr = {"cosine", {{"lr", 0.05}, {"warmup", 3}}};
  settings.metrics = {"error"};
  settings.config_text = "model toy {}\n";
  settings.directory = directory;
  return settings;
}

/// A model ready to train: plans, arena with initial weights, pool.
struct Session {
  explicit Session(int threads = 2, uint64_t seed = 5)
      : pool(threads), executor(pool), arena(Layout::bytes) {
    initialize(train, arena, seed, "", pool);
  }

  EndEvent run(const Dataset& data, TrainerSettings settings, bool resume = false) {
    TrainingListener silent;
    return run(data, std::move(settings), resume, silent);
  }
  EndEvent run(const Dataset& data, TrainerSettings settings, bool resume,
               TrainingListener& listener) {
    const std::string directory = settings.directory;
    Trainer trainer({train, eval, arena, executor, data}, std::move(settings), listener);
    if (resume) trainer.resume(newest_checkpoint(directory));
    return trainer.run();
  }
  std::vector<float> weights() const {
    const auto* w = reinterpret_cast<const float*>(arena.data() + Layout::w);
    return {w, w + 32};  // w, its padding and w.v
  }

  Plan train = plan(true), eval = plan(false);
  ThreadPool pool;
  Executor executor;
  Arena arena;
};

/// A directory that is removed at the end of its scope; in memory where the system has a place for
/// that, since tests write thousands of small files.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const bool memory = access("/dev/shm", W_OK) == 0;
    std::string pattern =
        (memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/netc-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace netc::runtime::toy
