// One program through the whole compiler, against the oracle.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "backend/compile.h"
#include "frontend/diagnostics.h"
#include "frontend/elaborate.h"
#include "frontend/source.h"
#include "ir/graph.h"

namespace netc::fuzz {

/// A program text after parsing, elaboration and its settings.
struct Loaded {
  frontend::SourceSet sources;
  frontend::Diagnostics diagnostics;
  ir::Module module;  ///< meaningful when there are no errors
  bool accepted() const { return !diagnostics.has_errors(); }
};
Loaded load(const std::string& text);

/// What came of one program.
struct Verdict {
  bool valid = false;     ///< the compiler accepted it
  std::string failure;    ///< what is wrong, empty: nothing
  std::string rejection;  ///< the first error of a program that was not accepted

  int64_t elements = 0, unstable = 0;  ///< of results, compared and skipped
  double tightest = 0;                 ///< largest |compiled - value| / bound
  bool gradient_checked = false;       ///< reverse against forward mode
  bool difference_checked = false;     ///< forward mode against central differences
};

/// Compiles and runs `text` with inputs, batch, level and CPU that follow from `seed`; compares
/// outputs, loss, gradients and updated parameters with the oracle, and its gradients with forward
/// mode and central differences; `cpu` is taken in place of the CPU level that follows. Never
/// throws.
Verdict check(const std::string& text, uint64_t seed, std::optional<backend::CpuLevel> cpu = {});

}  // namespace netc::fuzz
