// Typed indices. A graph stores its values, kernels and places in vectors and refers to them by
// these ids, so a value id can never be used where a function id is wanted.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace netc::ir {

/// An index into the vector that owns entities of kind `Tag`. Default-constructed ids are absent.
template <class Tag>
struct Id {
  static constexpr uint32_t kAbsent = 0xffffffffu;
  uint32_t index = kAbsent;

  constexpr Id() = default;
  constexpr explicit Id(size_t i) : index(static_cast<uint32_t>(i)) {}
  /// True when the id refers to an entity.
  constexpr explicit operator bool() const { return index != kAbsent; }
  constexpr auto operator<=>(const Id&) const = default;
};

using ValueId = Id<struct ValueTag>;
using FunctionId = Id<struct FunctionTag>;
using KernelId = Id<struct KernelTag>;
using LocId = Id<struct LocTag>;

}  // namespace netc::ir

template <class Tag>
struct std::hash<netc::ir::Id<Tag>> {
  size_t operator()(netc::ir::Id<Tag> id) const noexcept { return id.index; }
};
