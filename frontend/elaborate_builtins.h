// What handlers of builtins share: arguments as tensors, dims, sizes and flags.
#pragma once

#include "frontend/elaborate_state.h"

namespace netc::frontend {

Span argument_span(const CallSite& site, const CallArg* arg);
ir::ValueId tensor_argument(Elaborator& e, CallSite& site, CallArg* arg);
/// One dim, from the end when negative.
int64_t dim_argument(Elaborator& e, CallSite& site, CallArg* arg, int rank);
/// An int, a list, or all dims (no argument, `all`, None); ascending.
std::vector<int64_t> dims_argument(Elaborator& e, CallSite& site, CallArg* arg, int rank);
bool flag_argument(Elaborator& e, CallSite& site, CallArg* arg, bool standard);

/// Fails at the call in the program, where std called itself on the way here.
[[noreturn]] void fail_in_program(Elaborator& e, Span at, const char* code,
                                  const std::string& message, const std::string& help = "");

/// Views and what else moves elements.
void add_shape_builtins(std::vector<Builtin>& list);

}  // namespace netc::frontend
