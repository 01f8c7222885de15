// How often each class was taken for which.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "tools/netc/entry_runner.h"

namespace netc::tools {

struct Confusion {
  std::vector<std::string> classes;
  std::vector<std::vector<int64_t>> counts;  ///< [true class][predicted class]

  /// A table with a row for each true class and its recall.
  std::string table() const;
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

/// Runs `predict`, whose weights are loaded, over a split. The predicted class is the first with
/// the largest score; records with labels outside the classes (`ignore_index`) do not count.
Confusion confusion(EntryRunner& predict, const Classification& kind, const runtime::Split& split,
                    const std::vector<std::string>& names);

}  // namespace netc::tools
