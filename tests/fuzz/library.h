// The standard library as the generator sees it, and the compiler asked for the type of an
// expression.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ir/type.h"

namespace netc::fuzz {

/// A parameter of a function, layer or optimizer as it is written.
struct Parameter {
  enum class Kind : uint8_t { Tensor, Int, Setting } kind = Kind::Tensor;
  std::string name;
  std::string dtype;              ///< Tensor: as written; empty: none
  bool typed = false;             ///< Tensor: it has dims
  std::vector<std::string> dims;  ///< a name, a number or `...s`
  std::string standard;           ///< Setting: its value as written
};

struct LibraryItem {
  std::string name;
  std::vector<Parameter> settings;  ///< of a layer or an optimizer
  std::vector<Parameter> parameters;
};

const std::vector<LibraryItem>& library_functions();
const std::vector<LibraryItem>& library_layers();
const std::vector<LibraryItem>& library_optimizers();

/// The type that the compiler gives `expression` over names of these types; absent when it finds
/// an error in it.
std::optional<ir::Type> type_of(const std::string& expression,
                                const std::vector<std::pair<std::string, ir::Type>>& names,
                                ir::DType default_float);

}  // namespace netc::fuzz
