// Bodies of fns, layers and models: statements in order, results against what was promised, and the
// gradient function of a `grad` block.
#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

std::string lower(std::string s) {
  for (char& c : s)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  return s;
}

/// All calls of an expression, in any order.
void calls_in(const Expr& e, std::vector<const Expr*>& out) {
  std::visit(
      [&](const auto& node) {
        using T = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<T, List>) {
          for (const ExprPtr& i : node.items) calls_in(*i, out);
        } else if constexpr (std::is_same_v<T, Unary>) {
          calls_in(*node.operand, out);
        } else if constexpr (std::is_same_v<T, Binary> || std::is_same_v<T, Pipe>) {
          calls_in(*node.lhs, out);
          calls_in(*node.rhs, out);
        } else if constexpr (std::is_same_v<T, Call>) {
          out.push_back(&e);
          calls_in(*node.callee, out);
          for (const Arg& a : node.args) calls_in(*a.value, out);
        } else if constexpr (std::is_same_v<T, Subscript>) {
          calls_in(*node.base, out);
          for (const Index& i : node.indices)
            for (const ExprPtr* p : {&i.value, &i.start, &i.stop, &i.step})
              if (*p) calls_in(**p, out);
        } else if constexpr (std::is_same_v<T, Member>) {
          calls_in(*node.base, out);
        }
      },
      e.node);
}

/// Names, dotted ones included, in order of their use.
void names_in(const Expr& e, const Elaborator& elaborator, std::vector<std::string>& out) {
  std::string path;
  if (elaborator.dotted(e, path)) {
    out.push_back(path);
    for (size_t dot = path.rfind('.'); dot != std::string::npos; dot = path.rfind('.')) {
      path.resize(dot);
      out.push_back(path);
    }
    return;
  }
  std::visit(
      [&](const auto& node) {
        using T = std::decay_t<decltype(node)>;
        auto go = [&](const Expr& x) { names_in(x, elaborator, out); };
        if constexpr (std::is_same_v<T, List>) {
          for (const ExprPtr& i : node.items) go(*i);
        } else if constexpr (std::is_same_v<T, Unary>) {
          go(*node.operand);
        } else if constexpr (std::is_same_v<T, Binary> || std::is_same_v<T, Pipe>) {
          go(*node.lhs);
          go(*node.rhs);
        } else if constexpr (std::is_same_v<T, Call>) {
          go(*node.callee);
          for (const Arg& a : node.args) go(*a.value);
        } else if constexpr (std::is_same_v<T, Subscript>) {
          go(*node.base);
          for (const Index& i : node.indices)
            for (const ExprPtr* p : {&i.value, &i.start, &i.stop, &i.step})
              if (*p) go(**p);
        } else if constexpr (std::is_same_v<T, Member>) {
          go(*node.base);
        }
      },
      e.node);
}

const Expr* bound_value(const Stmt& s, bool& single) {
  single = false;
  if (const auto* b = std::get_if<Bind>(&s.node)) {
    single = b->targets.size() == 1;
    return b->value.get();
  }
  if (const auto* o = std::get_if<Output>(&s.node)) return o->bind.value.get();
  if (const auto* l = std::get_if<Loss>(&s.node)) return l->value.get();
  if (const auto* m = std::get_if<Metric>(&s.node)) return m->value.get();
  return nullptr;
}

}  // namespace

void Elaborator::number_anonymous(const Block& block, BodyContext& context) {
  std::vector<const Expr*> calls;
  for (const Stmt& s : block) {
    bool single = false;
    if (const Expr* value = bound_value(s, single)) {
      std::vector<const Expr*> found;
      calls_in(*value, found);
      for (const Expr* c : found)
        if (c != value || !single)
          calls.push_back(c);
        else if (!is_layer_name(*std::get<Call>(c->node).callee))
          calls.push_back(c);
    }
    if (const auto* r = std::get_if<Return>(&s.node))
      for (const ExprPtr& v : r->values) calls_in(*v, calls);
  }
  std::stable_sort(calls.begin(), calls.end(),
                   [](const Expr* a, const Expr* b) { return a->span.begin < b->span.begin; });
  std::map<std::string, int> count;
  for (const Expr* c : calls) {
    const Expr& callee = *std::get<Call>(c->node).callee;
    std::string path;
    if (!dotted(callee, path)) continue;
    auto v = callee_item(callee);
    if (!v) continue;
    bool layer = std::holds_alternative<LayerItem>(v->item->node);
    bool random = std::holds_alternative<FnItem>(v->item->node) && impure(*v);
    if (!layer && !random) continue;
    std::string cls = lower(path.substr(path.rfind('.') + 1));
    context.anonymous[callee.at.begin] = cls + std::to_string(count[cls]++);
  }
}

std::optional<ItemVal> Elaborator::callee_item(const Expr& callee) {
  std::string path;
  if (!dotted(callee, path)) return std::nullopt;
  std::optional<Val> v;
  if (find(path))
    v = lookup(path);
  else
    v = item(scope_->unit, path);
  if (!v) {
    size_t dot = path.find('.');
    if (dot == std::string::npos) return std::nullopt;
    auto base = item(scope_->unit, path.substr(0, dot));
    if (!base || !base->is<AliasVal>()) return std::nullopt;
    v = item(base->as<AliasVal>()->unit, path.substr(dot + 1));
  }
  if (!v || !v->is<ItemVal>()) return std::nullopt;
  return *v->as<ItemVal>();
}

bool Elaborator::is_layer_name(const Expr& callee) {
  auto v = callee_item(callee);
  return v && std::holds_alternative<LayerItem>(v->item->node);
}

std::vector<Val> Elaborator::body(const Block& block, BodyContext& context,
                                  std::vector<Span>* spans) {
  number_anonymous(block, context);
  Restore<const BodyContext*> inner(body_, &context);
  bool failed = false;
  for (const Stmt& s : block) {
    try {
      if (const auto* r = std::get_if<Return>(&s.node)) {
        std::vector<Val> values;
        for (const ExprPtr& v : r->values) {
          values.push_back(eval(*v));
          if (spans) spans->push_back(v->span);
        }
        if (failed) throw Failed{};
        return values;
      }
      statement(s);
    } catch (const Failed&) {
      failed = true;
      if (const auto* b = std::get_if<Bind>(&s.node))
        for (const Target& t : b->targets) bind(t.path.str(), {ErrorVal{}}, t.path.span);
      if (const auto* d = std::get_if<VarDecl>(&s.node); d && !scope_->names.count(d->name.str()))
        bind(d->name.str(), {ErrorVal{}}, d->name.span);
      if (std::holds_alternative<Return>(s.node)) break;
    }
  }
  if (failed) throw Failed{};
  return {};
}

void Elaborator::statement(const Stmt& s) {
  Restore<const Stmt*> current(statement_, &s);
  if (const auto* b = std::get_if<Bind>(&s.node)) return bind_statement(*b, s);
  if (const auto* d = std::get_if<VarDecl>(&s.node)) return var_decl(*d);
  if (const auto* k = std::get_if<KernelBlock>(&s.node)) return kernel_block(*k);
}

void Elaborator::bind_statement(const Bind& b, const Stmt& s) {
  const Target& first = b.targets[0];
  std::string name = first.path.str();
  const auto* c = std::get_if<Call>(&b.value->node);
  if (c && b.targets.size() == 1 && !first.type && is_layer_name(*c->callee)) {
    const Binding* old = find(name);
    if (old && old->declared.end > old->declared.begin && old->value.is<InstanceVal>() &&
        scope_->names.count(name)) {
      ir::Diagnostic d = error("E0203", fmt::format("`{}` is declared twice", name),
                               first.path.span, "declared again here");
      other(d, old->declared, "first declared here");
      fail(std::move(d));
    }
    Restore<std::string> named(pending_name_, name);
    bind(name, eval(*b.value), first.path.span);
    return;
  }
  if (assign_state(b, name)) return;
  Restore<Note> outer(note_, Note(note_));  // a call below elaborates statements of its own
  begin_note(s);
  const size_t before = frame_->b.function().values.size();
  Val v = eval(*b.value);
  std::vector<Val> values;
  if (const auto* t = v.as<TupleVal>())
    values = t->items;
  else
    values.push_back(v);
  if (values.size() != b.targets.size())
    fail("E0205",
         fmt::format("{} name{} for {} value{}", b.targets.size(), b.targets.size() == 1 ? "" : "s",
                     values.size(), values.size() == 1 ? "" : "s"),
         b.value->span);
  for (size_t i = 0; i < values.size(); ++i) {
    const Target& t = b.targets[i];
    if (t.type) {
      if (!values[i].is<TensorVal>()) {
        const auto* n = values[i].as<NumberVal>();
        if (n && (n->is_int || ir::is_float(dtype(*t.type))))
          values[i] = cast(values[i], dtype(*t.type), t.path.span);
        else
          values[i] = {TensorVal{tensor(values[i], b.value->span)}};
      }
      ir::ValueId id = values[i].as<TensorVal>()->id;
      if (auto m = match(*t.type, type(id))) {
        bool open = m->kind == Mismatch::Kind::Size && !always_differ(m->wanted, m->found);
        ir::Diagnostic d = error(open ? "E0304" : "E0301",
                                 open ? fmt::format("cannot prove that `{}` equals `{}`",
                                                    m->wanted.str(), m->found.str())
                                      : fmt::format("`{}` is declared {} but is {}", t.path.str(),
                                                    text(t.type->span), ir::str(type(id))),
                                 b.value->span, "has type " + ir::str(type(id)));
        other(d, t.type->span, "promised here");
        fail(std::move(d));
      }
      // A typed name is a tensor of the dtype that stands there.
      if (values[i].as<TensorVal>()->weak) values[i] = {TensorVal{id, false}};
    }
    name_value(values[i], t.path.str());
    bind(t.path.str(), values[i], t.path.span);
    if (t.storage && values[i].is<TensorVal>())
      frame_->b.function()[values[i].as<TensorVal>()->id].storage =
          stored_at(*t.storage, type(values[i].as<TensorVal>()->id), t.type->span);
  }
  end_note(before);
}

std::vector<Val> Elaborator::check_results(const std::vector<ResultType>& results,
                                           std::vector<Val> values, const std::vector<Span>& spans,
                                           const std::string& callee) {
  if (values.empty()) {
    Span at = body_at_;
    fail("E0221", fmt::format("`{}` returns nothing", callee), at, "", "end it with `return …`");
  }
  if (results.empty()) return values;
  if (values.size() == 1 && values[0].is<TupleVal>()) {
    std::vector<Val> items = values[0].as<TupleVal>()->items;
    values = std::move(items);
  }
  if (values.size() != results.size())
    fail("E0205",
         fmt::format("`{}` promises {} result{} but returns {}", callee, results.size(),
                     results.size() == 1 ? "" : "s", values.size()),
         spans.empty() ? results[0].type.span : spans[0]);
  for (size_t i = 0; i < values.size(); ++i) {
    const TypeSyntax& t = results[i].type;
    if (t.dtype == "int" || t.dtype == "str" || t.dtype == "fn") continue;
    Span at = i < spans.size() ? spans[i] : spans[0];
    if (!values[i].is<TensorVal>()) {
      const auto* n = values[i].as<NumberVal>();
      if (n && (n->is_int || ir::is_float(dtype(t))))
        values[i] = cast(values[i], dtype(t), at);
      else if (!n)
        continue;
      else
        values[i] = {TensorVal{tensor(values[i], at)}};
    } else if (values[i].as<TensorVal>()->weak) {
      values[i] = cast(values[i], dtype(t), at);
    }
    const ir::Type actual = type(values[i].as<TensorVal>()->id);
    auto m = match(t, actual);
    if (!m) continue;
    bool open = m->kind == Mismatch::Kind::Size && !always_differ(m->wanted, m->found);
    ir::Diagnostic d;
    if (open) {
      d = error("E0304",
                fmt::format("cannot prove that `{}` equals `{}`", m->wanted.str(), m->found.str()),
                at, "has type " + ir::str(actual));
      std::string both = m->wanted.symbols().empty() ? m->found.str() : m->wanted.str();
      std::string shape = ir::str(actual.shape);
      d.helps.push_back(
          fmt::format("different names are different sizes: return `{}`, or call both `{}` in "
                      "the parameter list",
                      shape, both));
    } else {
      d = error(
          "E0301",
          fmt::format("`{}` promises {} but returns {}", callee, text(t.span), ir::str(actual)), at,
          "has type " + ir::str(actual));
      if (m->kind == Mismatch::Kind::DType)
        d.helps.push_back(fmt::format("convert it: `{}({})`", ir::name(dtype(t)), text(at)));
    }
    other(d, t.span, "promised here");
    fail(std::move(d));
  }
  return values;
}

void Elaborator::gradient_function(
    const ItemVal& fn, ir::FunctionId forward, const Scope& scope,
    const std::vector<std::pair<const ParamDecl*, ir::ValueId>>& inputs) {
  const auto& node = std::get<FnItem>(fn.item->node);
  const GradBlock& grad = *node.grad;
  const ir::Function source = module_[forward];
  std::vector<std::pair<const ParamDecl*, ir::ValueId>> wanted;
  for (const auto& input : inputs)
    if (ir::is_float(source[input.second].type.dtype)) wanted.push_back(input);
  if (wanted.empty()) return;  // called with integers: no gradient passes through
  if (grad.cotangents.size() != source.results.size())
    fail("E0404",
         fmt::format("`grad` of `{}` takes one gradient per result: {}, not {}", node.name.str(),
                     source.results.size(), grad.cotangents.size()),
         grad.cotangent_spans[0]);

  ir::Function function;
  function.name = source.name + ".grad";
  function.source_name = source.source_name;
  function.from_std = source.from_std;
  module_.functions.push_back(std::move(function));
  ir::FunctionId id(module_.functions.size() - 1);
  Frame frame(module_, id);
  Scope inner;
  inner.unit = scope.unit;
  inner.runs = scope.runs;
  for (const auto& [name, binding] : scope.names)
    if (!binding.value.is<TensorVal>()) inner.names[name] = binding;

  // Names of the forward body that the block uses are what gets saved.
  std::vector<std::string> used;
  for (const Stmt& s : grad.body) {
    bool single = false;
    if (const Expr* e = bound_value(s, single)) names_in(*e, *this, used);
    if (const auto* r = std::get_if<Return>(&s.node))
      for (const ExprPtr& v : r->values) names_in(*v, *this, used);
    if (const auto* b = std::get_if<Bind>(&s.node))
      for (const Target& t : b->targets)
        if (t.type && t.type->dims)
          for (const DimSyntax& d : *t.type->dims)
            if (d.size) names_in(*d.size, *this, used);
  }
  std::vector<ir::ValueId> captures;
  std::map<uint32_t, ir::ValueId> captured;
  std::vector<std::pair<std::string, ir::ValueId>> constants;
  for (const std::string& n : used) {
    auto it = scope.names.find(n);
    if (it == scope.names.end() || inner.names.count(n)) continue;
    if (std::find(grad.cotangents.begin(), grad.cotangents.end(), n) != grad.cotangents.end())
      continue;
    const auto* t = it->second.value.as<TensorVal>();
    if (!t) continue;
    const ir::Value& value = source[t->id];
    if (value.op == ir::Op::constant) {
      constants.emplace_back(n, t->id);
      continue;
    }
    auto [at, added] = captured.try_emplace(t->id.index, ir::ValueId{});
    if (added) {
      at->second = frame.b.parameter(value.name.empty() ? n : value.name, value.type);
      captures.push_back(t->id);
    }
    inner.names[n] = Binding{{TensorVal{at->second, t->weak}}, it->second.declared};
  }
  for (size_t i = 0; i < grad.cotangents.size(); ++i) {
    ir::ValueId v = frame.b.parameter(grad.cotangents[i], source[source.results[i].value].type);
    inner.names[grad.cotangents[i]] = Binding{{TensorVal{v}}, grad.cotangent_spans[i]};
  }
  Restore<Frame*> inner_frame(frame_, &frame);
  Restore<Scope*> inner_scope(scope_, &inner);
  for (const auto& [n, v] : constants) {
    const auto& number = std::get<ir::Scalar>(source[v].attrs[0]);
    bind(n, {TensorVal{frame.b.constant(number, source[v].type)}}, {});
  }
  BodyContext context;
  context.item = fn.item;
  std::vector<Span> spans;
  std::vector<Val> values = body(grad.body, context, &spans);
  if (values.size() == 1 && values[0].is<TupleVal>()) {
    std::vector<Val> items = values[0].as<TupleVal>()->items;
    values = std::move(items);
    spans.resize(values.size(), spans[0]);
  }
  if (values.size() != wanted.size()) {
    bool few = values.size() < wanted.size();
    ir::Diagnostic d =
        error("E0402",
              fmt::format("`grad` of `{}` returns {} gradient{}, but {} input{} one",
                          node.name.str(), values.size(), values.size() == 1 ? "" : "s",
                          wanted.size(), wanted.size() == 1 ? " needs" : "s need"),
              spans.empty() ? grad.span : spans.back());
    if (few && values.size() == 1)
      d.label = fmt::format("gradient for `{}` only", wanted[0].first->path.str());
    else if (!few)
      d.label = "one too many";
    for (size_t i = 0; i < wanted.size(); ++i) {
      bool last = i + 1 == wanted.size();
      std::string label = !last                ? ""
                          : wanted.size() == 1 ? "the one input that is floating point"
                          : wanted.size() == 2
                              ? "both inputs are floating point"
                              : fmt::format("all {} inputs are floating point", wanted.size());
      other(d, wanted[i].first->path.span, label);
    }
    std::string fixed = "return ";
    for (size_t i = 0; i < wanted.size(); ++i) {
      std::string g =
          i < spans.size() ? text(spans[i]) : suggested_gradient(node, *wanted[i].first, grad);
      fixed += (i ? ", " : "") + g;
    }
    d.helps.push_back(fmt::format("return one per float input, in order: `{}`", fixed));
    d.notes.push_back("use `None` for an input that gets no gradient");
    fail(std::move(d));
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const ir::Type want = source[wanted[i].second].type;
    if (values[i].is<NoneVal>()) {
      frame.b.result("", {});
      continue;
    }
    ir::ValueId v;
    if (const auto* n = values[i].as<NumberVal>())
      v = emit(spans[i], [&](ir::Builder& b) { return b.constant(n->scalar, want); });
    else
      v = strong_tensor(values[i], spans[i]);
    if (!(type(v) == want)) {
      ir::Diagnostic d = error("E0403",
                               fmt::format("the gradient for `{}` must be {} like `{}`, this is {}",
                                           wanted[i].first->path.str(), ir::str(want),
                                           wanted[i].first->path.str(), ir::str(type(v))),
                               spans[i], "has type " + ir::str(type(v)));
      other(d, wanted[i].first->path.span, ir::str(want));
      if (want.rank() == 0 && type(v).rank() > 0)
        d.helps.push_back(fmt::format("sum it: `sum({})`", text(spans[i])));
      fail(std::move(d));
    }
    frame.b.result("", v);
  }
  std::vector<ir::ValueId> kept;
  ir::Function whole = module_[id];
  size_t capture_count = captures.size();
  size_t position = 0;
  ir::Function pruned = slice(
      whole, whole.results,
      [&](const ir::Parameter&, bool reached) { return position++ >= capture_count || reached; },
      &kept);
  std::vector<ir::ValueId> saved;
  for (size_t i = 0; i < captures.size(); ++i)
    if (std::find(kept.begin(), kept.end(), whole.params[i].value) != kept.end())
      saved.push_back(captures[i]);
  module_[id] = std::move(pruned);
  module_[forward].grad = id;
  module_[forward].grad_captures = std::move(saved);
}

std::string Elaborator::suggested_gradient(const FnItem& fn, const ParamDecl& input,
                                           const GradBlock& grad) const {
  const std::string& dy = grad.cotangents[0];
  const Expr* e = nullptr;
  for (const Stmt& s : fn.body)
    if (const auto* r = std::get_if<Return>(&s.node); r && r->values.size() == 1)
      e = r->values[0].get();
  const auto* product = e ? std::get_if<Binary>(&e->node) : nullptr;
  if (!product || product->op != BinaryOp::Mul) return "…";
  const auto *l = std::get_if<Name>(&product->lhs->node),
             *r = std::get_if<Name>(&product->rhs->node);
  if (!l || !r) return "…";
  const std::string name = input.path.str();
  if (l->name != name && r->name != name) return "…";
  std::string g = dy + " * " + (l->name == name ? r->name : l->name);
  return input.type && input.type->dims ? g : "sum(" + g + ")";
}

}  // namespace netc::frontend
