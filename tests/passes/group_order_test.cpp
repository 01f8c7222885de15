// The order of groups against a search through all edges.
#include "passes/group_order.h"

#include <gtest/gtest.h>

#include <random>

namespace netc::passes {
namespace {

/// Edges as a table: reach[a][b] when a needs b.
using Reach = std::vector<std::vector<bool>>;

void close(Reach& reach, uint32_t user, uint32_t source) {
  for (size_t a = 0; a < reach.size(); ++a)
    for (size_t b = 0; b < reach.size(); ++b)
      if (reach[a][user] && reach[source][b]) reach[a][b] = true;
}

void compare(std::mt19937& random, bool circles) {
  constexpr uint32_t kGroups = 40;
  GroupOrder order;
  Reach reach(kGroups, std::vector<bool>(kGroups, false));
  for (uint32_t g = 0; g < kGroups; ++g) {
    order.add_group();
    reach[g][g] = true;
  }
  for (int edge = 0; edge < 80; ++edge) {
    const uint32_t user = uint32_t(random() % kGroups), source = uint32_t(random() % kGroups);
    if (!circles && reach[source][user]) continue;
    order.add_edge(user, source);
    close(reach, user, source);
    for (uint32_t a = 0; a < kGroups; ++a)
      for (uint32_t b = 0; b < kGroups; ++b)
        ASSERT_EQ(order.needs(a, b), reach[a][b]) << a << " " << b << " after edge " << edge;
  }
}

TEST(GroupOrder, AnswersAsASearchWould) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 40; ++trial) compare(random, false);
}

TEST(GroupOrder, KeepsItsAnswersWhenEdgesCloseACircle) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 20; ++trial) compare(random, true);
}

}  // namespace
}  // namespace netc::passes
