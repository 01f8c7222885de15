// Scores come from the entry point `predict`, labels from the data.
#include "tools/netc/confusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace netc::tools {

namespace {
using runtime::Slot;
using runtime::SlotRole;

bool scores_classes(const Slot& slot, int64_t classes) {
  return slot.role == SlotRole::Result && slot.batched && runtime::is_floating(slot.type) &&
         runtime::sample_dims(slot) == std::vector<int64_t>{classes};
}

std::string cell(const std::string& text, size_t width) {
  return fmt::format("{:>{}}", text, width);
}
}  // namespace

std::vector<Classification> find_classifications(const runtime::Plan& predict,
                                                 const runtime::Plan& eval) {
  std::vector<Classification> found;
  for (const Slot& label : eval.slots) {
    const bool is_label = label.role == SlotRole::Input && label.batched && label.index_range > 0 &&
                          runtime::sample_dims(label).empty();
    if (!is_label) continue;
    for (const Slot& output : predict.slots) {
      if (scores_classes(output, label.index_range))
        found.push_back({output.name, label.name, label.index_range});
    }
  }
  return found;
}

Classification find_classification(const runtime::Plan& predict, const runtime::Plan& eval) {
  const std::vector<Classification> found = find_classifications(predict, eval);
  if (found.size() == 1) return found[0];
  if (found.empty())
    throw UsageError{
        "--confusion needs a model that classifies: an output [batch, n] and an input of class "
        "numbers below n",
        "for example `loss cross_entropy(logits, label)` where `logits` is an output"};
  std::string pairs;
  for (const Classification& c : found)
    pairs += fmt::format("{}`{}` with `{}`", pairs.empty() ? "" : ", ", c.output, c.label);
  throw UsageError{"--confusion: more than one output scores classes: " + pairs, ""};
}

Confusion::Confusion(std::vector<std::string> names, size_t count)
    : classes(std::move(names)), counts(count, std::vector<int64_t>(count, 0)) {
  classes.resize(std::min(classes.size(), count));
  for (size_t i = classes.size(); i < count; ++i) classes.push_back(std::to_string(i));
}

Confusion confusion(EntryRunner& predict, const Classification& kind, const runtime::Split& split) {
  Confusion result(split.find(kind.label)->classes, size_t(kind.classes));
  visit_labelled(
      predict, kind, split, [&](int64_t, size_t label, const runtime::Tensor& values, int64_t row) {
        int64_t best = 0;
        for (int64_t k = 1; k < kind.classes; ++k) {
          if (values.number(row * kind.classes + k) > values.number(row * kind.classes + best))
            best = k;
        }
        ++result.counts[label][size_t(best)];
      });
  return result;
}

std::string Confusion::table() const {
  size_t first = 4, width = 4;
  for (const std::string& name : classes) {
    first = std::max(first, name.size());
    width = std::max(width, name.size());
  }
  for (const auto& row : counts)
    for (const int64_t count : row) width = std::max(width, std::to_string(count).size());
  std::string text = fmt::format("{:<{}}", "true", first);
  for (const std::string& name : classes) text += "  " + cell(name, width);
  text += "  recall\n";
  for (size_t i = 0; i < counts.size(); ++i) {
    text += fmt::format("{:<{}}", classes[i], first);
    int64_t total = 0;
    for (const int64_t count : counts[i]) {
      total += count;
      text += "  " + cell(std::to_string(count), width);
    }
    const std::string recall =
        total > 0 ? fmt::format("{:.4f}", double(counts[i][i]) / double(total)) : "-";
    text += "  " + cell(recall, 6) + "\n";
  }
  return text;
}

std::string Confusion::json() const {
  nlohmann::ordered_json object;
  object["classes"] = classes;
  object["counts"] = counts;
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace netc::tools
