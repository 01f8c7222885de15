// Broadcasting, dim numbers and size checks; the texts follow the diagnostics page.
#include "ir/shape_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace netc::ir {
namespace {

/// Two rows of sizes aligned from the right, the second followed by the reason.
std::string alignment_note(const Shape& a, const Shape& b, const std::string& reason) {
  size_t rank = std::max(a.size(), b.size());
  std::string first = "shapes align from the right: ";
  std::string second(first.size(), ' ');
  for (size_t i = 0; i < rank; ++i) {
    std::string x = i + a.size() >= rank ? a[i + a.size() - rank].str() : "";
    std::string y = i + b.size() >= rank ? b[i + b.size() - rank].str() : "";
    size_t width = std::max(x.size(), y.size()) + 2;
    first += std::string(width - x.size(), ' ') + x;
    second += std::string(width - y.size(), ' ') + y;
  }
  return first + "\n" + second + "   " + reason;
}

}  // namespace

Broadcasted broadcast_shapes(const std::string& operation, const Type& lhs, const Type& rhs) {
  const Shape &a = lhs.shape, &b = rhs.shape;
  size_t rank = std::max(a.size(), b.size());
  Broadcasted result;
  result.shape.resize(rank);
  for (size_t k = 1; k <= rank; ++k) {
    bool in_a = k <= a.size(), in_b = k <= b.size();
    Dim x = in_a ? a[a.size() - k] : Dim(1), y = in_b ? b[b.size() - k] : Dim(1);
    Dim& size = result.shape[rank - k];
    if (x == y) {
      size = x;
    } else if (x == Dim(1)) {
      size = y;
      result.expands_lhs = true;
    } else if (y == Dim(1)) {
      size = x;
      result.expands_rhs = true;
    } else {
      OpError error("E0302",
                    fmt::format("`{}`: {} and {} do not broadcast", operation, str(lhs), str(rhs)));
      error.labels = {{0, str(lhs)}, {1, str(rhs)}};
      std::string reason = fmt::format("{} is not {}, and neither is 1", x.str(), y.str());
      error.notes.push_back(alignment_note(a, b, reason));
      throw error;
    }
  }
  return result;
}

int64_t normalise_dim(const std::string& operation, int64_t dim, int rank) {
  if (dim >= -rank && dim < rank) return dim < 0 ? dim + rank : dim;
  OpError error("E0306", fmt::format("`{}`: there is no dim {}, the operand has {} dim{}",
                                     operation, dim, rank, rank == 1 ? "" : "s"));
  if (rank > 0)
    error.helps.push_back(
        fmt::format("dims count from 0: 0 to {}, or from the end, -1 to {}", rank - 1, -rank));
  throw error;
}

void check_sizes(const std::string& operation, const Shape& shape) {
  for (const Dim& size : shape) {
    if (size.is_constant() && size.constant() < 0)
      throw OpError("E0310", fmt::format("`{}`: a size would be {}, and sizes are not negative",
                                         operation, size.constant()));
  }
  Dim count = element_count(shape);
  if (count.overflowed())
    throw OpError("E0310", fmt::format("`{}`: {} has more elements than 64 bits count", operation,
                                       str(shape)));
}

Shape window_counts(const Shape& sizes, const WindowSizes& w) {
  auto check_positive = [&](const Shape& numbers, const char* what) {
    if (numbers.size() != sizes.size())
      throw OpError("E0310", fmt::format("a window over {} dims has {} numbers as its {}",
                                         sizes.size(), numbers.size(), what));
    for (const Dim& d : numbers)
      if (d.is_constant() && d.constant() < 1)
        throw OpError("E0310", fmt::format("the {} of a window is {}, and must be at least 1", what,
                                           d.constant()));
  };
  check_positive(w.k, "size");
  check_positive(w.stride, "stride");
  check_positive(w.dilation, "dilation");
  Shape counts;
  for (size_t i = 0; i < sizes.size(); ++i) {
    Dim room = sizes[i] - w.dilation[i] * (w.k[i] - Dim(1)) - Dim(1);
    if (room.is_constant() && room.constant() < 0) {
      Dim span = w.dilation[i] * (w.k[i] - Dim(1)) + Dim(1);
      OpError error("E0310", fmt::format("a window of {} does not fit into {}, the size it "
                                         "moves along",
                                         span.str(), sizes[i].str()));
      error.helps.push_back("take a smaller window or less dilation, or pad the input");
      throw error;
    }
    counts.push_back(floor_div(room, w.stride[i]) + Dim(1));
  }
  return counts;
}

Shape drop_dims(const Shape& shape, const std::vector<int64_t>& dims) {
  Shape rest;
  for (size_t i = 0; i < shape.size(); ++i)
    if (std::find(dims.begin(), dims.end(), int64_t(i)) == dims.end()) rest.push_back(shape[i]);
  return rest;
}

Shape keep_dims(const Shape& shape, const std::vector<int64_t>& dims) {
  Shape kept = shape;
  for (int64_t d : dims) kept[size_t(d)] = 1;
  return kept;
}

std::vector<int64_t> all_dims(int rank) {
  std::vector<int64_t> dims(static_cast<size_t>(rank));
  std::iota(dims.begin(), dims.end(), 0);
  return dims;
}

}  // namespace netc::ir
