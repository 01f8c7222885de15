// data random(n, seed): every input filled by its type from a stream keyed by (seed, name).
#include "runtime/simd/random.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/checked.h"
#include "runtime/data/loaders.h"
#include "runtime/philox.h"
#include "runtime/thread_pool.h"

namespace netc::runtime {
namespace {

constexpr size_t kChunk = 1 << 16;  // values a task fills: even, as streams want

/// Integers that the program sets no range for: every u8, small numbers elsewhere.
int64_t free_range(ElementType type) {
  switch (type) {
    case ElementType::boolean:
      return 2;
    case ElementType::u8:
      return 256;
    case ElementType::i32:
    case ElementType::i64:
    case ElementType::f32:
    case ElementType::f64:
      return 10;
  }
  return 2;
}

template <typename T>
void fill(const Stream& stream, int64_t range, std::span<T> out, ThreadPool& pool) {
  if constexpr (std::is_floating_point_v<T>) {
    const auto chunks = static_cast<int64_t>((out.size() + kChunk - 1) / kChunk);
    pool.parallel(chunks, [&](int64_t chunk, int) {
      const size_t first = static_cast<size_t>(chunk) * kChunk;
      fill_normal(stream, first, 1.0, out.subspan(first, std::min(kChunk, out.size() - first)));
    });
  } else {
    for (size_t i = 0; i < out.size(); ++i) {
      // The top 32 bits scaled: ranges are small, so the bias is below 2^-20.
      out[i] = static_cast<T>(((stream.word64(i) >> 32) * static_cast<uint64_t>(range)) >> 32);
    }
  }
}

}  // namespace

Dataset load_random(const LoaderArguments& arguments, std::span<const InputSpec> inputs) {
  arguments.allow(2, {"n", "seed"});
  const std::optional<double> n = arguments.number(0, "n");
  if (!n) throw arguments.error("needs the number of records: `random(n = 1000)`");
  const auto seed = static_cast<uint64_t>(arguments.number(1, "seed").value_or(0));
  ThreadPool pool(available_cpus());
  std::vector<Field> fields;
  for (const InputSpec& input : inputs) {
    std::vector<int64_t> shape{static_cast<int64_t>(*n)};
    shape.insert(shape.end(), input.shape.begin(), input.shape.end());
    Tensor tensor = make_tensor(input.type, std::move(shape));
    const Stream stream(seed, "data." + input.name);
    const int64_t range = input.index_range > 0 ? input.index_range : free_range(input.type);
    with_type(input.type,
              [&](auto sample) { fill(stream, range, tensor.as<decltype(sample)>(), pool); });
    fields.push_back(as_field(std::move(tensor), input.name, "random"));
  }
  Dataset dataset = one_split("random", std::move(fields));
  dataset.splits[0].records = static_cast<int64_t>(*n);
  return dataset;
}

}  // namespace netc::runtime
