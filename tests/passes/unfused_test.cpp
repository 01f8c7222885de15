// A step with all its values kept: single elements read from it, and what each was computed from.
#include "passes/unfused.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <stdexcept>

#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "ir/array.h"
#include "ir/origin.h"
#include "ir/reference.h"
#include "passes/pass.h"

namespace netc::passes::test {
namespace {

using ir::Element;
using ir::Elements;
using ir::Op;
using ir::ValueId;

/// Every structural op stands in this model or its gradients.
constexpr const char* kModel = R"(
model m {
  input  x: [4, 2, 6, 6]
  input  pick: i64[4]
  param  w: [3, 2, 3, 3] = normal(1.0)
  param  table: [5, 6] = normal(1.0)
  c = conv2d(x, w, stride = 2, padding = 1)                 # windows, pad, fold_windows
  p = max_pool2d(c, 2, stride = 1)
  rows = table[index(pick, 5)]                              # gather, scatter_add
  d = einsum("ii->i", permute(rows[:, 1:5], 1, 0))          # diagonal, permute, slice
  both = concat([flatten(p, 1), rows[:, ::2], dropout(rows, 0.5)], dim = 1)
  s = where(both > 0, both, exp(both))
  loss mean(logsumexp(s, dim = 1)) + sum(d) + max(rows[:, None] * s[:, :, None][:, :6]) / float(sum(iota(4)))
}
)";

struct Kept {
  ir::Module module;
  ir::FunctionId step;
  std::vector<std::byte> arena;
};

/// The step of a model run on numbers drawn from a seed; `zero`: this parameter is all zeros.
Kept run(const char* text, const std::string& zero = "") {
  frontend::SourceSet sources;
  frontend::Diagnostics found;
  sources.add("m.net", "", text);
  std::vector<frontend::Unit> units(1);
  units[0].ast = frontend::parse(sources, 0, found);
  ir::Module module = frontend::elaborate(units, sources, {}, found).module;
  for (const ir::Diagnostic& d : found.all())
    if (d.severity == ir::Severity::Error) throw std::runtime_error(d.message);
  PassContext context;
  module = passes::run(pipeline(module.stage, ir::Stage::Optimised, 0), std::move(module), context);
  Kept r{unfused(std::move(module), 1), {}, {}};
  r.step = r.module.find("m.step");
  const ir::Function& f = r.module[r.step];
  int64_t end = 0;
  for (const ir::Value& v : f.values)
    if (v.storage) {
      int64_t count = 1;
      for (const ir::Dim& d : v.type.shape) count *= d.constant();
      end = std::max(end, v.storage->offset + count * ir::byte_size(v.type.dtype));
    }
  r.arena.resize(size_t(end));
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  for (const ir::Parameter& p : f.params) {
    const ir::Value& v = f[p.value];
    std::vector<int64_t> shape;
    for (const ir::Dim& d : v.type.shape) shape.push_back(d.constant());
    ir::Array a = ir::Array::zeros(v.type.dtype, shape);
    for (int64_t i = 0; i < a.size() && v.name != zero; ++i)
      a.set(i, ir::is_float(a.dtype) ? normal(random) : double(random() % 5));
    a.store(r.arena.data() + v.storage->offset);
  }
  EXPECT_EQ(ir::evaluate_in_arena(r.module, r.step, r.arena.data(), 1), "");
  return r;
}

ir::Array array_of(const Elements& e, ValueId v) {
  ir::Array a = ir::Array::zeros(e.function()[v].type.dtype, e.shape(v));
  for (int64_t i = 0; i < a.size(); ++i) a.set(i, e.number({v, i}));
  return a;
}

ir::Array evaluate(const ir::Value& value, const std::vector<ir::Array>& args) {
  std::vector<const ir::Array*> pointers;
  for (const ir::Array& a : args) pointers.push_back(&a);
  std::vector<int64_t> shape;
  for (const ir::Dim& d : value.type.shape) shape.push_back(d.constant());
  ir::Array out = ir::Array::zeros(value.type.dtype, shape);
  ir::def(value.op).reference(value, pointers, out);
  return out;
}

// The reference rule says which elements of a result change with an element of an operand.
TEST(Unfused, SourcesAreTheElementsThatMatter) {
  const Kept r = run(kModel);
  const ir::Function& f = r.module[r.step];
  const Elements elements(f, r.arena.data(), 1);
  std::map<Op, int> seen;
  for (size_t i = f.params.size(); i < f.values.size(); ++i) {
    const ir::Value& value = f.values[i];
    std::vector<ir::Array> args;
    for (ValueId a : value.args) args.push_back(array_of(elements, a));
    const ir::Array here = array_of(elements, ValueId(i)), out = evaluate(value, args);
    for (int64_t k = 0; k < out.size(); ++k)
      ASSERT_EQ(here.number(k), out.number(k)) << ir::op_name(value.op) << " " << k;
    if (!ir::is_float(value.type.dtype)) continue;
    ++seen[value.op];
    for (size_t operand = 0; operand < args.size(); ++operand) {
      if (!ir::is_float(args[operand].dtype)) continue;
      const int64_t size = args[operand].size();
      for (int64_t at = 0; at < size; at += std::max<int64_t>(1, size / 7)) {
        std::vector<ir::Array> changed = args;
        changed[operand].set(at, std::nan(""));
        const ir::Array now = evaluate(value, changed);
        for (int64_t k = 0; k < out.size(); ++k) {
          bool listed = false;
          elements.visit_sources({ValueId(i), k}, [&](size_t o, const Element& from) {
            EXPECT_EQ(from.value, value.args[o]);
            listed |= o == operand && from.index == at;
          });
          ASSERT_EQ(listed, std::isnan(now.number(k)))
              << ir::op_name(value.op) << " element " << k << " from " << at << " of " << operand;
        }
      }
    }
  }
  for (Op op :
       {Op::reduce, Op::einsum, Op::reshape, Op::permute, Op::broadcast, Op::slice, Op::diagonal,
        Op::windows, Op::pad, Op::concat, Op::fold_windows, Op::gather, Op::scatter_add, Op::where})
    EXPECT_GT(seen[op], 0) << ir::op_name(op);
}

/// The origin of what is not finite in result `name`.
std::optional<ir::Origin> origin(const Kept& r, const std::string& name) {
  const ir::Function& f = r.module[r.step];
  const Elements elements(f, r.arena.data(), 1);
  for (const ir::Result& result : f.results)
    if (result.name == name)
      if (const auto bad = ir::first_nonfinite(elements, result.value))
        return ir::find_origin(elements, *bad);
  return {};
}

TEST(Origin, IsTheFirstOpThatWasGivenFiniteNumbers) {
  const Kept r =
      run("model m {\n  input x: [3, 4]\n  param w: [4] = zeros()\n"
          "  loss sum(exp(log(w * x[1]) * 2) - log(w))\n}\n",
          "w");
  const auto found = origin(r, "loss");
  ASSERT_TRUE(found);
  EXPECT_EQ(r.module[r.step][found->made.value].op, Op::log);
  ASSERT_EQ(found->sources.size(), 1u);
  EXPECT_FALSE(found->became_nan);
  const auto backward = origin(r, "d_w");
  ASSERT_TRUE(backward);
  EXPECT_EQ(r.module[r.step][backward->made.value].op, Op::div);
}

TEST(Origin, MaskedInfinitiesAreNoOnesFault) {
  // log(0) is not taken where w is 0; the last term is what fails, in the derivative of sqrt.
  const Kept r =
      run("model m {\n  input x: [3]\n  param w: [3] = zeros()\n"
          "  a = where(w > 0, log(w), 0)\n  b = where(x > 9, w, -inf)\n"
          "  loss sum(a) + sum(exp(b)) + sum(sqrt(abs(w)))\n}\n",
          "w");
  EXPECT_FALSE(origin(r, "loss"));
  const auto found = origin(r, "d_w");
  ASSERT_TRUE(found);
  const ir::Value& made = r.module[r.step][found->made.value];
  EXPECT_EQ(made.op, Op::div);
  EXPECT_FALSE(made.vjp_of.empty());
  EXPECT_TRUE(std::isinf(found->number));
  EXPECT_TRUE(found->became_nan);  // times sign(0)
}

TEST(Origin, OfAWrittenInfinityIsWhatMadeItNaN) {
  const Kept r =
      run("model m {\n  input x: [3]\n  param w: [3] = zeros()\n"
          "  b = where(x > 9, w, -inf)\n  loss sum(b - max(b))\n}\n",
          "w");
  const auto found = origin(r, "loss");
  ASSERT_TRUE(found);
  EXPECT_EQ(r.module[r.step][found->made.value].op, Op::sub);
}

}  // namespace
}  // namespace netc::passes::test
