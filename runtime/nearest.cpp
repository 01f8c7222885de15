// Levenshtein's distance, row by row; upper and lower case are the same.
#include "runtime/nearest.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace netc::runtime {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const bool same = std::tolower(static_cast<unsigned char>(a[i])) ==
                        std::tolower(static_cast<unsigned char>(b[j]));
      const size_t replaced = diagonal + (same ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  size_t limit = std::max<size_t>(1, name.size() / 3);
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 2 * name.size() + 2) continue;
    const size_t distance = edit_distance(name, candidate);
    if (distance > limit || (!best.empty() && distance == limit)) continue;
    if (distance >= std::max(name.size(), candidate.size())) continue;  // nothing in common
    limit = distance;
    best = candidate;
  }
  return best;
}

}  // namespace netc::runtime
