// Operators on tensors and numbers: dtypes that must agree, NumPy's broadcasting made explicit,
// numbers that take the dtype of the other operand.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "frontend/elaborate_state.h"

namespace netc::frontend {
namespace {

using Class = ir::ScalarInfo::Class;

ir::Op op_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::Add:
      return ir::Op::add;
    case BinaryOp::Sub:
      return ir::Op::sub;
    case BinaryOp::Mul:
      return ir::Op::mul;
    case BinaryOp::Div:
      return ir::Op::div;
    case BinaryOp::FloorDiv:
      return ir::Op::floordiv;
    case BinaryOp::Mod:
      return ir::Op::mod;
    case BinaryOp::MatMul:
      return ir::Op::einsum;
    case BinaryOp::Pow:
      return ir::Op::pow;
    case BinaryOp::Lt:
      return ir::Op::lt;
    case BinaryOp::Le:
      return ir::Op::le;
    case BinaryOp::Gt:
      return ir::Op::gt;
    case BinaryOp::Ge:
      return ir::Op::ge;
    case BinaryOp::Eq:
      return ir::Op::eq;
    case BinaryOp::Ne:
      return ir::Op::ne;
    case BinaryOp::And:
      return ir::Op::logical_and;
    case BinaryOp::Or:
      return ir::Op::logical_or;
  }
  return ir::Op::add;
}

bool is_comparison(BinaryOp op) { return op >= BinaryOp::Lt && op <= BinaryOp::Ne; }

/// Equality of compile-time values that are no numbers; nothing when they are tensors or numbers.
std::optional<bool> same(const Val& a, const Val& b) {
  if (a.is<NoneVal>() || b.is<NoneVal>()) return a.is<NoneVal>() && b.is<NoneVal>();
  if (a.is<StringVal>() && b.is<StringVal>())
    return a.as<StringVal>()->text == b.as<StringVal>()->text;
  if (a.is<BoolVal>() && b.is<BoolVal>() && a.as<BoolVal>()->known && b.as<BoolVal>()->known)
    return a.as<BoolVal>()->value == b.as<BoolVal>()->value;
  if (a.is<StringVal>() != b.is<StringVal>()) return false;
  return std::nullopt;
}

}  // namespace

Val Elaborator::eval_binary(const Expr& e, const Binary& b) {
  if (b.op == BinaryOp::And || b.op == BinaryOp::Or) {
    Val l = eval(*b.lhs);
    if (const auto* c = l.as<BoolVal>()) {
      bool decides = c->known && c->value == (b.op == BinaryOp::Or);
      if (decides) return l;
      Val r = eval(*b.rhs);
      if (c->known) return r;
      const auto* d = r.as<BoolVal>();
      if (d && d->known && d->value == (b.op == BinaryOp::Or)) return r;
      return {BoolVal{false, false}};
    }
    return elementwise(op_of(b.op), {l, eval(*b.rhs)}, {b.lhs->span, b.rhs->span}, e.at,
                       spelling(b.op));
  }
  Val l = eval(*b.lhs);
  Val r = eval(*b.rhs);
  if (l.is<ErrorVal>() || r.is<ErrorVal>()) throw Failed{};
  if (b.op == BinaryOp::MatMul) return matmul(l, r, b.lhs->span, b.rhs->span, e.at);
  const auto *m = l.as<NumberVal>(), *n = r.as<NumberVal>();
  if (m && n) {
    if (is_comparison(b.op)) return {compare(b.op, *m, *n)};
    if (auto folded = arithmetic(b.op, *m, *n)) {
      if (folded->is_int && folded->scalar.numerator.overflowed())
        fail("E0310", "this number has no value: it overflows or divides by zero", e.at);
      return {*folded};
    }
    if (!frame_)
      fail("E0313", fmt::format("`{}` of these is no number known at compile time", spelling(b.op)),
           e.at);
  }
  if (const auto* t = l.as<TensorVal>(); t && n && b.op == BinaryOp::Pow)
    if (ir::is_integer(type(t->id).dtype) && n->is_int && n->scalar.numerator.is_constant())
      return integer_power(l, n->scalar.numerator.constant(), b, e.at);
  if (b.op == BinaryOp::Eq || b.op == BinaryOp::Ne)
    if (auto equal = same(l, r)) return {BoolVal{*equal == (b.op == BinaryOp::Eq), true}};
  return elementwise(op_of(b.op), {l, r}, {b.lhs->span, b.rhs->span}, e.at, spelling(b.op));
}

Val Elaborator::integer_power(const Val& base, int64_t exponent, const Binary& b, Span at) {
  constexpr int64_t kMost = 64;  // beyond, only -1, 0 and 1 stay in range
  if (exponent < 0 || exponent > kMost)
    fail("E0305", fmt::format("whole numbers take powers from 0 to {}", kMost), b.rhs->span, "",
         fmt::format("convert: `float({}) ** {}`", text(b.lhs->span), text(b.rhs->span)));
  const std::vector<Span> spans{b.lhs->span, b.lhs->span};
  if (exponent == 0) {
    const ir::ValueId x = base.as<TensorVal>()->id;
    return {TensorVal{emit(at, [&](ir::Builder& builder) { return builder.like(x, 1); })}};
  }
  std::optional<Val> power;
  Val square = base;
  for (int64_t rest = exponent; rest > 0; rest /= 2) {
    if (rest % 2)
      power = power ? elementwise(ir::Op::mul, {*power, square}, spans, at, "**") : square;
    if (rest > 1) square = elementwise(ir::Op::mul, {square, square}, spans, at, "**");
  }
  return *power;
}

Val Elaborator::weak_operation(ir::Op op, const std::vector<Val>& operands, Span at) {
  const ir::OpDef& d = ir::def(op);
  // The number of the step is whole, and so is what is made of it and of whole numbers but by `/`.
  const bool whole = d.scalar->cls != Class::Float &&
                     std::all_of(operands.begin(), operands.end(), [&](const Val& v) {
                       const auto* n = v.as<NumberVal>();
                       return n ? n->is_int : ir::is_integer(type(v.as<TensorVal>()->id).dtype);
                     });
  const ir::DType dtype = whole ? ir::DType::i64 : ir::DType::f64;
  std::vector<ir::ValueId> args;
  for (const Val& v : operands) {
    if (const auto* n = v.as<NumberVal>())
      args.push_back(emit(at, [&](ir::Builder& b) { return b.constant(n->scalar, {dtype, {}}); }));
    else
      args.push_back(
          emit(at, [&](ir::Builder& b) { return b.cast(v.as<TensorVal>()->id, dtype); }));
  }
  ir::ValueId r = emit(at, [&](ir::Builder& b) { return b.add(op, args); });
  return {TensorVal{r, d.scalar->cls != Class::Compare}};
}

Val Elaborator::cast(const Val& v, ir::DType to, Span at) {
  if (const auto* n = v.as<NumberVal>()) {
    ir::Type t{to, {}};
    return {TensorVal{emit(at, [&](ir::Builder& b) { return b.constant(n->scalar, t); })}};
  }
  ir::ValueId id = tensor(v, at);
  return {TensorVal{emit(at, [&](ir::Builder& b) { return b.cast(id, to); })}};
}

ir::ValueId Elaborator::broadcast_to(ir::ValueId v, const ir::Shape& shape, Span at) {
  if (type(v).shape == shape) return v;
  return emit(at, [&](ir::Builder& b) { return b.broadcast(v, shape); });
}

Val Elaborator::elementwise(ir::Op op, const std::vector<Val>& operands,
                            const std::vector<Span>& spans, Span at, const char* shown) {
  for (const Val& v : operands)
    if (v.is<ErrorVal>()) throw Failed{};
  const ir::OpDef& definition = ir::def(op);
  const Class cls = definition.scalar->cls;
  std::vector<Val> values = operands;
  bool strong = false, any_weak = false, all_numbers = true;
  for (size_t i = 0; i < values.size(); ++i) {
    Val& v = values[i];
    if (const auto* b = v.as<BoolVal>(); b && cls != Class::Float) {
      if (!b->known && check_only_) throw Undecided{};
      v = Val{TensorVal{tensor(v, spans[i])}};
    }
    if (!v.is<TensorVal>() && !v.is<NumberVal>())
      fail("E0206", fmt::format("`{}` works on tensors and numbers, not on {}", shown, describe(v)),
           spans[i], "",
           v.is<ListVal>() ? fmt::format("make a tensor of it: `float(stack({}))`", text(spans[i]))
                           : "");
    const auto* t = v.as<TensorVal>();
    strong = strong || (t && !t->weak);
    any_weak = any_weak || (t && t->weak);
    all_numbers = all_numbers && !t;
  }
  if (!strong && op != ir::Op::where && cls != Class::Logic) {
    if (all_numbers && cls != Class::Compare) {
      double x[3] = {0, 0, 0};
      bool known = true;
      for (size_t i = 0; i < values.size(); ++i) {
        auto k = known_value(*values[i].as<NumberVal>());
        known = known && k;
        if (k) x[i] = *k;
      }
      bool ints = std::all_of(values.begin(), values.end(),
                              [](const Val& v) { return v.as<NumberVal>()->is_int; });
      if (known) {
        double y = definition.scalar->eval(x[0], x[1], x[2]);
        if (ints && cls == Class::Number) return {int_number(int64_t(y))};
        return {float_number(y)};
      }
    }
    if (!frame_)
      fail("E0313", fmt::format("`{}` of these is no number known at compile time", shown), at);
    return weak_operation(op, values, at);
  }

  // Element type.
  const size_t first = op == ir::Op::where ? 1 : 0;
  std::optional<ir::DType> common;
  size_t common_at = 0;
  bool any_bool = false, int_compare = false;
  for (size_t i = first; i < values.size(); ++i) {
    const auto* t = values[i].as<TensorVal>();
    if (!t || t->weak) continue;
    ir::DType d = type(t->id).dtype;
    if (d == ir::DType::boolean) {
      any_bool = true;
      continue;
    }
    if (!common) {
      common = d;
      common_at = i;
    } else if (*common != d) {
      bool equality = op == ir::Op::eq || op == ir::Op::ne;
      if (equality && ir::is_integer(*common) && ir::is_integer(d)) {
        int_compare = true;
        continue;
      }
      ir::DType a = *common;
      ir::Diagnostic e = error(
          "E0305",
          fmt::format("`{}`: {} and {} do not mix", shown,
                      ir::str(type(values[common_at].as<TensorVal>()->id)), ir::str(type(t->id))),
          at);
      other(e, spans[common_at], ir::name(a));
      other(e, spans[i], ir::name(d));
      bool to_second = !ir::is_float(a) && ir::is_float(d);
      size_t which = to_second ? common_at : i;
      e.helps.push_back(fmt::format("convert one of them: `{}({})`", ir::name(to_second ? d : a),
                                    text(spans[which])));
      fail(std::move(e));
    }
  }
  if (int_compare) common = ir::DType::i64;
  if (!common) {
    bool float_number_seen = any_weak, number_seen = any_weak;
    for (size_t i = first; i < values.size(); ++i)
      if (const auto* n = values[i].as<NumberVal>()) {
        number_seen = true;
        float_number_seen = float_number_seen || !n->is_int;
      }
    if (any_bool && !number_seen)
      common = ir::DType::boolean;
    else if (float_number_seen)
      common = module_.default_float;
    else
      common = ir::DType::i64;
    if (cls == Class::Logic) common = ir::DType::boolean;
  }
  auto wrong = [&](std::string message, std::string help) {
    ir::Diagnostic e = error("E0305", std::move(message), at);
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i].is<TensorVal>()) other(e, spans[i], describe(values[i]));
    e.helps.push_back(std::move(help));
    fail(std::move(e));
  };
  size_t shown_at = first;
  for (size_t i = first; i < values.size(); ++i)
    if (values[i].is<TensorVal>()) {
      shown_at = i;
      break;
    }
  const std::string operand_text = text(spans[shown_at]);
  switch (cls) {
    case Class::Float:
      if (!ir::is_float(*common)) {
        if (op == ir::Op::div)
          wrong(fmt::format("`/` is not defined for {}", ir::name(*common)),
                fmt::format("write `//` for whole numbers, or convert: `float({})`", operand_text));
        wrong(fmt::format("`{}` wants floating point, not {}", shown, ir::name(*common)),
              fmt::format("convert it: `float({})`", operand_text));
      }
      break;
    case Class::Number:
      if (*common == ir::DType::boolean)
        wrong(fmt::format("`{}` is not defined for bool", shown),
              fmt::format("convert: `float({})`, or use `and`, `or`, `!=`", operand_text));
      break;
    case Class::Integer:
      if (!ir::is_integer(*common))
        wrong(fmt::format("`{}` is for integers, not {}", shown, ir::name(*common)),
              op == ir::Op::floordiv ? "write `floor(a / b)`" : "write `a - b * floor(a / b)`");
      break;
    case Class::Logic:
      if (*common != ir::DType::boolean)
        wrong(fmt::format("`{}` is for bool, not {}", shown, ir::name(*common)),
              fmt::format("compare first: `{} != 0`", operand_text));
      break;
    case Class::Compare:
    case Class::Select:
    case Class::Cast:
    case Class::Any:
      break;
  }
  for (size_t i = first; i < values.size(); ++i) {
    const auto* n = values[i].as<NumberVal>();
    if (!n) {
      const auto* t = values[i].as<TensorVal>();
      if (t->weak && !ir::is_float(*common) && !ir::is_integer(type(t->id).dtype))
        wrong(fmt::format("`{}`: a floating-point number beside {}", shown, ir::name(*common)),
              fmt::format("convert: `float({})`", operand_text));
      continue;
    }
    if (!n->is_int && !ir::is_float(*common))
      wrong(fmt::format("`{}`: the floating-point number {} beside {}", shown, str(*n),
                        ir::name(*common)),
            fmt::format("convert: `float({})`", operand_text));
    const bool narrow = *common == ir::DType::u8 || *common == ir::DType::i32;
    if (n->is_int && narrow && n->scalar.numerator.is_constant()) {
      const bool byte = *common == ir::DType::u8;
      const int64_t k = n->scalar.numerator.constant();
      const int64_t least = byte ? 0 : std::numeric_limits<int32_t>::min();
      const int64_t most = byte ? 255 : std::numeric_limits<int32_t>::max();
      if (k < least || k > most)
        wrong(fmt::format("`{}`: {} is no number of {} ({} to {})", shown, k, ir::name(*common),
                          least, most),
              fmt::format("convert: `{}({})`", byte ? "i32" : "i64", operand_text));
    }
  }
  if (op == ir::Op::where) {
    const auto* t = values[0].as<TensorVal>();
    if (!t || type(t->id).dtype != ir::DType::boolean)
      fail("E0305", "the condition of `where` must be bool", spans[0], describe(values[0]),
           fmt::format("compare: `{} != 0`", text(spans[0])));
  }

  // Shape.
  struct Part {
    size_t operand;
    ir::Shape shape;
  };
  std::vector<Part> parts;
  for (size_t i = 0; i < values.size(); ++i)
    if (const auto* t = values[i].as<TensorVal>()) parts.push_back({i, type(t->id).shape});
  ir::Shape shape;
  for (const Part& p : parts)
    if (p.shape.size() > shape.size()) shape.resize(p.shape.size(), 1);
  std::vector<std::optional<size_t>> giver(shape.size());
  for (const Part& p : parts) {
    size_t offset = shape.size() - p.shape.size();
    for (size_t k = 0; k < p.shape.size(); ++k) {
      const ir::Dim& d = p.shape[k];
      ir::Dim& s = shape[offset + k];
      if (d == ir::Dim(1) || d == s) continue;
      if (s == ir::Dim(1) && !giver[offset + k]) {
        s = d;
        giver[offset + k] = p.operand;
        continue;
      }
      const Part* a = nullptr;
      for (const Part& q : parts)
        if (q.operand == giver[offset + k].value_or(0)) a = &q;
      ir::Diagnostic e =
          error("E0302",
                fmt::format("`{}`: {} and {} do not broadcast", shown, describe(values[a->operand]),
                            describe(values[p.operand])),
                at);
      for (const Part* q : {a, &p}) {
        std::string label = describe(values[q->operand]);
        auto it = frame_->declared.find(values[q->operand].as<TensorVal>()->id.index);
        const Binding* named = find(text(spans[q->operand]));
        if (it != frame_->declared.end())
          label += ", declared at " + short_place(it->second);
        else if (named && named->declared.end > 0)
          label += ", from " + short_place(named->declared);
        other(e, spans[q->operand], label);
      }
      // The two shapes above each other, aligned from the right.
      std::vector<std::string> upper, lower;
      size_t rank = std::max(a->shape.size(), p.shape.size());
      for (size_t j = 0; j < rank; ++j) {
        auto cell = [&](const ir::Shape& q) {
          return j + q.size() < rank ? std::string() : q[j + q.size() - rank].str();
        };
        upper.push_back(cell(a->shape));
        lower.push_back(cell(p.shape));
      }
      std::string line1 = "shapes align from the right: ", line2(line1.size(), ' ');
      for (size_t j = 0; j < rank; ++j) {
        size_t width = std::max(upper[j].size(), lower[j].size());
        line1 += fmt::format("  {:>{}}", upper[j], width);
        line2 += fmt::format("  {:>{}}", lower[j], width);
      }
      bool known = d.is_constant() && s.is_constant();
      line2 += known ? fmt::format("   {} is not {}, and neither is 1", s.str(), d.str())
                     : fmt::format("   {} and {} are not known to be equal", s.str(), d.str());
      e.notes.push_back(line1 + "\n" + line2);
      // One number a row or channel stands at the wrong end.
      for (const auto& [small, large] : {std::pair{a, &p}, std::pair{&p, a}}) {
        const std::string written = text(spans[small->operand]);
        if (small->shape.size() != 1 || written.find_first_of(" |\n") != std::string::npos)
          continue;
        for (size_t j = 0; j + 1 < large->shape.size(); ++j) {
          if (large->shape[j] != small->shape[0]) continue;
          std::string index = ":";
          for (size_t n = j + 1; n < large->shape.size(); ++n) index += ", None";
          e.helps.push_back(fmt::format("`{}[{}]` aligns it with dim {}", written, index, j));
          break;
        }
      }
      fail(std::move(e));
    }
  }
  if (parts.size() == 2 && cls != Class::Select && !items_[scope_->unit].is_std) {
    const Part &a = parts[0], &b = parts[1];
    auto expands = [&](const Part& p) { return p.shape != shape && !p.shape.empty(); };
    bool written = text(spans[a.operand]).find("None") != std::string::npos ||
                   text(spans[b.operand]).find("None") != std::string::npos;
    // Only sizes above 1 count: [1] against [batch, 1] changes no one's meaning.
    auto grows = [&](const Part& p) {
      return ir::element_count(p.shape) != ir::element_count(shape);
    };
    bool one = ir::element_count(a.shape) == ir::Dim(1) || ir::element_count(b.shape) == ir::Dim(1);
    auto unbatched = [&](const Part& p) {
      return frame_->unbatched.count(values[p.operand].as<TensorVal>()->id.index) > 0;
    };
    // An input without the batch has been warned of: this follows from it.
    const bool echo = unbatched(a) || unbatched(b);
    if (expands(a) && expands(b) && grows(a) && grows(b) && !one && !written && !echo) {
      ir::Diagnostic w =
          error("W0303",
                fmt::format("`{}` broadcasts both operands: {} and {} give {}", shown,
                            describe(values[a.operand]), describe(values[b.operand]),
                            ir::str(ir::Type{*common, shape})),
                at);
      w.severity = ir::Severity::Warning;
      other(w, spans[a.operand], describe(values[a.operand]));
      other(w, spans[b.operand], describe(values[b.operand]));
      auto column = [](const Part& p, const Part& other) {
        return p.shape.size() == 2 && other.shape.size() == 1 && p.shape[1] == ir::Dim(1) &&
               p.shape[0] == other.shape[0];
      };
      if (column(a, b))
        w.helps.push_back(
            fmt::format("if you mean elementwise, write `{0}[:, 0] {1} {2}`; if you mean all "
                        "pairs, write `{0} {1} {2}[None, :]`",
                        text(spans[a.operand]), shown, text(spans[b.operand])));
      else if (column(b, a))
        w.helps.push_back(
            fmt::format("if you mean elementwise, write `{0} {1} {2}[:, 0]`; if you mean all "
                        "pairs, write `{0}[None, :] {1} {2}`",
                        text(spans[a.operand]), shown, text(spans[b.operand])));
      else
        w.helps.push_back("if you mean it, write the new dims with `None`: `a[:, None]`");
      report(std::move(w));
    }
  }

  // Emission.
  std::vector<ir::ValueId> args(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    ir::DType want = i < first ? ir::DType::boolean : *common;
    if (const auto* n = values[i].as<NumberVal>()) {
      args[i] =
          emit(at, [&](ir::Builder& b) { return b.constant(n->scalar, ir::Type{want, shape}); });
      continue;
    }
    ir::ValueId id = values[i].as<TensorVal>()->id;
    if (type(id).dtype != want) id = emit(at, [&](ir::Builder& b) { return b.cast(id, want); });
    args[i] = broadcast_to(id, shape, at);
  }
  return {TensorVal{emit(at, [&](ir::Builder& b) { return b.add(op, args); }, spans)}};
}

ir::ValueId Elaborator::emit(Span at, const std::function<ir::ValueId(ir::Builder&)>& build,
                             const std::vector<Span>& spans) {
  if (!frame_) fail("E0313", "this must be known when the program is compiled", at);
  limit_ops(at);
  frame_->b.locs.clear();
  if (note_.given)
    frame_->b.locs = note_.locs;
  else if (ir::LocId l = loc(at))
    frame_->b.locs.push_back(l);
  size_t before = frame_->b.function().values.size();
  try {
    ir::ValueId v = build(frame_->b);
    check_limits(type(v), at);
    ops_ += int64_t(frame_->b.function().values.size() - before);
    return v;
  } catch (const ir::OpError& e) {
    fail(e, at, spans);
  }
}

void Elaborator::limit_ops(Span at) {
  if (ops_ < options_.max_ops) return;
  fail("E0311", fmt::format("the program has more than {} ops", options_.max_ops), at, "",
       "raise the limit with `--max-ops`");
}

ir::ValueId Elaborator::declare(const std::string& name, const ir::Type& type, ir::Role role,
                                std::optional<ir::Initializer> init, Span at) {
  check_limits(type, at);
  limit_ops(at);
  ++ops_;
  return frame_->b.parameter(name, type, role, std::move(init));
}

void Elaborator::check_limits(const ir::Type& t, Span at) {
  if (size_t(t.rank()) > options_.max_rank)
    fail("E0311", fmt::format("a tensor of {} dims: {} is the limit", t.rank(), options_.max_rank),
         at, "", "raise the limit with `--max-rank`");
  for (const ir::Dim& d : t.shape) {
    if (d.overflowed())
      fail("E0310", "this size has no value: it overflows or divides by zero", at);
    if (d.is_constant() && d.constant() < 0)
      fail("E0310", fmt::format("a size must not be negative, this has {}", ir::str(t)), at);
  }
  ir::Dim count = 1;  // sizes of 0 do not excuse the others
  for (const ir::Dim& d : t.shape)
    if (!(d == ir::Dim(0))) count = count * d;
  if (count.overflowed() || (count.is_constant() && count.constant() > options_.max_elements)) {
    const bool usual = options_.max_elements == int64_t{1} << 40;
    fail("E0311",
         fmt::format("a tensor of more than {} elements: {}",
                     usual ? "2^40" : std::to_string(options_.max_elements), ir::str(t)),
         at, "", "raise the limit with `--max-elements`");
  }
}

void Elaborator::name_value(const Val& v, const std::string& name) {
  const auto* t = v.as<TensorVal>();
  if (!t || !frame_ || items_[scope_->unit].is_std) return;  // names of the program only
  ir::Value& value = frame_->b.function()[t->id];
  if (value.op == ir::Op::parameter || !value.name.empty()) return;
  bool temporary = name.size() > 1 && name[0] == '_' &&
                   name.find_first_not_of("0123456789", 1) == std::string::npos;
  if (!temporary) value.name = name;
}

}  // namespace netc::frontend
