// Single elements of a function's values after a run over an arena: their numbers, and the
// elements that they were computed from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/access.h"
#include "ir/graph.h"

namespace netc::ir {

/// An element of a value, counted in row-major order.
struct Element {
  ValueId value;
  int64_t index = 0;
  auto operator<=>(const Element&) const = default;
};

/// Reads a planned function whose stored values all still stand in the arena; every named size is
/// `batch`. Views and constants that are not stored are seen through.
class Elements {
 public:
  Elements(const Function& function, const std::byte* arena, int64_t batch);

  const Function& function() const { return f_; }
  int64_t batch() const { return batch_; }
  const std::vector<int64_t>& shape(ValueId v) const;
  int64_t count(ValueId v) const;
  /// `e.index` as one index a dim.
  std::vector<int64_t> position(const Element& e) const;

  double number(const Element& e) const;
  /// Calls visit(operand, element) for everything that an element was computed from: of `where` the
  /// condition and the branch taken, of a reduction all that it folds, of an einsum all left and
  /// then all right factors of its products.
  void visit_sources(const Element& e,
                     const std::function<void(size_t operand, const Element&)>& visit) const;

 private:
  struct Layout {
    std::vector<int64_t> shape;
    int64_t offset = 0;            ///< in elements, behind the value's place
    std::vector<int64_t> strides;  ///< in memory, where the value is stored
    std::optional<PanelledDim> panels;
  };
  const Layout& layout(ValueId v) const;
  int64_t evaluate(const Dim& size) const;
  std::optional<int64_t> affine_source(const Element& e) const;
  double stored_number(const Element& e) const;

  const Function& f_;
  const std::byte* arena_;
  int64_t batch_;
  std::map<std::string, int64_t> sizes_;
  mutable std::vector<std::optional<Layout>> layouts_;
};

}  // namespace netc::ir
