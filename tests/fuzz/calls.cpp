// Calls of the standard library, whose items are read from its source, and functions and layers of
// the program's own.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "ir/shape_rules.h"
#include "tests/fuzz/generator.h"

namespace netc::fuzz {

using ir::Dim;
using ir::DType;
using ir::Shape;
using ir::Type;
using Kind = Parameter::Kind;

namespace {

bool is_number(const std::string& text) {
  return std::isdigit(text[text.starts_with('-') ? 1 : 0]);
}

/// The name that a size starts with: `c` of `c // groups`, which is `c` for the standard settings.
std::string first_name(const std::string& size) {
  const auto end =
      std::find_if(size.begin(), size.end(), [](char c) { return !std::isalnum(c) && c != '_'; });
  return {size.begin(), end};
}

DType dtype_of(const std::string& word, DType default_float) {
  for (DType d : {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean})
    if (word == ir::name(d)) return d;
  return default_float;
}

/// Binds names of the dims written to sizes of `shape`; false: they do not fit.
bool unify(const std::vector<std::string>& dims, const Shape& shape,
           std::map<std::string, Dim>& sizes, std::map<std::string, Shape>& runs) {
  const auto dots =
      std::find_if(dims.begin(), dims.end(), [](const auto& d) { return d.starts_with("..."); });
  const size_t fixed = dims.size() - (dots != dims.end() ? 1 : 0);
  if (dots == dims.end() ? shape.size() != fixed : shape.size() < fixed) return false;
  size_t at = 0;
  for (const std::string& d : dims) {
    if (d.starts_with("...")) {
      const size_t n = shape.size() - fixed;
      const Shape run(shape.begin() + int64_t(at), shape.begin() + int64_t(at + n));
      at += n;
      if (runs.try_emplace(d, run).first->second != run) return false;
      continue;
    }
    const Dim& own = shape[at++];
    if (d != first_name(d) && !is_number(d)) continue;  // an expression: the compiler will see
    if (is_number(d) ? own != Dim(std::stoll(d)) : sizes.try_emplace(d, own).first->second != own)
      return false;
  }
  return true;
}

}  // namespace

Generator::Result Generator::tensor_for(const Parameter& p, std::map<std::string, Dim>& sizes,
                                        std::map<std::string, Shape>& runs,
                                        const Arguments& so_far) {
  const DType dtype = dtype_of(p.dtype, float_);
  if (p.typed) {
    auto found = pick([&](const Type& t) {
      auto s = sizes;
      auto r = runs;
      return t.dtype == dtype && t.rank() <= 4 && unify(p.dims, t.shape, s, r);
    });
    if (!found || c_.one_in(5)) {
      Shape wanted;
      for (const std::string& d : p.dims) {
        if (d.starts_with("...")) {
          const Shape run = runs.count(d) ? runs[d] : shape(3);
          wanted.insert(wanted.end(), run.begin(), run.end());
        } else {
          const auto bound = sizes.find(first_name(d));
          wanted.push_back(is_number(d)           ? Dim(std::stoll(d))
                           : bound != sizes.end() ? bound->second
                                                  : size());
        }
      }
      if (wanted.size() > 5) return {};
      found = leaf(dtype, wanted);
    }
    if (found && !unify(p.dims, found->type.shape, sizes, runs)) return {};
    if (found && ir::is_float(dtype) && (found->hi > 20 || found->lo < -20))
      return squash(*found, -4, 4);
    return found;
  }
  if (so_far.tensors.empty())
    return c_.one_in(6) ? operand({DType::i32, DType::i64, DType::u8, DType::f64}) : floats();
  // What goes with the first operand: class numbers of its rows, or the like of it.
  const Type& first = so_far.tensors[0].type;
  switch (c_.below(3)) {
    case 0:
    case 1:
      if (first.rank() == 0) return {};
      return index_into(first.rank() > 1 ? first.shape[1] : Dim(2), {first.shape[0]});
    default:
      return exactly(first);
  }
}

void Generator::Arguments::add(const std::string& prefix, const Term& tensor) {
  texts.push_back(prefix + tensor.text);
  probe.push_back(fmt::format("{}a{}", prefix, tensors.size()));
  tensors.push_back(tensor);
}

void Generator::Arguments::add(const std::string& text) {
  texts.push_back(text);
  probe.push_back(text);
}

/// A value other than the standard one for `p`, as far as its standard value tells what it takes.
void Generator::setting(const Parameter& p, Arguments& a) {
  const int rank = a.tensors.empty() ? 0 : a.tensors[0].type.rank();
  const std::string prefix = p.name + " = ";
  static const char* const kNumbers[] = {"0.5", "0.25", "0.9", "0.1"};
  if (p.name == "dim") {
    if (rank == 0) return;
    std::string text;
    dim_of(a.tensors[0], &text);
    if (p.standard == "all" && c_.one_in(3)) text = rank == 2 ? "[0, -1]" : "[" + text + "]";
    a.add(prefix + text);
  } else if (p.standard == "true" || p.standard == "false") {
    a.add(prefix + (c_.below(3) ? "true" : "false"));
  } else if (p.standard.starts_with('"')) {
    a.add(prefix + (c_.below(2) ? "\"tanh\"" : p.standard));
  } else if (p.standard == "None") {
    if (c_.below(2)) return a.add(prefix + std::to_string(c_.below(3)));
    if (rank == 0) return;
    if (auto t = exactly({float_, {a.tensors[0].type.shape.back()}})) a.add(prefix, *t);
  } else if (p.standard.find_first_of(".e") == std::string::npos && is_number(p.standard)) {
    a.add(prefix + std::to_string(std::stoll(p.standard) + c_.below(2)));
  } else {
    a.add(prefix + c_.of(kNumbers));
  }
}

std::optional<Generator::Arguments> Generator::arguments(const std::vector<Parameter>& parameters,
                                                         std::map<std::string, Dim>& sizes,
                                                         std::map<std::string, Shape>& runs) {
  Arguments a;
  for (const Parameter& p : parameters) {
    if (p.kind == Kind::Tensor) {
      auto t = tensor_for(p, sizes, runs, a);
      if (!t) return {};
      a.add("", *t);
    } else if (p.kind == Kind::Int) {
      a.add(std::to_string(1 + c_.below(5)));
    } else if (c_.one_in(3)) {
      setting(p, a);
    }
  }
  return a;
}

Generator::Result Generator::probed(const std::string& before, const Arguments& a) {
  std::vector<std::pair<std::string, Type>> names;
  for (size_t k = 0; k < a.tensors.size(); ++k)
    names.emplace_back("a" + std::to_string(k), a.tensors[k].type);
  const auto type = type_of(fmt::format("{}({})", before, fmt::join(a.probe, ", ")), names, float_);
  if (!type) return {};
  return Term{fmt::format("{}({})", before, fmt::join(a.texts, ", ")), *type, -8, 8};
}

Generator::Result Generator::library_function() {
  const LibraryItem& f = c_.of(library_functions());
  std::map<std::string, Dim> sizes;
  std::map<std::string, Shape> runs;
  auto a = arguments(f.parameters, sizes, runs);
  if (!a) return {};
  return probed(f.name, *a);
}

/// What stands in the first list of a layer: sizes that its operands fix, else small numbers.
std::string Generator::settings_text(const LibraryItem& item, Arguments& a,
                                     const std::map<std::string, Dim>& sizes) {
  Arguments settings;
  for (const Parameter& p : item.settings) {
    if (p.kind == Kind::Int) {
      const auto bound = sizes.find(p.name);
      settings.add(bound != sizes.end() ? bound->second.str() : std::to_string(1 + c_.below(5)));
    } else if (p.standard != "None" && c_.one_in(3)) {
      settings.tensors = a.tensors;
      setting(p, settings);
    }
  }
  return fmt::format("{}({})", item.name, fmt::join(settings.texts, ", "));
}

Generator::Result Generator::library_layer() {
  if (!may_declare_) return {};
  const LibraryItem& layer = c_.of(library_layers());
  std::map<std::string, Dim> sizes;
  std::map<std::string, Shape> runs;
  auto a = arguments(layer.parameters, sizes, runs);
  if (!a) return {};
  for (const auto& [name, n] : sizes)
    if (!n.is_constant()) return {};
  const std::string made = settings_text(layer, *a, sizes);
  auto result = probed(made, *a);
  if (!result) return {};
  has_parameter_ = true;
  switch (c_.below(3)) {
    case 0:
      return result;
    case 1:
      if (a->texts.size() != 1) return result;
      result->text = fmt::format("({} |> {})", a->texts[0], made);
      return result;
    default: {  // an instance, called twice
      const std::string name = fresh("n");
      body_ += fmt::format("  {} = {}\n", name, made);
      const std::string call = fmt::format("{}({})", name, fmt::join(a->texts, ", "));
      result->text =
          ir::is_float(result->type.dtype) ? fmt::format("({} + {} * 0.5)", call, call) : call;
      return result;
    }
  }
}

/// A function without types, of statements over its parameters; sometimes with two results.
Generator::Result Generator::own_function() {
  if (!may_declare_) return {};
  auto x = floats();
  if (!x) return {};
  auto y = c_.below(2) ? exactly(c_.below(2) ? x->type : Type{float_, shape(3)}) : Result{};
  Arguments a;
  a.add("", *x);
  if (y) a.add("", *y);
  std::vector<Term> outside = std::move(values_);
  values_.clear();
  std::string body = std::move(body_);
  body_.clear();
  may_declare_ = false;
  const std::string name = fresh("g");
  std::vector<std::string> parameters;
  for (size_t k = 0; k < a.tensors.size(); ++k) {
    parameters.push_back(fmt::format("a{}", k));
    values_.push_back({parameters.back(), a.tensors[k].type, a.tensors[k].lo, a.tensors[k].hi});
  }
  const int count = 1 + c_.below(4);
  for (int i = 0; i < count; ++i) statement();
  const Term result = values_.back(), other = values_[values_.size() / 2];
  const bool two = c_.one_in(3);
  items_ += fmt::format("fn {}({}) {{\n{}  return {}{}\n}}\n", name, fmt::join(parameters, ", "),
                        body_, result.text, two ? ", " + other.text : "");
  values_ = std::move(outside);
  body_ = std::move(body);
  may_declare_ = true;
  const std::string call = fmt::format("{}({})", name, fmt::join(a.texts, ", "));
  if (!two) return Term{call, result.type, result.lo, result.hi};
  const std::string u = fresh("h"), v = fresh("h");
  body_ += fmt::format("  {}, {} = {}\n", u, v, call);
  values_.push_back({v, other.type, other.lo, other.hi});
  return Term{u, result.type, result.lo, result.hi};
}

/// A function whose `grad` block is the partials column of a row of scalar.def.
Generator::Result Generator::own_gradient() {
  struct Row {
    ir::Op op;
    std::string partials;
  };
  static const std::vector<Row> rows = [] {
    std::vector<Row> list;
    for (int i = 0; i < ir::kOpCount; ++i) {
      const ir::OpDef& d = ir::def(ir::Op(i));
      if (!d.scalar || d.scalar->arity > 2) continue;
      std::string text = d.scalar->partials_text;
      // Words that only the table knows.
      for (const char* word : {"none", "zero(", "one(", "convert("})
        if (text.find(word) != std::string::npos) text.clear();
      if (text.size() > 2) list.push_back({ir::Op(i), text.substr(1, text.size() - 2)});
    }
    return list;
  }();
  const Row& row = c_.of(rows);
  const ir::ScalarInfo& info = *ir::def(row.op).scalar;
  auto x = exactly({float_, shape(3)});
  if (!x) return {};
  auto y = info.arity == 2 ? exactly(x->type) : Result{};
  if (info.arity == 2 && !y) return {};
  std::vector<Term> inside = {{"a", x->type, info.lo, info.hi}};
  if (y) inside.push_back({"b", x->type, info.lo, info.hi});
  const std::string name = fresh("g");
  items_ += fmt::format(
      "fn {}(a: [...s]{}) -> [...s] {{\n  y = {}\n  return y\n"
      "}} grad (g) {{\n  return {}\n}}\n",
      name, y ? ", b: [...s]" : "", spelled(row.op, inside), row.partials);
  Term first = fits_domain(*x, info) ? *x : squash(*x, info.lo, info.hi);
  if (!y) return Term{fmt::format("{}({})", name, first.text), x->type, -8, 8};
  Term second = fits_domain(*y, info) ? *y : squash(*y, info.lo, info.hi);
  return Term{fmt::format("{}({}, {})", name, first.text, second.text), x->type, -8, 8};
}

/// A layer with a parameter of its own and one of the library's inside.
Generator::Result Generator::own_layer() {
  if (!may_declare_) return {};
  auto x = pick([&](const Type& t) {
    return t.dtype == float_ && t.rank() > 0 && t.rank() < 5 && t.shape.back().is_constant() &&
           t.shape.back().constant() > 0;
  });
  if (!x) x = leaf(float_, {Dim(3), size()});
  if (!x || x->type.shape.back() == Dim(0)) return {};
  static const char* const kBodies[] = {"tanh(x * scale)", "Linear(n, n)(x) + scale",
                                        "LayerNorm(n)(x * scale)", "maximum(x, scale)"};
  const std::string name = fresh("L");
  items_ += fmt::format(
      "layer {}(n, gain = 0.5)(x: [..., n]) -> [..., n] {{\n"
      "  param scale: [n] = normal(1.0)\n  return {} * gain\n}}\n",
      name, c_.of(kBodies));
  has_parameter_ = true;
  return Term{fmt::format("{}({})({})", name, x->type.shape.back().str(), x->text), x->type, -8, 8};
}

}  // namespace netc::fuzz
