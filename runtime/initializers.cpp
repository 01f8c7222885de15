// Initialisers. Formulas are PyTorch's; fans are (in, out) for rank 2 and (out, in, window…) for
// higher ranks.
#include "runtime/initializers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <optional>
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

/// How elements are made that do not depend on each other.
struct Draw {
  enum class Kind : uint8_t { Constant, Uniform, Normal } kind = Kind::Constant;
  double low = 0;   ///< or the constant
  double high = 0;  ///< or the standard deviation
};

template <typename T>
void draw(const Draw& how, const Stream& stream, uint64_t first, std::span<T> values) {
  if constexpr (std::is_floating_point_v<T>) {
    if (how.kind == Draw::Kind::Uniform)
      return fill_uniform(stream, first, how.low, how.high, values);
    if (how.kind == Draw::Kind::Normal) return fill_normal(stream, first, how.high, values);
  }
  std::fill(values.begin(), values.end(), static_cast<T>(how.low));
}

/// Rows of elements in memory that are drawn in one go.
struct Piece {
  Draw how;
  Stream stream;
  ElementType type;
  uint64_t first;  ///< element; even, as the streams want
  int64_t rows, width;
  int64_t stride;  ///< elements from row to row in memory
  int64_t panel = 0,
          distance = 0;  ///< of rows in panels: their columns, elements from one to the next
  std::byte* out;
};

/// Draws rows side by side and copies their parts to the panels.
template <typename T>
void draw_in_panels(const Piece& piece) {
  std::vector<T> dense(static_cast<size_t>(piece.rows * piece.width));
  draw(piece.how, piece.stream, piece.first, std::span(dense));
  T* out = reinterpret_cast<T*>(piece.out);
  for (int64_t column = 0; column < piece.width; column += piece.panel) {
    const int64_t count = std::min(piece.panel, piece.width - column);
    for (int64_t row = 0; row < piece.rows; ++row)
      std::copy_n(dense.data() + row * piece.width + column, count,
                  out + column / piece.panel * piece.distance + row * piece.stride);
  }
}

void draw_piece(const Piece& piece) {
  with_type(piece.type, [&]<typename T>(T) {
    if (piece.panel) return draw_in_panels<T>(piece);
    for (int64_t row = 0; row < piece.rows; ++row) {
      T* out = reinterpret_cast<T*>(piece.out) + row * piece.stride;
      draw(piece.how, piece.stream, piece.first + static_cast<uint64_t>(row * piece.width),
           std::span(out, static_cast<size_t>(piece.width)));
    }
  });
}

/// Cuts elements that lie one behind the other.
void add_pieces(const Draw& how, const Stream& stream, ElementType type, int64_t count,
                std::byte* out, std::vector<Piece>& pieces) {
  for (int64_t first = 0; first < count; first += kChunk)
    pieces.push_back({how, stream, type, static_cast<uint64_t>(first), 1,
                      std::min(kChunk, count - first), 0, 0, 0, out + first * byte_size(type)});
}

/// Cuts a matrix whose rows, or whose panels, lie apart.
void add_row_pieces(const Draw& how, const Stream& stream, const Slot& slot, int64_t rows,
                    int64_t width, std::byte* out, std::vector<Piece>& pieces) {
  const int64_t stride = slot.panel ? slot.panel : slot.leading_stride;
  const int64_t distance = slot.panel ? slot.leading_stride : 0;
  const int64_t most = std::max<int64_t>(1, kChunk / width);
  for (int64_t row = 0; row < rows; row += most)
    pieces.push_back({how, stream, slot.type, static_cast<uint64_t>(row * width),
                      std::min(most, rows - row), width, stride, slot.panel, distance,
                      out + row * stride * byte_size(slot.type)});
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

Tensor load_value(const InitializerSpec& spec, ElementType type, const std::vector<int64_t>& shape,
                  std::string_view path, const std::string& directory) {
  const bool relative = !spec.file.empty() && spec.file[0] != '/' && !directory.empty();
  const std::string file = relative ? directory + "/" + spec.file : spec.file;
  Tensor tensor = read_npy(file, Fault::Weights);
  const bool fits = tensor.type == type || (is_floating(type) && is_floating(tensor.type));
  if (tensor.shape != shape || !fits) {
    throw Error(Fault::Weights,
                fmt::format("{} is {}, parameter `{}` is {}", shown_path(file),
                            type_text(tensor.type, tensor.shape), path, type_text(type, shape)))
        .in_file(file);
  }
  return tensor.type == type ? std::move(tensor) : convert(tensor, type);
}

void require_floating(const InitializerSpec& spec, ElementType type, std::string_view path) {
  if (is_floating(type)) return;
  throw Error(Fault::Weights,
              fmt::format("`{}` is {}, which `{}` cannot fill", path, name(type), spec.name));
}

/// How the elements of a parameter start; nothing when they are loaded or depend on each other.
std::optional<Draw> draw_of(const InitializerSpec& spec, ElementType type,
                            const std::vector<int64_t>& shape, std::string_view path) {
  using Kind = Draw::Kind;
  if (spec.name == "load" || spec.name == "orthogonal") return {};
  if (spec.name.empty() || spec.name == "zeros") return Draw{Kind::Constant, 0, 0};
  if (spec.name == "ones") return Draw{Kind::Constant, 1, 0};
  if (spec.name == "const") return Draw{Kind::Constant, spec.value, 0};
  require_floating(spec, type, path);
  const Fans fan = fans(spec, shape);
  const bool kaiming = spec.name.starts_with("kaiming");
  const double gain = spec.has_gain ? spec.gain : kaiming ? std::numbers::sqrt2 : 1.0;
  const auto uniform = [](double bound) { return Draw{Kind::Uniform, -bound, bound}; };
  const auto normal = [](double deviation) { return Draw{Kind::Normal, 0, deviation}; };
  if (spec.name == "uniform") return Draw{Kind::Uniform, spec.low, spec.high};
  if (spec.name == "normal") return normal(spec.std);
  if (spec.name == "xavier_uniform") return uniform(gain * std::sqrt(6 / (fan.in + fan.out)));
  if (spec.name == "xavier_normal") return normal(gain * std::sqrt(2 / (fan.in + fan.out)));
  if (spec.name == "kaiming_uniform") return uniform(gain * std::sqrt(3 / fan.in));
  if (spec.name == "kaiming_normal") return normal(gain / std::sqrt(fan.in));
  throw std::logic_error("initializer " + spec.name);
}

}  // namespace

Tensor initial_value(const InitializerSpec& spec, ElementType type, std::vector<int64_t> shape,
                     std::string_view path, uint64_t seed, const std::string& directory,
                     ThreadPool& pool) {
  if (spec.name == "load") return load_value(spec, type, shape, path, directory);
  const auto how = draw_of(spec, type, shape, path);
  Tensor tensor = make_tensor(type, std::move(shape));
  const Stream stream(seed, path);
  if (how) {
    std::vector<Piece> pieces;
    add_pieces(*how, stream, type, tensor.count(), tensor.bytes.span().data(), pieces);
    pool.parallel(static_cast<int64_t>(pieces.size()),
                  [&](int64_t i, int) { draw_piece(pieces[static_cast<size_t>(i)]); });
    return tensor;
  }
  require_floating(spec, type, path);
  fill_orthogonal(tensor, stream, spec.has_gain ? spec.gain : 1.0);
  return tensor;
}

void initialize(const Plan& plan, Arena& arena, uint64_t seed, const std::string& directory,
                ThreadPool& pool) {
  std::vector<Piece> pieces;  // of all slots: drawn where they stay, by all threads
  for (const Slot& slot : plan.slots) {
    if (slot.role != SlotRole::Param && slot.role != SlotRole::State) continue;
    const std::vector<int64_t> shape = dims(slot, 0);
    const auto how = draw_of(slot.init, slot.type, shape, slot.name);
    const int64_t width = shape.empty() ? 1 : shape.back();
    const Stream stream(seed, slot.name);
    std::byte* out = arena.data() + slot.offset;
    if (how && slot.leading_stride == 0) {
      add_pieces(*how, stream, slot.type, dense_bytes(slot, 0) / byte_size(slot.type), out, pieces);
    } else if (how && width > 0 && width % 2 == 0) {
      const int64_t rows = dense_bytes(slot, 0) / byte_size(slot.type) / width;
      add_row_pieces(*how, stream, slot, rows, width, out, pieces);
    } else {
      const Tensor value =
          initial_value(slot.init, slot.type, shape, slot.name, seed, directory, pool);
      write_slot(slot, arena, 0, value.bytes.span());
    }
  }
  pool.parallel(static_cast<int64_t>(pieces.size()),
                [&](int64_t i, int) { draw_piece(pieces[static_cast<size_t>(i)]); });
}

}  // namespace netc::runtime
