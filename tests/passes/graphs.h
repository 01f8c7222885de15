// Graphs that several tests of the passes use, built by hand, and ways to run them.
#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/print.h"
#include "ir/reference.h"
#include "ir/verify.h"
#include "passes/pass.h"

namespace netc::passes::test {

/// An empty function of a module, entry point unless it is called from others.
ir::FunctionId add_function(ir::Module& module, const std::string& name, bool entry = true);

/// The training step of a perceptron 784-128-10 (sizes may be given), as elaboration leaves it:
/// u8 decode, two linear layers, cross entropy, SGD with momentum.
ir::Module perceptron(int64_t n_in = 784, int64_t hidden = 128, int64_t n_out = 10);

/// A random array of a type whose symbolic sizes are `batch`.
ir::Array random_array(const ir::Type& type, int64_t batch, std::mt19937& random);
/// Random arguments for a function: floats normal, integers small and non-negative.
std::vector<ir::Array> random_arguments(const ir::Function& function, int64_t batch,
                                        std::mt19937& random);

/// The largest difference of two results relative to the size of their elements; inf when shapes or
/// NaNs differ.
double difference(const ir::Array& a, const ir::Array& b);

/// Runs passes by their names.
ir::Module run_passes(ir::Module module, const std::vector<std::string>& names,
                      PassContext& context);
ir::Module run_pipeline(ir::Module module, ir::Stage to, int level, PassContext& context);

}  // namespace netc::passes::test
