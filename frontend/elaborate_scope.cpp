// What names stand for: bindings of the body, then items of the file and of what it uses, then the
// standard library, then builtins.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "frontend/elaborate_state.h"
#include "frontend/foreign.h"
#include "frontend/lexer.h"

namespace netc::frontend {
namespace {

std::string item_name(const Item& item) {
  return std::visit(
      [](const auto& node) -> std::string {
        using T = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<T, FnItem>)
          return node.name.str();
        else if constexpr (std::is_same_v<T, LayerItem> || std::is_same_v<T, ModelItem> ||
                           std::is_same_v<T, OptimizerItem> || std::is_same_v<T, LetItem>)
          return node.name;
        else
          return {};
      },
      item.node);
}

bool is_function(const Item& item) {
  return std::holds_alternative<FnItem>(item.node) || std::holds_alternative<LayerItem>(item.node);
}

}  // namespace

void Elaborator::collect_items() {
  std::vector<const File*> files;
  for (const Unit& unit : units_) files.push_back(&unit.ast);
  first_std_ = files.size();
  for (const File& file : std_asts_) files.push_back(&file);
  items_.resize(files.size());
  for (size_t u = 0; u < files.size(); ++u) {
    UnitItems& unit = items_[u];
    unit.file = files[u];
    unit.is_std = u >= first_std_;
    unit.staged = !files[u]->stage.empty();
    for (const Item& item : files[u]->items) {
      std::string name = item_name(item);
      if (name.empty()) continue;
      if (is_dtype_name(name))
        report(error("E0109", fmt::format("`{}` is a type", name), item.name_span,
                     "cannot be used as a name"));
      auto [it, added] = unit.items.try_emplace(name, ItemVal{u, &item});
      if (added) continue;
      ir::Diagnostic d = error("E0203", fmt::format("`{}` is declared twice", name), item.name_span,
                               "declared again here");
      other(d, it->second.item->name_span, "first declared here");
      report(std::move(d));
    }
  }
  for (size_t u = 0; u < first_std_; ++u) {
    size_t k = 0;
    for (const Item& item : items_[u].file->items) {
      const auto* use = std::get_if<UseItem>(&item.node);
      if (!use) continue;
      size_t target = k < units_[u].uses.size() ? units_[u].uses[k] : Unit::kNoUnit;
      ++k;
      if (target == Unit::kNoUnit) continue;
      if (!use->alias.empty()) {
        items_[u].aliases[use->alias] = target;
        continue;
      }
      for (const Item& used : items_[target].file->items) {
        std::string name = item_name(used);
        if (name.empty() || std::holds_alternative<ModelItem>(used.node)) continue;
        auto [it, added] = items_[u].items.try_emplace(name, ItemVal{target, &used});
        if (added || it->second.item == &used) continue;
        ir::Diagnostic d = error("E0203", fmt::format("`{}` is declared twice", name),
                                 use->path_span, "brought in here again");
        other(d, it->second.item->name_span, "first declared here");
        d.helps.push_back(
            fmt::format("give the file a name: `use \"{}\" as a`, then `a.{}`", use->path, name));
        report(std::move(d));
      }
    }
  }
}

const Binding* Elaborator::find(std::string_view name) const {
  for (const Scope* s = scope_; s; s = s->parent) {
    auto it = s->names.find(std::string(name));
    if (it != s->names.end()) return &it->second;
  }
  return nullptr;
}

std::optional<Val> Elaborator::item(size_t unit, std::string_view name) {
  auto of_unit = [&](size_t u) -> std::optional<Val> {
    auto it = items_[u].items.find(std::string(name));
    if (it == items_[u].items.end()) return std::nullopt;
    const ItemVal& found = it->second;
    if (std::holds_alternative<LetItem>(found.item->node))
      return let_value(found.unit, *found.item);
    return Val{found};
  };
  if (auto v = of_unit(unit)) return v;
  for (size_t u = first_std_; u < items_.size(); ++u)
    if (u != unit)
      if (auto v = of_unit(u)) return v;
  auto alias = items_[unit].aliases.find(std::string(name));
  if (alias != items_[unit].aliases.end()) return Val{AliasVal{alias->second}};
  if (const Builtin* b = find_builtin(name)) return Val{BuiltinVal{b}};
  return std::nullopt;
}

Val Elaborator::let_value(size_t unit, const Item& item) {
  const auto& let = std::get<LetItem>(item.node);
  auto [it, added] = items_[unit].lets.try_emplace(let.name, Val{ErrorVal{}});
  if (!added) {
    if (evaluating_.count(&item))
      fail("E0207", fmt::format("`{}` is defined by itself", let.name), item.name_span,
           "hangs on its own value");
    return it->second;
  }
  evaluating_.insert(&item);
  Scope scope;
  scope.unit = unit;
  Restore<Scope*> inner(scope_, &scope);
  Restore<Frame*> no_frame(frame_, nullptr);
  try {
    Val v = eval(*let.value);
    items_[unit].lets[let.name] = v;
  } catch (const Failed&) {
  }
  evaluating_.erase(&item);
  return items_[unit].lets[let.name];
}

std::optional<Val> Elaborator::lookup(std::string_view name) {
  if (const Binding* b = find(name)) {
    if (b->value.is<OwnedVal>()) return use_owned(std::string(name));
    return b->value;
  }
  if (auto v = item(scope_->unit, name)) return v;
  if (name == "training") return Val{BoolVal{training_, true}};
  if (name == "inf") return Val{float_number(std::numeric_limits<double>::infinity())};
  if (name == "nan") return Val{float_number(std::numeric_limits<double>::quiet_NaN())};
  if (name == "_") return Val{HoleVal{}};
  return std::nullopt;
}

void Elaborator::bind(const std::string& name, Val value, Span declared) {
  scope_->names[name] = Binding{std::move(value), declared};
}

std::vector<std::string> Elaborator::visible_names(bool functions_only) const {
  std::vector<std::string> names;
  auto add_unit = [&](const UnitItems& unit) {
    for (const auto& [name, found] : unit.items) {
      if (std::holds_alternative<ModelItem>(found.item->node)) continue;
      if (std::holds_alternative<OptimizerItem>(found.item->node)) continue;
      if (!functions_only || is_function(*found.item)) names.push_back(name);
    }
  };
  if (!functions_only)
    for (const Scope* s = scope_; s; s = s->parent)
      for (const auto& [name, binding] : s->names) names.push_back(name);
  if (functions_only)
    for (const Scope* s = scope_; s; s = s->parent)
      for (const auto& [name, binding] : s->names)
        if (binding.value.is<InstanceVal>() || binding.value.is<ItemVal>() ||
            binding.value.is<BuiltinVal>())
          names.push_back(name);
  add_unit(items_[scope_->unit]);
  for (size_t u = first_std_; u < items_.size(); ++u) add_unit(items_[u]);
  for (std::string& name : builtin_names()) names.push_back(std::move(name));
  std::erase_if(names, [](const std::string& n) { return n.empty() || n[0] == '_'; });
  return names;
}

void Elaborator::unknown(const std::string& name, Span at, bool as_function) {
  // `fc2.weight` where there is a `fc1`.
  const std::string root = name.substr(0, name.find('.'));
  if (root.size() < name.size() && !is_library(root) &&
      !nearest(root, visible_names(false)).empty())
    unknown(root, {at.file, at.begin, at.begin + uint32_t(root.size())}, false);
  const std::string help = suggestion(name, visible_names(as_function));
  if (as_function)
    fail("E0201", fmt::format("unknown function `{}`", name), at,
         "not defined here, in `use` files, or in std", help);
  fail("E0202", fmt::format("unknown name `{}`", name), at, "not defined here", help);
}

Val Elaborator::name(const Expr& e, const std::string& name, bool as_function) {
  if (auto v = lookup(name)) {
    if (v->is<ErrorVal>()) throw Failed{};
    return *v;
  }
  unknown(name, e.span, as_function);
}

}  // namespace netc::frontend
