// Expressions to values: literals, names, members, pipes; and what a value must be where it is
// used.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "frontend/elaborate_state.h"

namespace netc::frontend {

Val Elaborator::eval(CallArg& arg) {
  if (!arg.value) arg.value = eval(*arg.expr);
  return *arg.value;
}

Val Elaborator::eval(const Expr& e) {
  struct Deeper {
    int& depth;
    explicit Deeper(int& d) : depth(++d) {}
    ~Deeper() { --depth; }
  } deeper(depth_);
  if (depth_ > kMaxDepth)
    fail("E0311", fmt::format("expressions and calls nest deeper than {}", kMaxDepth), e.span);
  return std::visit(
      [&](const auto& node) -> Val {
        using T = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<T, Number>) {
          return {node.is_int ? int_number(node.integer) : float_number(node.real)};
        } else if constexpr (std::is_same_v<T, String>) {
          return {StringVal{node.value}};
        } else if constexpr (std::is_same_v<T, Bool>) {
          return {BoolVal{node.value, true}};
        } else if constexpr (std::is_same_v<T, None>) {
          return {NoneVal{}};
        } else if constexpr (std::is_same_v<T, DTypeName>) {
          TypeSyntax t;
          t.dtype = node.name;
          return {DTypeVal{dtype(t)}};
        } else if constexpr (std::is_same_v<T, Name>) {
          return name(e, node.name, false);
        } else if constexpr (std::is_same_v<T, List>) {
          ListVal list;
          for (const ExprPtr& item : node.items) {
            list.items.push_back(eval(*item));
            const auto* inner = list.items.back().template as<ListVal>();
            list.total += inner ? inner->total : 1;
          }
          if (list.total > kMaxListItems)
            fail("E0311", fmt::format("a list of more than {} items", kMaxListItems), e.span);
          return {std::move(list)};
        } else if constexpr (std::is_same_v<T, Unary>) {
          return eval_unary(e, node);
        } else if constexpr (std::is_same_v<T, Binary>) {
          return eval_binary(e, node);
        } else if constexpr (std::is_same_v<T, Pipe>) {
          CallSite site{e.at, e.span, text(e.at), {}};
          CallArg arg;
          arg.expr = node.lhs.get();
          arg.value = eval(*node.lhs);
          site.args.push_back(std::move(arg));
          const auto* n = std::get_if<Name>(&node.rhs->node);
          if (const auto* c = std::get_if<Call>(&node.rhs->node)) refuse_pipe_into(node, *c);
          const Val callee = n ? name(*node.rhs, n->name, true) : eval(*node.rhs);
          const auto* layer = callee.as<ItemVal>();
          if (const auto* l = layer ? std::get_if<LayerItem>(&layer->item->node) : nullptr) {
            std::string settings;
            for (const ParamDecl& p : l->settings)
              if (!p.value) settings += (settings.empty() ? "" : ", ") + p.path.str();
            fail("E0205", fmt::format("`{}` is a layer, whose settings come first", l->name), e.at,
                 "not made yet", fmt::format("write `|> {}({})`", l->name, settings));
          }
          return apply(callee, site);
        } else if constexpr (std::is_same_v<T, Call>) {
          return call(e, node);
        } else if constexpr (std::is_same_v<T, Subscript>) {
          return subscript(e, node);
        } else {
          return eval_member(e, node);
        }
      },
      e.node);
}

// `x |> softmax(dim = 1)`: only layers are calls that give something to call.
void Elaborator::refuse_pipe_into(const Pipe& pipe, const Call& call) {
  const auto* n = std::get_if<Name>(&call.callee->node);
  const std::optional<Val> callee = n ? lookup(n->name) : std::nullopt;
  if (!callee) return;
  const auto* item = callee->as<ItemVal>();
  if (!callee->is<BuiltinVal>() && !(item && std::holds_alternative<FnItem>(item->item->node)))
    return;
  const std::string written = text(pipe.rhs->span), value = text(pipe.lhs->span);
  const bool brief = value.size() <= 40 && value.find('\n') == std::string::npos;
  const std::string arguments = written.substr(std::min(written.find('('), written.size()));
  std::string layer = n->name;
  layer[0] = char(std::toupper(static_cast<unsigned char>(layer[0])));
  const std::optional<Val> capital = lookup(layer);
  const auto* twin = capital ? capital->as<ItemVal>() : nullptr;
  fail("E0205",
       fmt::format("`|>` calls what stands right of it, and `{}` is a call already", written),
       pipe.rhs->span, "gives no function",
       call.args.empty() ? fmt::format("write `|> {}`", n->name)
       : twin && std::holds_alternative<LayerItem>(twin->item->node)
           ? fmt::format("as a layer it is `|> {}{}`", layer, arguments)
           : fmt::format("write `{}({}, {}`", n->name, brief ? value : "…",
                         arguments.substr(std::min<size_t>(1, arguments.size()))));
}

bool Elaborator::dotted(const Expr& e, std::string& out) const {
  if (const auto* n = std::get_if<Name>(&e.node)) {
    out = n->name;
    return true;
  }
  const auto* m = std::get_if<Member>(&e.node);
  if (!m || !dotted(*m->base, out)) return false;
  out += "." + m->name;
  return true;
}

Val Elaborator::eval_member(const Expr& e, const Member& m) {
  std::string path;
  if (dotted(e, path)) {
    if (find(path)) return name(e, path, false);
    if (auto v = item(scope_->unit, path)) return *v;
    if (!lookup(path.substr(0, path.find('.')))) unknown(path, e.span, false);
  }
  Val base = eval(*m.base);
  if (const auto* alias = base.as<AliasVal>()) {
    auto it = items_[alias->unit].items.find(m.name);
    if (it == items_[alias->unit].items.end()) unknown(path, m.name_span, true);
    if (auto v = item(alias->unit, m.name)) return *v;
  }
  if (const auto* instance = base.as<InstanceVal>()) {
    if (auto v = member_param(*instance->instance, m.name)) return *v;
    fail("E0208", fmt::format("`{}` has no parameter `{}`", instance->instance->shown, m.name),
         m.name_span, "not declared in its layer");
  }
  if (base.is<TensorVal>()) {
    ir::ValueId v = base.as<TensorVal>()->id;
    const ir::Type t = type(v);
    if (m.name == "shape") {
      ListVal list;
      for (const ir::Dim& d : t.shape) list.items.push_back({int_number(d)});
      return {std::move(list)};
    }
    if (m.name == "T") {
      if (t.rank() < 2) return base;  // as in NumPy
      std::vector<int64_t> dims(size_t(t.rank()));
      for (size_t i = 0; i < dims.size(); ++i) dims[i] = int64_t(i);
      std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
      return {TensorVal{emit(m.name_span, [&](ir::Builder& b) { return b.permute(v, dims); })}};
    }
  }
  std::string help;
  if (item(scope_->unit, m.name)) help = fmt::format("call it: `{}()`", text(e.span));
  if (m.name == "values" || m.name == "indices")
    help = "`max` and `min` give the values alone, `argmax` and `argmin` their indices";
  fail("E0208", fmt::format("{} has no `.{}`", describe(base), m.name), m.name_span,
       "only `.T`, `.shape`, calls of functions, and parameters of layers", help);
}

Val Elaborator::eval_unary(const Expr& e, const Unary& u) {
  Val v = eval(*u.operand);
  if (u.is_not) {
    if (const auto* b = v.as<BoolVal>()) return {BoolVal{!b->value, b->known}};
    return elementwise(ir::Op::logical_not, {v}, {u.operand->span}, e.at, "not");
  }
  if (const auto* n = v.as<NumberVal>()) {
    const NumberVal negated = negate(*n);
    if (negated.is_int && negated.scalar.numerator.overflowed())
      fail("E0310", "this number has no value: it overflows", e.at);
    return {negated};
  }
  return elementwise(ir::Op::neg, {v}, {u.operand->span}, e.at, "-");
}

std::string Elaborator::describe(const Val& v) const {
  struct Visitor {
    const Elaborator& e;
    std::string operator()(const ErrorVal&) const { return "an error"; }
    std::string operator()(const NumberVal& n) const { return "the number " + str(n); }
    std::string operator()(const TensorVal& t) const { return ir::str(e.type(t.id)); }
    std::string operator()(const BoolVal& b) const { return b.value ? "`true`" : "`false`"; }
    std::string operator()(const StringVal& s) const { return "the string \"" + s.text + "\""; }
    std::string operator()(const NoneVal&) const { return "`None`"; }
    std::string operator()(const HoleVal&) const { return "`_`"; }
    std::string operator()(const DTypeVal& d) const {
      return fmt::format("the type {}", ir::name(d.dtype));
    }
    std::string operator()(const ItemVal& i) const {
      if (const auto* f = std::get_if<FnItem>(&i.item->node))
        return "the function `" + f->name.str() + "`";
      if (const auto* l = std::get_if<LayerItem>(&i.item->node))
        return "the layer `" + l->name + "` (without its settings)";
      if (const auto* o = std::get_if<OptimizerItem>(&i.item->node))
        return "the optimizer `" + o->name + "`";
      return "a declaration";
    }
    std::string operator()(const BuiltinVal& b) const {
      return "the function `" + b.builtin->name() + "`";
    }
    std::string operator()(const InstanceVal& i) const {
      return "the layer `" + i.instance->shown + "`";
    }
    std::string operator()(const AliasVal&) const { return "a file brought in by `use`"; }
    std::string operator()(const ListVal&) const { return "a list"; }
    std::string operator()(const OwnedVal&) const { return "a parameter"; }
    std::string operator()(const TupleVal& t) const {
      return fmt::format("{} results", t.items.size());
    }
  };
  return std::visit(Visitor{*this}, v.v);
}

ir::ValueId Elaborator::tensor(const Val& v, Span at) {
  if (const auto* t = v.as<TensorVal>()) return t->id;
  if (v.is<ErrorVal>()) throw Failed{};
  if (const auto* n = v.as<NumberVal>()) {
    ir::Type t{n->is_int ? ir::DType::i64 : module_.default_float, {}};
    return emit(at, [&](ir::Builder& b) { return b.constant(n->scalar, t); });
  }
  if (const auto* b = v.as<BoolVal>(); b && b->known)
    return emit(at, [&](ir::Builder& builder) {
      return builder.constant(b->value ? 1.0 : 0.0, ir::Type{ir::DType::boolean, {}});
    });
  fail("E0206", fmt::format("a tensor is wanted here, but this is {}", describe(v)), at);
}

ir::ValueId Elaborator::strong_tensor(const Val& v, Span at) {
  const auto* t = v.as<TensorVal>();
  if (t && t->weak) return tensor(cast(v, module_.default_float, at), at);
  return tensor(v, at);
}

std::vector<ir::ValueId> Elaborator::strong_tensors(const std::vector<Val>& values,
                                                    const std::vector<Span>& spans) {
  std::vector<ir::ValueId> tensors;
  std::optional<ir::DType> other;
  for (size_t i = 0; i < values.size(); ++i) {
    tensors.push_back(strong_tensor(values[i], spans[i]));
    const ir::DType own = type(tensors.back()).dtype;
    if (!other && own != ir::DType::boolean) other = own;
  }
  for (size_t i = 0; other && i < tensors.size(); ++i)
    if (type(tensors[i]).dtype == ir::DType::boolean)
      tensors[i] = cast({TensorVal{tensors[i]}}, *other, spans[i]).as<TensorVal>()->id;
  return tensors;
}

NumberVal Elaborator::number(const Val& v, Span at, const char* what) {
  if (v.is<ErrorVal>()) throw Failed{};
  if (const auto* n = v.as<NumberVal>()) return *n;
  fail("E0313", fmt::format("{} must be a number known when the program is compiled", what), at,
       "this is " + describe(v));
}

ir::Dim Elaborator::size(const Val& v, Span at, const char* what) {
  NumberVal n = number(v, at, what);
  if (!n.is_int)
    fail("E0310", fmt::format("{} must be a whole number, not {}", what, str(n)), at, "",
         "sizes are computed with `+ - * // % **`");
  if (n.scalar.numerator.overflowed())
    fail("E0310", fmt::format("{} has no value: it overflows or divides by zero", what), at);
  return n.scalar.numerator;
}

int64_t Elaborator::constant_int(const Val& v, Span at, const char* what) {
  ir::Dim d = size(v, at, what);
  if (d.is_constant()) return d.constant();
  if (check_only_) throw Undecided{};
  fail("E0313", fmt::format("{} must be known when the program is compiled", what), at,
       fmt::format("hangs on the open size `{}`", d.str()));
}

bool Elaborator::truth(const Val& v, Span at, const char* what) {
  if (v.is<ErrorVal>()) throw Failed{};
  if (const auto* b = v.as<BoolVal>()) {
    if (b->known) return b->value;
    if (check_only_) throw Undecided{};
    fail("E0313", fmt::format("{} hangs on a size that is open when the program is compiled", what),
         at);
  }
  fail("E0313", fmt::format("{} must be `true` or `false`", what), at, "this is " + describe(v));
}

std::string Elaborator::string(const Val& v, Span at, const char* what) {
  if (v.is<ErrorVal>()) throw Failed{};
  if (const auto* s = v.as<StringVal>()) return s->text;
  fail("E0206", fmt::format("{} must be a string", what), at, "this is " + describe(v));
}

}  // namespace netc::frontend
