// One reverse walk with one hook, the vjp rule in each op's home. In: a function whose result 0 is
// a number. Out: the same function with the gradients of that number, opened calls included.
#include "passes/differentiate.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "passes/inline.h"
#include "passes/opened.h"
#include "passes/passes.h"
#include "passes/simplify.h"

namespace netc::passes {

using ir::Builder;
using ir::Function;
using ir::FunctionId;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

/// A condition that stands outside a cotangent: zero where `condition` is not `keep`.
struct Mask {
  ValueId condition;
  bool keep;
  bool chosen;  ///< by an op of the program that selects, not by a gradient's own formula
  bool operator==(const Mask&) const = default;
};

/// A gradient on its way: the number `g`, to be read as 0 where a mask says so. Masks stay outside
/// while the gradient passes elementwise ops and views, so that an inf or NaN of a branch not taken
/// is never multiplied by 0.
struct Cotangent {
  ValueId g;
  std::vector<Mask> masks;
  ValueId full;  ///< the number with the masks applied, once it has been written
};

bool is_select(const Value& value) {
  const ir::ScalarInfo* scalar = ir::def(value.op).scalar;
  return scalar && scalar->cls == ir::ScalarInfo::Class::Select;
}

/// The walk from the loss back to the wanted values.
class Walk {
 public:
  Walk(Module& module, FunctionId function, Opened& opened, PassContext& context)
      : b_(module, function),
        opened_(opened),
        context_(context),
        names_(ir::display_names(module[function])),
        first_(module[function].values.size()),
        cotangents_(first_) {}

  std::vector<ValueId> run(ValueId output, const std::vector<ValueId>& wanted);

 private:
  Builder b_;
  Opened& opened_;
  PassContext& context_;
  std::vector<std::string> names_;
  size_t first_;  ///< values from here on are gradients
  std::vector<Cotangent> cotangents_;
  std::vector<ValueId> made_for_;  ///< by value - first_: the value whose gradient it was made as
  std::set<std::string> missing_;
  std::vector<ir::Diagnostic> problems_;

  bool varied(ValueId v) const { return opened_.varied[v.index]; }
  void visit(const Node& node);
  void visit_value(ValueId v, const Cotangent& cotangent);
  void visit_call(const Node& node);
  std::vector<ValueId> apply_rule(const Value& value, ValueId self, ValueId g);
  ValueId full(Cotangent& cotangent);
  Cotangent peel(ValueId v, std::vector<Mask> masks, const Cotangent& from, bool chosen) const;
  void contribute(ValueId to, Cotangent cotangent);
  void name_gradient(ValueId of, const Cotangent& cotangent);
  void move_masks(const Value& value, ValueId self, const Cotangent& cotangent,
                  const std::vector<ValueId>& out, std::vector<std::vector<Mask>>& masks);
  bool made_of(const std::vector<ValueId>& out, ValueId g, bool sums) const;
  void report_missing(const Value& value);
  ValueId keeps(const Cotangent& cotangent);
  std::optional<std::vector<Mask>> carried(const Function& gradient,
                                           const std::vector<bool>& depends, ValueId v,
                                           const std::vector<Mask>& masks);
};

std::vector<ValueId> Walk::run(ValueId output, const std::vector<ValueId>& wanted) {
  if (varied(output)) {
    b_.locs = b_.value(output).locs;
    const ValueId one = b_.like(output, 1);
    cotangents_[output.index] = {one, {}, one};
    for (size_t i = opened_.nodes.size(); i-- > 0;) visit(opened_.nodes[i]);
  }
  for (auto& problem : problems_) context_.diagnostics.push_back(std::move(problem));
  std::vector<ValueId> gradients;
  for (ValueId w : wanted) {
    Cotangent& cotangent = cotangents_[w.index];
    b_.locs = b_.value(w).locs;
    gradients.push_back(cotangent.g ? full(cotangent) : ValueId());
    if (cotangent.g) name_gradient(w, cotangent);
  }
  return gradients;
}

void Walk::visit(const Node& node) {
  if (node.callee) {
    visit_call(node);
    return;
  }
  const Cotangent cotangent = cotangents_[node.value.index];
  if (!cotangent.g) return;
  name_gradient(node.value, cotangent);
  visit_value(node.value, cotangent);
}

std::vector<ValueId> Walk::apply_rule(const Value& value, ValueId self, ValueId g) {
  ir::VjpContext context{b_, value, self, g, {}, {}};
  for (ValueId a : value.args) context.needs.push_back(varied(a));
  context.out.resize(value.args.size());
  ir::def(value.op).vjp(context);
  for (size_t i = 0; i < context.out.size(); ++i)
    if (!context.needs[i]) context.out[i] = ValueId();
  return context.out;
}

void Walk::visit_value(ValueId self, const Cotangent& incoming) {
  const Value value = b_.value(self);
  if (std::none_of(value.args.begin(), value.args.end(), [&](ValueId a) { return varied(a); }))
    return;
  if (!ir::def(value.op).vjp) {
    report_missing(value);
    return;
  }
  b_.locs = value.locs;
  b_.vjp_of = names_[self.index];
  Cotangent cotangent = incoming;
  // Elementwise rules are linear: masks stay outside. Rules that only move elements are applied to
  // the masks as well. Before all others the masks are applied.
  const bool map = ir::def(value.op).form == ir::Form::Map;
  const size_t mark = b_.function().values.size();
  auto out = apply_rule(value, self, cotangent.g);
  std::vector<std::vector<Mask>> masks(out.size());  // by operand
  if (map) {
    std::fill(masks.begin(), masks.end(), cotangent.masks);
  } else if (!cotangent.masks.empty()) {
    if (!ir::vjp_only_moves(value) || !made_of(out, cotangent.g, false)) {
      b_.function().values.resize(mark);
      const ValueId g = full(cotangent);
      cotangents_[self.index].full = g;
      out = apply_rule(value, self, g);
    }
    move_masks(value, self, cotangent, out, masks);
  }
  const bool selects = is_select(value);
  for (size_t i = 0; i < out.size(); ++i) {
    if (!out[i]) continue;
    Cotangent part = peel(out[i], std::move(masks[i]), cotangent, selects);
    // A sum of masked numbers is right as it stands; the mask is for what comes after.
    if (!map && cotangent.full && !made_of({out[i]}, cotangent.g, false)) part.full = out[i];
    contribute(value.args[i], std::move(part));
  }
}

/// Applies a rule that is no elementwise one to the masks: as they are when it only moves elements;
/// counted, when it also adds elements up, which keeps those masks that the program itself chose.
void Walk::move_masks(const Value& value, ValueId self, const Cotangent& cotangent,
                      const std::vector<ValueId>& out, std::vector<std::vector<Mask>>& masks) {
  const bool moves = ir::vjp_only_moves(value) && made_of(out, cotangent.g, false);
  if (!moves && !made_of(out, cotangent.full, true)) return;
  for (const Mask& mask : cotangent.masks) {
    if (!moves && !mask.chosen) continue;
    ValueId condition = mask.condition;
    if (!moves) {
      const ValueId one = b_.like(cotangent.g, 1), zero = b_.like(cotangent.g, 0);
      condition = b_.where(condition, mask.keep ? one : zero, mask.keep ? zero : one);
    }
    const auto moved = apply_rule(value, self, condition);
    for (size_t i = 0; i < moved.size(); ++i) {
      if (!moved[i]) continue;
      if (moves) {
        masks[i].push_back({moved[i], mask.keep, mask.chosen});
      } else {
        masks[i].push_back({b_.is_positive(moved[i]), true, true});
      }
    }
  }
}

/// Whether a rule made every cotangent from `g` by views alone, or by views and sums.
bool Walk::made_of(const std::vector<ValueId>& out, ValueId g, bool sums) const {
  return std::all_of(out.begin(), out.end(), [&](ValueId v) {
    if (!v) return true;
    while (v && v != g) {
      const Value& value = b_.value(v);
      const bool passes = ir::def(value.op).form == ir::Form::View ||
                          (sums && std::get_if<ir::ReduceKind>(value.attrs.data()) &&
                           std::get<ir::ReduceKind>(value.attrs[0]) == ir::ReduceKind::sum);
      v = passes ? value.args[0] : ValueId();
    }
    return v == g;
  });
}

/// Moves the masks that a rule wrote around its result to the outside.
Cotangent Walk::peel(ValueId v, std::vector<Mask> masks, const Cotangent& from, bool chosen) const {
  if (v == from.g && masks == from.masks) return from;
  Cotangent out{v, std::move(masks), {}};
  if (out.masks.empty()) out.full = v;
  while (out.g.index >= first_) {
    const Value& value = b_.value(out.g);
    if (!is_select(value)) break;
    const bool keep = splat_number(b_.value(value.args[2])) == 0.0;
    if (!keep && splat_number(b_.value(value.args[1])) != 0.0) break;
    const Mask mask{value.args[0], keep, chosen};
    if (std::find(out.masks.begin(), out.masks.end(), mask) == out.masks.end())
      out.masks.push_back(mask);
    out.g = value.args[keep ? 1 : 2];
  }
  return out;
}

ValueId Walk::full(Cotangent& cotangent) {
  if (cotangent.full) return cotangent.full;
  ValueId v = cotangent.g;
  const ValueId zero = b_.like(v, 0);
  for (const Mask& mask : cotangent.masks)
    v = mask.keep ? b_.where(mask.condition, v, zero) : b_.where(mask.condition, zero, v);
  return cotangent.full = v;
}

/// Where the masks that the program itself chose let a cotangent pass; nothing when there are none.
ValueId Walk::keeps(const Cotangent& cotangent) {
  ValueId all;
  for (const Mask& mask : cotangent.masks) {
    if (!mask.chosen) continue;
    const ValueId keep = mask.keep ? mask.condition : b_.logical_not(mask.condition);
    all = all ? b_.logical_and(all, keep) : keep;
  }
  return all;
}

void Walk::contribute(ValueId to, Cotangent cotangent) {
  if (b_.type(cotangent.g) != b_.type(to))
    throw std::logic_error(fmt::format("gradient of {} has type {} instead of {}", names_[to.index],
                                       str(b_.type(cotangent.g)), str(b_.type(to))));
  Cotangent& sum = cotangents_[to.index];
  if (!sum.g) {
    sum = std::move(cotangent);
  } else if (sum.masks == cotangent.masks) {
    sum.g = b_.binary(ir::Op::add, sum.g, cotangent.g);
    sum.full = sum.masks.empty() ? sum.g : ValueId();
  } else {
    const ValueId keeps_a = keeps(sum), keeps_c = keeps(cotangent);
    const ValueId a = full(sum), c = full(cotangent);
    const ValueId v = b_.binary(ir::Op::add, a, c);
    sum = {v, {}, v};
    // 0 where both are: the sum is right as it stands, the mask is for what comes after.
    if (keeps_a && keeps_c) sum.masks.push_back({b_.logical_or(keeps_a, keeps_c), true, true});
  }
  if (sum.full && sum.full.index >= first_) {
    made_for_.resize(b_.function().values.size() - first_);
    ValueId& owner = made_for_[sum.full.index - first_];
    if (!owner) owner = to;
  }
}

/// The gradient of x is called d_x when it was made as such and x stands in the function itself.
void Walk::name_gradient(ValueId of, const Cotangent& cotangent) {
  const ValueId v = cotangent.full;
  made_for_.resize(b_.function().values.size() - first_);
  if (!v || v.index < first_ || !opened_.outer[of.index]) return;
  Value& value = b_.function()[v];
  const ValueId owner = made_for_[v.index - first_];
  if (!value.name.empty() || splat(value) || (owner && owner != of)) return;
  value.name = "d_" + names_[of.index];
}

/// Masks of the cotangent that a `grad` block takes, as they stand at its value `v`, which is made
/// of the cotangent by elementwise ops and views: views are applied to them. Nothing when it is
/// made otherwise, or two ways lead there with different masks.
std::optional<std::vector<Mask>> Walk::carried(const Function& gradient,
                                               const std::vector<bool>& depends, ValueId v,
                                               const std::vector<Mask>& masks) {
  if (!depends[v.index]) return std::vector<Mask>();
  if (v.index < gradient.params.size()) return masks;
  const Value& value = gradient[v];
  const ir::Form form = ir::def(value.op).form;
  if (form != ir::Form::Map && (form != ir::Form::View || value.args.size() != 1)) return {};
  std::optional<std::vector<Mask>> out;
  for (ValueId a : value.args) {
    if (!depends[a.index]) continue;
    const auto below = carried(gradient, depends, a, masks);
    if (!below || (out && *out != *below)) return {};
    out = below;
  }
  if (form == ir::Form::View)
    for (Mask& mask : *out) mask.condition = b_.add(value.op, {mask.condition}, value.attrs);
  return out;
}

void Walk::visit_call(const Node& node) {
  const Function& callee = b_.module()[node.callee];
  const Function& gradient = b_.module()[callee.grad];
  if (std::none_of(node.results.begin(), node.results.end(),
                   [&](ValueId r) { return bool(cotangents_[r.index].g); }))
    return;
  b_.locs = node.locs;
  b_.vjp_of = names_[node.results[0].index];
  std::vector<ValueId> args = node.captures;
  const Cotangent from = cotangents_[node.results[0].index];
  std::vector<bool> depends(gradient.values.size(), false);  // on the cotangents
  for (size_t i = 0; i < gradient.values.size(); ++i) {
    depends[i] = i >= args.size() && i < gradient.params.size();
    for (ValueId a : gradient.values[i].args) depends[i] = depends[i] || depends[a.index];
  }
  std::vector<std::vector<Mask>> masks(gradient.results.size());
  bool moves = node.results.size() == 1;
  for (size_t i = 0; moves && !from.masks.empty() && i < masks.size(); ++i) {
    if (!gradient.results[i].value) continue;
    const auto found = carried(gradient, depends, gradient.results[i].value, from.masks);
    moves = found.has_value();
    if (found) masks[i] = *found;
  }
  if (!moves) masks.assign(masks.size(), {});
  for (ValueId r : node.results) {
    Cotangent& cotangent = cotangents_[r.index];
    if (cotangent.g) name_gradient(r, cotangent);
    args.push_back(!cotangent.g ? b_.like(r, 0) : moves ? cotangent.g : full(cotangent));
  }
  const size_t first = b_.function().values.size();
  const auto map = open_body(b_, callee.grad, args, node.locs, false);
  // What std computes for a gradient is the compiler's own doing: only the user's place counts.
  for (size_t i = first; callee.from_std && i < b_.function().values.size(); ++i)
    b_.function().values[i].locs = user_locs(b_.module(), node.locs);
  size_t next = 0;
  for (size_t i = 0; i < callee.params.size(); ++i) {
    if (!ir::is_float(callee.values[i].type.dtype) || next >= gradient.results.size()) continue;
    const size_t at = next++;
    const ValueId result = gradient.results[at].value;
    if (!result || !varied(node.args[i])) continue;
    contribute(node.args[i], peel(map[result.index], masks[at], moves ? from : Cotangent(), false));
  }
}

void Walk::report_missing(const Value& value) {
  const std::string name = ir::def(value.op).name;
  const ir::LocId loc = value.locs.empty() ? ir::LocId() : value.locs.front();
  if (!missing_.insert(fmt::format("{} {}", name, loc.index)).second) return;
  ir::Diagnostic d;
  d.code = "E0403";
  d.message = fmt::format("`{}` has no derivative, but a gradient must pass through it", name);
  d.place = user_place(b_.module(), value.locs);
  d.label = "on a path from a parameter to the loss";
  d.helps.push_back(
      "write `stop_gradient(…)` around it, or wrap it in a function with a `grad` block");
  problems_.push_back(std::move(d));
}

}  // namespace

std::vector<ValueId> add_gradients(Module& module, FunctionId function,
                                   const std::vector<ValueId>& wanted, PassContext& context) {
  Opened opened(module, function, wanted);
  const size_t first = module[function].values.size();
  Walk walk(module, function, opened, context);
  std::vector<ValueId> gradients = walk.run(opened.output, wanted);
  tidy(module, function, first, gradients, context);
  return gradients;
}

FunctionId differentiate_function(Module& module, FunctionId function,
                                  const std::vector<size_t>& wanted, const std::string& name,
                                  PassContext& context) {
  const FunctionId copy(module.functions.size());
  module.functions.push_back(Function(module[function]));
  module[copy].name = name;
  module[copy].grad = FunctionId();
  module[copy].grad_captures.clear();
  std::vector<ValueId> values;
  for (size_t w : wanted) values.push_back(module[copy].params[w].value);
  const auto gradients = add_gradients(module, copy, values, context);
  Builder b(module, copy);
  const auto names = ir::display_names(module[copy]);
  for (size_t i = 0; i < wanted.size(); ++i)
    b.result("d_" + names[wanted[i]], gradients[i] ? gradients[i] : b.like(values[i], 0));
  name_results(module, copy);
  return copy;
}

}  // namespace netc::passes
