// The functions that the compiler carries as code: elementwise primitives, reductions, and what
// asks about shapes. Everything that the language can say itself is in std/*.net.
#include "frontend/elaborate_builtins.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate_state.h"
#include "ir/shape_rules.h"

namespace netc::frontend {

Span argument_span(const CallSite& site, const CallArg* arg) {
  return arg && arg->expr ? arg->expr->span : site.at;
}

ir::ValueId tensor_argument(Elaborator& e, CallSite& site, CallArg* arg) {
  return e.strong_tensor(e.eval(*arg), argument_span(site, arg));
}

int64_t dim_argument(Elaborator& e, CallSite& site, CallArg* arg, int rank) {
  Span at = argument_span(site, arg);
  int64_t k = e.constant_int(e.eval(*arg), at, "`dim`");
  try {
    return ir::normalise_dim(site.callee, k, rank);
  } catch (const ir::OpError& error) {
    e.fail(error, at);
  }
}

bool flag_argument(Elaborator& e, CallSite& site, CallArg* arg, bool standard) {
  return arg ? e.truth(e.eval(*arg), argument_span(site, arg), "this flag") : standard;
}

std::vector<int64_t> dims_argument(Elaborator& e, CallSite& site, CallArg* arg, int rank) {
  if (!arg) return ir::all_dims(rank);
  Val v = e.eval(*arg);
  Span at = argument_span(site, arg);
  const auto* all = v.as<BuiltinVal>();
  if (v.is<NoneVal>() || (all && all->builtin->name() == "all")) return ir::all_dims(rank);
  const auto* number = v.as<NumberVal>();
  if (v.is<TensorVal>() || (number && !number->is_int)) {
    std::string help;
    if (site.callee == "max" || site.callee == "min")
      help = fmt::format("the elementwise one is called `{}imum`", site.callee);
    e.fail("E0206",
           fmt::format("`dim` of `{}` is an int or a list, not {}", site.callee, e.describe(v)), at,
           "", help);
  }
  std::vector<Val> items{v};
  if (const auto* list = v.as<ListVal>()) items = list->items;
  std::vector<int64_t> dims;
  for (const Val& item : items) {
    int64_t k = e.constant_int(item, at, "`dim`");
    try {
      dims.push_back(ir::normalise_dim(site.callee, k, rank));
    } catch (const ir::OpError& error) {
      e.fail(error, at);
    }
  }
  std::sort(dims.begin(), dims.end());
  if (std::adjacent_find(dims.begin(), dims.end()) != dims.end())
    e.fail("E0306", fmt::format("`{}`: a dim stands twice", site.callee), at);
  return dims;
}

void fail_in_program(Elaborator& e, Span at, const char* code, const std::string& message,
                     const std::string& help) {
  std::vector<Level> outer = e.levels_;
  Level call;
  while (!outer.empty() && outer.back().is_std) {
    call = outer.back();
    at = call.called_from;
    outer.pop_back();
  }
  Restore<std::vector<Level>> program_levels(e.levels_, std::move(outer));
  ir::Diagnostic d = e.error(code, message, at);
  e.label_arguments(d, call);
  if (!help.empty()) d.helps.push_back(help);
  e.fail(std::move(d));
}

namespace {

Val reduction(Elaborator& e, CallSite& site, Bound& bound, ir::ReduceKind kind) {
  ir::ValueId x = tensor_argument(e, site, bound[0]);
  const ir::Type t = e.type(x);
  std::vector<int64_t> dims = dims_argument(e, site, bound[1], t.rank());
  bool keep = flag_argument(e, site, bound[2], false);
  const bool logic = kind == ir::ReduceKind::any || kind == ir::ReduceKind::all;
  if (logic && t.dtype != ir::DType::boolean)
    x = e.tensor(e.cast({TensorVal{x}}, ir::DType::boolean, site.at), site.at);
  ir::ValueId r = e.emit(site.at, [&](ir::Builder& b) { return b.reduce(kind, x, dims); },
                         {argument_span(site, bound[0])});
  if (keep) {
    ir::Shape kept = ir::keep_dims(t.shape, dims);
    r = e.emit(site.at, [&](ir::Builder& b) { return b.reshape(r, kept); });
  }
  return {TensorVal{r}};
}

/// What a reduction of x gave, repeated along the dims it was reduced over: the reduction's
/// derivative.
Val spread(Elaborator& e, CallSite& site, Bound& bound) {
  ir::ValueId reduced = tensor_argument(e, site, bound[0]);
  const ir::Type t = e.type(tensor_argument(e, site, bound[1]));
  const ir::Shape kept = ir::keep_dims(t.shape, dims_argument(e, site, bound[2], t.rank()));
  if (!flag_argument(e, site, bound[3], false))
    reduced = e.emit(site.at, [&](ir::Builder& b) { return b.reshape(reduced, kept); });
  return {
      TensorVal{e.emit(site.at, [&](ir::Builder& b) { return b.broadcast(reduced, t.shape); })}};
}

Val count(Elaborator& e, CallSite& site, Bound& bound) {
  const ir::Type t = e.type(tensor_argument(e, site, bound[0]));
  ir::Dim n = 1;
  for (int64_t d : dims_argument(e, site, bound[1], t.rank())) n = n * t.shape[size_t(d)];
  return {int_number(n)};
}

Val require(Elaborator& e, CallSite& site, Bound& bound) {
  Val c = e.eval(*bound[0]);
  const auto* known = c.as<BoolVal>();
  if (known && known->known && !known->value) {
    // What stands on a line of its own is the cure.
    const std::string text = e.string(e.eval(*bound[1]), site.at, "the message");
    const size_t end = std::min(text.find('\n'), text.size());
    fail_in_program(e, site.at, "E0330", text.substr(0, end),
                    text.substr(std::min(end + 1, text.size())));
  }
  return e.eval(*bound[2]);
}

Val random_like(Elaborator& e, CallSite& site, Bound& bound) {
  const ir::Type t = e.type(tensor_argument(e, site, bound[0]));
  Frame& f = *e.frame_;
  const ir::Type integer{ir::DType::i64, {}};
  if (!f.step) f.step = f.b.parameter("step", integer, ir::Role::Input);
  if (!f.seed) f.seed = f.b.parameter("seed", integer, ir::Role::Input);
  // A layer that is called again draws numbers of its own.
  std::string path = e.body_ ? e.body_->path : "";
  if (int again = f.sites[path]++) path += fmt::format(".{}", again);
  std::vector<ir::ValueId> operands{f.seed, f.step};
  if (const ir::ValueId first = e.first_draw(t, site.at)) operands.push_back(first);
  return {TensorVal{e.emit(
      site.at, [&](ir::Builder& b) { return b.add(ir::Op::random, operands, {t.shape, path}); })}};
}

Val einsum(Elaborator& e, CallSite& site, Bound& bound) {
  std::string spec =
      e.string(e.eval(*bound[0]), argument_span(site, bound[0]), "the specification");
  std::vector<Val> operands;
  std::vector<Span> spans;
  std::vector<const Expr*> exprs;
  for (CallArg& arg : site.args) {
    if (&arg == bound[0] || !arg.name.empty()) continue;
    operands.push_back(e.eval(arg));
    spans.push_back(argument_span(site, &arg));
    exprs.push_back(arg.expr);
  }
  return e.einsum(spec, argument_span(site, bound[0]), operands, spans, exprs, site.at);
}

std::vector<Builtin> make_builtins() {
  std::vector<Builtin> list;
  // Scalar primitives that print as calls, from the op table.
  for (int i = 0; i < ir::kOpCount; ++i) {
    const ir::Op op = ir::Op(i);
    const ir::OpDef& d = ir::def(op);
    const std::string name = ir::op_name(op);
    const bool infix = std::string_view(d.name) != name && op != ir::Op::pow && op != ir::Op::neg;
    if (!d.scalar || infix || op == ir::Op::cast) continue;
    if (op == ir::Op::where) {
      list.push_back({"where(c: bool, a, b)", nullptr});
      continue;
    }
    std::string signature = name + (d.scalar->arity == 1 ? "(x)" : "(a, b)");
    list.push_back({signature, [op, name](Elaborator& e, CallSite& site, Bound& bound) {
                      std::vector<Val> values;
                      std::vector<Span> spans;
                      for (CallArg* arg : bound) {
                        values.push_back(e.eval(*arg));
                        spans.push_back(argument_span(site, arg));
                      }
                      return e.elementwise(op, values, spans, site.at, name.c_str());
                    }});
  }
  for (ir::ReduceKind kind :
       {ir::ReduceKind::sum, ir::ReduceKind::prod, ir::ReduceKind::max, ir::ReduceKind::min,
        ir::ReduceKind::any, ir::ReduceKind::all, ir::ReduceKind::argmax, ir::ReduceKind::argmin})
    list.push_back(
        {fmt::format("{}(x: [...s], dim: int | list = all, keepdim: bool = false)", ir::name(kind)),
         [kind](Elaborator& e, CallSite& site, Bound& bound) {
           return reduction(e, site, bound, kind);
         }});
  list.push_back({"spread(reduced, x, dim: int | list = all, keepdim: bool = false)", spread});
  list.push_back({"size(x, dim: int | list = all)", count});
  list.push_back({"rank(x)", [](Elaborator& e, CallSite& site, Bound& bound) -> Val {
                    return {int_number(e.type(tensor_argument(e, site, bound[0])).rank())};
                  }});
  list.push_back(
      {"is_float(x)", [](Elaborator& e, CallSite& site, Bound& bound) -> Val {
         Val v = e.eval(*bound[0]);
         if (const auto* n = v.as<NumberVal>()) return {BoolVal{!n->is_int, true}};
         return {
             BoolVal{ir::is_float(e.type(e.tensor(v, argument_span(site, bound[0]))).dtype), true}};
       }});
  list.push_back({"require(c: bool, message: str, value)", require});
  list.push_back({"random_like(x)", random_like});
  list.push_back({"einsum(spec: str, *operands)", einsum});
  add_shape_builtins(list);
  return list;
}

const std::vector<Builtin>& builtins() {
  static const std::vector<Builtin> list = make_builtins();
  return list;
}

}  // namespace

std::string Builtin::name() const { return signature.substr(0, signature.find('(')); }

std::vector<Builtin::Parameter> Builtin::parameters() const {
  std::vector<Parameter> out;
  size_t open = signature.find('(') + 1, depth = 0, from = open;
  for (size_t i = open; i < signature.size(); ++i) {
    char c = signature[i];
    if (c == '[' || c == '(') ++depth;
    if (depth == 0 && (c == ',' || c == ')')) {
      std::string part = signature.substr(from, i - from);
      part.erase(0, part.find_first_not_of(' '));
      if (!part.empty()) {
        Parameter p;
        p.rest = part[0] == '*';
        p.optional = part.find(" = ") != std::string::npos;
        p.name = part.substr(p.rest ? 1 : 0, part.find_first_of(": =") - (p.rest ? 1 : 0));
        if (p.rest) p.name = part.substr(1);
        out.push_back(p);
      }
      from = i + 1;
      if (c == ')') break;
      continue;
    }
    if (c == ']' || c == ')') --depth;
  }
  return out;
}

const Builtin* find_builtin(std::string_view name) {
  static const std::map<std::string, const Builtin*, std::less<>> by_name = [] {
    std::map<std::string, const Builtin*, std::less<>> map;
    for (const Builtin& b : builtins()) map[b.name()] = &b;
    return map;
  }();
  auto it = by_name.find(name);
  return it == by_name.end() ? nullptr : it->second;
}

std::vector<std::string> builtin_names() {
  std::vector<std::string> names;
  for (const Builtin& b : builtins()) names.push_back(b.name());
  return names;
}

}  // namespace netc::frontend
