// Parser, matcher and builder of rewrite rules.
#include "passes/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "passes/rewrite.h"

namespace netc::passes {

extern const std::pair<std::string_view, std::string_view> rule_files[];
extern const size_t rule_files_count;

using ir::Function;
using ir::Op;
using ir::Value;
using ir::ValueId;

namespace {

/// Precedence climbing over one line; the levels are those of the language's grammar.
class TermParser {
 public:
  TermParser(std::string_view text, Rule& rule) : text_(text), rule_(rule) { next(); }

  Term parse() {
    Term term = binary(0);
    if (!token_.empty()) fail("unexpected `" + token_ + "`");
    return term;
  }

 private:
  std::string_view text_;
  Rule& rule_;
  size_t at_ = 0;
  std::string token_;

  [[noreturn]] void fail(const std::string& what) const {
    throw std::logic_error(fmt::format("simplify.rules:{}: {}", rule_.line, what));
  }

  void next() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    const size_t start = at_;
    if (at_ == text_.size()) {
      token_.clear();
      return;
    }
    const auto word = [&](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    };
    if (word(text_[at_])) {
      while (at_ < text_.size() && word(text_[at_])) ++at_;
    } else {
      ++at_;
      static constexpr std::string_view kPairs[] = {"**", "//", "<=", ">=", "==", "!="};
      for (auto pair : kPairs)
        if (text_.substr(start, 2) == pair) at_ = start + 2;
    }
    token_ = std::string(text_.substr(start, at_ - start));
  }

  void expect(std::string_view token) {
    if (token_ != token) fail(fmt::format("expected `{}`, found `{}`", token, token_));
    next();
  }

  /// The op that is written as the infix or prefix operator `symbol`.
  Op operator_op(const std::string& symbol, int arity) const {
    for (int i = 0; i < ir::kOpCount; ++i) {
      const ir::OpDef& def = ir::def(static_cast<Op>(i));
      if (def.scalar && def.scalar->arity == arity && symbol == def.name) return static_cast<Op>(i);
    }
    fail("no operator `" + symbol + "`");
  }

  static Term make(Op op, std::vector<Term> args) {
    Term term;
    term.kind = Term::Kind::Op;
    term.op = op;
    term.args = std::move(args);
    return term;
  }

  Term binary(size_t level) {
    static const std::vector<std::vector<std::string>> kLevels = {
        {"or"}, {"and"}, {"<", "<=", ">", ">=", "==", "!="}, {"+", "-"}, {"*", "/", "//", "%"}};
    if (level == kLevels.size()) return prefix();
    Term lhs = binary(level + 1);
    while (std::find(kLevels[level].begin(), kLevels[level].end(), token_) !=
           kLevels[level].end()) {
      const Op op = operator_op(token_, 2);
      next();
      lhs = make(op, {std::move(lhs), binary(level + 1)});
    }
    return lhs;
  }

  Term prefix() {
    if (token_ == "-" || token_ == "not") {
      const std::string symbol = token_;
      next();
      Term inner = prefix();
      if (symbol == "-" && inner.kind == Term::Kind::Number) {
        inner.number = -inner.number;
        return inner;
      }
      return make(operator_op(symbol, 1), {std::move(inner)});
    }
    Term base = atom();
    if (token_ != "**") return base;
    const Op op = operator_op(token_, 2);
    next();
    return make(op, {std::move(base), prefix()});
  }

  Term atom() {
    if (token_.empty()) fail("the rule ends too early");
    if (token_ == "(") {
      next();
      Term inner = binary(0);
      expect(")");
      return inner;
    }
    const std::string word = token_;
    next();
    if (std::isdigit(static_cast<unsigned char>(word[0]))) return number(std::stod(word));
    if (word == "true" || word == "false") return number(word == "true");
    if (token_ == "(") return call(word);
    return variable(word);
  }

  static Term number(double value) {
    Term term;
    term.kind = Term::Kind::Number;
    term.number = value;
    return term;
  }

  Term call(const std::string& word) {
    const auto op = ir::find_op(word);
    if (!op || !ir::def(*op).scalar) fail("no scalar op `" + word + "`");
    std::vector<Term> args;
    next();
    while (token_ != ")") {
      args.push_back(binary(0));
      if (token_ == ",") next();
    }
    next();
    if (int(args.size()) != ir::def(*op).scalar->arity) fail("wrong number of operands");
    return make(*op, std::move(args));
  }

  Term variable(const std::string& word) {
    if (!std::isalpha(static_cast<unsigned char>(word[0]))) fail("unexpected `" + word + "`");
    Term term;
    term.kind = word[0] == 'p'   ? Term::Kind::PowerOfTwo
                : word[0] == 'c' ? Term::Kind::Constant
                : word[0] == 'v' ? Term::Kind::NonConstant
                                 : Term::Kind::Variable;
    auto& names = rule_.variables;
    const auto found = std::find(names.begin(), names.end(), word);
    term.variable = int(found - names.begin());
    if (found == names.end()) names.push_back(word);
    return term;
  }
};

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Rule parse_rule(std::string_view line, int number) {
  Rule rule;
  rule.line = number;
  while (line.ends_with(']')) {
    const size_t open = line.rfind('[');
    const std::string_view mark = line.substr(open + 1, line.size() - open - 2);
    if (mark == "fast")
      rule.fast = true;
    else if (mark == "gradient")
      rule.gradient = true;
    else if (mark == "backward")
      rule.after_backward = true;
    else if (mark == "float")
      rule.only_float = true;
    else if (mark == "integer")
      rule.only_integer = true;
    else
      throw std::logic_error(fmt::format("simplify.rules:{}: unknown mark [{}]", number, mark));
    line = trim(line.substr(0, open));
  }
  const size_t arrow = line.find("=>");
  if (arrow == std::string_view::npos)
    throw std::logic_error(fmt::format("simplify.rules:{}: no `=>`", number));
  rule.text = std::string(line);
  rule.pattern = TermParser(trim(line.substr(0, arrow)), rule).parse();
  const size_t bound = rule.variables.size();
  rule.replacement = TermParser(trim(line.substr(arrow + 2)), rule).parse();
  if (rule.variables.size() != bound || rule.pattern.kind != Term::Kind::Op)
    throw std::logic_error(fmt::format("simplify.rules:{}: free name or no op", number));
  return rule;
}

}  // namespace

std::vector<Rule> parse_rules(std::string_view text) {
  std::vector<Rule> list;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (!line.empty()) list.push_back(parse_rule(line, number));
  }
  return list;
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> list = [] {
    std::vector<Rule> all;
    for (size_t i = 0; i < rule_files_count; ++i)
      for (Rule& rule : parse_rules(rule_files[i].second)) all.push_back(std::move(rule));
    return all;
  }();
  return list;
}

bool allowed(const Rule& rule, ir::DType dtype, bool fast) {
  const bool floats = ir::is_float(dtype);
  if (rule.only_float && !floats) return false;
  if (rule.only_integer && floats) return false;
  return !rule.fast || fast || !floats;
}

namespace {

bool same_number(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool match_term(const Term& term, const Function& function, ValueId v,
                std::vector<ValueId>& bound) {
  const Value& value = function[v];
  switch (term.kind) {
    case Term::Kind::Number: {
      const auto number = splat_number(value);
      if (!number) return false;
      return ir::is_float(value.type.dtype) ? same_number(*number, term.number)
                                            : *number == term.number;
    }
    case Term::Kind::PowerOfTwo: {
      const auto number = splat_number(value);
      int exponent = 0;
      if (!number || *number < 1 || !std::isfinite(*number) ||
          std::frexp(*number, &exponent) != 0.5 || exponent > 32)
        return false;
      break;
    }
    case Term::Kind::Constant:
      if (!splat(value)) return false;
      break;
    case Term::Kind::NonConstant:
      if (splat(value)) return false;
      break;
    case Term::Kind::Variable:
      break;
    case Term::Kind::Op:
      if (value.op != term.op) return false;
      for (size_t i = 0; i < term.args.size(); ++i)
        if (!match_term(term.args[i], function, value.args[i], bound)) return false;
      return true;
  }
  ValueId& slot = bound[size_t(term.variable)];
  if (!slot) slot = v;
  if (slot == v) return true;
  const ir::Scalar *a = splat(function[slot]), *c = splat(value);
  return a && c && *a == *c && function[slot].type == value.type;
}

ValueId build_term(const Term& term, ir::Builder& b, const ir::Type& number_type,
                   const std::vector<ValueId>& bound, const Emit& emit) {
  switch (term.kind) {
    case Term::Kind::Number:
      return b.constant(term.number, number_type);
    case Term::Kind::Variable:
    case Term::Kind::NonConstant:
    case Term::Kind::Constant:
    case Term::Kind::PowerOfTwo:
      return bound[size_t(term.variable)];
    case Term::Kind::Op:
      break;
  }
  std::vector<ValueId> args(term.args.size());
  ir::Type type = number_type;
  for (size_t i = 0; i < args.size(); ++i) {
    if (term.args[i].kind == Term::Kind::Number) continue;
    args[i] = build_term(term.args[i], b, number_type, bound, emit);
    type = b.type(args[i]);
  }
  const bool selects = ir::def(term.op).scalar->cls == ir::ScalarInfo::Class::Select;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i]) continue;
    const ir::Type own{selects && i == 0 ? ir::DType::boolean : type.dtype, type.shape};
    args[i] = build_term(term.args[i], b, own, bound, emit);
  }
  return emit(term.op, std::move(args));
}

}  // namespace

bool match(const Rule& rule, const Function& function, ValueId v, std::vector<ValueId>& bound) {
  bound.assign(rule.variables.size(), ValueId());
  return match_term(rule.pattern, function, v, bound);
}

ValueId build(const Rule& rule, ir::Builder& b, ValueId root, const std::vector<ValueId>& bound,
              const Emit& emit) {
  const ir::Type type = b.type(root);
  return build_term(rule.replacement, b, type, bound, emit);
}

}  // namespace netc::passes
