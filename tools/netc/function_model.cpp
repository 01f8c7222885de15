// Writes the model as source text: every float parameter of the function becomes a parameter of the
// model, every other tensor an input, sizes become numbers, and the loss weighs the results with
// values that count as constants.
#include "tools/netc/function_model.h"

#include <fmt/format.h>

#include <array>
#include <map>
#include <set>

#include "frontend/format.h"

namespace netc::tools {

namespace {
using frontend::Expr;

constexpr const char* kRun = "8, 9";  ///< what `...` stands for: 72 elements, more than are sampled

/// Chooses sizes for the names in dims; a name that a `let` declares stays as it is.
class Sizes {
 public:
  explicit Sizes(const frontend::File& program) {
    for (const frontend::Item& item : program.items)
      if (auto* let = std::get_if<frontend::LetItem>(&item.node)) lets_.insert(let->name);
  }

  std::string dim(const Expr& e) {
    if (auto* name = std::get_if<frontend::Name>(&e.node)) return size_of(name->name);
    if (auto* b = std::get_if<frontend::Binary>(&e.node))
      return fmt::format("({} {} {})", dim(*b->lhs), frontend::spelling(b->op), dim(*b->rhs));
    return frontend::format(e);
  }

 private:
  std::set<std::string> lets_;
  std::map<std::string, std::string> chosen_;

  std::string size_of(const std::string& name) {
    if (lets_.contains(name)) return name;
    constexpr std::array<int, 4> kSizes = {6, 7, 8, 5};
    auto [it, added] = chosen_.try_emplace(name, "");
    if (added) it->second = std::to_string(kSizes[(chosen_.size() - 1) % kSizes.size()]);
    return it->second;
  }
};

std::string type_text(const frontend::TypeSyntax& type, Sizes& sizes) {
  std::string dtype = type.dtype.empty() ? "float" : type.dtype;
  if (!type.dims) return dtype;
  std::vector<std::string> dims;
  for (const frontend::DimSyntax& d : *type.dims)
    dims.push_back(d.ellipsis ? kRun : sizes.dim(*d.size));
  return fmt::format("{}[{}]", dtype, fmt::join(dims, ", "));
}

bool is_float(const frontend::TypeSyntax& type) {
  return type.dtype.empty() || type.dtype == "float" || type.dtype == "f32" || type.dtype == "f64";
}

bool is_setting(const frontend::ParamDecl& p) {
  return p.value || p.type->dtype == "int" || p.type->dtype == "str" || p.type->dtype == "fn" ||
         (p.type->dtype == "bool" && !p.type->dims);
}

/// Whether the function's own backward says `None` for the float input at `position`.
bool has_no_gradient(const frontend::FnItem& function, size_t position) {
  if (!function.grad) return false;
  for (const frontend::Stmt& s : function.grad->body)
    if (auto* r = std::get_if<frontend::Return>(&s.node); r && position < r->values.size())
      return std::holds_alternative<frontend::None>(r->values[position]->node);
  return false;
}

size_t result_count(const frontend::FnItem& function) {
  if (!function.results.empty()) return function.results.size();
  for (const frontend::Stmt& s : function.body)
    if (auto* r = std::get_if<frontend::Return>(&s.node)) return r->values.size();
  return 1;
}
}  // namespace

std::optional<FunctionModel> make_function_model(const frontend::File& program,
                                                 const frontend::FnItem& function,
                                                 std::string& why) {
  FunctionModel model;
  model.function = function.name.str();
  model.model = "check_of_" + function.name.parts.back();
  Sizes sizes(program);
  std::string declarations;
  std::vector<std::string> arguments;
  size_t floats = 0;
  for (const frontend::ParamDecl& p : function.params) {
    std::string name = p.path.str();
    if (!p.type && !p.value) {
      why = fmt::format("its parameter `{}` has no type", name);
      return {};
    }
    if (!p.type || is_setting(p)) {
      if (p.value) continue;
      why = fmt::format("its parameter `{}` is a setting without a default", name);
      return {};
    }
    std::string argument = "argument_" + name;
    std::string type = type_text(*p.type, sizes);
    if (is_float(*p.type)) {
      declarations += fmt::format("  param {}: {} = normal(1.0)\n", argument, type);
      if (!has_no_gradient(function, floats++)) model.params.emplace_back(argument, name);
    } else {
      declarations += fmt::format("  input {}: {}\n", argument, type);
    }
    arguments.push_back(argument);
  }
  if (model.params.empty()) {
    why = "it has no float parameter that gets a gradient";
    return {};
  }
  std::vector<std::string> targets, terms;
  for (size_t i = 0; i < result_count(function); ++i) {
    targets.push_back(fmt::format("result_{}", i));
    terms.push_back(fmt::format("sum(float({0}) * stop_gradient(cos(3 * float({0}) + {1})))",
                                targets.back(), i + 1));
  }
  model.source = fmt::format("model {} {{\n{}  {} = {}({})\n  loss {}\n}}\n", model.model,
                             declarations, fmt::join(targets, ", "), model.function,
                             fmt::join(arguments, ", "), fmt::join(terms, " + "));
  return model;
}

std::vector<const frontend::FnItem*> functions_with_gradient(const frontend::File& program) {
  std::vector<const frontend::FnItem*> list;
  for (const frontend::Item& item : program.items)
    if (auto* fn = std::get_if<frontend::FnItem>(&item.node); fn != nullptr && fn->grad)
      list.push_back(fn);
  return list;
}

const frontend::FnItem* find_function(const frontend::File& program, const std::string& name) {
  for (const frontend::Item& item : program.items)
    if (auto* fn = std::get_if<frontend::FnItem>(&item.node);
        fn != nullptr && fn->name.str() == name)
      return fn;
  return nullptr;
}

}  // namespace netc::tools
