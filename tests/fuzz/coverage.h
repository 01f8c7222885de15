// Many programs at a time, and what they covered.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "tests/fuzz/check.h"

namespace netc::fuzz {

/// Which ops stood in programs at which type and rank, and which items of the library were called.
class Coverage {
 public:
  void add(const std::string& text, const ir::Module& module);
  void add(const Coverage& other);
  /// Ops and library items that no program has.
  std::vector<std::string> missing() const;
  /// `op: f32 0-5, i64 0 1 …` a line.
  std::string table() const;
  size_t cells() const { return cells_.size(); }

 private:
  std::map<std::tuple<ir::Op, ir::DType, int>, int64_t> cells_;
  std::set<std::string> items_;
};

struct Campaign {
  uint64_t programs = 0, invalid = 0, gradients = 0, differences = 0;
  int64_t elements = 0, unstable = 0;
  double tightest = 0;
  std::vector<std::pair<uint64_t, Verdict>> failures, rejections;
  Coverage coverage;
  void add(const Campaign& other);
  std::string summary() const;
};

/// Checks programs `first` … `first + count - 1` on some threads, at `cpu` or each at its own
/// level.
Campaign run_campaign(uint64_t first, uint64_t count, int threads,
                      std::optional<backend::CpuLevel> cpu = {});

}  // namespace netc::fuzz
