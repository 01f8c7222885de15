// Arguments of a call to parameters: by position, by name, defaults; and what is said when they do
// not fit.
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "frontend/elaborate_state.h"
#include "frontend/foreign.h"

namespace netc::frontend {
std::string Elaborator::signature(const Item& item) const {
  auto list = [&](const std::vector<ParamDecl>& params) {
    std::string out = "(";
    for (size_t i = 0; i < params.size(); ++i) out += (i ? ", " : "") + text(params[i].span);
    return out + ")";
  };
  auto results = [&](const std::vector<ResultType>& types) {
    std::string out;
    for (size_t i = 0; i < types.size(); ++i)
      out += (i ? ", " : "") + (types[i].name ? types[i].name->str() + ": " : std::string()) +
             text(types[i].type.span);
    if (out.empty()) return out;
    return types.size() > 1 ? " -> (" + out + ")" : " -> " + out;
  };
  if (const auto* fn = std::get_if<FnItem>(&item.node))
    return fn->name.str() + list(fn->params) + results(fn->results);
  if (const auto* layer = std::get_if<LayerItem>(&item.node))
    return layer->name + list(layer->settings) + list(layer->params) + results(layer->results);
  if (const auto* optimizer = std::get_if<OptimizerItem>(&item.node))
    return optimizer->name + list(optimizer->settings);
  return {};
}

Bound Elaborator::bind_arguments(const std::vector<ParamDecl>& params, CallSite& site,
                                 const std::string& signature) {
  std::vector<Builtin::Parameter> list;
  for (const ParamDecl& p : params) list.push_back({p.path.str(), p.value != nullptr, false});
  return bind_arguments(list, site, site.callee, signature);
}

Bound Elaborator::bind_arguments(const std::vector<Builtin::Parameter>& params, CallSite& site,
                                 const std::string& name, const std::string& signature) {
  Bound bound(params.size(), nullptr);
  auto place_of = [&](const CallArg& arg) {
    return arg.name.empty() ? (arg.expr ? arg.expr->span : site.at) : arg.name_span;
  };
  auto refuse = [&](ir::Diagnostic d) {
    d.notes.push_back("signature: " + signature);
    fail(std::move(d));
  };
  size_t position = 0, most = params.size();
  for (CallArg& arg : site.args) {
    if (arg.name.empty()) {
      if (position < params.size() && params[position].rest) continue;  // the handler takes them
      if (position >= params.size())
        refuse(error("E0205",
                     fmt::format("`{}` takes {} argument{} but gets {}", name, most,
                                 most == 1 ? "" : "s", site.args.size()),
                     place_of(arg), "one too many"));
      bound[position++] = &arg;
      continue;
    }
    size_t k = 0;
    while (k < params.size() && params[k].name != arg.name) ++k;
    if (k == params.size()) {
      std::vector<std::string> names;
      for (const Builtin::Parameter& p : params) names.push_back(p.name);
      ir::Diagnostic d = error("E0204", fmt::format("`{}` has no argument `{}`", name, arg.name),
                               arg.name_span, "unknown argument");
      std::string help = suggestion(arg.name, names);
      const size_t offset = arg.name_span.begin - site.span.begin;
      std::string fixed = text(site.span);
      if (help.ends_with(" here") && offset + arg.name.size() <= fixed.size()) {
        fixed.replace(offset, arg.name.size(), intended_name(arg.name, names));
        help += fmt::format(": `{}`", fixed);
      }
      if (!help.empty()) d.helps.push_back(std::move(help));
      refuse(std::move(d));
    }
    if (bound[k])
      refuse(error("E0205", fmt::format("`{}` gets its argument `{}` twice", name, arg.name),
                   arg.name_span, "given already"));
    bound[k] = &arg;
  }
  for (size_t k = 0; k < params.size(); ++k)
    if (!bound[k] && !params[k].optional && !params[k].rest)
      refuse(error("E0205", fmt::format("`{}` needs its argument `{}`", name, params[k].name),
                   site.at, fmt::format("`{}` is missing", params[k].name)));
  return bound;
}

void Elaborator::match_argument(const ParamDecl& p, ir::ValueId v, const CallArg& arg,
                                CallSite& site, const std::string& callee,
                                const LayerInstance* instance) {
  if (!p.type) return;
  if (auto m = match(*p.type, type(v))) argument_mismatch(p, *m, v, arg, site, callee, instance);
}

namespace {

/// What makes a tensor fit that has a dim of size 1 too few or too many; empty when nothing does.
std::string rank_help(const ir::Shape& actual, const std::string& argument,
                      const std::function<bool(const ir::Shape&)>& fits) {
  if (actual.empty()) return {};
  const std::string x = argument.find('\n') == std::string::npos ? argument : "x";
  const bool plain = x.find_first_of(" |") == std::string::npos;
  const std::string base = plain ? x : "(" + x + ")";
  ir::Shape longer = actual, shorter = actual;
  longer.insert(longer.begin() + 1, ir::Dim(1));
  shorter.pop_back();
  if (fits(longer)) return fmt::format("`None` puts in a dim of size 1: `{}[:, None]`", base);
  if (actual.back() == ir::Dim(1) && !shorter.empty() && fits(shorter))
    return fmt::format("an index takes out the dim of size 1: `{}[{}, 0]`", base,
                       shorter.size() == 1 ? ":" : "...");
  return {};
}

/// The first dim of those that have `wanted` elements together, the last ones; 0 when no two do.
int64_t flattened_from(const ir::Shape& shape, const ir::Dim& wanted) {
  ir::Dim count = shape.empty() ? ir::Dim(0) : shape.back();
  for (size_t k = shape.size() - 1; k-- > 1;) {
    count = count * shape[k];
    if (count == wanted) return int64_t(k);
  }
  return 0;
}

}  // namespace

// A call of two tensors with the arguments exchanged, where the other one fits `p`.
std::string Elaborator::swapped_arguments(const ParamDecl& p, const CallSite& site) {
  if (site.args.size() != 2) return {};
  const CallArg &a = site.args[0], &b = site.args[1];
  if (!a.expr || !b.expr || !a.name.empty() || !b.name.empty() || a.expr->span.end <= site.at.begin)
    return {};
  size_t fit = 0;
  for (const CallArg* arg : {&a, &b})
    if (const auto* t = arg->value ? arg->value->as<TensorVal>() : nullptr) {
      Scope trial;
      trial.unit = scope_->unit;
      Restore<Scope*> inner(scope_, &trial);
      fit += match(*p.type, type(t->id)) ? 0 : 1;
    }
  if (fit != 1) return {};
  return fmt::format("{}({}, {})", site.callee, text(b.expr->span), text(a.expr->span));
}

const std::pair<std::string, Span>* Elaborator::producer_of(ir::ValueId v) const {
  // Through what keeps the shape: activations and the like.
  for (int steps = 0; steps < 64; ++steps) {
    auto it = frame_->produced.find(v.index);
    if (it != frame_->produced.end()) return &it->second;
    const ir::Value& value = frame_->b.value(v);
    const ir::Form form = ir::def(value.op).form;
    if (form != ir::Form::Map && form != ir::Form::Call) return nullptr;
    ir::ValueId next;
    for (ir::ValueId a : value.args)
      if (!next && type(a).shape == value.type.shape) next = a;
    if (!next) return nullptr;
    v = next;
  }
  return nullptr;
}

void Elaborator::argument_mismatch(const ParamDecl& p, const Mismatch& m, ir::ValueId v,
                                   const CallArg& arg, CallSite& site, const std::string& callee,
                                   const LayerInstance* instance) {
  const ir::Type actual = type(v);
  const std::string expected = expected_text(*p.type);
  // `x |> f` points at f, `f(x)` at x.
  bool piped = arg.expr && arg.expr->span.end <= site.at.begin && site.args.size() == 1;
  Span place = piped || !arg.expr ? site.at : arg.expr->span;
  const std::string argument = arg.expr ? text(arg.expr->span) : "";
  std::string swapped = swapped_arguments(p, site);
  if (!swapped.empty())
    swapped = fmt::format("perhaps the arguments stand the wrong way round: `{}`", swapped);
  if (m.kind == Mismatch::Kind::DType) {
    ir::DType wanted = dtype(*p.type);
    ir::Diagnostic d = error("E0305",
                             fmt::format("`{}` expects {} for `{}` but gets {}", callee,
                                         ir::name(wanted), p.path.str(), ir::name(actual.dtype)),
                             place, "this argument is " + ir::str(actual));
    bool plain = !argument.empty() && argument.find('\n') == std::string::npos;
    if (!swapped.empty())
      d.helps.push_back(swapped);
    else
      d.helps.push_back(plain && !piped
                            ? fmt::format("convert it: `{}({})`", ir::name(wanted), argument)
                            : fmt::format("convert it with `{}(…)`", ir::name(wanted)));
    fail(std::move(d));
  }
  bool features = instance && m.kind == Mismatch::Kind::Size && m.from_end == 1;
  std::string message = features ? fmt::format("`{}` expects {} features but gets {}", callee,
                                               m.wanted.str(), m.found.str())
                                 : fmt::format("`{}` expects `{}` to be {} but gets {}", callee,
                                               p.path.str(), expected, ir::str(actual));
  ir::Diagnostic d = error("E0301", message, place, "this argument is " + ir::str(actual));
  if (const auto* producer = producer_of(v))
    other(d, producer->second,
          fmt::format("`{}` produces {} here", producer->first, ir::str(actual)));
  else if (auto declared = frame_->declared.find(v.index); declared != frame_->declared.end())
    other(d, declared->second, "declared here");
  if (!swapped.empty())
    d.helps.push_back(swapped);
  else if (m.kind == Mismatch::Kind::Rank)
    if (const std::string help = rank_help(
            actual.shape, argument,
            [&](const ir::Shape& shape) { return !match(*p.type, {actual.dtype, shape}); });
        !help.empty())
      d.helps.push_back(help);
  // Where the sizes of the others come from.
  for (const CallArg& given : site.args) {
    const auto* t = given.value ? given.value->as<TensorVal>() : nullptr;
    if (!t || !given.expr || &given == &arg || piped) continue;
    other(d, given.expr->span, ir::str(type(t->id)));
    if (const auto* producer = producer_of(t->id))
      other(d, producer->second,
            fmt::format("`{}` produces {} here", producer->first, ir::str(type(t->id))));
  }
  bool labelled = false;
  const int64_t flat_from = features ? flattened_from(actual.shape, m.wanted) : 0;
  const bool channels_last = m.position == 1 && p.type->dims->size() == 4 && actual.rank() == 4 &&
                             actual.shape[3] == m.wanted;
  if (instance && m.kind == Mismatch::Kind::Size && !(*p.type->dims)[m.position].ellipsis) {
    const auto& layer = std::get<LayerItem>(instance->item->node);
    const auto* n = std::get_if<Name>(&(*p.type->dims)[m.position].size->node);
    for (size_t k = 0; n && k < layer.settings.size(); ++k) {
      if (layer.settings[k].path.str() != n->name || !instance->setting_exprs[k]) continue;
      const Expr& given = *instance->setting_exprs[k];
      other(d, given.span, fmt::format("so `{}` must be {}", p.path.str(), expected));
      labelled = true;
      // The construction with the size that comes in.
      std::string fixed = layer.name + "(", hole = fixed;
      const auto& settings = instance->setting_exprs;
      const auto other_way =
          size_t(std::find_if(settings.begin(), settings.end(),
                              [&](const Expr* e) { return e && text(e->span) == m.found.str(); }) -
                 settings.begin());
      for (size_t j = 0; j < instance->setting_exprs.size(); ++j) {
        if (!instance->setting_exprs[j]) continue;
        std::string sep = j ? ", " : "";
        std::string named = layer.settings[j].value ? layer.settings[j].path.str() + " = " : "";
        std::string written = named + text(instance->setting_exprs[j]->span);
        fixed += sep + (j == k ? m.found.str() : j == other_way ? text(given.span) : written);
        hole += sep + (j == k ? "_" : written);
      }
      const std::string given_text = argument.find('\n') == std::string::npos ? argument : "…";
      if (flat_from > 0)
        d.helps.push_back(
            piped ? fmt::format("flatten it first: `|> Flatten({}) |> {}`", flat_from,
                                text({site.at.file, site.at.begin, site.span.end}))
                  : fmt::format("flatten it first: `flatten({}, {})`", given_text, flat_from));
      else if (channels_last)
        d.helps.push_back(fmt::format(
            "channels come before rows and columns: `permute({}, 0, 3, 1, 2)`", given_text));
      else if (other_way < settings.size())
        d.helps.push_back(fmt::format("perhaps the sizes stand the wrong way round: `{})`", fixed));
      else
        d.helps.push_back(fmt::format("write `{})`, or `{})` to infer it", fixed, hole));
    }
  }
  if (!labelled && p.type->span.end > p.type->span.begin && sources_[p.type->span.file].path.size())
    other(d, p.type->span, fmt::format("`{}` is declared here", p.path.str()));
  bool symbolic =
      m.kind == Mismatch::Kind::Size && !(m.wanted.is_constant() && m.found.is_constant());
  if (symbolic)
    d.notes.push_back(
        fmt::format("`{}` and `{}` are not known to be equal: different names are "
                    "different sizes",
                    m.wanted.str(), m.found.str()));
  fail(std::move(d));
}

}  // namespace netc::frontend
