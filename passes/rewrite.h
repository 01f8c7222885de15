// What passes share: copying a function value by value into a new one, reading a function's uses,
// and questions about a single value that need no op's name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/graph.h"

namespace netc::passes {

/// Appends `value` as it is.
ir::ValueId append(ir::Function& function, ir::Value value);

/// The function that a value calls; nothing for all other ops (also for `result`).
std::optional<ir::FunctionId> callee_of(const ir::Value& value);
/// Whether a value is a further result of a call.
bool is_call_result(const ir::Value& value);
/// The number that every element of a constant has; nullptr when the value is no constant.
const ir::Scalar* splat(const ir::Value& value);
/// The number as a double when it depends on no size.
std::optional<double> splat_number(const ir::Value& value);
/// True for a parameter of a function.
bool is_parameter(const ir::Function& function, ir::ValueId v);

/// How often each value is used, as operand, result or capture of a gradient function.
std::vector<uint32_t> use_counts(const ir::Function& function);
/// The values that use each value as an operand, in order, once each.
std::vector<std::vector<ir::ValueId>> users(const ir::Function& function);

/// The place in the user's own text that a value came from: the outermost call.
ir::Place user_place(const ir::Module& module, const std::vector<ir::LocId>& locs);
/// Of each chain of places its outermost one, once each.
std::vector<ir::LocId> user_locs(const ir::Module& module, const std::vector<ir::LocId>& locs);
/// Unites two lists of places, keeping the order of the first.
void unite_locs(std::vector<ir::LocId>& into, const std::vector<ir::LocId>& from);

/// Rebuilds one function: its values are taken out, and the new body is written with `b`. The
/// parameters are copied at once; everything else is copied, replaced or left out by the pass.
class Rewriter {
 public:
  Rewriter(ir::Module& module, ir::FunctionId function);

  ir::Builder b;

  const ir::Function& old() const { return old_; }
  /// The value that stands for an old one; absent when there is none (yet).
  ir::ValueId now(ir::ValueId old) const { return map_[old.index]; }
  std::vector<ir::ValueId> now(const std::vector<ir::ValueId>& old) const;
  void set(ir::ValueId old, ir::ValueId now) { map_[old.index] = now; }
  /// Appends the same op on the new operands, with its name, places, kernel and storage.
  ir::ValueId copy(ir::ValueId old);
  /// Writes results and captures, and gives results of entry points their names.
  void finish();

 private:
  ir::Module& module_;
  ir::FunctionId function_;
  ir::Function old_;
  std::vector<ir::ValueId> map_;
};

/// Makes every result of an entry point a value of its own that bears the result's name; where it
/// cannot (a parameter, a value returned twice) an identity copy is added.
void name_results(ir::Module& module, ir::FunctionId function);

/// Drops values that no result needs. A call and its further results stay or go together.
/// Returns how many went. `kept`: further values that stay, renumbered on return.
int64_t erase_unused(ir::Module& module, ir::FunctionId function,
                     std::vector<ir::ValueId>* kept = nullptr);

}  // namespace netc::passes
