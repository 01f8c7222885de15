// The forward part of a function as its gradients are made from it: with the calls opened that lie
// on the way from wanted values to the result.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace netc::passes {

/// One step of the walk: a value, or a call that brings its own gradient function, opened or not.
struct Node {
  ir::ValueId value;
  ir::FunctionId callee;
  std::vector<ir::ValueId> args, results;
  std::vector<ir::ValueId> captures;  ///< what the gradient function takes before the cotangents
  std::vector<ir::LocId> locs;
};

/// The forward part with calls on gradient paths opened.
class Opened {
 public:
  Opened(ir::Module& module, ir::FunctionId function, const std::vector<ir::ValueId>& wanted);

  std::vector<Node> nodes;
  std::vector<bool> varied;  ///< depends on a wanted value through floats
  std::vector<bool> outer;   ///< stood in the function itself, not in a callee
  ir::ValueId output;        ///< result 0

 private:
  ir::Module& module_;
  ir::FunctionId function_;

  using Map = std::vector<ir::ValueId>;
  void note(ir::ValueId v);
  void copy_body(const ir::Function& body, Map& map, const std::vector<ir::LocId>& call, bool top);
  void open(const ir::Value& value, ir::FunctionId callee, size_t at, const ir::Function& body,
            Map& map, const std::vector<ir::LocId>& call);
  bool stays_closed(const ir::Function& callee) const;
  void keep_closed(ir::FunctionId callee, size_t at, const ir::Function& body, Map& map,
                   const std::vector<ir::LocId>& call);
  void add_own_gradient(ir::FunctionId callee, const std::vector<ir::ValueId>& args, Map& inner,
                        const std::vector<ir::LocId>& locs);
  bool on_path(const ir::Value& value, const Map& map, const std::vector<bool>& useful, size_t at);
};

}  // namespace netc::passes
