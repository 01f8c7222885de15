// Leaves and operands of a random program: sizes, inputs, parameters, literals.
#include <fmt/format.h>

#include <algorithm>

#include "ir/shape_rules.h"
#include "tests/fuzz/generator.h"

namespace netc::fuzz {

using ir::Dim;
using ir::DType;
using ir::Shape;
using ir::Type;

namespace {

// 1 to 3 for the most part, and what lies around the number of elements of a vector.
const std::vector<int64_t> kSizes = {2, 3, 1, 4, 5, 3, 2, 1, 7, 8, 9, 15, 16, 17, 0, 33};
constexpr int64_t kMostOfLeaf = 512;

int64_t elements(const Shape& shape) {
  return ir::element_count(shape).evaluate({{"batch", 8}}).value_or(1 << 20);
}

bool has_batch(const Dim& d) { return !d.is_constant(); }

}  // namespace

Dim Generator::size() { return c_.of(kSizes); }

Shape Generator::shape(int most_dims) {
  static const int kRanks[] = {2, 1, 3, 2, 0, 4, 2, 1, 3, 5, 2, 3};
  const int rank = std::min(most_dims, c_.of(kRanks));
  Shape s;
  if (rank > 0 && c_.below(3) != 0) s.push_back(Dim::symbol("batch"));
  while (int(s.size()) < rank) {
    s.push_back(size());
    if (elements(s) > kMostOfLeaf || (s.size() > 2 && s.back() == Dim(33))) s.back() = 1;
  }
  if (!trains_ && s.size() > 1 && c_.one_in(4)) std::swap(s.front(), s.back());
  return s;
}

std::string Generator::type_text(const Type& type) {
  if (type.dtype == float_ && type.rank() > 0 && c_.below(2)) return ir::str(type.shape);
  if (type.dtype == float_ && c_.below(2)) return "float" + ir::str(type).substr(3);
  return ir::str(type);
}

Generator::Result Generator::leaf(DType dtype, const Shape& shape) {
  if (!may_declare_) return {};
  const bool constant = std::none_of(shape.begin(), shape.end(), has_batch);
  const bool leading = !shape.empty() && shape[0] == Dim::symbol("batch") &&
                       std::none_of(shape.begin() + 1, shape.end(), has_batch);
  for (const Dim& d : shape)
    if (has_batch(d) && d != Dim::symbol("batch")) return {};
  const Type type{dtype, shape};
  if (ir::is_float(dtype) && constant && (trains_ || c_.below(3) != 0)) {
    const std::string name = fresh("p");
    declarations_ += fmt::format("  param {}: {} = normal(1.0)\n", name, type_text(type));
    has_parameter_ = true;
    return Term{name, type, -3, 3};
  }
  if (trains_ && !leading) {
    if (!constant) return {};
    auto number = leaf(float_, shape);
    if (!number) return {};
    return Term{fmt::format("{}({} * 3)", ir::name(dtype), number->text), type, -9, 9};
  }
  const std::string name = fresh("x");
  declarations_ += fmt::format("  input {}: {}\n", name, type_text(type));
  return Term{name, type, -3, 3};
}

Generator::Result Generator::pick(const std::function<bool(const Type&)>& fits) {
  std::vector<const Term*> some;
  for (size_t k = values_.size(); k-- > 0;)
    if (fits(values_[k].type)) some.push_back(&values_[k]);
  if (some.empty()) return {};
  const int n = int(some.size());
  return *some[size_t(c_.below(c_.below(3) == 0 ? n : std::min(n, 3)))];
}

Generator::Result Generator::operand(const std::vector<DType>& dtypes) {
  const DType dtype = c_.of(dtypes);
  const bool any = c_.below(2) == 0;
  auto found = c_.one_in(6) ? Result{} : pick([&](const Type& t) {
    return any ? std::find(dtypes.begin(), dtypes.end(), t.dtype) != dtypes.end()
               : t.dtype == dtype;
  });
  return found ? found : leaf(dtype, shape());
}

Generator::Result Generator::floats() { return operand({float_, DType::f32, DType::f64}); }

Generator::Result Generator::exactly(const Type& type) {
  if (!c_.one_in(4))
    if (auto found = pick([&](const Type& t) { return t == type; })) return found;
  return leaf(type.dtype, type.shape);
}

std::string Generator::literal(DType dtype) {
  static const char* const kFloats[] = {"0.5", "2", "-1.25", "0", "1", "3.0", "1e-3", "-2", "0.1"};
  static const char* const kInts[] = {"2", "3", "1", "0", "-1", "7", "-3"};
  if (dtype == DType::boolean) return c_.below(2) ? "true" : "false";
  if (dtype == DType::u8) return std::to_string(c_.below(5));
  if (!ir::is_float(dtype)) return c_.of(kInts);
  return c_.of(kFloats);
}

Generator::Result Generator::partner(const Term& a) {
  const DType dtype = a.type.dtype;
  auto joins = [&](const Type& t) {
    if (t.dtype != dtype) return false;
    try {
      const Shape s = ir::broadcast_shapes("", a.type, t).shape;
      return elements(s) <= kMostOfLeaf * 2;
    } catch (const ir::OpError&) {
      return false;
    }
  };
  switch (c_.below(8)) {
    case 0:
    case 1:
    case 2:
      if (auto found = pick(joins)) return found;
      break;
    case 3:
      if (dtype == DType::boolean) return a;
      return Term{literal(dtype), {dtype, {}}, -2, 3};
    case 4:
      return a;
    case 5:
      return exactly(a.type);
    default:
      break;
  }
  Shape s = a.type.shape;
  for (Dim& d : s)
    if (c_.below(3) == 0) d = 1;
  s.erase(s.begin(), s.begin() + c_.below(int(s.size()) + 1));
  return exactly({dtype, s});
}

Generator::Result Generator::index_into(const Dim& n, const Shape& shape) {
  const DType dtype = c_.of(std::vector<DType>{DType::i64, DType::i32, DType::u8});
  if (n.is_constant() && dtype == DType::u8 && n.constant() > 255) return {};
  auto i = exactly({dtype, shape});
  if (!i) return {};
  if (n == Dim(0)) return i;
  return Term{fmt::format("({} % {})", i->text, n.is_atom() ? n.str() : "(" + n.str() + ")"),
              i->type, 0, 9};
}

Term Generator::squash(const Term& t, double lo, double hi) {
  static const char* const kForms[] = {"({} + {} * sin({}))", "({} + {} * tanh({}))",
                                       "({} + {} * cos({}))"};
  const std::string text =
      fmt::format(fmt::runtime(c_.of(kForms)), (lo + hi) / 2, (hi - lo) / 2, t.text);
  return {text, t.type, lo, hi};
}

bool Generator::fits_domain(const Term& t, const ir::ScalarInfo& row) const {
  return t.lo >= row.lo - 1e-9 && t.hi <= row.hi + 1e-9;
}

}  // namespace netc::fuzz
