// The checker of memory plans. It knows nothing of lifetimes: it follows the kernels and notes for
// every stretch of the arena whose bytes stand there.
#include "passes/check_plan.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "passes/grouping.h"
#include "passes/plan.h"

namespace netc::passes {

using ir::Function;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

struct Range {
  int64_t begin = 0, end = 0;
  bool overlaps(const Range& o) const { return begin < o.end && o.begin < end; }
};

class Checker {
 public:
  Checker(const Function& function, int64_t batch)
      : f_(function), batch_(batch), uses_(kernel_uses(function)) {}

  std::optional<std::string> run() {
    for (const ir::Parameter& p : f_.params) put(p.value);
    for (size_t k = 0; k < uses_.kernels.size() && !wrong_; ++k) kernel(k);
    for (const ir::Result& r : f_.results)
      if (r.value && !is_free_leaf(f_, uses_.root[r.value.index]))
        expect(uses_.root[r.value.index]);
    for (const ir::Parameter& p : f_.params)
      if (p.role == ir::Role::Input) expect(p.value);
    return wrong_;
  }

 private:
  const Function& f_;
  int64_t batch_;
  KernelUses uses_;
  std::optional<std::string> wrong_;
  std::map<int64_t, std::pair<int64_t, ValueId>> owners_;  // begin -> end, value

  void say(std::string text) {
    if (!wrong_) wrong_ = std::move(text);
  }
  std::string name(ValueId v) const { return ir::display_names(f_)[v.index]; }

  std::optional<Range> range(ValueId v) {
    const Value& value = f_[v];
    const auto bytes = stored_bytes(value, batch_);
    if (!value.storage || !bytes) {
      say(fmt::format("{} has no place in the arena", name(v)));
      return {};
    }
    if (value.storage->offset < 0 || value.storage->offset % 64 != 0)
      say(fmt::format("{} is not aligned", name(v)));
    return Range{value.storage->offset, value.storage->offset + *bytes};
  }

  /// The bytes of `v` are written: whatever stood there is lost.
  void put(ValueId v) {
    const auto r = range(v);
    if (!r || r->begin == r->end) return;
    auto it = owners_.lower_bound(r->begin);
    if (it != owners_.begin()) --it;
    while (it != owners_.end() && it->first < r->end) {
      const Range other{it->first, it->second.first};
      if (!other.overlaps(*r)) {
        ++it;
        continue;
      }
      // One of the same kernel, or a result already there, must not be lost.
      lost_.insert(it->second.second);
      it = owners_.erase(it);
    }
    owners_[r->begin] = {r->end, v};
  }

  std::set<ValueId> lost_;

  void expect(ValueId v) {
    const auto r = range(v);
    if (!r || r->begin == r->end) return;
    const auto it = owners_.find(r->begin);
    if (it == owners_.end() || it->second.second != v)
      say(fmt::format("{} is overwritten before its last use", name(v)));
  }

  void kernel(size_t k) {
    const auto& kernel = uses_.kernels[k];
    for (ValueId v : kernel.reads) expect(v);
    std::vector<std::pair<ValueId, Range>> writes;
    for (ValueId v : kernel.values) {
      if (!f_[v].storage) continue;
      const auto r = range(v);
      if (!r) return;
      for (const auto& [other, s] : writes)
        if (r->overlaps(s)) say(fmt::format("{} and {} share bytes", name(v), name(other)));
      writes.emplace_back(v, *r);
      for (ValueId read : kernel.reads) check_in_step(v, *r, read);
    }
    for (const auto& [v, r] : writes) put(v);
  }

  /// A kernel may write over what it reads only element by element.
  void check_in_step(ValueId written, const Range& r, ValueId read) {
    const auto s = range(read);
    if (!s || !r.overlaps(*s)) return;
    const bool same = f_[written].storage == f_[read].storage && f_[written].type == f_[read].type;
    if (!same || !reads_in_step(f_, uses_, written, read))
      say(fmt::format("{} is written over {} while that is read", name(written), name(read)));
  }
};

}  // namespace

std::optional<std::string> check_plan(const Module& module, int64_t batch_capacity) {
  std::map<std::pair<std::string, std::string>, ir::Storage> places;
  for (const Function& function : module.functions) {
    if (!function.entry) continue;
    if (const auto wrong = Checker(function, batch_capacity).run())
      return fmt::format("{}: {}", function.name, *wrong);
    const std::string model = function.name.substr(0, function.name.rfind('.'));
    for (const ir::Parameter& p : function.params) {
      if (p.role != ir::Role::Param && p.role != ir::Role::State) continue;
      const Value& value = function[p.value];
      if (!places.emplace(std::pair(model, value.name), *value.storage).second &&
          !(places.at({model, value.name}) == *value.storage))
        return fmt::format("{}: {} lies elsewhere than in other entry points", function.name,
                           value.name);
    }
  }
  return {};
}

}  // namespace netc::passes
