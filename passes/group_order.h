// Which groups need which, while groups are added and grow. A topological order is kept up to date
// at every edge (Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic
// graphs", 2006), so that most questions are answered by comparing two positions.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

namespace netc::passes {

class GroupOrder {
 public:
  void add_group();
  /// Group `user` needs group `source`. An edge that closes a circle is kept too; from then on
  /// questions are answered by search alone.
  void add_edge(uint32_t user, uint32_t source);
  /// Whether `user` is `source` or needs it, directly or through others.
  bool needs(uint32_t user, uint32_t source) const;

  const std::set<uint32_t>& sources(uint32_t group) const { return nodes_[group].sources; }
  /// Groups that need `group` directly, in the order in which that was said.
  const std::vector<uint32_t>& users(uint32_t group) const { return nodes_[group].users; }

 private:
  struct Node {
    std::set<uint32_t> sources;
    std::vector<uint32_t> users;
    uint32_t position = 0;
    mutable uint32_t visit = 0;  ///< the last search that came here
  };
  std::vector<Node> nodes_;
  bool circular_ = false;
  mutable uint32_t visits_ = 0;

  bool move_behind(uint32_t user, uint32_t source);
};

}  // namespace netc::passes
