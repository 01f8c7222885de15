// What the backend hands to the runtime: compiled kernels in phases over one arena. The runtime
// never sees an op; generated code never sees a thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace netc::runtime {

/// Element types of tensors in memory and in files.
enum class ElementType : uint8_t { f32, f64, i32, i64, u8, boolean };
constexpr int64_t byte_size(ElementType t) {
  return t == ElementType::f64 || t == ElementType::i64   ? 8
         : t == ElementType::f32 || t == ElementType::i32 ? 4
                                                          : 1;
}

/// What a kernel is called with. Generated code reads these fields by offset: keep the order.
struct Context {
  std::byte* arena;              ///< 64-byte aligned
  int64_t batch;                 ///< rows n of this call, 0 <= n <= Plan::batch_capacity
  const void* user;              ///< Task::user
  std::atomic<uint32_t>* fault;  ///< bit 0: a computed index left its range
};

/// Runs chunk number `chunk` of a task. Chunks of all tasks of a phase are independent.
using KernelFunction = void (*)(const Context* context, int64_t chunk);

struct Task {
  std::string name;  ///< kernel name in the dumps: k0
  KernelFunction function = nullptr;
  const void* user = nullptr;
  int64_t chunks = 1;  ///< fixed by shape and capacity, never by the number of threads
  double flops = 0;    ///< at full batch
  double bytes = 0;    ///< read plus written, at full batch
};

/// Tasks that may run side by side; the end of a phase is the only barrier.
struct Phase {
  std::vector<Task> tasks;
  bool alone = false;  ///< so short that one thread is faster: the others' caches are cold
};

/// A size that depends on the batch n: the sum of coefficients[k] * n^k, or, where it is no
/// polynomial (`batch // 2`), values[n] for each n up to Plan::batch_capacity.
struct Extent {
  std::vector<int64_t> coefficients = {};
  std::vector<int64_t> values = {};
  int64_t at(int64_t batch) const {
    if (!values.empty()) return values.at(static_cast<size_t>(batch));
    int64_t sum = 0, power = 1;
    for (int64_t c : coefficients) sum += c * power, power *= batch;
    return sum;
  }
};

enum class SlotRole : uint8_t { Input, Param, State, Result };

/// How a parameter or state starts.
struct InitializerSpec {
  std::string name;  ///< zeros ones const uniform normal xavier_uniform … load
  double value = 0, low = 0, high = 0, std = 0, gain = 1;
  bool has_gain = false;
  int64_t fan_in = 0, fan_out = 0;  ///< 0: from the shape
  std::string file;
};

/// One tensor that the host reads or writes: dense row-major at `offset`, except that rows of the
/// last dim are `leading_stride` elements apart where that is not 0; or, where `panel` is not 0, in
/// panels of that many columns, each dense, `leading_stride` elements apart.
struct Slot {
  std::string name;
  SlotRole role = SlotRole::Input;
  ElementType type = ElementType::f32;
  std::vector<Extent> shape;
  bool batched = false;  ///< leading dim is exactly the batch
  int64_t offset = 0;
  int64_t leading_stride = 0;
  int64_t panel = 0;
  int64_t index_range = 0;  ///< inputs used as indices: values must be in [0, index_range); 0: free
  int64_t index_ignore =
      -1;                    ///< a value outside the range that is allowed (ignore_index); -1: none
  bool index_wraps = false;  ///< negative indices count from the end
  InitializerSpec init;      ///< Param, State
};

/// A compiled entry point. Params and states of all entries of a model share their offsets, so one
/// arena of the largest size serves them all.
struct Plan {
  std::string name;            ///< mlp.train
  int64_t arena_bytes = 0;     ///< includes 64 bytes of slack that vector loads may overrun
  int64_t batch_capacity = 1;  ///< B
  std::vector<Slot> slots;
  std::vector<Phase> phases;
  std::shared_ptr<void> code;  ///< keeps the kernels' memory alive
};

}  // namespace netc::runtime
