// The element of a value at an index, computed from stored values: what every kernel is made of.
#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "backend/emitter.h"
#include "backend/kernel.h"

namespace netc::backend {

class Pull {
 public:
  Pull(Emitter& e, const ir::Function& function, const Kernel& kernel);
  ~Pull() { e_.on_close = nullptr; }
  Pull(const Pull&) = delete;
  Pull& operator=(const Pull&) = delete;

  /// The element(s) of `v` at `at`: a scalar when it is the same for all lanes, else a vector.
  /// Throws NotFused when it needs an element of a reduction that is not at hand.
  llvm::Value* value(ir::ValueId v, const Coords& at);

  /// Declares the element of `v` (a reduction, a contraction) at `at`.
  void give(ir::ValueId v, const Coords& at, llvm::Value* element);
  /// Forgets what was given and computed.
  void forget();
  /// `v`, a member, is read from base number `base`, dense, from now on.
  void read_from(ir::ValueId v, int base) { kept_[v] = base; }

  /// `v`, a member, is read by `element` from now on: it was kept while it was computed.
  void read_by(ir::ValueId v, std::function<llvm::Value*(const Coords&)> element) {
    readers_[v] = std::move(element);
  }

  /// Stores an element of a yield.
  void store(ir::ValueId yield, const Coords& at, llvm::Value* element);
  llvm::Value* constant(const ir::Scalar& number, ir::DType type);

 private:
  struct Key {
    ir::ValueId v;
    Coords at;
    llvm::Value* mask;
    auto operator<=>(const Key&) const = default;
  };
  Emitter& e_;
  const ir::Function& f_;
  const Kernel& k_;
  std::map<Key, llvm::Value*> known_;
  std::map<ir::ValueId, std::vector<std::pair<Coords, llvm::Value*>>> given_;
  std::map<ir::ValueId, int> kept_;
  std::map<ir::ValueId, std::function<llvm::Value*(const Coords&)>> readers_;
  bool strict_ = false;  ///< lanes outside the mask may lie outside their tensor

  llvm::Value* compute(ir::ValueId v, const Coords& at);
  llvm::Value* map(const ir::Value& value, const Coords& at);
  llvm::Value* structural(const ir::Value& value, const Coords& at);
  llvm::Value* load(const ir::Access& access, int number, const Coords& at);

  // One function a structural op that is computed, not only looked up elsewhere.
  llvm::Value* iota(const ir::Value& value, const Coords& at);
  llvm::Value* random(const ir::Value& value, const Coords& at);
  llvm::Value* checked_index(const ir::Value& value, const Coords& at);
  llvm::Value* gathered(const ir::Value& value, const Coords& at);
  llvm::Value* padded(const ir::Value& value, const Coords& at);
  llvm::Value* unwindowed(const ir::Value& value, const Coords& at);
  llvm::Value* concatenated(const ir::Value& value, const Coords& at);
  Coords reshaped(const ir::Shape& from, const ir::Shape& to, const Coords& at);
  /// Evaluates `v` where `inside` holds: at `at`, of which dim `dim` may lie outside elsewhere.
  llvm::Value* guarded(ir::ValueId v, Coords at, size_t dim, llvm::Value* inside);
  Coord clamped(const Coord& c, const ir::Dim& size);
  llvm::Value* both(llvm::Value* x, llvm::Value* y);
  llvm::Value* compare(const Coord& c, llvm::CmpInst::Predicate predicate, llvm::Value* limit);
};

}  // namespace netc::backend
