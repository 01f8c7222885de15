// Initialisers. Formulas are PyTorch's; fans are (in, out) for rank 2 and (out, in, window…) for
// higher ranks.
#include "runtime/initializers.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <stdexcept>

#include "runtime/data/loaders.h"
#include "runtime/error.h"
#include "runtime/simd/numbers.h"
#include "runtime/simd/random.h"
#include "runtime/slots.h"

namespace netc::runtime {
namespace {

constexpr int64_t kChunk = 1 << 16;  // elements a task fills: even, as the streams want

struct Fans {
  double in = 1, out = 1;
};

Fans fans(const InitializerSpec& spec, const std::vector<int64_t>& shape) {
  Fans fan;
  if (shape.size() == 1) {
    fan.in = fan.out = static_cast<double>(shape[0]);
  } else if (shape.size() == 2) {
    fan.in = static_cast<double>(shape[0]);
    fan.out = static_cast<double>(shape[1]);
  } else if (shape.size() >= 3) {
    double window = 1;
    for (size_t i = 2; i < shape.size(); ++i) window *= static_cast<double>(shape[i]);
    fan.in = static_cast<double>(shape[1]) * window;
    fan.out = static_cast<double>(shape[0]) * window;
  }
  if (spec.fan_in > 0) fan.in = static_cast<double>(spec.fan_in);
  if (spec.fan_out > 0) fan.out = static_cast<double>(spec.fan_out);
  fan.in = std::max(fan.in, 1.0);
  fan.out = std::max(fan.out, 1.0);
  return fan;
}

template <typename Fill>
void fill_floats(Tensor& tensor, ThreadPool& pool, Fill fill) {
  const int64_t count = tensor.count();
  auto pieces = [&](auto values) {
    pool.parallel((count + kChunk - 1) / kChunk, [&](int64_t chunk, int) {
      const int64_t first = chunk * kChunk;
      const auto size = static_cast<size_t>(std::min(kChunk, count - first));
      fill(static_cast<uint64_t>(first), values.subspan(static_cast<size_t>(first), size));
    });
  };
  if (tensor.type == ElementType::f64) {
    pieces(tensor.as<double>());
  } else {
    pieces(tensor.as<float>());
  }
}

void fill_uniform(Tensor& tensor, const Stream& stream, double low, double high, ThreadPool& pool) {
  fill_floats(tensor, pool,
              [&](uint64_t first, auto values) { fill_uniform(stream, first, low, high, values); });
}

void fill_normal(Tensor& tensor, const Stream& stream, double deviation, ThreadPool& pool) {
  fill_floats(tensor, pool,
              [&](uint64_t first, auto values) { fill_normal(stream, first, deviation, values); });
}

/// Makes the `count` rows of length `length` >= count orthonormal: Gram-Schmidt, each row taken
/// through the others twice, which is as good as Householder's method ("twice is enough").
void orthonormalize(std::span<double> rows, int64_t count, int64_t length) {
  auto row_at = [&](int64_t i) {
    return rows.subspan(static_cast<size_t>(i * length), static_cast<size_t>(length));
  };
  for (int64_t i = 0; i < count; ++i) {
    const std::span<double> row = row_at(i);
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t k = 0; k < i; ++k)
        subtract_multiple(row, dot_product(row, row_at(k)), row_at(k));
    }
    const double norm = std::sqrt(dot_product(row, row));
    for (double& value : row) value = norm > 0 ? value / norm : 0;
  }
}

/// As torch.nn.init.orthogonal_: the tensor as a matrix of its first dim by the rest, whose rows or
/// columns (the fewer of them) are orthonormal.
void fill_orthogonal(Tensor& tensor, const Stream& stream, double gain) {
  const int64_t first = tensor.shape.empty() ? 1 : tensor.shape[0];
  if (tensor.count() == 0) return;
  const int64_t rest = tensor.count() / first;
  const int64_t count = std::min(first, rest), length = std::max(first, rest);
  std::vector<double> rows(static_cast<size_t>(count * length));
  fill_normal(stream, 0, 1.0, std::span(rows));
  orthonormalize(rows, count, length);
  with_type(tensor.type, [&](auto sample) {
    const auto values = tensor.as<decltype(sample)>();
    for (int64_t i = 0; i < first; ++i) {
      for (int64_t j = 0; j < rest; ++j) {
        const int64_t source = first <= rest ? i * length + j : j * length + i;
        values[static_cast<size_t>(i * rest + j)] =
            static_cast<decltype(sample)>(gain * rows[static_cast<size_t>(source)]);
      }
    }
  });
}

void fill_constant(Tensor& tensor, double value) {
  with_type(tensor.type, [&](auto sample) {
    for (auto& element : tensor.as<decltype(sample)>()) {
      element = static_cast<decltype(sample)>(value);
    }
  });
}

Tensor load_value(const InitializerSpec& spec, ElementType type, const std::vector<int64_t>& shape,
                  std::string_view path, const std::string& directory) {
  const bool relative = !spec.file.empty() && spec.file[0] != '/' && !directory.empty();
  const std::string file = relative ? directory + "/" + spec.file : spec.file;
  Tensor tensor = read_npy(file, Fault::Weights);
  const bool fits = tensor.type == type || (is_floating(type) && is_floating(tensor.type));
  if (tensor.shape != shape || !fits) {
    throw Error(Fault::Weights,
                fmt::format("{} is {}, parameter `{}` is {}", file_name(file),
                            type_text(tensor.type, tensor.shape), path, type_text(type, shape)))
        .in_file(file);
  }
  return tensor.type == type ? std::move(tensor) : convert(tensor, type);
}

}  // namespace

Tensor initial_value(const InitializerSpec& spec, ElementType type, std::vector<int64_t> shape,
                     std::string_view path, uint64_t seed, const std::string& directory,
                     ThreadPool& pool) {
  if (spec.name == "load") return load_value(spec, type, shape, path, directory);
  Tensor tensor = make_tensor(type, std::move(shape));
  const Stream stream(seed, path);
  const Fans fan = fans(spec, tensor.shape);
  const bool kaiming = spec.name.starts_with("kaiming");
  const double gain = spec.has_gain ? spec.gain : kaiming ? std::numbers::sqrt2 : 1.0;
  auto uniform = [&](double bound) { fill_uniform(tensor, stream, -bound, bound, pool); };
  if (spec.name.empty() || spec.name == "zeros") {
    fill_constant(tensor, 0);
  } else if (spec.name == "ones") {
    fill_constant(tensor, 1);
  } else if (spec.name == "const") {
    fill_constant(tensor, spec.value);
  } else if (!is_floating(type)) {
    throw Error(Fault::Weights,
                fmt::format("`{}` is {}, which `{}` cannot fill", path, name(type), spec.name));
  } else if (spec.name == "uniform") {
    fill_uniform(tensor, stream, spec.low, spec.high, pool);
  } else if (spec.name == "normal") {
    fill_normal(tensor, stream, spec.std, pool);
  } else if (spec.name == "xavier_uniform") {
    uniform(gain * std::sqrt(6 / (fan.in + fan.out)));
  } else if (spec.name == "xavier_normal") {
    fill_normal(tensor, stream, gain * std::sqrt(2 / (fan.in + fan.out)), pool);
  } else if (spec.name == "kaiming_uniform") {
    uniform(gain * std::sqrt(3 / fan.in));
  } else if (spec.name == "kaiming_normal") {
    fill_normal(tensor, stream, gain / std::sqrt(fan.in), pool);
  } else if (spec.name == "orthogonal") {
    fill_orthogonal(tensor, stream, gain);
  } else {
    throw std::logic_error("initializer " + spec.name);
  }
  return tensor;
}

void initialize(const Plan& plan, Arena& arena, uint64_t seed, const std::string& directory,
                ThreadPool& pool) {
  for (const Slot& slot : plan.slots) {
    if (slot.role != SlotRole::Param && slot.role != SlotRole::State) continue;
    const Tensor value =
        initial_value(slot.init, slot.type, dims(slot, 0), slot.name, seed, directory, pool);
    write_slot(slot, arena, 0, value.bytes.span());
  }
}

}  // namespace netc::runtime
