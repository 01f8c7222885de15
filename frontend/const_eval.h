// Values of expressions that need no tensor: numbers, booleans, strings, `let` constants and the
// operators among them. Settings are read with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "frontend/ast.h"
#include "frontend/diagnostics.h"
#include "frontend/elaborate.h"
#include "frontend/source.h"

namespace netc::frontend {

/// Integers are exact; `/` of integers and all else is f64.
using Constant = std::variant<int64_t, double, bool, std::string>;

/// The value as a double; nothing when it is no number.
std::optional<double> number_of(const Constant& value);

/// Evaluates expressions as they stand in the program (`units[0]`), where its `let` constants and
/// those of files it uses are visible. Findings (E0202, E0502, E0509) go to `diagnostics`.
class ConstantEvaluator {
 public:
  ConstantEvaluator(const std::vector<Unit>& units, const SourceSet& sources,
                    Diagnostics& diagnostics)
      : units_(units), sources_(sources), diagnostics_(diagnostics) {}

  /// The value, or nothing when an error was reported.
  std::optional<Constant> evaluate(const Expr& expr);

 private:
  struct Let {
    const LetItem* item = nullptr;
    size_t unit = 0;
  };

  std::optional<Constant> value(const Expr& expr, size_t unit);
  std::optional<Constant> unary(const Unary& node, const Expr& expr, size_t unit);
  std::optional<Constant> binary(const Binary& node, const Expr& expr, size_t unit);
  std::optional<Constant> integers(BinaryOp op, int64_t a, int64_t b, const Expr& expr);
  std::optional<Constant> name(const std::string& name, const Expr& expr, size_t unit);
  std::optional<Constant> let(const Let& let, const Expr& expr);
  Let find(const std::string& name, size_t unit) const;
  Let find_behind_alias(const std::string& alias, const std::string& name, size_t unit) const;
  std::vector<std::string> visible_names(size_t unit) const;
  std::nullopt_t report(const char* code, Span span, std::string message, std::string label,
                        std::string help = {});

  const std::vector<Unit>& units_;
  const SourceSet& sources_;
  Diagnostics& diagnostics_;
  std::map<const LetItem*, std::optional<Constant>> known_;  // empty while being evaluated
  int depth_ = 0;
};

}  // namespace netc::frontend
