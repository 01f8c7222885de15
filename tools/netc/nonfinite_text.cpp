// Numbers, places and advice in the user's terms.
#include "tools/netc/nonfinite_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "runtime/error.h"
#include "runtime/tensor.h"

namespace netc::tools {

namespace {
using ir::Element;
using ir::Op;

std::string index_text(const std::vector<int64_t>& position) {
  return fmt::format("[{}]", fmt::join(position, ", "));
}

/// The first place of a chain of calls, from the definition outwards, that is not in std.
ir::Place users_place(const ir::Module& module, const ir::Value& v) {
  ir::Place place;
  if (v.locs.empty()) return place;
  for (ir::LocId at = v.locs.front(); at; at = module.locs[at.index].called_from) {
    place = module.locs[at.index].place;
    if (!module.files[place.file].starts_with("std/")) break;
  }
  return place;
}

std::string place_text(const ir::Module& module, const ir::Place& place) {
  return fmt::format("{}:{}:{}", module.files[place.file], place.line, place.column);
}

/// The name that programs write for an op: `+`, `log`, `sum`.
std::string written(const ir::Value& v) {
  if (v.op == Op::reduce) return name(std::get<ir::ReduceKind>(v.attrs[0]));
  return ir::def(v.op).name;
}

double largest(const runtime::TensorView& tensor) {
  double most = 0;
  const auto size = size_t(runtime::byte_size(tensor.type));
  for (size_t at = 0; at < tensor.bytes.size(); at += size)
    if (double v = std::abs(runtime::load_number(tensor.type, tensor.bytes.data() + at));
        std::isfinite(v))
      most = std::max(most, v);
  return most;
}
}  // namespace

std::string NonfiniteText::number(const Element& e) const {
  const double v = elements.number(e);
  return std::isnan(v) ? "nan" : fmt::format("{:.6g}", v);
}

/// `log(0) = -inf`; of sums how many numbers went in and the largest.
std::string NonfiniteText::computation(const Element& e) const {
  const ir::Value& v = value(e);
  std::vector<std::pair<size_t, Element>> sources;
  elements.visit_sources(e, [&](size_t operand, const Element& from) {
    if (sources.size() < ir::Origin::kMostSources) sources.emplace_back(operand, from);
  });
  const std::string result = number(e);
  auto size_of = [&](double x) { return std::isnan(x) ? 0 : std::abs(x); };
  if (ir::def(v.op).form == ir::Form::Contract) {
    const size_t count = sources.size() / 2;
    size_t best = 0;
    auto product = [&](size_t i) {
      return size_of(elements.number(sources[i].second) *
                     elements.number(sources[count + i].second));
    };
    for (size_t i = 1; i < count; ++i)
      if (product(i) > product(best)) best = i;
    return fmt::format("the sum of {} products, the largest {} * {}, is {}", count,
                       number(sources[best].second), number(sources[count + best].second), result);
  }
  if (ir::def(v.op).form != ir::Form::Map) {
    if (sources.size() == 1)
      return fmt::format("{}({}) = {}", written(v), number(sources[0].second), result);
    Element most = sources.empty() ? e : sources[0].second;
    for (const auto& [operand, from] : sources)
      if (size_of(elements.number(from)) > size_of(elements.number(most))) most = from;
    return fmt::format("the {} of {} numbers, the largest {}, is {}", written(v), sources.size(),
                       number(most), result);
  }
  std::vector<std::string> numbers;
  for (const auto& [operand, from] : sources) numbers.push_back(number(from));
  const std::string op = written(v);
  if (std::isalpha(static_cast<unsigned char>(op[0])) || numbers.size() != 2)
    return fmt::format("{}({}) = {}", op, fmt::join(numbers, ", "), result);
  return fmt::format("{} {} {} = {}", numbers[0], op, numbers[1], result);
}

/// The op whose derivative the origin belongs to; empty in the forward pass.
std::string NonfiniteText::whose_derivative() const {
  const std::string& of = value(origin.made).vjp_of;
  if (of.empty()) return "";
  const std::vector<std::string> names = ir::display_names(function());
  for (size_t i = 0; i < names.size(); ++i) {
    const ir::Value& v = function().values[i];
    if (names[i] != of || i < function().params.size()) continue;
    return v.op == Op::einsum ? "@" : written(v);
  }
  return of;
}

std::string NonfiniteText::where(const Element& e) const {
  const ir::Type& type = value(e).type;
  if (type.shape.empty()) return "";
  return fmt::format(" at {} of {}", index_text(elements.position(e)), ir::str(type));
}

/// The record of the train split that a row of the batch is of.
std::optional<int64_t> NonfiniteText::record(const Element& e) const {
  const ir::Shape& shape = value(e).type.shape;
  const std::string& batch = session.model().batch_symbol;
  if (shape.empty() || shape[0] != ir::Dim::symbol(batch)) return {};
  const auto row = size_t(first_row + elements.position(e)[0]);
  if (row >= failed.records.size()) return {};
  return int64_t(failed.records[row]);
}

void NonfiniteText::of_parameter(ir::Diagnostic& d) const {
  const ir::Parameter& p = function().params[origin.made.value.index];
  const std::string& name = value(origin.made).name;
  std::vector<int64_t> position = elements.position(origin.made);
  if (p.role != ir::Role::Input) {
    d.message += fmt::format(": `{}` held {} before the first step", name, number(origin.made));
    d.label = fmt::format("{}{}", number(origin.made), where(origin.made));
    d.helps = {"look at its initialiser, or at the file that it was loaded from"};
    return;
  }
  d.message += fmt::format(": the data of `{}` holds {}", name, number(origin.made));
  d.label = "declared here";
  if (const auto row = record(origin.made)) {
    position.erase(position.begin());
    const runtime::Field* field = train.find(name);
    if (field && field->lines) {
      const int64_t column = position.empty() ? 0 : position[0];
      d.notes.push_back(
          fmt::format("{}: {}", runtime::place_of(*field, *row, column), number(origin.made)));
    } else {
      d.notes.push_back(fmt::format(
          "record {} of the {} split{}: {}{}", *row, train.name,
          field && !field->origin.empty() ? fmt::format(" ({})", runtime::shown_path(field->origin))
                                          : "",
          number(origin.made), position.empty() ? "" : " at " + index_text(position)));
    }
  }
  d.helps = {
      fmt::format("mend the data, or replace such numbers in the graph: `where({0} == {0}, "
                  "{0}, 0)`",
                  name)};
  if (!std::isnan(origin.number)) d.helps = {"mend the data, or `clip` it in the graph"};
}

void NonfiniteText::of_op(ir::Diagnostic& d) const {
  const ir::Value& v = value(origin.made);
  const std::string derivative = whose_derivative();
  const std::string what = computation(origin.made);
  d.message += derivative.empty() ? fmt::format(": {}", what)
                                  : fmt::format(": {} in the derivative of `{}`", what, derivative);
  d.label = (derivative.empty() ? "" : "in its derivative ") + what + where(origin.made);
  const ir::Place inner = v.locs.empty() ? ir::Place{} : module.locs[v.locs.front().index].place;
  if (inner.line != 0 && inner != d.place)
    d.notes.push_back(fmt::format("computed in {}", place_text(module, inner)));
  if (const auto row = record(origin.made))
    d.notes.push_back(fmt::format("row {} of the batch is record {} of the {} split",
                                  elements.position(origin.made)[0], *row, train.name));
  if (origin.became_nan && origin.became_nan->value != origin.made.value) {
    const ir::Place place = users_place(module, value(*origin.became_nan));
    d.notes.push_back(fmt::format("it becomes nan{} in {}",
                                  place.line != 0 ? " at " + place_text(module, place) : "",
                                  computation(*origin.became_nan)));
  }
  const bool diverged = add_divergence(d);
  const std::string help = advice();
  if (diverged) {
    constexpr double kUsual = 0.01;  // the most to propose: rates in use are mostly lower
    const frontend::Schedule& lr = session.program().train.lr;
    const auto start = lr.args.find("lr");
    const double rate = start == lr.args.end() ? failed.numbers.rate : start->second;
    d.helps = {
        fmt::format("the learning rate {} is too high: try `--set train.lr{}={:.3g}`, or "
                    "`clip = norm(1.0)`",
                    short_number(failed.numbers.rate), lr.name == "constant" ? "" : ".lr",
                    std::min(rate / 10, kUsual))};
  } else if (!help.empty()) {
    d.helps.clear();
  }
  if (!help.empty()) d.helps.push_back(help);
}

/// Losses or weights that have grown beyond reason say that the steps were too large.
bool NonfiniteText::add_divergence(ir::Diagnostic& d) const {
  constexpr double kGrown = 10, kLargeWeight = 1e6;
  bool diverged = false;
  if (failed.losses.size() > 1) {
    const auto least = std::min_element(failed.losses.begin(), failed.losses.end());
    const double last = failed.losses.back();
    diverged = last > kGrown * std::abs(*least) && last > *least + 1;
    if (diverged)
      d.notes.push_back(fmt::format("the loss grew from {:.4g} at step {} to {:.4g} at step {}",
                                    *least, failed.first_step + (least - failed.losses.begin()),
                                    last, failed.numbers.step - 1));
  }
  double most = 0;
  std::string name;
  for (const ir::Parameter& p : function().params) {
    if (p.role != ir::Role::Param) continue;
    for (const runtime::TensorView& tensor : failed.before)
      if (tensor.name == function()[p.value].name)
        if (const double v = largest(tensor); v > most) most = v, name = tensor.name;
  }
  if (most > kLargeWeight) {
    d.notes.push_back(fmt::format("before this step, `{}` held numbers up to {:.3g}", name, most));
    diverged = true;
  }
  return diverged;
}

/// What usually helps with this op; empty when nothing is known.
std::string NonfiniteText::advice() const {
  const std::string derivative = whose_derivative();
  auto source = [&](size_t i) {
    return i < origin.sources.size() ? elements.number(origin.sources[i].second) : 0.0;
  };
  if (derivative == "sqrt" || derivative == "rsqrt")
    return fmt::format("the derivative of `{0}` at 0 is infinite: write `{0}(x + 1e-12)`",
                       derivative);
  switch (value(origin.made).op) {
    case Op::log:
    case Op::log1p:
      return source(0) < 0
                 ? "the logarithm of a negative number does not exist"
                 : "keep the argument above 0: `log(maximum(x, 1e-12))`; for the log of a softmax "
                   "or sigmoid there are `log_softmax`, `cross_entropy`, `bce_with_logits`";
    case Op::exp:
    case Op::expm1:
      return "`exp` overflows in f32 beyond 88.7: subtract the maximum first, as `softmax` and "
             "`logsumexp` do";
    case Op::div:
      return source(1) == 0 ? "keep the divisor away from 0: `x / (y + 1e-8)`" : "";
    case Op::sqrt:
      return "the square root of a negative number does not exist: `sqrt(maximum(x, 0))`";
    case Op::rsqrt:
      return "keep the argument above 0: `rsqrt(x + 1e-8)`";
    case Op::pow:
      return "a negative number has no power that is not an integer, and 0 none below 0";
    default:
      return "";
  }
}

void NonfiniteText::describe(ir::Diagnostic& d, int64_t last_step) const {
  d.place = users_place(module, value(origin.made));
  if (failed.numbers.step != last_step)
    d.message += fmt::format(". Step {} made it", failed.numbers.step);
  if (origin.made.value.index < function().params.size())
    of_parameter(d);
  else
    of_op(d);
  // What is kept stands last.
  if (!d.notes.empty()) std::rotate(d.notes.begin(), d.notes.begin() + 1, d.notes.end());
}

}  // namespace netc::tools
