// One walk over the items of a file.
#include "tools/netc/lsp/names.h"

#include <algorithm>

#include "frontend/signature.h"

namespace netc::tools::lsp {

namespace {
using namespace frontend;

class Walk {
 public:
  Walk(const File& file, const SourceSet& sources) : file_(file), sources_(sources) {
    const auto size = uint32_t(sources[file.file].text.size());
    whole_file_ = {file.file, 0, size};
  }

  std::vector<Declaration> run() {
    for (const Item& item : file_.items) {
      item_ = &item;
      std::visit([&](const auto& node) { visit(node); }, item.node);
    }
    return std::move(list_);
  }

 private:
  const File& file_;
  const SourceSet& sources_;
  Span whole_file_;
  const Item* item_ = nullptr;
  std::vector<Declaration> list_;

  void add_item(const std::string& name, NameKind kind) {
    list_.push_back({name, kind, item_->name_span, whole_file_, 0,
                     item_signature(sources_.text(item_->span)), item_->docstring, item_->span,
                     nullptr});
  }

  Declaration& add(const std::string& name, NameKind kind, Span span, uint32_t from, Span whole) {
    list_.push_back({name, kind, span, item_->span, from, "", "", whole, nullptr});
    return list_.back();
  }

  void type(const TypeSyntax& t) {
    if (!t.dims) return;
    for (const DimSyntax& d : *t.dims) {
      if (d.ellipsis) {
        if (!d.ellipsis_name.empty()) size(d.ellipsis_name, d.span);
      } else if (d.size) {
        if (const auto* n = std::get_if<Name>(&d.size->node)) size(n->name, d.size->span);
      }
    }
  }

  /// A name in dims declares a size where nothing of that name is seen yet.
  void size(const std::string& name, Span span) {
    if (!find(list_, name, span.begin)) add(name, NameKind::Size, span, item_->span.begin, span);
  }

  void params(const std::vector<ParamDecl>& list, NameKind kind) {
    for (const ParamDecl& p : list) {
      const NameKind own = p.kind == ParamKind::Input   ? NameKind::Input
                           : p.kind == ParamKind::Param ? NameKind::Parameter
                           : p.kind == ParamKind::State ? NameKind::State
                                                        : kind;
      Declaration& d = add(p.path.str(), own, p.path.span, item_->span.begin, p.span);
      d.detail = std::string(sources_.text(p.span));
      if (p.type) type(*p.type);
    }
  }

  void body(const Block& block) {
    for (const Stmt& s : block) {
      Span span = s.span;
      std::visit([&](const auto& node) { statement(node, span); }, s.node);
    }
  }

  void bind(const Bind& b, NameKind kind, Span span) {
    for (const Target& t : b.targets) {
      Declaration& d = add(t.path.str(), kind, t.path.span, span.end, span);
      d.value = b.value.get();
      if (t.type) type(*t.type);
    }
  }

  void statement(const Bind& b, Span span) { bind(b, NameKind::Value, span); }
  void statement(const Output& o, Span span) { bind(o.bind, NameKind::Output, span); }
  void statement(const Return&, Span) {}
  void statement(const Loss&, Span) {}
  void statement(const Metric& m, Span span) {
    if (!m.name.empty()) add(m.name, NameKind::Metric, m.name_span, span.end, span);
  }
  void statement(const VarDecl& v, Span span) {
    Declaration& d = add(v.name.str(), v.is_state ? NameKind::State : NameKind::Parameter,
                         v.name.span, v.name.span.begin, span);
    d.detail = std::string(sources_.text(span));
    if (v.type) type(*v.type);
  }
  void statement(const InputDecl& i, Span span) {
    Declaration& d = add(i.name.str(), NameKind::Input, i.name.span, i.name.span.begin, span);
    d.detail = std::string(sources_.text(span));
    type(i.type);
  }
  void statement(const KernelBlock& k, Span) { body(k.body); }

  void visit(const UseItem&) {}
  void visit(const DTypeItem&) {}
  void visit(const DataItem&) {}
  void visit(const TrainItem&) {}
  void visit(const LetItem& let) {
    add_item(let.name, NameKind::Constant);
    list_.back().detail = std::string(sources_.text(item_->span));
  }
  void visit(const FnItem& fn) {
    add_item(fn.name.str(), NameKind::Function);
    params(fn.params, NameKind::Argument);
    body(fn.body);
    if (!fn.grad) return;
    for (size_t i = 0; i < fn.grad->cotangents.size(); ++i)
      add(fn.grad->cotangents[i], NameKind::Argument, fn.grad->cotangent_spans[i],
          fn.grad->span.begin, fn.grad->cotangent_spans[i]);
    body(fn.grad->body);
  }
  void visit(const LayerItem& layer) {
    add_item(layer.name, NameKind::Layer);
    params(layer.settings, NameKind::Setting);
    params(layer.params, NameKind::Argument);
    body(layer.body);
  }
  void visit(const ModelItem& model) {
    add_item(model.name, NameKind::Model);
    body(model.body);
  }
  void visit(const OptimizerItem& o) {
    add_item(o.name, NameKind::Optimizer);
    params(o.settings, NameKind::Setting);
    for (size_t i = 0; i < o.args.size(); ++i)
      add(o.args[i], NameKind::Argument, o.arg_spans[i], item_->span.begin, o.arg_spans[i]);
    body(o.body);
  }
};
}  // namespace

const char* word(NameKind kind) {
  switch (kind) {
    case NameKind::Function:
      return "function";
    case NameKind::Layer:
      return "layer";
    case NameKind::Model:
      return "model";
    case NameKind::Optimizer:
      return "optimizer";
    case NameKind::Constant:
      return "constant";
    case NameKind::Setting:
      return "setting";
    case NameKind::Argument:
      return "argument";
    case NameKind::Input:
      return "input";
    case NameKind::Parameter:
      return "parameter";
    case NameKind::State:
      return "state";
    case NameKind::Output:
      return "output";
    case NameKind::Metric:
      return "metric";
    case NameKind::Value:
      return "value";
    case NameKind::Size:
      return "size";
  }
  return "";
}

std::vector<Declaration> declarations(const File& file, const SourceSet& sources) {
  return Walk(file, sources).run();
}

const Declaration* find(const std::vector<Declaration>& list, const std::string& name,
                        uint32_t offset) {
  const Declaration* best = nullptr;
  for (const Declaration& d : list) {
    if (d.name != name) continue;
    if (d.span.begin <= offset && offset <= d.span.end) return &d;
    if (offset < d.scope.begin || offset > d.scope.end || offset < d.from) continue;
    const bool local =
        d.scope.end - d.scope.begin < (best ? best->scope.end - best->scope.begin : UINT32_MAX);
    const bool same = best && d.scope.begin == best->scope.begin;
    if (!best || local || (same && d.from >= best->from)) best = &d;
  }
  return best;
}

std::vector<std::string> signature_parameters(const std::string& signature) {
  std::vector<std::string> list;
  size_t at = signature.find('(');
  if (at == std::string::npos) return list;
  int depth = 0;
  std::string current;
  for (; at < signature.size(); ++at) {
    const char c = signature[at];
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
    if (depth == 0) break;
    if (depth == 1 && c == '(') continue;
    if (depth == 1 && c == ',') {
      list.push_back(current);
      current.clear();
    } else if (c != ' ' || !current.empty()) {
      current += c;
    }
  }
  if (!current.empty()) list.push_back(current);
  return list;
}

}  // namespace netc::tools::lsp
