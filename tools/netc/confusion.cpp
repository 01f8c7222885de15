// Scores come from the entry point `predict`, labels from the data.
#include "tools/netc/confusion.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

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

std::string Confusion::table(std::optional<size_t> width) const {
  size_t first = 4, wide = 4;
  for (const std::string& name : classes) {
    first = std::max(first, name.size());
    wide = std::max(wide, name.size());
  }
  for (const auto& row : counts)
    for (const int64_t count : row) wide = std::max(wide, std::to_string(count).size());
  std::vector<std::vector<std::string>> columns;  // heading first, those of the classes and recall
  for (size_t k = 0; k < classes.size(); ++k) {
    columns.push_back({cell(classes[k], wide)});
    for (const auto& row : counts) columns.back().push_back(cell(std::to_string(row[k]), wide));
  }
  columns.push_back({"recall"});
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t total = std::accumulate(counts[i].begin(), counts[i].end(), int64_t{0});
    columns.back().push_back(
        cell(total > 0 ? fmt::format("{:.4f}", double(counts[i][i]) / double(total)) : "-", 6));
  }
  std::string text;
  for (size_t begin = 0, end = 0; begin < columns.size(); begin = end) {
    size_t used = first;
    for (end = begin; end < columns.size(); ++end) {
      used += 2 + columns[end][0].size();
      if (width && used > *width && end > begin) break;
    }
    if (begin > 0) text += "\n";
    for (size_t line = 0; line <= classes.size(); ++line) {
      text += fmt::format("{:<{}}", line == 0 ? "true" : classes[line - 1], first);
      for (size_t c = begin; c < end; ++c) text += "  " + columns[c][line];
      text += "\n";
    }
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
