// Expressions in core form: operators infix, everything else as calls with the attributes that the
// op's definition names. What prints here must parse back to the same value.
#include "ir/print_value.h"

#include <fmt/format.h>

#include <cmath>

#include "ir/scalar.h"
#include "ir/shape_rules.h"

namespace netc::ir {
namespace {

/// Level of an operator, 0 for ops that print as calls.
int operator_level(Op op) {
  switch (op) {
    case Op::logical_or:
      return Precedence::kOr;
    case Op::logical_and:
      return Precedence::kAnd;
    case Op::logical_not:
      return Precedence::kNot;
    case Op::lt:
    case Op::le:
    case Op::gt:
    case Op::ge:
    case Op::eq:
    case Op::ne:
      return Precedence::kCompare;
    case Op::add:
    case Op::sub:
      return Precedence::kSum;
    case Op::mul:
    case Op::div:
    case Op::floordiv:
    case Op::mod:
      return Precedence::kProduct;
    case Op::neg:
      return Precedence::kNegation;
    case Op::pow:
      return Precedence::kPower;
    default:
      return 0;
  }
}

std::string join(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string list_text(const std::vector<int64_t>& list) {
  return fmt::format("[{}]", fmt::join(list, ", "));
}

std::string constant_text(const Value& value) {
  DType dtype = value.type.dtype;
  std::string number = scalar_text(std::get<Scalar>(value.attrs[0]), dtype).text;
  std::string text = fmt::format("{}({})", name(dtype), number);
  if (value.type.shape.empty()) return text;
  return fmt::format("broadcast({}, {})", text, str(value.type.shape));
}

std::string attribute_text(const AttrDef& def, const Attribute& attribute, DType dtype) {
  switch (def.kind) {
    case AttrKind::Int:
      return fmt::format("{}", std::get<int64_t>(attribute));
    case AttrKind::Bool:
      return std::get<bool>(attribute) ? "true" : "false";
    case AttrKind::Double:
      return number_text(std::get<double>(attribute));
    case AttrKind::String:
      return quoted(std::get<std::string>(attribute));
    case AttrKind::Ints:
      return list_text(std::get<std::vector<int64_t>>(attribute));
    case AttrKind::Dim:
      return std::get<Dim>(attribute).str();
    case AttrKind::Sizes:
      return str(std::get<Shape>(attribute));
    case AttrKind::Scalar:
      return scalar_text(std::get<Scalar>(attribute), dtype).text;
    case AttrKind::ReduceKind:
      return name(std::get<ReduceKind>(attribute));
    case AttrKind::Function:
      return "";
  }
  return "";
}

/// The entries of a Spread attribute as arguments.
void spread(const Attribute& attribute, std::vector<std::string>& out) {
  if (const auto* shape = std::get_if<Shape>(&attribute))
    for (const Dim& d : *shape) out.push_back(d.str());
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&attribute))
    for (int64_t i : *ints) out.push_back(fmt::format("{}", i));
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += c;
    }
  }
  return out + "\"";
}

std::string FunctionText::operand(const Value& value, size_t i, int level) const {
  ValueId arg = value.args[i];
  if (!inlined[arg.index]) return names[arg.index];
  const Value& constant = function[arg];
  ScalarText text = scalar_text(std::get<Scalar>(constant.attrs[0]), constant.type.dtype);
  return text.level < level ? fmt::format("({})", text.text) : text.text;
}

std::string FunctionText::operand_list(const Value& value) const {
  std::vector<std::string> parts;
  for (size_t i = 0; i < value.args.size(); ++i) parts.push_back(operand(value, i, 0));
  return join(parts);
}

std::string FunctionText::scalar_expression(const Value& value) const {
  int level = operator_level(value.op);
  if (value.op == Op::cast)
    return fmt::format("{}({})", name(value.type.dtype), operand_list(value));
  const char* symbol = def(value.op).name;
  if (level == 0) return fmt::format("{}({})", symbol, operand_list(value));
  if (value.args.size() == 1) {
    const char* space = value.op == Op::logical_not ? " " : "";
    return fmt::format("{}{}{}", symbol, space, operand(value, 0, level + 1));
  }
  int left = level, right = level + 1;  // operators group to the left …
  if (level == Precedence::kCompare) left = level + 1;
  if (level == Precedence::kPower) left = Precedence::kAtom, right = Precedence::kNegation;
  return fmt::format("{} {} {}", operand(value, 0, left), symbol, operand(value, 1, right));
}

std::string FunctionText::call_expression(const Value& value) const {
  const Function& callee = module[std::get<FunctionId>(value.attrs[0])];
  const std::string& settings = std::get<std::string>(value.attrs[1]);
  std::string arguments = operand_list(value);
  // A user's callee is printed as it was instantiated, with its settings in place.
  if (!callee.from_std) return fmt::format("{}({})", callee.name, arguments);
  if (!settings.empty()) arguments += (arguments.empty() ? "" : ", ") + settings;
  return fmt::format("{}({})", callee.source_name.empty() ? callee.name : callee.source_name,
                     arguments);
}

std::string FunctionText::slice_expression(const Value& value) const {
  int64_t dim = std::get<int64_t>(value.attrs[0]), step = std::get<int64_t>(value.attrs[3]);
  const Dim &start = std::get<Dim>(value.attrs[1]), &size = std::get<Dim>(value.attrs[2]);
  Dim last = start + (size - Dim(1)) * Dim(step);
  Dim stop = size == Dim(0) ? start : last + Dim(step > 0 ? 1 : -1);
  bool none = step < 0 && stop.is_constant() && stop.constant() < 0;
  std::string text = fmt::format("slice({}, dim = {}, start = {}, stop = {}", operand(value, 0, 0),
                                 dim, start.str(), none ? "None" : stop.str());
  return text + (step == 1 ? ")" : fmt::format(", step = {})", step));
}

std::string FunctionText::generic_expression(const Value& value) const {
  const OpDef& d = def(value.op);
  std::vector<std::string> parts;
  for (size_t i = 0; i < value.args.size(); ++i) parts.push_back(operand(value, i, 0));
  for (size_t i = 0; i < d.attributes.size(); ++i) {
    const AttrDef& attribute = d.attributes[i];
    if (attribute.style == AttrStyle::Spread) {
      spread(value.attrs[i], parts);
      continue;
    }
    std::string text = attribute_text(attribute, value.attrs[i], value.type.dtype);
    if (attribute.style == AttrStyle::Positional)
      parts.push_back(text);
    else if (attribute.kind != AttrKind::Bool || text == "true")
      parts.push_back(fmt::format("{} = {}", attribute.name, text));
  }
  return fmt::format("{}({})", d.name, join(parts));
}

std::string FunctionText::expression(ValueId v) const {
  const Value& value = function[v];
  if (def(value.op).scalar) return scalar_expression(value);
  switch (value.op) {
    case Op::constant:
      return constant_text(value);
    case Op::call:
      return call_expression(value);
    case Op::slice:
      return slice_expression(value);
    case Op::einsum:
      return fmt::format("einsum({}, {})", quoted(std::get<std::string>(value.attrs[0])),
                         operand_list(value));
    case Op::reduce: {
      const auto& dims = std::get<std::vector<int64_t>>(value.attrs[1]);
      std::string text = name(std::get<ReduceKind>(value.attrs[0])) + ("(" + operand_list(value));
      if (dims != all_dims(function[value.args[0]].type.rank()) || dims.empty())
        text += ", dim = " + (dims.size() == 1 ? fmt::format("{}", dims[0]) : list_text(dims));
      return text + ")";
    }
    case Op::pad: {
      const Shape& before = std::get<Shape>(value.attrs[0]);
      const Shape& after = std::get<Shape>(value.attrs[1]);
      std::vector<std::string> pairs;
      for (size_t i = 0; i < before.size(); ++i)
        pairs.push_back(fmt::format("[{}, {}]", before[i].str(), after[i].str()));
      return fmt::format("pad({}, [{}], value = {})", operand(value, 0, 0), join(pairs),
                         scalar_text(std::get<Scalar>(value.attrs[2]), value.type.dtype).text);
    }
    case Op::concat:
      return fmt::format("concat([{}], dim = {})", operand_list(value),
                         std::get<int64_t>(value.attrs[0]));
    default:
      return generic_expression(value);
  }
}

std::string storage_text(const Value& value) {
  if (!value.storage) return "";
  std::string text = fmt::format(" @ arena + {}", value.storage->offset);
  if (value.storage->leading_stride) text += fmt::format(" ld {}", *value.storage->leading_stride);
  if (value.storage->panel) text += fmt::format(" panel {}", *value.storage->panel);
  return text;
}

std::string FunctionText::target(ValueId v) const {
  const Value& value = function[v];
  return fmt::format("{}: {}{}", names[v.index], str(value.type), storage_text(value));
}

std::string place_text(const Module& module, LocId loc, LocStyle style) {
  std::string text;
  for (LocId at = loc; at && at.index < module.locs.size();) {
    const Loc& l = module.locs[at.index];
    if (!text.empty()) text += " < ";
    if (l.place.file != 0 && l.place.file < module.files.size())
      text += module.files[l.place.file] + ":";
    text += fmt::format("{}", l.place.line);
    if (style == LocStyle::Full) text += fmt::format(":{}", l.place.column);
    at = l.called_from;
  }
  return text;
}

std::string note_text(const Module& module, const Value& value, LocStyle style) {
  if (style == LocStyle::None) return "";
  std::vector<std::string> places;
  for (LocId loc : value.locs) {
    std::string text = place_text(module, loc, style);
    bool repeated = !places.empty() && places.back() == text;
    if (!text.empty() && !repeated) places.push_back(text);
  }
  std::vector<std::string> parts;
  if (!places.empty()) parts.push_back(join(places));
  if (!value.vjp_of.empty()) parts.push_back("vjp " + value.vjp_of);
  if (!value.remark.empty()) parts.push_back(value.remark);
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string initializer_text(const Initializer& init, Role role) {
  auto number = [](double v) {
    std::string text = number_text(v);
    bool integral = text.find_first_not_of("-0123456789") == std::string::npos;
    return integral ? text + ".0" : text;
  };
  if (role == Role::State && init.args.size() == 1 && init.name == "const")
    if (const double* v = std::get_if<double>(&init.args[0].second)) return number(*v);
  std::vector<std::string> parts;
  for (const auto& [key, argument] : init.args) {
    std::string text = std::holds_alternative<double>(argument)
                           ? number_text(std::get<double>(argument))
                           : quoted(std::get<std::string>(argument));
    parts.push_back(key.empty() ? text : fmt::format("{} = {}", key, text));
  }
  return fmt::format("{}({})", init.name, join(parts));
}

}  // namespace netc::ir
