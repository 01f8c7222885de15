#include "passes/group_order.h"

#include <algorithm>

namespace netc::passes {

void GroupOrder::add_group() {
  nodes_.emplace_back();
  nodes_.back().position = uint32_t(nodes_.size() - 1);
}

bool GroupOrder::needs(uint32_t user, uint32_t source) const {
  if (user == source) return true;
  const auto may_lead = [&](uint32_t g) {
    return circular_ || nodes_[g].position > nodes_[source].position;
  };
  if (!may_lead(user)) return false;
  ++visits_;
  std::vector<uint32_t> stack{user};
  while (!stack.empty()) {
    const uint32_t g = stack.back();
    stack.pop_back();
    for (uint32_t s : nodes_[g].sources) {
      if (s == source) return true;
      if (nodes_[s].visit == visits_ || !may_lead(s)) continue;
      nodes_[s].visit = visits_;
      stack.push_back(s);
    }
  }
  return false;
}

void GroupOrder::add_edge(uint32_t user, uint32_t source) {
  if (user == source || !nodes_[user].sources.insert(source).second) return;
  nodes_[source].users.push_back(user);
  if (circular_ || nodes_[source].position < nodes_[user].position) return;
  circular_ = !move_behind(user, source);
}

/// Moves `user`, and what needs it, behind `source` and what that needs, within the stretch of the
/// order between the two; false when `source` itself needs `user`.
bool GroupOrder::move_behind(uint32_t user, uint32_t source) {
  const uint32_t first = nodes_[user].position, last = nodes_[source].position;
  ++visits_;
  std::vector<uint32_t> later{user}, earlier{source};
  nodes_[user].visit = nodes_[source].visit = visits_;
  for (size_t i = 0; i < later.size(); ++i)
    for (uint32_t u : nodes_[later[i]].users) {
      if (u == source) return false;
      if (nodes_[u].position > last || nodes_[u].visit == visits_) continue;
      nodes_[u].visit = visits_;
      later.push_back(u);
    }
  for (size_t i = 0; i < earlier.size(); ++i)
    for (uint32_t s : nodes_[earlier[i]].sources) {
      if (nodes_[s].position < first || nodes_[s].visit == visits_) continue;
      nodes_[s].visit = visits_;
      earlier.push_back(s);
    }
  const auto by_position = [&](uint32_t a, uint32_t b) {
    return nodes_[a].position < nodes_[b].position;
  };
  std::sort(later.begin(), later.end(), by_position);
  std::sort(earlier.begin(), earlier.end(), by_position);
  std::vector<uint32_t> groups = earlier, positions;
  groups.insert(groups.end(), later.begin(), later.end());
  for (uint32_t g : groups) positions.push_back(nodes_[g].position);
  std::sort(positions.begin(), positions.end());
  for (size_t i = 0; i < groups.size(); ++i) nodes_[groups[i]].position = positions[i];
  return true;
}

}  // namespace netc::passes
