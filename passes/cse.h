// Equal values: the same op on the same operands with the same attributes and type.
#pragma once

#include <unordered_map>
#include <vector>

#include "ir/graph.h"

namespace netc::passes {

/// A table of the values of one function by what they compute.
class ValueTable {
 public:
  explicit ValueTable(const ir::Module& module, ir::FunctionId function)
      : module_(module), function_(function) {}

  /// The value entered earlier that computes the same as `v`; else `v`, which is entered.
  ir::ValueId unique(ir::ValueId v);

 private:
  const ir::Module& module_;
  ir::FunctionId function_;
  std::unordered_map<size_t, std::vector<ir::ValueId>> by_hash_;
};

}  // namespace netc::passes
