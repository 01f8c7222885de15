#include "tests/fuzz/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/fuzz/generator.h"

namespace netc::fuzz {

void Coverage::add(const std::string& text, const ir::Module& module) {
  for (const ir::Function& f : module.functions)
    for (const ir::Value& v : f.values) ++cells_[{v.op, v.type.dtype, v.type.rank()}];
  for (const auto* list : {&library_functions(), &library_layers(), &library_optimizers()})
    for (const LibraryItem& item : *list)
      if (text.find(item.name + "(") != std::string::npos) items_.insert(item.name);
}

void Coverage::add(const Coverage& other) {
  for (const auto& [cell, count] : other.cells_) cells_[cell] += count;
  items_.insert(other.items_.begin(), other.items_.end());
}

std::vector<std::string> Coverage::missing() const {
  std::vector<std::string> list;
  for (int i = 0; i < ir::kOpCount; ++i) {
    const bool seen = std::any_of(cells_.begin(), cells_.end(), [&](const auto& cell) {
      return std::get<0>(cell.first) == ir::Op(i);
    });
    if (!seen) list.push_back(fmt::format("op {}", ir::op_name(ir::Op(i))));
  }
  for (const auto* items : {&library_functions(), &library_layers(), &library_optimizers()})
    for (const LibraryItem& item : *items)
      if (!items_.contains(item.name)) list.push_back(item.name);
  return list;
}

std::string Coverage::table() const {
  std::map<ir::Op, std::map<ir::DType, std::string>> rows;
  for (const auto& [cell, count] : cells_)
    rows[std::get<0>(cell)][std::get<1>(cell)] += fmt::format(" {}", std::get<2>(cell));
  std::string text;
  for (const auto& [op, dtypes] : rows) {
    text += fmt::format("{:<14}", ir::op_name(op));
    for (const auto& [dtype, ranks] : dtypes) text += fmt::format(" {}:{}", ir::name(dtype), ranks);
    text += "\n";
  }
  return text;
}

std::string Campaign::summary() const {
  return fmt::format(
      "{} programs: {} failed, {} invalid, {} gradients, {} differences; {} elements, {:.2f} % "
      "unstable, largest error {:.2f} of its bound; {} of (op, type, rank)\n",
      programs, failures.size(), invalid, gradients, differences, elements,
      100.0 * double(unstable) / double(std::max<int64_t>(elements, 1)), tightest,
      coverage.cells());
}

void Campaign::add(const Campaign& other) {
  programs += other.programs;
  invalid += other.invalid;
  gradients += other.gradients;
  differences += other.differences;
  elements += other.elements;
  unstable += other.unstable;
  tightest = std::max(tightest, other.tightest);
  failures.insert(failures.end(), other.failures.begin(), other.failures.end());
  rejections.insert(rejections.end(), other.rejections.begin(), other.rejections.end());
  coverage.add(other.coverage);
}

Campaign run_campaign(uint64_t first, uint64_t count, int threads,
                      std::optional<backend::CpuLevel> cpu) {
  Campaign all;
  all.programs = count;
  std::atomic<uint64_t> next = first;
  std::mutex lock;
  auto work = [&] {
    Coverage coverage;
    for (uint64_t seed; (seed = next.fetch_add(1)) < first + count;) {
      const std::string text = generate(random_bytes(seed));
      Verdict v = check(text, seed, cpu);
      if (v.valid) coverage.add(text, load(text).module);
      const std::lock_guard guard(lock);
      all.invalid += !v.valid && v.failure.empty();
      all.gradients += v.gradient_checked;
      all.differences += v.difference_checked;
      all.elements += v.elements;
      all.unstable += v.unstable;
      all.tightest = std::max(all.tightest, v.tightest);
      if (!v.failure.empty())
        all.failures.emplace_back(seed, std::move(v));
      else if (!v.valid)
        all.rejections.emplace_back(seed, std::move(v));
    }
    const std::lock_guard guard(lock);
    all.coverage.add(coverage);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(work);
  work();
  for (std::thread& t : others) t.join();
  return all;
}

}  // namespace netc::fuzz
