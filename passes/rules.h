// The rewrite rules of simplify.rules: parsed once from text, matched against values and built with
// a Builder. Which ops there are comes from the op table.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ir/builder.h"

namespace netc::passes {

/// A pattern or replacement: an op on terms, a variable, or a number (`true` and `false` are 1, 0).
struct Term {
  enum class Kind : uint8_t { Op, Variable, NonConstant, Constant, PowerOfTwo, Number };
  Kind kind = Kind::Variable;
  ir::Op op{};
  std::vector<Term> args;
  int variable = -1;  ///< number of the variable in its rule
  double number = 0;
};

struct Rule {
  std::string text;  ///< as written, without the marks
  int line = 0;
  Term pattern, replacement;
  std::vector<std::string> variables;
  bool fast = false, gradient = false, only_float = false, only_integer = false;
  bool after_backward = false;  ///< once gradients are there
};

/// Parses rules; throws std::logic_error that names the line.
std::vector<Rule> parse_rules(std::string_view text);
/// The rules that the binary carries.
const std::vector<Rule>& rules();

/// Whether `rule` may be used on a value of this dtype.
bool allowed(const Rule& rule, ir::DType dtype, bool fast);

/// Matches the pattern against `v`; fills `bound` (by variable number).
bool match(const Rule& rule, const ir::Function& function, ir::ValueId v,
           std::vector<ir::ValueId>& bound);

/// Writes the replacement of a rule that matched `root`; `emit` appends an op and may simplify it.
using Emit = std::function<ir::ValueId(ir::Op, std::vector<ir::ValueId>)>;
ir::ValueId build(const Rule& rule, ir::Builder& b, ir::ValueId root,
                  const std::vector<ir::ValueId>& bound, const Emit& emit);

}  // namespace netc::passes
