// Relative paths, and a walk over the syntax tree to where paths stand.
#include "frontend/paths.h"

#include <filesystem>
#include <functional>
#include <set>

namespace netc::frontend {
namespace {

namespace fs = std::filesystem;

/// What happens to each path, and the names of constants that hold some.
struct Rewrite {
  std::function<std::string(const std::string&)> path;
  std::set<std::string> constants;

  /// An expression that is a path: a string, or the name of a constant. False: something else.
  bool operator()(Expr& expr) {
    if (auto* text = std::get_if<String>(&expr.node)) {
      text->value = path(text->value);
    } else if (const auto* name = std::get_if<Name>(&expr.node)) {
      constants.insert(name->name);
    } else {
      return false;
    }
    return true;
  }
};

// Rewrites the argument of every `load("…")` below `expr`.
void rewrite_loads(Expr* expr, Rewrite& rewrite) {
  if (expr == nullptr) return;
  const auto walk = [&](const ExprPtr& child) { rewrite_loads(child.get(), rewrite); };
  if (auto* call = std::get_if<Call>(&expr->node)) {
    const auto* callee = std::get_if<Name>(&call->callee->node);
    const bool is_load = callee != nullptr && callee->name == "load";
    walk(call->callee);
    for (Arg& arg : call->args)
      if (!is_load || !rewrite(*arg.value)) walk(arg.value);
  } else if (auto* list = std::get_if<List>(&expr->node)) {
    for (const ExprPtr& item : list->items) walk(item);
  } else if (auto* unary = std::get_if<Unary>(&expr->node)) {
    walk(unary->operand);
  } else if (auto* binary = std::get_if<Binary>(&expr->node)) {
    walk(binary->lhs);
    walk(binary->rhs);
  } else if (auto* pipe = std::get_if<Pipe>(&expr->node)) {
    walk(pipe->lhs);
    walk(pipe->rhs);
  } else if (auto* member = std::get_if<Member>(&expr->node)) {
    walk(member->base);
  } else if (auto* subscript = std::get_if<Subscript>(&expr->node)) {
    walk(subscript->base);
  }
}

void rewrite_block(Block& block, Rewrite& rewrite) {
  for (Stmt& stmt : block) {
    if (auto* decl = std::get_if<VarDecl>(&stmt.node)) rewrite_loads(decl->value.get(), rewrite);
  }
}

void rewrite_item(Item& item, Rewrite& rewrite) {
  if (auto* use = std::get_if<UseItem>(&item.node)) {
    use->path = rewrite.path(use->path);
  } else if (auto* model = std::get_if<ModelItem>(&item.node)) {
    rewrite_block(model->body, rewrite);
  } else if (auto* layer = std::get_if<LayerItem>(&item.node)) {
    rewrite_block(layer->body, rewrite);
  } else if (auto* fn = std::get_if<FnItem>(&item.node)) {
    for (ParamDecl& param : fn->params) rewrite_loads(param.value.get(), rewrite);
  }
}

}  // namespace

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string joined(const std::string& folder, const std::string& path) {
  if (folder == "." || fs::path(path).is_absolute()) return path;
  return (fs::path(folder) / path).string();
}

std::string relocated(const std::string& path, const std::string& from, const std::string& to) {
  if (path.empty() || fs::path(path).is_absolute()) return path;
  const auto canonical = [](const std::string& folder) {
    std::error_code error;
    const fs::path absolute = fs::absolute(folder.empty() ? "." : folder, error);
    const fs::path found = fs::weakly_canonical(absolute, error);
    return error ? absolute : found;
  };
  const fs::path target = (canonical(from) / path).lexically_normal();
  const fs::path base = canonical(to);
  const fs::path relative = target.lexically_relative(base);
  return relative.empty() ? target.string() : relative.string();
}

void rewrite_paths(File& file, const std::optional<DataSpec>& data, const std::string& from,
                   const std::string& to) {
  Rewrite rewrite{[&](const std::string& path) { return relocated(path, from, to); }, {}};
  for (Item& item : file.items) {
    rewrite_item(item, rewrite);
    auto* node = std::get_if<DataItem>(&item.node);
    if (node == nullptr || !data) continue;
    for (size_t i = 0; i < node->args.size() && i < data->args.size(); ++i) {
      const auto* path = std::get_if<std::string>(&data->args[i].second);
      if (path != nullptr && !rewrite(*node->args[i].value))
        node->args[i].value->node = String{rewrite.path(*path)};
    }
  }
  for (Item& item : file.items)
    if (auto* let = std::get_if<LetItem>(&item.node); let && rewrite.constants.contains(let->name))
      rewrite(*let->value);
}

}  // namespace netc::frontend
