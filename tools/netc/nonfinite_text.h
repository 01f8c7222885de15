// What is said of the op that made a number that is not finite.
#pragma once

#include <string>
#include <vector>

#include "ir/origin.h"
#include "runtime/trainer.h"
#include "tools/netc/session.h"

namespace netc::tools {

struct NonfiniteText {
  const Session& session;
  const ir::Module& module;
  const ir::Elements& elements;
  const ir::Origin& origin;
  const runtime::FailedStep& failed;
  const runtime::Split& train;
  int64_t first_row;  ///< of the micro-batch in the step

  /// Adds message, place, notes and help to the diagnostic of an error found after `last_step`.
  void describe(ir::Diagnostic& d, int64_t last_step) const;

 private:
  const ir::Function& function() const { return elements.function(); }
  const ir::Value& value(const ir::Element& e) const { return function()[e.value]; }
  std::string number(const ir::Element& e) const;
  std::string computation(const ir::Element& e) const;
  std::string whose_derivative() const;
  std::string where(const ir::Element& e) const;
  std::optional<int64_t> record(const ir::Element& e) const;
  void of_parameter(ir::Diagnostic& d) const;
  void of_op(ir::Diagnostic& d) const;
  bool add_divergence(ir::Diagnostic& d) const;
  std::string advice() const;
};

}  // namespace netc::tools
