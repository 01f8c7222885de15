// Building blocks of emitted functions: loops, sizes that depend on the batch, index arithmetic
// with lanes, loads and stores. Knows nothing of ops.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "backend/compile.h"
#include "ir/access.h"
#include "ir/graph.h"

namespace netc::backend {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// One coordinate of an element, for all lanes: `base + lane * step` (step absent: the same for all
/// lanes), or a vector of any numbers. All in i64.
struct Coord {
  llvm::Value* base = nullptr;
  llvm::Value* step = nullptr;
  llvm::Value* lanes = nullptr;
  bool uniform() const { return !step && !lanes; }
  auto operator<=>(const Coord&) const = default;
};
using Coords = std::vector<Coord>;

/// Emits one kernel function `void(context, chunk)`.
///
/// Code is placed as far out as its operands allow: each open loop is a depth, a value belongs to
/// the depth of its deepest operand, and is emitted before the loop that does not change it.
class Emitter {
 public:
  Emitter(llvm::Module& module, CpuLevel level, int64_t capacity);

  llvm::IRBuilder<> b;
  const CpuLevel level;
  const int64_t capacity;       ///< B: what chunk counts are made from
  int lanes = 1;                ///< lanes of a vector in this kernel
  llvm::Value* mask = nullptr;  ///< active lanes, absent: all
  bool block_of_rows = false;   ///< the context's batch is a block; the whole stands behind it
  bool aligned_lanes = true;    ///< lanes in a row begin at a multiple of their number

  /// Opens `void name(context, chunk)`; `end` closes it.
  void begin(const std::string& name);
  void end();
  llvm::Value* chunk() const { return chunk_; }

  // Types.
  llvm::Type* scalar_type(ir::DType t);    ///< in registers: bool is i1
  llvm::Type* memory_type(ir::DType t);    ///< in memory: bool is i8
  llvm::Type* widen(llvm::Type* t) const;  ///< a vector of `lanes` of it (lanes 1: itself)
  llvm::Value* splat(llvm::Value* v);      ///< a scalar for all lanes; vectors stay
  static bool is_vector(const llvm::Value* v) { return v->getType()->isVectorTy(); }
  llvm::Value* number(double v, llvm::Type* like);  ///< constant of a float type or vector
  llvm::Value* integer(int64_t v, llvm::Type* like);
  llvm::Value* i64(int64_t v) { return b.getInt64(static_cast<uint64_t>(v)); }

  // Sizes.
  llvm::Value* size(const ir::Dim& dim);            ///< at the run-time batch
  llvm::Value* whole_size(const ir::Dim& dim);      ///< of the whole batch: as a number
  llvm::Value* scalar_number(const ir::Scalar& s);  ///< f64
  int64_t at_capacity(const ir::Dim& dim) const;

  // Placement.
  /// While alive, code goes to the deepest place that any of `operands` needs.
  class Place {
   public:
    Place(Emitter& e, std::initializer_list<llvm::Value*> operands);
    Place(Emitter& e, const std::vector<llvm::Value*>& operands);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    void move(int depth);
    Emitter& e_;
    llvm::IRBuilderBase::InsertPoint saved_;
  };
  /// While set, nothing moves: for loads of memory that the same loop writes.
  bool pinned = false;
  int depth() const { return static_cast<int>(scopes_.size()); }
  int depth_of(const llvm::Value* v) const;

  /// for (i = lo; i < hi; i += step) body(i). LLVM is told to expect so many `rounds`, that it may
  /// keep in registers what is used most; of loops with constant bounds it is told by itself.
  void loop(llvm::Value* lo, llvm::Value* hi, int64_t step,
            const std::function<void(llvm::Value*)>& body, int64_t rounds = 0);
  /// if (condition) body().
  void when(llvm::Value* condition, const std::function<void()>& body);
  /// A slot on the stack, allotted at entry.
  llvm::AllocaInst* slot(llvm::Type* type, int64_t count = 1);
  /// Called when a loop ends with the depth that ends.
  std::function<void(int)> on_close;

  // Index arithmetic.
  Coord uniform(llvm::Value* v) { return {v, nullptr, nullptr}; }
  Coord constant(int64_t v) { return {i64(v), nullptr, nullptr}; }
  Coord add(const Coord& a, const Coord& c);
  Coord add(const Coord& a, llvm::Value* scalar);
  Coord mul(const Coord& a, llvm::Value* scalar);
  /// Floor quotient and remainder of a coordinate that is not negative by a size.
  Coord div(const Coord& a, const ir::Dim& size);
  Coord mod(const Coord& a, const ir::Dim& size);
  llvm::Value* lane_vector(const Coord& c);  ///< i64 per lane (a scalar when uniform)
  static bool is_number(const llvm::Value* v, int64_t n);

  // Memory.
  llvm::Value* arena() const { return arena_; }
  /// The byte address of operand number `i` of the kernel: from the task's table of offsets.
  llvm::Value* base(int i);
  /// Element offset of `coords` under strides.
  Coord offset(const ir::Dim& start, const std::vector<ir::Dim>& strides, const Coords& coords);
  /// The same of a stored value seen through views; `access.base` is of no meaning here.
  Coord offset(const ir::Access& access, const Coords& coords);
  /// `strict`: lanes outside the mask are not read.
  llvm::Value* load(llvm::Value* base, ir::DType type, const Coord& element, bool strict = false);
  void store(llvm::Value* value, llvm::Value* base, ir::DType type, const Coord& element);

  /// Marks a broken index promise in the lanes where `bad` is set.
  void fault(llvm::Value* bad);
  llvm::Value* batch() const { return batch_; }
  llvm::Value* active(llvm::Value* condition);  ///< condition and mask
  /// The mask of lanes below `count` (i64).
  llvm::Value* lanes_below(llvm::Value* count);
  llvm::Function* function() const { return function_; }

 private:
  friend class Place;
  struct Scope {
    llvm::Instruction* entry;  ///< the branch into the loop: code placed outside goes before it
  };
  llvm::Module& module_;
  llvm::Function* function_ = nullptr;
  llvm::BasicBlock* entry_ = nullptr;
  llvm::Value *context_ = nullptr, *chunk_ = nullptr, *arena_ = nullptr, *batch_ = nullptr,
              *whole_batch_ = nullptr, *user_ = nullptr;
  llvm::AllocaInst* fault_flag_ = nullptr;
  std::vector<Scope> scopes_;
  std::map<const llvm::BasicBlock*, int> block_depth_;
  std::map<ir::Dim, llvm::Value*> sizes_;
  std::map<int, llvm::Value*> bases_;

  llvm::BasicBlock* block(const char* name);
  llvm::Value* polynomial(const std::vector<int64_t>& coefficients, llvm::Value* batch);
  llvm::Value* table(const ir::Dim& dim);
};

}  // namespace netc::backend
