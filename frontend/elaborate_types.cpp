// Written types and sizes: what they say, binding of names by matching, and what does not agree.
#include <fmt/format.h>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

/// Names in a size, for what is bound already.
void names_in(const Expr& e, std::vector<const std::string*>& out) {
  if (const auto* n = std::get_if<Name>(&e.node)) out.push_back(&n->name);
  if (const auto* u = std::get_if<Unary>(&e.node)) names_in(*u->operand, out);
  if (const auto* b = std::get_if<Binary>(&e.node)) {
    names_in(*b->lhs, out);
    names_in(*b->rhs, out);
  }
}

/// Number arithmetic and names only, as sizes are.
const Expr* not_a_size(const Expr& e) {
  if (std::holds_alternative<Name>(e.node) || std::holds_alternative<Number>(e.node))
    return nullptr;
  if (const auto* u = std::get_if<Unary>(&e.node)) return u->is_not ? &e : not_a_size(*u->operand);
  if (const auto* b = std::get_if<Binary>(&e.node)) {
    switch (b->op) {
      case BinaryOp::Add:
      case BinaryOp::Sub:
      case BinaryOp::Mul:
      case BinaryOp::FloorDiv:
      case BinaryOp::Mod:
      case BinaryOp::Pow: {
        const Expr* bad = not_a_size(*b->lhs);
        return bad ? bad : not_a_size(*b->rhs);
      }
      case BinaryOp::Div:
      case BinaryOp::MatMul:
      case BinaryOp::Lt:
      case BinaryOp::Le:
      case BinaryOp::Gt:
      case BinaryOp::Ge:
      case BinaryOp::Eq:
      case BinaryOp::Ne:
      case BinaryOp::And:
      case BinaryOp::Or:
        return &e;
    }
  }
  return &e;
}

}  // namespace

ir::DType Elaborator::dtype(const TypeSyntax& t) const {
  const std::string& n = t.dtype;
  if (n == "f32") return ir::DType::f32;
  if (n == "f64") return ir::DType::f64;
  if (n == "i32") return ir::DType::i32;
  if (n == "i64") return ir::DType::i64;
  if (n == "u8") return ir::DType::u8;
  if (n == "bool") return ir::DType::boolean;
  return module_.default_float;
}

bool Elaborator::is_setting(const ParamDecl& p) const {
  if (p.kind != ParamKind::Plain) return false;
  if (p.value) return true;
  if (!p.type) return false;
  const std::string& n = p.type->dtype;
  return n == "int" || n == "str" || n == "fn" || (n == "bool" && !p.type->dims);
}

constexpr const char* kOpenSize = "a size that the data decides has a name: `[batch, 784]`";

ir::Dim Elaborator::dim(const Expr& e) {
  if (const Expr* bad = not_a_size(e))
    fail("E0310", "a size is made of whole numbers and names with `+ - * // % **`", bad->at,
         "not allowed in a size", std::holds_alternative<None>(bad->node) ? kOpenSize : "");
  ir::Dim d = size(eval(e), e.span, "a size");
  if (d.is_constant() && d.constant() < 0)
    fail("E0310", fmt::format("a size must not be negative, this is {}", d.constant()), e.span,
         "less than 0", kOpenSize);
  return d;
}

std::optional<ir::Dim> Elaborator::try_dim(const Expr& e) {
  std::vector<const std::string*> names;
  names_in(e, names);
  for (const std::string* n : names) {
    auto v = lookup(*n);
    if (!v || !v->is<NumberVal>()) return std::nullopt;
  }
  return dim(e);
}

ir::Type Elaborator::resolve(const TypeSyntax& t, bool bind_names) {
  ir::Type result{dtype(t), {}};
  if (!t.dims) return result;
  for (const DimSyntax& d : *t.dims) {
    if (d.ellipsis) {
      auto run = scope_->runs.find(d.ellipsis_name);
      if (run == scope_->runs.end())
        fail("E0310", "every size of this type must be written", d.span, "`...` says nothing here");
      result.shape.insert(result.shape.end(), run->second.begin(), run->second.end());
      continue;
    }
    const auto* n = std::get_if<Name>(&d.size->node);
    if (n && bind_names && !d.size->parenthesised) {
      auto v = lookup(n->name);
      if (!v || (!v->is<NumberVal>() && !v->is<ErrorVal>()))
        bind(n->name, {int_number(ir::Dim::symbol(n->name))}, d.span);
    } else if (bind_names && items_[scope_->unit].staged) {
      // A function of a dump may have a size only in a product: `7 * batch`.
      std::vector<const std::string*> names;
      names_in(*d.size, names);
      for (const std::string* name : names)
        if (!lookup(*name)) bind(*name, {int_number(ir::Dim::symbol(*name))}, d.span);
    }
    result.shape.push_back(dim(*d.size));
  }
  return result;
}

std::optional<Elaborator::Mismatch> Elaborator::match(const TypeSyntax& t, const ir::Type& actual) {
  using Kind = Mismatch::Kind;
  if (actual.dtype != dtype(t)) return Mismatch{Kind::DType, 0, 0, 0, 0};
  static const std::vector<DimSyntax> no_dims;
  const std::vector<DimSyntax>& dims = t.dims ? *t.dims : no_dims;
  size_t ellipsis = dims.size();
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i].ellipsis) ellipsis = i;
  bool has_run = ellipsis < dims.size();
  size_t fixed = dims.size() - (has_run ? 1 : 0), rank = actual.shape.size();
  if (has_run ? rank < fixed : rank != fixed) return Mismatch{Kind::Rank, 0, 0, 0, 0};
  size_t run = rank - fixed;
  std::optional<Mismatch> found;
  for (size_t i = 0, k = 0; i < dims.size(); ++i) {
    if (dims[i].ellipsis) {
      ir::Shape sizes(actual.shape.begin() + int64_t(k), actual.shape.begin() + int64_t(k + run));
      k += run;
      if (dims[i].ellipsis_name.empty()) {
        scope_->runs.try_emplace("", sizes);
        continue;
      }
      auto [it, added] = scope_->runs.try_emplace(dims[i].ellipsis_name, sizes);
      if (added || it->second == sizes) continue;
      if (it->second.size() != sizes.size()) return Mismatch{Kind::Rank, i, 0, 0, 0};
      for (size_t j = 0; j < sizes.size(); ++j)
        if (!found && !(it->second[j] == sizes[j]))
          found = Mismatch{Kind::Size, i, it->second[j], sizes[j], int(rank - (k - run + j))};
      continue;
    }
    const ir::Dim& got = actual.shape[k++];
    const auto* n = std::get_if<Name>(&dims[i].size->node);
    if (n) {
      auto v = lookup(n->name);
      if (v && v->is<ErrorVal>()) throw Failed{};
      if (!v || !v->is<NumberVal>()) {
        bind(n->name, {int_number(got)}, dims[i].span);
        continue;
      }
    }
    auto wanted = try_dim(*dims[i].size);
    if (wanted && !(*wanted == got) && !found)
      found = Mismatch{Kind::Size, i, *wanted, got, int(rank - (k - 1))};
  }
  return found;
}

std::string Elaborator::expected_text(const TypeSyntax& t) {
  std::string out = t.dims && (t.dtype.empty() || t.dtype == "float") ? "" : t.dtype;
  if (!t.dims) return out;
  out += "[";
  for (size_t i = 0; i < t.dims->size(); ++i) {
    const DimSyntax& d = (*t.dims)[i];
    if (i) out += ", ";
    if (d.ellipsis) {
      auto run = scope_->runs.find(d.ellipsis_name);
      if (run == scope_->runs.end() || d.ellipsis_name.empty()) {
        out += "...";
        continue;
      }
      std::string sizes = ir::str(run->second);
      out += sizes.size() > 2 ? sizes.substr(1, sizes.size() - 2) : "...";
      continue;
    }
    auto known = try_dim(*d.size);
    out += known ? known->str() : text(d.span);
  }
  return out + "]";
}

}  // namespace netc::frontend
