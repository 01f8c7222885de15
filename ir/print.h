// Prints modules in core form: `.net` text that the frontend parses back to the same module.
#pragma once

#include <string>

#include "ir/graph.h"

namespace netc::ir {

enum class LocStyle : uint8_t { None, Line, Full };

struct PrintOptions {
  LocStyle loc = LocStyle::Full;
  /// Only this function (and what it calls of the user's); empty: all.
  std::string entry;
  /// Only this kernel's block.
  std::string kernel;
  bool stage_line = true;
};

std::string print(const Module& module, const PrintOptions& options = {});
/// One function, without the stage line.
std::string print(const Module& module, FunctionId function, const PrintOptions& options = {});

}  // namespace netc::ir
