// What the `train` block keeps beside the weights: sums of gradients over the micro-batches of a
// step, and moving averages of the parameters.
#include <fmt/format.h>

#include "frontend/elaborate_state.h"

namespace netc::frontend {

namespace {
constexpr const char* kShare = "_share";  ///< input: rows of the micro-batch / rows of the step
constexpr const char* kRow = "_row";      ///< input: rows of the step before the micro-batch
const ir::Initializer kZero{"const", {{"value", 0.0}}};
}  // namespace

bool is_control_input(std::string_view name) {
  return name == "lr" || name == "step" || name == "seed" || name == kShare || name == kRow;
}

Val Elaborator::plain(ir::Op op, const std::vector<Val>& operands, Span at) {
  return elementwise(op, operands, std::vector<Span>(operands.size(), at), at, ir::def(op).name);
}

ir::ValueId Elaborator::summed_gradient(const Trained& t, ir::ValueId sum, ir::ValueId share,
                                        Span at) {
  const Val part = plain(ir::Op::mul, {{TensorVal{share, true}}, {TensorVal{t.gradient}}}, at);
  return plain(ir::Op::add, {{TensorVal{sum}}, part}, at).as<TensorVal>()->id;
}

ir::ValueId Elaborator::average_gradients(std::vector<Trained>& trained,
                                          std::vector<ir::Result>& results, Span at) {
  const ir::ValueId share = frame_->b.parameter(kShare, {ir::DType::f64, {}}, ir::Role::Input);
  for (Trained& t : trained) {
    const ir::Type want = type(t.gradient);
    const ir::ValueId sum = frame_->b.parameter(t.name + "._sum", want, ir::Role::State, kZero);
    t.gradient = summed_gradient(t, sum, share, at);
    results.push_back(
        {"new_" + t.name + "._sum", emit(at, [&](ir::Builder& b) { return b.like(sum, 0); })});
  }
  return share;
}

void Elaborator::model_collect(const std::string& model, const std::vector<Trained>& trained,
                               Span at) {
  module_.functions.emplace_back();
  const ir::FunctionId id(module_.functions.size() - 1);
  module_[id].name = module_[id].source_name = model + ".collect";
  module_[id].entry = true;
  Frame frame(module_, id);
  Restore<Frame*> inner(frame_, &frame);
  std::vector<Trained> own = trained;
  for (size_t i = 0; i < own.size(); ++i)
    own[i].gradient = frame.b.parameter("d_" + own[i].name, own[i].type, ir::Role::Input);
  std::vector<ir::ValueId> sums;
  for (const Trained& t : own)
    sums.push_back(frame.b.parameter(t.name + "._sum", t.type, ir::Role::State, kZero));
  const ir::ValueId share = frame.b.parameter(kShare, {ir::DType::f64, {}}, ir::Role::Input);
  for (size_t i = 0; i < own.size(); ++i) {
    const ir::ValueId sum = summed_gradient(own[i], sums[i], share, at);
    frame.b.result("new_" + own[i].name + "._sum", sum);
  }
  function_names_.insert(module_[id].name);
}

ir::Result Elaborator::moving_average(const Trained& t, ir::ValueId next, ir::ValueId step,
                                      Span at) {
  const double decay = *options_.ema;
  const ir::ValueId old = frame_->b.parameter(t.name + "._ema", type(next), ir::Role::State, kZero);
  const Val kept = plain(ir::Op::mul, {{float_number(decay)}, {TensorVal{old}}}, at);
  const Val added = plain(ir::Op::mul, {{float_number(1 - decay)}, {TensorVal{next}}}, at);
  const Val first = plain(ir::Op::eq, {{TensorVal{step, true}}, {int_number(1)}}, at);
  const Val average = plain(ir::Op::add, {kept, added}, at);
  return {"new_" + t.name + "._ema",
          plain(ir::Op::where, {first, {TensorVal{next}}, average}, at).as<TensorVal>()->id};
}

ir::ValueId Elaborator::first_draw(const ir::Type& t, Span at) {
  if (options_.accumulate <= 1 || !training_) return {};
  std::set<std::string> names;
  for (const ir::Dim& d : t.shape)
    for (const std::string& name : d.symbols()) names.insert(name);
  if (names.empty()) return {};  // all micro-batches have the same draws, as the whole batch has
  const ir::Dim batch = ir::Dim::symbol(*names.begin());
  ir::Dim count = 1;
  for (const ir::Dim& d : t.shape) count = count * d;
  const auto row = exact_div(count, batch);
  if (names.size() > 1 || !row || !row->is_constant() || !exact_div(t.shape[0], batch))
    fail("E0524",
         fmt::format("with `accumulate`, random numbers are drawn for values whose first dim is "
                     "the batch; this is {}",
                     ir::str(t)),
         at, "", "draw before the dims are moved");
  Frame& f = *frame_;
  const ir::Type integer{ir::DType::i64, {}};
  if (!f.row) f.row = f.b.parameter(kRow, integer, ir::Role::Input);
  return emit(at, [&](ir::Builder& b) {
    return b.binary(ir::Op::mul, f.row, b.constant(double(row->constant()), integer));
  });
}

}  // namespace netc::frontend
