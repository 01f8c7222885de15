#include "tools/netc/report/classified.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/netc/console.h"
#include "tools/netc/report/chart.h"

namespace netc::tools {

using nlohmann::json;

namespace {
constexpr size_t kMostMistakes = 24;
constexpr size_t kMostPairs = 8;
constexpr size_t kMostClasses = 40;  ///< of a matrix that is drawn

struct Mistake {
  int64_t record;
  size_t label, best;
  double label_probability, best_probability;
};

/// Probabilities as they are, else scores through softmax.
std::vector<double> probabilities(const runtime::Tensor& scores, int64_t row, int64_t classes) {
  std::vector<double> p(static_cast<size_t>(classes));
  double sum = 0, most = -INFINITY;
  bool may_be = true;
  for (size_t k = 0; k < p.size(); ++k) {
    p[k] = scores.number(row * classes + int64_t(k));
    sum += p[k], most = std::max(most, p[k]);
    may_be = may_be && p[k] >= 0;
  }
  if (may_be && std::abs(sum - 1) < 1e-3) return p;
  sum = 0;
  for (double& v : p) sum += v = std::exp(v - most);
  for (double& v : p) v /= sum;
  return p;
}

/// Counts records and remembers those that were taken for another class.
class Counted {
 public:
  Counted(std::vector<std::string> names, size_t classes) : confusion_(std::move(names), classes) {}

  void add(int64_t record, size_t label, const std::vector<double>& p) {
    const auto best = size_t(std::max_element(p.begin(), p.end()) - p.begin());
    ++confusion_.counts[label][best];
    if (best != label) mistakes_.push_back({record, label, best, p[label], p[best]});
  }

  json section(const RecordView& view) {
    // The surest that it was something else comes first.
    std::stable_sort(mistakes_.begin(), mistakes_.end(), [](const Mistake& a, const Mistake& b) {
      return a.label_probability < b.label_probability;
    });
    int64_t all = 0;
    for (const auto& row : confusion_.counts)
      for (int64_t count : row) all += count;
    if (all == 0) return nullptr;
    const auto wrong = int64_t(mistakes_.size());
    return {{"records", with_commas(all)},
            {"wrong", with_commas(wrong)},
            {"wrong_any", wrong > 0},
            {"accuracy", fmt::format("{:.2f} %", 100 * double(all - wrong) / double(all))},
            {"matrix", matrix()},
            {"recalls", recalls()},
            {"pairs", pairs()},
            {"pictures", bool(view.picture())},
            {"mistakes", mistakes(view)}};
  }

 private:
  Confusion confusion_;
  std::vector<Mistake> mistakes_;

  json matrix() const {
    if (confusion_.classes.size() > kMostClasses) return nullptr;
    json rows = json::array();
    for (size_t i = 0; i < confusion_.counts.size(); ++i) {
      const auto& counts = confusion_.counts[i];
      int64_t all = 0;
      for (int64_t c : counts) all += c;
      json cells = json::array();
      for (size_t k = 0; k < counts.size(); ++k) {
        const double share = all > 0 ? double(counts[k]) / double(all) : 0;
        // Mistakes are a few percent at most: their square root can be seen.
        cells.push_back({{"count", counts[k] > 0 ? std::to_string(counts[k]) : "·"},
                         {"right", i == k},
                         {"heat", fmt::format("{:.3f}", i == k ? share : std::sqrt(share))},
                         {"label", fmt::format("{} taken for {}: {}", confusion_.classes[i],
                                               confusion_.classes[k], counts[k])}});
      }
      rows.push_back({{"name", confusion_.classes[i]}, {"cells", cells}});
    }
    return {{"names", confusion_.classes}, {"rows", rows}};
  }

  json recalls() const {
    json list = json::array();
    for (size_t i = 0; i < std::min(kMostClasses, confusion_.counts.size()); ++i) {
      int64_t is = 0, taken = 0;
      for (size_t k = 0; k < confusion_.counts.size(); ++k)
        is += confusion_.counts[i][k], taken += confusion_.counts[k][i];
      const auto right = double(confusion_.counts[i][i]);
      const auto percent = [&](int64_t of) {
        return of > 0 ? fmt::format("{:.1f}", 100 * right / double(of)) : "–";
      };
      list.push_back({{"name", confusion_.classes[i]},
                      {"count", with_commas(is)},
                      {"recall", percent(is)},
                      {"precision", percent(taken)}});
    }
    return list;
  }

  json pairs() const {
    struct Pair {
      int64_t count;
      size_t label, best;
    };
    std::vector<Pair> found;
    for (size_t i = 0; i < confusion_.counts.size(); ++i)
      for (size_t k = 0; k < confusion_.counts.size(); ++k)
        if (i != k && confusion_.counts[i][k] > 0) found.push_back({confusion_.counts[i][k], i, k});
    std::stable_sort(found.begin(), found.end(),
                     [](const Pair& a, const Pair& b) { return a.count > b.count; });
    if (found.size() > kMostPairs) found.resize(kMostPairs);
    json list = json::array();
    for (const Pair& p : found)
      list.push_back({{"label", confusion_.classes[p.label]},
                      {"best", confusion_.classes[p.best]},
                      {"count", with_commas(p.count)}});
    return list;
  }

  json mistakes(const RecordView& view) const {
    json list = json::array();
    for (size_t i = 0; i < std::min(kMostMistakes, mistakes_.size()); ++i) {
      const Mistake& m = mistakes_[i];
      json item{{"record", with_commas(m.record)},
                {"label", confusion_.classes[m.label]},
                {"best", confusion_.classes[m.best]},
                {"sure", fmt::format("{:.1f} %", 100 * m.best_probability)},
                {"picture", nullptr},
                {"numbers", nullptr}};
      if (view.picture())
        item["picture"] = view.address(m.record);
      else
        item["numbers"] = view.numbers(m.record);
      list.push_back(std::move(item));
    }
    return list;
  }
};
}  // namespace

RecordView::RecordView(const runtime::Plan& predict, const runtime::Split& split) {
  for (const runtime::Slot& slot : predict.slots) {
    if (slot.role != runtime::SlotRole::Input || !slot.batched) continue;
    const runtime::Field* field = split.find(slot.name);
    if (!field_) field_ = field;
    shape_ = picture_shape(field->shape);
    if (!shape_) continue;
    field_ = field;
    return;
  }
}

std::string RecordView::address(int64_t record) const {
  const std::byte* data = field_->data() + record * field_->sample_bytes();
  double low = INFINITY, high = -INFINITY;
  for (int64_t at = 0; at < field_->sample_bytes(); at += byte_size(field_->type)) {
    const double v = runtime::load_number(field_->type, data + at);
    low = std::min(low, v), high = std::max(high, v);
  }
  return picture_of(*shape_, field_->type, data, low, high).address();
}

std::string RecordView::numbers(int64_t record) const {
  constexpr int64_t kMost = 6;
  if (!field_) return "";
  const int64_t size = byte_size(field_->type), count = field_->sample_bytes() / size;
  const std::byte* data = field_->data() + record * field_->sample_bytes();
  std::string text = field_->name;
  for (int64_t i = 0; i < std::min(kMost, count); ++i)
    text += " " + figure(runtime::load_number(field_->type, data + i * size));
  return text + (count > kMost ? " …" : "");
}

json classified_section(EntryRunner& predict, const Classification& kind,
                        const runtime::Split& split, const std::vector<std::string>& names) {
  Counted counted(names, size_t(kind.classes));
  visit_labelled(predict, kind, split,
                 [&](int64_t record, size_t label, const runtime::Tensor& values, int64_t row) {
                   counted.add(record, label, probabilities(values, row, kind.classes));
                 });
  return counted.section(RecordView(predict.plan(), split));
}

json yes_or_no_section(EntryRunner& predict, const Target& target, const Outcomes& outcomes,
                       const runtime::Split& split) {
  const auto& predicted = outcomes.predicted;
  const bool probability =
      std::all_of(predicted.begin(), predicted.end(), [](double v) { return v >= 0 && v <= 1; });
  Counted counted({target.label + " = 0", target.label + " = 1"}, 2);
  for (size_t i = 0; i < predicted.size(); ++i) {
    const double yes = probability ? predicted[i] : 1 / (1 + std::exp(-predicted[i]));
    counted.add(int64_t(i), size_t(outcomes.truth[i]), {1 - yes, yes});
  }
  return counted.section(RecordView(predict.plan(), split));
}

}  // namespace netc::tools
