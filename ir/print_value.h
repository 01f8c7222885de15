// Text of single values, types and places in core form; print.cpp puts them into functions.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/print.h"

namespace netc::ir {

/// Names and literals of one function while it prints.
struct FunctionText {
  const Module& module;
  const Function& function;
  std::vector<std::string> names;
  std::vector<bool> inlined;

  /// The right-hand side of the binding of `v`.
  std::string expression(ValueId v) const;
  /// `h: f32[batch, 4] @ arena + 64 ld 20`
  std::string target(ValueId v) const;

 private:
  std::string operand(const Value& value, size_t i, int level) const;
  std::string operand_list(const Value& value) const;
  std::string scalar_expression(const Value& value) const;
  std::string call_expression(const Value& value) const;
  std::string slice_expression(const Value& value) const;
  std::string generic_expression(const Value& value) const;
};

/// ` @ arena + 64 ld 20`, or nothing.
std::string storage_text(const Value& value);
/// `7:21, 7:25; vjp p; remark`, without `#@`; empty when there is nothing to say.
std::string note_text(const Module& module, const Value& value, LocStyle style);
/// `std/nn.net:12:3 < 7:14`
std::string place_text(const Module& module, LocId loc, LocStyle style);
/// `kaiming_normal(gain = 2)`; of a state the bare number.
std::string initializer_text(const Initializer& init, Role role);
/// `"…"` with escapes.
std::string quoted(const std::string& text);

}  // namespace netc::ir
