// A small model around one function of the program, so that its gradient can be checked alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "frontend/ast.h"

namespace netc::tools {

struct FunctionModel {
  std::string function;
  std::string model;   ///< the model's name
  std::string source;  ///< the model as `.net` text
  /// Parameters of the model in order, with the names that the function gives them.
  std::vector<std::pair<std::string, std::string>> params;
};

/// The model, or why there cannot be one (`why`): a parameter without a type, a setting without a
/// default, no float parameter.
std::optional<FunctionModel> make_function_model(const frontend::File& program,
                                                 const frontend::FnItem& function,
                                                 std::string& why);

/// The functions of a program that bring their own gradient, in order.
std::vector<const frontend::FnItem*> functions_with_gradient(const frontend::File& program);
const frontend::FnItem* find_function(const frontend::File& program, const std::string& name);

}  // namespace netc::tools
