// How often each class was taken for which.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "tools/netc/entry_runner.h"

namespace netc::tools {

struct Confusion {
  /// Nothing counted yet. Classes without a name are called by their numbers.
  Confusion(std::vector<std::string> names, size_t count);

  std::vector<std::string> classes;
  std::vector<std::vector<int64_t>> counts;  ///< [true class][predicted class]

  /// A table with a row for each true class and its recall, in parts that are no wider than
  /// `width` columns where that is given.
  std::string table(std::optional<size_t> width = {}) const;
  /// `{"classes":[…],"counts":[[…],…]}`.
  std::string json() const;
};

/// The output of a model that scores classes, and the input that holds their numbers.
struct Classification {
  std::string output, label;
  int64_t classes = 0;
};

/// Every pair of a float output [batch, n] of `predict` and an integer input [batch] of `eval` that
/// is used as an index below n.
std::vector<Classification> find_classifications(const runtime::Plan& predict,
                                                 const runtime::Plan& eval);
/// The one pair of these. Throws UsageError when there is none, or more than one.
Classification find_classification(const runtime::Plan& predict, const runtime::Plan& eval);

/// Runs `predict`, whose weights are loaded, over a split and calls visit(record, label, scores,
/// row) for each record whose label is one of the classes (`ignore_index` is none).
template <typename Visit>
void visit_labelled(EntryRunner& predict, const Classification& kind, const runtime::Split& split,
                    const Visit& visit) {
  const runtime::Slot& scores = *predict.find(runtime::SlotRole::Result, kind.output);
  const runtime::Field& labels = *split.find(kind.label);
  predict.run_over(split, [&](int64_t first, int64_t rows) {
    const runtime::Tensor values = predict.read(scores, rows);
    for (int64_t row = 0; row < rows; ++row) {
      const double label =
          runtime::load_number(labels.type, labels.data() + (first + row) * labels.sample_bytes());
      if (label >= 0 && label < double(kind.classes))
        visit(first + row, size_t(label), values, row);
    }
  });
}

/// Runs `predict`, whose weights are loaded, over a split. The predicted class is the first with
/// the largest score; records with labels outside the classes (`ignore_index`) do not count.
Confusion confusion(EntryRunner& predict, const Classification& kind, const runtime::Split& split);

}  // namespace netc::tools
