// A map of the arena: across, the kernels of a step; up, the bytes. Each stored value is a block
// from the kernel that writes it to the last one that reads it.
#include <fmt/format.h>

#include <algorithm>

#include "passes/plan.h"
#include "tools/netc/console.h"
#include "tools/netc/kernel_site.h"
#include "tools/netc/report/chart.h"
#include "tools/netc/report/sections.h"

namespace netc::tools {

namespace {
using nlohmann::json;

constexpr double kLeft = 58, kRight = 392, kTop = 8, kBottom = 228;

struct Block {
  ir::ValueId value;
  const char* kind;  ///< a class of the style sheet
  int64_t offset = 0, bytes = 0, first = 0, last = 0;
  int64_t elements = 0;  ///< bytes without the padding of rows and panels
};

class MemoryMap {
 public:
  MemoryMap(const ir::Module& module, const ir::Function& f, int64_t batch,
            const SourceLinks& links)
      : module_(module),
        f_(f),
        links_(links),
        uses_(passes::kernel_uses(f)),
        names_(ir::display_names(f)),
        end_(std::max<int64_t>(1, int64_t(uses_.kernels.size()))) {
    collect(batch);
  }

  json section() {
    if (arena_ == 0) return nullptr;
    json rects = json::array(), ticks = json::array(), holders = json::array();
    for (const Block& b : blocks_) rects.push_back(drawn(b));
    const auto [unit, unit_name] = arena_ >= 1 << 30   ? std::pair(0x1p30, "GiB")
                                   : arena_ >= 1 << 20 ? std::pair(0x1p20, "MiB")
                                   : arena_ >= 1 << 10 ? std::pair(0x1p10, "KiB")
                                                       : std::pair(1.0, "B");
    for (double v : nice_ticks(0, double(arena_) / unit, 5))
      ticks.push_back(
          {{"y", coordinate(y(v * unit))}, {"text", fmt::format("{} {}", figure(v), unit_name)}});
    std::stable_sort(blocks_.begin(), blocks_.end(),
                     [](const Block& a, const Block& b) { return a.elements > b.elements; });
    int64_t padding = 0;
    for (const Block& b : blocks_)
      if (b.kind == std::string("param") || b.kind == std::string("state"))
        padding += b.bytes - b.elements;
    for (size_t i = 0; i < std::min<size_t>(12, blocks_.size()); ++i)
      holders.push_back(holder(blocks_[i]));
    return {{"rects", rects},
            {"ticks", ticks},
            {"holders", holders},
            {"arena", byte_text(double(arena_))},
            {"peak", byte_text(double(peak()))},
            {"kernels", std::to_string(end_)},
            {"parameters", byte_text(double(sum_of("param")))},
            {"states", byte_text(double(sum_of("state")))},
            {"padding", padding > 0 ? json(byte_text(double(padding))) : json(nullptr)}};
  }

 private:
  const ir::Module& module_;
  const ir::Function& f_;
  const SourceLinks& links_;
  passes::KernelUses uses_;
  std::vector<std::string> names_;
  int64_t end_;
  std::vector<Block> blocks_;
  int64_t arena_ = 0, persistent_end_ = 0;

  void collect(int64_t batch) {
    std::vector<bool> is_result(f_.values.size(), false);
    for (const ir::Result& r : f_.results)
      if (r.value) is_result[uses_.root[r.value.index].index] = true;
    std::vector<const char*> kinds(f_.values.size(), "value");
    for (const ir::Parameter& p : f_.params)
      kinds[p.value.index] = p.role == ir::Role::Param   ? "param"
                             : p.role == ir::Role::State ? "state"
                                                         : "input";
    for (size_t i = 0; i < f_.values.size(); ++i) {
      const ir::Value& v = f_.values[i];
      if (!v.storage) continue;
      Block b{ir::ValueId(i), kinds[i], v.storage->offset,
              passes::stored_bytes(v, batch).value_or(0)};
      b.elements = passes::element_bytes(v, batch).value_or(b.bytes);
      const int64_t writer = uses_.kernel_of[i];
      if (writer < 0) {
        b.last = end_;
        if (b.kind != std::string("input"))
          persistent_end_ = std::max(persistent_end_, b.offset + b.bytes);
      } else {
        // The next value of a parameter lies where the parameter does.
        if (b.offset < persistent_end_) continue;
        if (!v.vjp_of.empty()) b.kind = "gradient-value";
        b.first = b.last = writer;
        for (int64_t reader : uses_.readers[i]) b.last = std::max(b.last, reader);
        b.last = is_result[i] ? end_ : b.last + 1;
      }
      arena_ = std::max(arena_, b.offset + b.bytes);
      blocks_.push_back(b);
    }
  }

  int64_t peak() const {
    int64_t most = 0;
    for (int64_t k = 0; k < end_; ++k) {
      int64_t live = 0;
      for (const Block& b : blocks_)
        if (b.first <= k && k < b.last) live += b.bytes;
      most = std::max(most, live);
    }
    return most;
  }

  int64_t sum_of(const std::string& kind) const {
    int64_t sum = 0;
    for (const Block& b : blocks_)
      if (b.kind == kind) sum += b.elements;
    return sum;
  }

  double x(int64_t kernel) const {
    return kLeft + (kRight - kLeft) * double(kernel) / double(end_);
  }
  double y(double bytes) const { return kBottom - (kBottom - kTop) * bytes / double(arena_); }

  std::string span_text(const Block& b) const {
    return b.first == 0 && b.last == end_ ? "all of the step"
           : b.last == b.first + 1        ? kernel_name(b.first)
                                          : kernel_name(b.first) + " to " + kernel_name(b.last - 1);
  }

  std::string kernel_name(int64_t k) const {
    const ir::Value& v = f_[uses_.kernels[size_t(k)].values.front()];
    return v.kernel ? f_.kernels[v.kernel.index].name : fmt::format("kernel {}", k);
  }

  json drawn(const Block& b) const {
    const double top = y(double(b.offset + b.bytes)), bottom = y(double(b.offset));
    return {
        {"x", coordinate(x(b.first))},
        {"y", coordinate(top)},
        {"width", coordinate(x(b.last) - x(b.first))},
        {"height", coordinate(std::max(0.4, bottom - top))},
        {"kind", b.kind},
        {"label", fmt::format("{}: {}, {}, {}", names_[b.value.index], ir::str(f_[b.value].type),
                              byte_text(double(b.elements)), span_text(b))},
        {"at", links_.to(origin_or_use(module_, f_, b.value))}};
  }

  json holder(const Block& b) const {
    return {{"name", names_[b.value.index]},
            {"type", ir::str(f_[b.value].type)},
            {"kind", b.kind},
            {"bytes", byte_text(double(b.elements))},
            {"span", span_text(b)},
            {"at", links_.to(origin_or_use(module_, f_, b.value))}};
  }
};
}  // namespace

json memory_section(const ir::Module& module, const ir::Function& train, int64_t batch,
                    const SourceLinks& links) {
  return MemoryMap(module, train, batch, links).section();
}

}  // namespace netc::tools
