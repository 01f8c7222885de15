// Which kind of model it is shows in its outputs and in the inputs that only the loss reads: class
// numbers beside scores, zeros and ones beside one score, numbers beside as many numbers.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "tools/netc/confusion.h"
#include "tools/netc/report/chart.h"
#include "tools/netc/report/classified.h"
#include "tools/netc/report/picture.h"
#include "tools/netc/report/regression.h"
#include "tools/netc/report/sections.h"
#include "tools/netc/weights.h"

namespace netc::tools {

namespace {
using nlohmann::json;
using runtime::Slot;
using runtime::SlotRole;

int64_t numbers_in(const Slot& slot) {
  int64_t count = 1;
  for (int64_t d : runtime::sample_dims(slot)) count *= d;
  return count;
}

/// The output and the float input of the loss alone that hold equally many numbers a record.
std::optional<Target> find_target(const runtime::Plan& predict, const runtime::Plan& eval) {
  for (const Slot& label : eval.slots) {
    if (label.role != SlotRole::Input || !label.batched || !runtime::is_floating(label.type) ||
        runtime::find_slot(predict, SlotRole::Input, label.name))
      continue;
    for (const Slot& output : predict.slots)
      if (output.role == SlotRole::Result && output.batched && runtime::is_floating(output.type) &&
          numbers_in(output) == numbers_in(label))
        return Target{output.name, label.name, numbers_in(output)};
  }
  return std::nullopt;
}

/// Pictures that went in beside pictures of the same size that came out.
json reconstructions(EntryRunner& predict, const runtime::Split& split) {
  constexpr int64_t kMost = 12;
  const RecordView view(predict.plan(), split);
  if (!view.picture()) return nullptr;
  for (const Slot* output : predict.slots(SlotRole::Result)) {
    const auto shape = picture_shape(runtime::sample_dims(*output));
    if (!output->batched || !runtime::is_floating(output->type) || !shape ||
        shape->width != view.picture()->width || shape->height != view.picture()->height)
      continue;
    const int64_t rows = std::min({kMost, split.records, predict.plan().batch_capacity});
    runtime::BatchSource(split, predict.plan()).copy(0, rows, predict.arena());
    predict.run(rows);
    const runtime::Tensor values = predict.read(*output, rows);
    double low = 0, high = 1;
    for (int64_t i = 0; i < values.count(); ++i)
      low = std::min(low, values.number(i)), high = std::max(high, values.number(i));
    json pairs = json::array();
    const int64_t bytes = numbers_in(*output) * runtime::byte_size(output->type);
    for (int64_t row = 0; row < rows; ++row)
      pairs.push_back({{"before", view.address(row)},
                       {"after", picture_of(*shape, output->type,
                                            values.bytes.data.get() + row * bytes, low, high)
                                     .address()}});
    return {{"output", output->name}, {"pairs", pairs}};
  }
  return nullptr;
}
}  // namespace

json predictions_section(Session& session, const runtime::TrainerParts& parts,
                         const runtime::Split& split) {
  if (!session.has_entry("predict") || split.records == 0) return nullptr;
  Lowering lowering;
  lowering.entries = {"predict"};
  lowering.batch_capacity = session.default_batch();
  EntryRunner predict(session.compile(session.lower(lowering), "predict", lowering.batch_capacity),
                      parts.executor.pool());
  copy_weights(parts.train, parts.arena, predict);
  json section{{"split", split.name}};
  const auto classifications = find_classifications(predict.plan(), parts.eval);
  if (!classifications.empty()) {
    section["classes"] = classified_section(predict, classifications[0], split,
                                            split.find(classifications[0].label)->classes);
  } else if (const auto target = find_target(predict.plan(), parts.eval)) {
    const Outcomes outcomes = collect(predict, *target, split);
    if (target->numbers == 1 && outcomes.are_yes_or_no())
      section["classes"] = yes_or_no_section(predict, *target, outcomes, split);
    else
      section["regression"] = regression_section(*target, outcomes);
  }
  section["reconstructions"] = reconstructions(predict, split);
  const bool any = section.contains("classes") || section.contains("regression") ||
                   !section["reconstructions"].is_null();
  return any ? section : json(nullptr);
}

}  // namespace netc::tools
