// A call with a gradient function of its own stays closed where that needs nothing of its body.
#include "passes/opened.h"

#include <algorithm>

#include "passes/inline.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::Builder;
using ir::Function;
using ir::FunctionId;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

/// Values that some of the first `results` results of `body` needs.
std::vector<bool> needed(const Function& body, size_t results) {
  std::vector<bool> out(body.values.size(), false);
  for (size_t r = 0; r < results; ++r)
    if (const ValueId v = body.results[r].value) out[v.index] = true;
  for (size_t i = body.values.size(); i-- > 0;)
    if (out[i])
      for (ValueId a : body.values[i].args) out[a.index] = true;
  return out;
}

}  // namespace

Opened::Opened(Module& module, FunctionId f, const std::vector<ValueId>& wanted)
    : module_(module), function_(f) {
  Rewriter rewriter(module, f);
  const Function& old = rewriter.old();
  varied.assign(old.params.size(), false);
  outer.assign(old.params.size(), true);
  for (ValueId w : wanted) varied[w.index] = ir::is_float(old[w].type.dtype);
  Map map(old.values.size());
  for (size_t i = 0; i < old.params.size(); ++i) map[i] = ValueId(i);
  copy_body(old, map, {}, true);
  for (size_t i = 0; i < old.values.size(); ++i) rewriter.set(ValueId(i), map[i]);
  output = map[old.results[0].value.index];
  rewriter.finish();
  while (varied.size() < module[f].values.size()) note(ValueId(varied.size()));
}

void Opened::note(ValueId v) {
  const Value& value = module_[function_][v];
  const bool depends =
      std::any_of(value.args.begin(), value.args.end(), [&](ValueId a) { return varied[a.index]; });
  // A scalar op without partials (floor) is flat: no gradient flows.
  const ir::OpDef& def = ir::def(value.op);
  const bool flat = def.scalar && !def.vjp;
  varied.push_back(depends && !flat && ir::is_float(value.type.dtype));
  outer.push_back(false);
}

bool Opened::on_path(const Value& value, const Map& map, const std::vector<bool>& useful,
                     size_t at) {
  return useful[at] && std::any_of(value.args.begin(), value.args.end(),
                                   [&](ValueId a) { return varied[map[a.index].index]; });
}

void Opened::copy_body(const Function& body, Map& map, const std::vector<ir::LocId>& call,
                       bool top) {
  auto useful = needed(body, top ? 1 : body.results.size());
  for (size_t i = 0; i < body.values.size(); ++i)  // a call is needed when any result of it is
    if (is_call_result(body.values[i]) && useful[i]) useful[body.values[i].args[0].index] = true;
  for (size_t i = body.params.size(); i < body.values.size(); ++i) {
    if (map[i]) continue;
    const Value& value = body.values[i];
    const auto callee = callee_of(value);
    if (callee && on_path(value, map, useful, i)) {
      open(value, *callee, i, body, map, call);
      for (size_t r = 0; top && r < module_[*callee].results.size(); ++r) {
        outer[map[i + r].index] = true;
        std::string& name = module_[function_][map[i + r]].name;
        if (name.empty()) name = body.values[i + r].name;
      }
      continue;
    }
    Builder b(module_, function_);
    if (top) {
      Value copy = value;
      for (ValueId& a : copy.args) a = map[a.index];
      map[i] = append(module_[function_], std::move(copy));
    } else {
      map[i] = copy_from_body(b, value, map, call);
    }
    note(map[i]);
    outer[map[i].index] = top;
    Node node;
    node.value = map[i];
    nodes.push_back(std::move(node));
  }
}

void Opened::open(const Value& value, FunctionId callee, size_t at, const Function& body, Map& map,
                  const std::vector<ir::LocId>& call) {
  const Function& inner_body = module_[callee];
  const auto locs = call.empty() ? value.locs : places_at_call(module_, value.locs, call);
  if (inner_body.grad && stays_closed(inner_body)) {
    keep_closed(callee, at, body, map, call);
    return;
  }
  Map inner(inner_body.values.size());
  std::vector<ValueId> args;
  for (ValueId a : value.args) args.push_back(map[a.index]);
  for (size_t i = 0; i < args.size(); ++i) inner[i] = args[i];
  if (inner_body.grad) {
    add_own_gradient(callee, args, inner, locs);
  } else {
    copy_body(inner_body, inner, locs, false);
  }
  for (size_t r = 0; r < inner_body.results.size(); ++r)
    map[at + r] = inner[inner_body.results[r].value.index];
}

/// Whether the gradient needs nothing of the body but parameters and results.
bool Opened::stays_closed(const Function& callee) const {
  return std::all_of(callee.grad_captures.begin(), callee.grad_captures.end(), [&](ValueId v) {
    return is_parameter(callee, v) ||
           std::any_of(callee.results.begin(), callee.results.end(),
                       [&](const ir::Result& r) { return r.value == v; });
  });
}

/// Copies a call that stands at `at` of `body`, and its further results.
void Opened::keep_closed(FunctionId callee, size_t at, const Function& body, Map& map,
                         const std::vector<ir::LocId>& call) {
  const Function& inner = module_[callee];
  Builder b(module_, function_);
  Node node;
  node.callee = callee;
  for (ValueId a : body.values[at].args) node.args.push_back(map[a.index]);
  for (size_t r = 0; r < inner.results.size(); ++r) {
    map[at + r] = copy_from_body(b, body.values[at + r], map, call);
    note(map[at + r]);
    node.results.push_back(map[at + r]);
  }
  const bool depends =
      std::any_of(node.args.begin(), node.args.end(), [&](ValueId a) { return varied[a.index]; });
  for (ValueId r : node.results) varied[r.index] = depends && ir::is_float(b.type(r).dtype);
  node.locs = b.value(node.results[0]).locs;
  for (ValueId v : inner.grad_captures) {
    if (is_parameter(inner, v)) {
      node.captures.push_back(node.args[v.index]);
      continue;
    }
    size_t r = 0;
    while (inner.results[r].value != v) ++r;
    node.captures.push_back(node.results[r]);
  }
  nodes.push_back(std::move(node));
}

void Opened::add_own_gradient(FunctionId callee, const std::vector<ValueId>& args, Map& inner,
                              const std::vector<ir::LocId>& locs) {
  const Function& body = module_[callee];
  const size_t first = module_[function_].values.size();
  Builder b(module_, function_);
  b.locs = locs;
  for (size_t i = body.params.size(); i < body.values.size(); ++i) {
    inner[i] = copy_from_body(b, body.values[i], inner, locs);
    note(inner[i]);
    varied.back() = false;
  }
  Node node;
  node.callee = callee;
  node.args = args;
  node.locs = locs;
  const bool depends =
      std::any_of(args.begin(), args.end(), [&](ValueId a) { return varied[a.index]; });
  for (const ir::Result& result : body.results) {
    ValueId& v = inner[result.value.index];
    // Results must be values of their own: a gradient that reaches one goes to this node.
    const bool own = v.index >= first && !splat(b.value(v)) &&
                     std::find(node.results.begin(), node.results.end(), v) == node.results.end();
    if (!own) {
      v = b.copy(v);
      note(v);
    }
    varied[v.index] = depends && ir::is_float(b.type(v).dtype);
    node.results.push_back(v);
  }
  for (ValueId capture : body.grad_captures) node.captures.push_back(inner[capture.index]);
  nodes.push_back(std::move(node));
}

}  // namespace netc::passes
