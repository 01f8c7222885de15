// What people who come from PyTorch, NumPy, JAX or Keras type, and what it is called here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace netc::frontend {

/// The name of `known` that `word` stands for: without a prefix (`F.relu`), by its name in another
/// library (`axis`), in other case (`Relu`), or misspelt. Empty when none is near.
std::string intended_name(std::string_view word, const std::vector<std::string>& known);

/// A sentence for a help: "did you mean `softmax`?", "NumPy's `axis` is called `dim` here", or what
/// to write where no one name does it ("write `a @ b`"). Empty when there is nothing to say.
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

/// Whether `word` is how another library's names start: `np`, `torch`, `nn` …
bool is_library(std::string_view word);

}  // namespace netc::frontend
