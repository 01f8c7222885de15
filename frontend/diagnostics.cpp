// The list of findings, and suggestions for misspelt words.
#include "frontend/diagnostics.h"

#include <algorithm>
#include <numeric>

namespace netc::frontend {
namespace {

/// What is said of one place once, however often it was met: in a layer, and in each of its calls.
bool same(const ir::Diagnostic& a, const ir::Diagnostic& b) {
  const bool alike = a.place == b.place && a.code == b.code && a.message == b.message &&
                     a.label == b.label && a.severity == b.severity;
  return alike &&
         (a.place.line != 0 || (a.others == b.others && a.notes == b.notes && a.helps == b.helps));
}

// Edits (insert, delete, replace, swap of neighbours) from a to b.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      next[j] =
          std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before = row;
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace

void Diagnostics::add(ir::Diagnostic d) {
  for (const ir::Diagnostic& known : list_) {
    if (same(known, d)) return;
  }
  list_.push_back(std::move(d));
}

bool Diagnostics::has_errors() const { return error_count() > 0; }

size_t Diagnostics::error_count() const {
  return static_cast<size_t>(std::count_if(
      list_.begin(), list_.end(), [](const auto& d) { return d.severity == ir::Severity::Error; }));
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > 64) return {};
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 80 || candidate == word) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance < best && distance < std::max(word.size(), candidate.size())) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace netc::frontend
