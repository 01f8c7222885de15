// Choices for one einsum, from sizes at full batch, strides and the CPU level only: they fix the
// order of every sum.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "backend/contraction.h"
#include "backend/cpu.h"
#include "backend/loops.h"
#include "backend/space.h"
#include "ir/shape_rules.h"

namespace netc::backend {

using ir::Dim;
using ir::ValueId;

namespace {

constexpr double kLine = 0.5;          ///< cycles that a line costs beside the multiplications
constexpr double kPanelledFold = 1.5;  ///< each round of the folded loop looks for its panel

class Planner {
 public:
  Planner(const Emitter& e, const ir::Function& f, const Kernel& k) : e_(e), f_(f), k_(k) {}

  ContractionPlan run() {
    read();
    ContractionPlan best;
    double best_cost = std::numeric_limits<double>::infinity();
    auto consider = [&](ContractionPlan candidate, double factor = 1) {
      double cost = finish(candidate) * factor;
      if (cost < best_cost) best_cost = cost, best = std::move(candidate);
    };
    for (int l = 0; l < int(p_.labels.size()); ++l) {
      ContractionPlan candidate = p_;
      candidate.lane = l;
      if (p_.labels[size_t(l)].folded()) {
        if (!unit_stride(l, 0) || !unit_stride(l, 1)) continue;
        candidate.kind = TileKind::Dot;
        consider(candidate);
        continue;
      }
      if (negative(l)) continue;  // lanes beyond the end would lie before the operand
      // Rows from the label that lies closest together, unless another fits tiles much better.
      std::vector<int> rows = possible_rows(l);
      for (size_t i = 0; i < rows.size(); ++i) {
        candidate.row = rows[i];
        consider(candidate, 1 + 0.04 * double(i));
      }
      if (rows.empty()) consider(candidate);
    }
    consider(p_);  // no lanes at all
    split_for_cache(best);
    pack_rows(best);
    choose_segments(best);
    return best;
  }

 private:
  const Emitter& e_;
  const ir::Function& f_;
  const Kernel& k_;
  ContractionPlan p_;
  int64_t bytes_ = 4;

  const Label& label(int l) const { return p_.labels[size_t(l)]; }
  int64_t size(int l) const { return l < 0 ? 1 : e_.at_capacity(label(l).size); }
  bool unit_stride(int l, int which) const {
    return label(l).present[which] && label(l).stride[which] == Dim(1);
  }

  void read() {
    for (ValueId v : k_.values) {
      ir::Form form = ir::def(f_[v].op).form;
      bool pulled = form == ir::Form::Map || form == ir::Form::Leaf || form == ir::Form::View ||
                    form == ir::Form::Gather;
      if (form == ir::Form::Contract && !p_.einsum)
        p_.einsum = v;
      else if (!pulled)
        throw NotFused("not a contraction and its epilogue");
    }
    if (!p_.einsum) throw NotFused("no contraction");
    const ir::Value& einsum = f_[p_.einsum];
    for (ValueId y : k_.yields)
      if (!(f_[y].type.shape == einsum.type.shape)) throw NotFused("a yield of another shape");
    bytes_ = ir::byte_size(einsum.type.dtype);
    for (ValueId a : einsum.args) {
      auto access = outside_access(f_, k_, a);
      if (!access) throw NotFused("an operand that is not stored");
      p_.bases.push_back(k_.base_index.at(access->base));
      p_.operands.push_back(*access);
    }
    const auto [lhs, rhs, to] = ir::einsum_labels(std::get<std::string>(einsum.attrs[0]));
    const std::string terms[3] = {lhs, rhs, to};
    p_.operands.push_back(ir::stored_access(f_, k_.yields.at(0)));
    p_.multiplications = 1;
    for (int which : {2, 0, 1})
      for (size_t d = 0; d < terms[which].size(); ++d) {
        Label& l = find(terms[which][d]);
        const ir::Type& type = which == 2 ? einsum.type : f_[einsum.args[size_t(which)]].type;
        l.size = type.shape[d];
        l.present[which] = true;
        const ir::Access& access = p_.operands[size_t(which)];
        l.stride[which] = access.strides[d];
        if (access.panels && access.panels->dim == d) l.panels[which] = access.panels;
      }
    p_.operands.pop_back();
    for (const Label& l : p_.labels) p_.multiplications *= double(e_.at_capacity(l.size));
  }

  Label& find(char name) {
    for (Label& l : p_.labels)
      if (l.name == name) return l;
    p_.labels.push_back({});
    p_.labels.back().name = name;
    return p_.labels.back();
  }

  /// Whether an operand keeps the label in panels: its elements there are no fixed distance apart.
  bool panelled(int l) const { return label(l).panels[0] || label(l).panels[1]; }
  bool is_steady(int l) const { return !negative(l) && !panelled(l); }

  /// Largest label of the result for which `good` holds, or -1.
  int largest(const std::function<bool(int)>& good) const {
    int best = -1;
    for (int l = 0; l < int(p_.labels.size()); ++l)
      if (!label(l).folded() && size(l) > 1 && good(l) && (best < 0 || size(l) > size(best)))
        best = l;
    return best;
  }

  /// Fills in the rest of a candidate; its cost in cycles.
  double finish(ContractionPlan& c) {
    int most = int(vector_bytes(e_.level) / bytes_);
    c.lanes = c.lane < 0 ? 1 : lanes_for(e_, label(c.lane).size, most);
    bool dot = c.kind == TileKind::Dot;
    c.column = dot ? -1 : c.lane;
    if (c.row < 0) c.row = largest([&](int l) { return apart(l, c.column) && is_steady(l); });
    if (dot && c.row >= 0)
      c.column = largest([&](int l) { return apart(l, c.row) && is_steady(l); });
    c.whole_panels = !dot && c.column >= 0 && (panelled(c.column) || label(c.column).panels[2]);
    for (int l = 0; l < int(p_.labels.size()); ++l) {
      if (label(l).folded())
        c.folded.push_back(l);
      else if (l != c.row && l != c.column)
        c.outer.push_back(l);
    }
    // Innermost: the lanes of a Dot, else the elements that lie closest together, if they are a
    // few.
    std::stable_sort(c.folded.begin(), c.folded.end(), [&](int x, int y) {
      if (dot && (x == c.lane || y == c.lane)) return y == c.lane && x != c.lane;
      if (few(x) != few(y)) return few(x);
      return distance(x) > distance(y);
    });
    double cost = choose_tile(c);
    const double packing = !dot && c.lane >= 0 ? choose_packing(c) : 0;
    for (int l : c.folded)
      for (int which : {0, 1})
        if (label(l).panels[which] && !c.pack[which]) cost *= kPanelledFold;
    double results = 1;
    for (int l = 0; l < int(p_.labels.size()); ++l)
      if (!label(l).folded()) results *= double(size(l));
    if (dot) cost += results * 2.5 * std::log2(double(c.lanes) + 1);
    int out_lane = dot ? (c.column >= 0 ? c.column : c.row) : c.lane;
    bool contiguous = out_lane < 0 || label(out_lane).stride[2] == Dim(1) ||
                      (dot && c.row >= 0 && label(c.row).stride[2] == Dim(1));
    cost += results * (contiguous ? 0.2 : 4.0) * double(k_.bases.size() - 1);
    return cost + packing;
  }

  /// Rows reuse what the columns loaded: the label must not be in an operand with the columns.
  bool apart(int l, int other) const {
    if (l == other) return false;
    if (other < 0) return true;
    for (int which : {0, 1})
      if (label(l).present[which] && label(other).present[which]) return false;
    return true;
  }

  bool few(int l) const { return label(l).size.is_constant() && size(l) < 8; }

  /// How far elements along a label lie apart in the operands, at most.
  int64_t distance(int l) const {
    int64_t most = 0;
    for (int which : {0, 1})
      if (label(l).present[which])
        most = std::max(most, std::abs(e_.at_capacity(label(l).stride[which])));
    return most;
  }

  /// Labels of the result that may be the rows of a tile, those closest together first.
  std::vector<int> possible_rows(int column) const {
    std::vector<int> rows;
    for (int l = 0; l < int(p_.labels.size()); ++l)
      if (!label(l).folded() && size(l) > 1 && apart(l, column) && is_steady(l)) rows.push_back(l);
    std::stable_sort(rows.begin(), rows.end(),
                     [&](int x, int y) { return distance(x) < distance(y); });
    return rows;
  }

  bool negative(int l) const {
    for (int which : {0, 1})
      if (label(l).present[which] && e_.at_capacity(label(l).stride[which]) < 0) return true;
    return false;
  }

  /// Elements of an operand by its labels: more than it has in memory where windows overlap.
  double elements_of(int which) const {
    double elements = 1;
    for (const Label& l : p_.labels)
      if (l.present[which]) elements *= double(e_.at_capacity(l.size));
    return elements;
  }

  /// Operands with the lanes' label, not contiguous along it, are copied to panels first when they
  /// are read often enough; else their lanes are gathered.
  double choose_packing(ContractionPlan& c) {
    double cost = 0;
    for (int which : {0, 1}) {
      if (!label(c.lane).present[which] || unit_stride(c.lane, which)) continue;
      const double elements = elements_of(which);
      double loads = p_.multiplications / double(c.rows);
      bool simple = !(c.row >= 0 && label(c.row).present[which]);
      if (simple && elements * 4 < loads * 2)
        c.pack[which] = true, cost += elements;
      else
        cost += loads * 2;
    }
    return cost;
  }

  /// Cycles of one step of the folded loop for a tile: multiplications, loads, or the latency of
  /// the chain of sums.
  double cycles(const ContractionPlan& c, double rows, double columns) const {
    bool wide = e_.level == CpuLevel::avx512;
    double units = wide ? 1 : 2;  // multiply-adds a cycle
    double extra = has_fma(e_.level) ? 1 : 2;
    double multiply = rows * columns * extra / units;
    double loads = (rows + columns) * (c.lanes == 1 ? 0.5 : 0.6);
    // Sums over several labels run along much data, so vectors come from the second cache.
    double stream = c.kind == TileKind::Outer && c.folded.size() > 1 ? 0.25 * columns : 0;
    return std::max({multiply, loads, 4.0}) + 0.5 + 0.1 * (rows + columns) + stream +
           kLine * lines(c, rows, columns);
  }

  /// Lines of the first cache that one step reads anew: all of the vectors; of the scalars a part
  /// when the steps run along their lines, else each.
  double lines(const ContractionPlan& c, double rows, double columns) const {
    double count = columns * double(c.lanes * bytes_) / 64;
    bool beside = c.row >= 0 && (unit_stride(c.row, 0) || unit_stride(c.row, 1));
    if (beside) {
      bool within_one = std::fmod(64, rows * double(bytes_)) == 0;
      return count + (within_one ? 1 : 2);
    }
    return count + rows * (runs_along_rows(c) ? double(bytes_) / 64 : 1);
  }

  /// Whether the innermost loop runs along the lines of the scalars.
  bool runs_along_rows(const ContractionPlan& c) const {
    if (c.row < 0 || c.folded.empty()) return true;
    for (int which : {0, 1})
      if (label(c.row).present[which] && (c.pack[which] || unit_stride(c.folded.back(), which)))
        return true;
    return false;
  }

  /// Where the vectors that one panel of columns reads do not fit the second cache, each tile of
  /// rows reads them from further away. The sum is then made in blocks that fit, unless results are
  /// so large that adding the blocks' would move more.
  void split_for_cache(ContractionPlan& c) const {
    constexpr double kCacheBytes = 1 << 20, kBlockBytes = 1 << 17;
    constexpr int64_t kMostBlocks = 64;
    if (c.kind == TileKind::Dot || c.folded.empty()) return;
    double panel = 64 * lines(c, c.rows, c.columns), read = 0;
    for (int l : c.folded) panel *= double(size(l));
    for (const ir::Access& operand : c.operands)
      read += bytes_at_capacity(e_, f_[operand.base].type);
    const double made = std::max(bytes_at_capacity(e_, f_[c.einsum].type), 1.0);
    const int farthest = *std::max_element(c.folded.begin(), c.folded.end(),
                                           [&](int x, int y) { return distance(x) < distance(y); });
    const int64_t wanted = std::min(
        {int64_t(panel / kBlockBytes), int64_t(read / (2 * made)), size(farthest), kMostBlocks});
    if (panel < kCacheBytes || wanted < 2) return;
    c.split = farthest;
    c.split_block = ceil_div(size(farthest), wanted);
  }

  /// Scalars of a tile's rows that lie side by side lie a line or a page apart along the folded
  /// loop, where the processor does not see what comes next. Where many panels of columns read them
  /// from beyond the first cache, a copy in the order of the loop pays.
  void pack_rows(ContractionPlan& c) const {
    constexpr double kLeastBytes = 256 << 10;
    constexpr int64_t kLeastPanels = 8;
    if (c.kind == TileKind::Dot || k_.blocks.rows > 0 || c.panels.count < kLeastPanels) return;
    if (c.row < 0 || c.folded.empty()) return;
    for (int which : {0, 1}) {
      const ir::Access& operand = c.operands[size_t(which)];
      if (!unit_stride(c.row, which) || operand.panels) continue;
      const double bytes = bytes_at_capacity(e_, f_[operand.base].type);
      if (bytes >= kLeastBytes && elements_of(which) * double(bytes_) <= bytes)
        c.pack[which] = true;
    }
  }

  /// Tiles of rows read the same vectors, neighbours the same lines of scalars. Where these do not
  /// fit the first cache until the folded loops end, the loops are cut into segments that do, and
  /// all rows go through one segment before the next.
  void choose_segments(ContractionPlan& c) const {
    constexpr double kCacheBytes = 16 << 10;
    constexpr int kLeastTiles = 3;
    if (c.kind == TileKind::Dot || ceil_div(size(c.row), c.rows) < kLeastTiles) return;
    if (runs_along_rows(c)) return;
    double bytes = 64 * lines(c, c.rows, c.columns);
    for (int at = int(c.folded.size()); at-- > 0;) {
      const int l = c.folded[size_t(at)];
      const int64_t n = l == c.split ? c.split_block : size(l);
      const double whole = bytes * double(n);
      if (whole > kCacheBytes) {
        const auto segments = int64_t(std::ceil(whole / kCacheBytes));
        c.segmented = at;
        c.segment = std::max<int64_t>(ceil_div(n, segments), 1);
        return;
      }
      bytes = whole;
    }
  }

  /// Whether half a vector holds the end of the columns.
  bool can_halve(const ContractionPlan& c) const {
    int64_t rest = size(c.column) % c.lanes;
    return has_split_vectors(e_.level) && c.kind == TileKind::Outer && rest > 0 &&
           c.lanes * bytes_ == vector_bytes(e_.level) && 2 * rest <= c.lanes &&
           label(c.column).size.is_constant();
  }

  /// Whether tiles of so many vectors never lie across the end of a panel.
  bool fits_panels(const ContractionPlan& c, int columns) const {
    return std::all_of(label(c.column).panels, label(c.column).panels + 3, [&](const auto& p) {
      return !p || p->width % (int64_t(columns) * c.lanes) == 0;
    });
  }

  /// Deals `vectors` to panels of `columns` and one fewer, so that none is much narrower; or, where
  /// tiles must not lie across the ends of panels, of `columns` and what is left.
  ColumnPanels deal_columns(const ContractionPlan& c, int64_t vectors, int columns) const {
    const int64_t count = std::max<int64_t>(1, ceil_div(vectors, columns));
    const bool fixed = c.column < 0 || label(c.column).size.is_constant();
    if (c.kind == TileKind::Dot || !fixed) return {count, count, 0};
    if (c.whole_panels) return {count, vectors / columns, int(vectors % columns)};
    return {count, vectors - count * (columns - 1), columns - 1};
  }

  double choose_tile(ContractionPlan& c) const {
    bool dot = c.kind == TileKind::Dot;
    int64_t m = size(c.row);
    int64_t n = dot ? size(c.column) : ceil_div(size(c.column), c.lanes);
    int registers = vector_registers(e_.level);
    int spare = has_fma(e_.level) ? 1 : 2;
    double depth = p_.multiplications;  // steps of the folded loops in lanes
    for (int l = 0; l < int(p_.labels.size()); ++l)
      if (l == c.row || l == c.column) depth /= double(std::max<int64_t>(size(l), 1));
    if (dot)
      depth = depth / double(std::max<int64_t>(size(c.lane), 1)) *
              double(ceil_div(size(c.lane), c.lanes));
    double best = std::numeric_limits<double>::infinity();
    c.rows = c.columns = 1;
    c.panels = deal_columns(c, n, 1);
    for (int columns = 1; columns <= std::min<int64_t>(n, 8); ++columns)
      for (int rows = 1; rows <= std::min<int64_t>(m, 24); ++rows) {
        if (rows * columns + columns + spare > registers) break;
        if (c.whole_panels && !fits_panels(c, columns)) continue;
        const auto [panels, wide, narrow] = deal_columns(c, n, columns);
        if (wide < 1 && !c.whole_panels) continue;  // fewer columns cover the same panels
        double step = double(wide) * cycles(c, rows, columns);
        if (wide < panels) step += double(panels - wide) * cycles(c, rows, narrow);
        bool two_variants = wide != panels;
        int last = two_variants ? narrow : columns;
        auto consider = [&](double cycles, int variants, bool half) {
          double total = double(ceil_div(m, rows)) * cycles * depth * (0.97 + 0.03 * variants);
          total *= 1 + 0.2 / double(rows * columns);  // fewer, larger tiles at equal cost
          if (total >= best) return;
          best = total, c.rows = rows, c.columns = columns, c.half = half;
          c.panels = {panels, wide, narrow};
        };
        consider(step, two_variants ? 2 : 1, false);
        if (can_halve(c))
          consider(step - cycles(c, rows, last) + cycles(c, rows, last - 0.5),
                   1 + (wide > (two_variants ? 0 : 1)) + (panels - wide > 1), true);
      }
    return best;
  }
};

}  // namespace

double bytes_at_capacity(const Emitter& e, const ir::Type& type) {
  double bytes = double(ir::byte_size(type.dtype));
  for (const Dim& d : type.shape) bytes *= double(e.at_capacity(d));
  return bytes;
}

ir::Access operand_access(const ContractionPlan& plan, int which) {
  ir::Access access{plan.operands[size_t(which)].base, plan.operands[size_t(which)].offset, {}, {}};
  for (const Label& l : plan.labels) {
    if (const auto& panels = l.panels[which])
      access.panels = {access.strides.size(), panels->width, panels->distance};
    access.strides.push_back(l.present[which] ? l.stride[which] : 0);
  }
  return access;
}

ContractionPlan plan_contraction(const Emitter& e, const ir::Function& function,
                                 const Kernel& kernel) {
  return Planner(e, function, kernel).run();
}

}  // namespace netc::backend
