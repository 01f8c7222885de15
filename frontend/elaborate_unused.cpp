// Warns of names that a body declares and never uses.
#include <fmt/format.h>

#include <set>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

/// Every identifier of a body, wherever it stands.
struct Uses {
  std::set<std::string> names;

  void expr(const Expr& e) {
    std::visit(
        [&](const auto& node) {
          using T = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<T, Name>)
            names.insert(node.name);
          else if constexpr (std::is_same_v<T, List>) {
            for (const ExprPtr& i : node.items) expr(*i);
          } else if constexpr (std::is_same_v<T, Unary>)
            expr(*node.operand);
          else if constexpr (std::is_same_v<T, Binary> || std::is_same_v<T, Pipe>) {
            expr(*node.lhs);
            expr(*node.rhs);
          } else if constexpr (std::is_same_v<T, Call>) {
            expr(*node.callee);
            for (const Arg& a : node.args) expr(*a.value);
          } else if constexpr (std::is_same_v<T, Subscript>) {
            expr(*node.base);
            for (const Index& i : node.indices)
              for (const ExprPtr* p : {&i.value, &i.start, &i.stop, &i.step})
                if (*p) expr(**p);
          } else if constexpr (std::is_same_v<T, Member>) {
            expr(*node.base);
            names.insert(node.name);
          }
        },
        e.node);
  }
  void type(const TypeSyntax& t) {
    if (t.dims)
      for (const DimSyntax& d : *t.dims)
        if (d.size) expr(*d.size);
  }
  void type(const std::optional<TypeSyntax>& t) {
    if (t) type(*t);
  }
  void bind(const Bind& b) {
    for (const Target& t : b.targets) type(t.type);
    expr(*b.value);
  }
  void block(const Block& b) {
    for (const Stmt& s : b) {
      if (const auto* n = std::get_if<Bind>(&s.node)) bind(*n);
      if (const auto* n = std::get_if<Return>(&s.node))
        for (const ExprPtr& v : n->values) expr(*v);
      if (const auto* n = std::get_if<VarDecl>(&s.node)) {
        type(n->type);
        expr(*n->value);
      }
      if (const auto* n = std::get_if<Output>(&s.node)) {
        bind(n->bind);
        for (const Target& t : n->bind.targets) names.insert(t.path.str());
      }
      if (const auto* n = std::get_if<InputDecl>(&s.node)) type(n->type);
      if (const auto* n = std::get_if<Loss>(&s.node)) expr(*n->value);
      if (const auto* n = std::get_if<Metric>(&s.node)) expr(*n->value);
    }
  }
  void params(const std::vector<ParamDecl>& list) {
    for (const ParamDecl& p : list) {
      type(p.type);
      if (p.value) expr(*p.value);
    }
  }
};

}  // namespace

void Elaborator::warn_unused() {
  if (items_[0].staged) return;
  auto warn = [&](const std::string& name, Span at, const char* what) {
    if (name.empty() || name[0] == '_') return;
    ir::Diagnostic d =
        error("W0210", fmt::format("{} `{}` is never used", what, name), at, "not used");
    d.severity = ir::Severity::Warning;
    if (name == "loss" || name == "output" || name == "metric")
      d.helps.push_back(fmt::format(
          "with `=` it is a name like others; for the model's {0} write `{0} …` without `=`",
          name));
    diagnostics_->add(std::move(d));
  };
  auto declared_in = [&](const Block& block, const Uses& uses, bool states) {
    for (const Stmt& s : block) {
      if (const auto* b = std::get_if<Bind>(&s.node))
        for (const Target& t : b->targets)
          if (t.path.parts.size() == 1 && !uses.names.count(t.path.str()) &&
              !(states && is_state(block, t.path.str())))
            warn(t.path.str(), t.path.span, "name");
      if (const auto* d = std::get_if<VarDecl>(&s.node))
        if (!d->is_state && !uses.names.count(d->name.str()))
          warn(d->name.str(), d->name.span, "parameter");
      if (const auto* i = std::get_if<InputDecl>(&s.node))
        if (!uses.names.count(i->name.str())) warn(i->name.str(), i->name.span, "input");
    }
  };
  Uses everywhere;
  for (const Item& item : items_[0].file->items) {
    Uses uses;
    if (const auto* fn = std::get_if<FnItem>(&item.node)) {
      uses.block(fn->body);
      uses.params(fn->params);
      for (const ResultType& r : fn->results) uses.type(r.type);
      if (fn->grad) uses.block(fn->grad->body);
      if (!is_concrete(item, 0)) {
        declared_in(fn->body, uses, false);
        if (fn->grad) declared_in(fn->grad->body, uses, false);
        for (const ParamDecl& p : fn->params)
          if (!uses.names.count(p.path.str())) warn(p.path.str(), p.path.span, "parameter");
      }
    } else if (const auto* layer = std::get_if<LayerItem>(&item.node)) {
      uses.block(layer->body);
      uses.params(layer->settings);
      uses.params(layer->params);
      for (const ResultType& r : layer->results) uses.type(r.type);
      declared_in(layer->body, uses, true);
      for (const auto* list : {&layer->settings, &layer->params})
        for (const ParamDecl& p : *list)
          if (!uses.names.count(p.path.str())) warn(p.path.str(), p.path.span, "parameter");
    } else if (const auto* m = std::get_if<ModelItem>(&item.node)) {
      uses.block(m->body);
      declared_in(m->body, uses, true);
    } else if (const auto* optimizer = std::get_if<OptimizerItem>(&item.node)) {
      uses.block(optimizer->body);
    } else if (const auto* let = std::get_if<LetItem>(&item.node)) {
      uses.expr(*let->value);
    } else if (const auto* data = std::get_if<DataItem>(&item.node)) {
      for (const Arg& a : data->args) uses.expr(*a.value);
    } else if (const auto* train = std::get_if<TrainItem>(&item.node)) {
      for (const Setting& s : train->settings) uses.expr(*s.value);
    }
    everywhere.names.merge(uses.names);
  }
  bool library = true;  // a file without a model is there to be used by others
  for (const Item& item : items_[0].file->items)
    if (std::holds_alternative<ModelItem>(item.node)) library = false;
  if (library) return;
  for (const Item& item : items_[0].file->items)
    if (const auto* let = std::get_if<LetItem>(&item.node))
      if (!everywhere.names.count(let->name)) warn(let->name, item.name_span, "constant");
}

bool Elaborator::is_state(const Block& block, const std::string& name) {
  for (const Stmt& s : block)
    if (const auto* d = std::get_if<VarDecl>(&s.node))
      if (d->is_state && d->name.str() == name) return true;
  return false;
}

}  // namespace netc::frontend
