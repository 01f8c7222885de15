// Warns of programs that are well-formed but train badly: losses that get probabilities in place of
// logits, and bytes that reach the weights as they are.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

/// What a loss of std holds itself, so that it must not be applied before.
struct Doubled {
  std::string_view loss, before, takes, cure;
};
constexpr Doubled kDoubled[] = {
    {"cross_entropy", "softmax", "logits",
     "it holds the softmax: give it what goes into `softmax`"},
    {"cross_entropy", "log_softmax", "logits",
     "give it what goes into `log_softmax`, or write `nll`, which takes log-probabilities"},
    {"cross_entropy", "sigmoid", "logits",
     "give it what goes into `sigmoid`; for classes that do not exclude each other write "
     "`bce_with_logits`"},
    {"bce_with_logits", "sigmoid", "logits",
     "it holds the sigmoid: give it what goes into `sigmoid`"},
    {"bce_with_logits", "softmax", "logits", "give it what goes into `softmax`"},
    {"nll", "softmax", "log-probabilities", "write `log_softmax` in place of `softmax`"}};

/// A value that holds the bytes of an input, converted at most.
struct Bytes {
  ir::ValueId input;
  ir::LocId converted;  ///< where the model made them floating point
};

/// Follows bytes through a model and the functions that it calls.
struct ByteWalk {
  const ir::Module& module;
  std::map<uint32_t, Bytes> multiplied;  ///< by input

  void function(const ir::Function& f, std::map<uint32_t, Bytes> bytes, bool is_model) {
    for (uint32_t v = 0; v < f.values.size() && !bytes.empty(); ++v) {
      const ir::Value& value = f.values[v];
      const Bytes* from = nullptr;
      bool mixed = false;
      for (const ir::ValueId a : value.args) {
        const auto it = bytes.find(a.index);
        mixed = mixed || it == bytes.end();
        if (it != bytes.end()) from = &it->second;
      }
      if (from == nullptr) continue;
      const ir::Form form = ir::def(value.op).form;
      if (form == ir::Form::Contract && mixed && from->converted)
        multiplied.emplace(from->input.index, *from);
      if (value.op == ir::Op::call) called(value, bytes);
      if (form != ir::Form::View && value.op != ir::Op::pad && value.op != ir::Op::cast) continue;
      Bytes next = *from;
      if (is_model && value.op == ir::Op::cast && ir::is_float(value.type.dtype))
        next.converted = value.locs.front();
      bytes[v] = next;
    }
  }

  void called(const ir::Value& call, const std::map<uint32_t, Bytes>& bytes) {
    const ir::Function& callee = module[std::get<ir::FunctionId>(call.attrs[0])];
    std::map<uint32_t, Bytes> given;
    for (size_t k = 0; k < call.args.size(); ++k)
      if (const auto it = bytes.find(call.args[k].index); it != bytes.end())
        given[callee.params[k].value.index] = it->second;
    function(callee, std::move(given), false);
  }
};

}  // namespace

void Elaborator::warn_of_probabilities(const std::string& loss, const std::vector<Val>& values,
                                       const Bound& bound) {
  const auto* first = values.empty() ? nullptr : values[0].as<TensorVal>();
  if (!first || !bound[0] || !bound[0]->expr || items_[scope_->unit].is_std) return;
  const ir::Value& value = frame_->b.value(first->id);
  if (value.op != ir::Op::call) return;
  const ir::Function& made_by = module_[std::get<ir::FunctionId>(value.attrs[0])];
  for (const Doubled& d : kDoubled) {
    if (d.loss != loss || !made_by.from_std || made_by.source_name != d.before) continue;
    const Span at = bound[0]->expr->span;
    ir::Diagnostic w =
        error("W0407",
              fmt::format("`{}` takes {}, and this is the result of `{}`", loss, d.takes, d.before),
              at, fmt::format("given to `{}`", loss));
    w.severity = ir::Severity::Warning;
    if (!value.locs.empty()) {
      const ir::Place made = module_.locs[value.locs.front().index].place;
      if (made != w.place)
        w.others.emplace_back(made, fmt::format("`{}` is applied here", d.before));
    }
    w.helps.emplace_back(d.cure);
    report(std::move(w));
  }
}

namespace {

/// The name that is the leading size of a type; null where there is something else.
const std::string* leading_name(const TypeSyntax& t) {
  if (!t.dims || t.dims->empty() || !t.dims->front().size) return nullptr;
  const auto* name = std::get_if<Name>(&t.dims->front().size->node);
  return name ? &name->name : nullptr;
}

}  // namespace

void Elaborator::warn_of_missing_batch(ir::ValueId v, Span at) {
  const ir::Type t = type(v);
  const std::string input = frame_->b.value(v).name;
  if (!t.shape.empty() && !t.shape[0].is_constant()) return;
  frame_->unbatched.insert(v.index);
  // As other inputs call it.
  std::string batch = "batch", constant;
  for (const Stmt& s : std::get<ModelItem>(body_->item->node).body) {
    const auto* other_input = std::get_if<InputDecl>(&s.node);
    const std::string* name = other_input ? leading_name(other_input->type) : nullptr;
    if (!name) continue;
    if (!item(scope_->unit, *name)) batch = *name;
    if (other_input->name.str() == input) constant = *name;
  }
  std::string batched = text(at);
  const size_t bracket = batched.find('[');
  const auto name = std::find_if(t.shape.begin(), t.shape.end(),
                                 [](const ir::Dim& d) { return d.is_atom() && !d.is_constant(); });
  const bool elsewhere = name != t.shape.end() && bracket != std::string::npos;
  if (elsewhere) {
    batched = batched.substr(0, bracket + 1) + name->str();
    for (auto d = t.shape.begin(); d != t.shape.end(); ++d)
      if (d != name) batched += ", " + d->str();
    batched += "]";
  } else if (bracket == std::string::npos) {
    batched += "[" + batch + "]";
  } else {
    batched.insert(bracket + 1, batch + (t.shape.empty() ? "" : ", "));
  }
  const std::string what =
      elsewhere
          ? fmt::format("has `{}` behind other sizes, and training feeds records along the first",
                        name->str())
          : "holds one record, and training feeds a batch of them";
  ir::Diagnostic w = error("W0314", fmt::format("`{}` {}", input, what), at,
                           elsewhere ? "the first size is a number" : "no size that is a name");
  w.severity = ir::Severity::Warning;
  if (constant.find("batch") != std::string::npos) {
    w.helps.push_back(
        fmt::format("`{0}` is a constant, {1}: without `let {0}` it is any number of records, and "
                    "`train {{ batch = {1} }}` says how many run together",
                    constant, t.shape[0].str()));
    for (const ir::Diagnostic& known : diagnostics_->all())
      if (known.code == w.code && known.helps == w.helps) return;  // one cure for all inputs
  } else {
    w.helps.push_back(fmt::format("put the batch first: `{}: {}`", input, batched));
  }
  report(std::move(w));
}

void Elaborator::warn_of_unnamed_setting(const OptimizerItem& optimizer, const Bound& bound) {
  if (bound.empty() || !bound[0] || !bound[0]->expr || !bound[0]->name.empty()) return;
  const std::string name = optimizer.settings[0].path.str(), value = text(bound[0]->expr->span);
  ir::Diagnostic w =
      error("W0501",
            fmt::format("`{}({})` sets `{}`, not the learning rate", optimizer.name, value, name),
            bound[0]->expr->span, fmt::format("taken as `{}`", name));
  w.severity = ir::Severity::Warning;
  w.helps.push_back(fmt::format("the learning rate is a setting of `train`: `lr = {}`", value));
  w.helps.push_back(
      fmt::format("if `{0}` is meant, name it: `{1}({0} = {2})`", name, optimizer.name, value));
  report(std::move(w));
}

void Elaborator::warn_of_bytes(const Frame& frame) {
  const ir::Function& f = module_[frame.function];
  std::map<uint32_t, Bytes> bytes;
  for (const ir::Parameter& p : f.params)
    if (p.role == ir::Role::Input && f[p.value].type.dtype == ir::DType::u8)
      bytes[p.value.index] = {p.value, {}};
  ByteWalk walk{module_, {}};
  walk.function(f, std::move(bytes), true);
  for (const auto& [index, found] : walk.multiplied) {
    const std::string& name = f[found.input].name;
    ir::Diagnostic w;
    w.severity = ir::Severity::Warning;
    w.code = "W0312";
    w.message = fmt::format("`{}` holds bytes from 0 to 255, and meets weights unscaled", name);
    w.place = module_.locs[found.converted.index].place;
    w.label = "converted, but not scaled";
    if (const auto it = frame.declared.find(index); it != frame.declared.end())
      other(w, it->second, "declared here as u8");
    w.notes.emplace_back(
        "weights start for inputs of about 1; with larger ones training starts far off");
    w.helps.push_back(fmt::format("scale it: `float({}) / 255`", name));
    diagnostics_->add(std::move(w));
  }
}

}  // namespace netc::frontend
