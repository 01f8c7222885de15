// Two lanes: down the left one what the loss computes, beside each value on the right what
// differentiation made of it. Rows of one source line stand together under that line.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ir/op.h"
#include "passes/rewrite.h"
#include "tools/netc/dot.h"
#include "tools/netc/kernel_site.h"
#include "tools/netc/report/chart.h"
#include "tools/netc/report/sections.h"

namespace netc::tools {

namespace {
using nlohmann::json;

constexpr double kGutter = 46, kNode = 232, kGap = 64, kHeight = 34, kPitch = 42, kHeading = 26;
constexpr double kForward = kGutter, kBackward = kGutter + kNode + kGap;
constexpr double kWidth = kBackward + kNode + kGutter;
constexpr size_t kMostNodes = 1500;
constexpr size_t kMostLetters = 34;

const char* style_of(ir::Form form) {
  switch (form) {
    case ir::Form::Contract:
      return "contract";
    case ir::Form::Reduce:
      return "reduce";
    case ir::Form::View:
      return "view";
    case ir::Form::Gather:
    case ir::Form::Scatter:
      return "gather";
    case ir::Form::Call:
      return "call";
    case ir::Form::Leaf:
    case ir::Form::Map:
      return "map";
  }
  return "map";
}

/// `text` cut after so many characters, not within one.
std::string shortened(const std::string& text, size_t most) {
  size_t letters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xc0) == 0x80) continue;
    if (++letters > most) return text.substr(0, i) + "…";
  }
  return text;
}

struct Node {
  double x = 0, y = 0;  ///< of the upper left corner
  bool placed = false, backward = false;
};

class Ladder {
 public:
  Ladder(Session& session, const ir::Module& module, const ir::Function& f,
         const SourceLinks& links)
      : session_(session), module_(module), f_(f), links_(links), names_(ir::display_names(f)) {}

  json section() {
    collect_rows();
    if (forward_.empty() || nodes_ > kMostNodes) return {{"too_many", std::to_string(nodes_)}};
    place();
    return {{"width", coordinate(kWidth)},
            {"height", coordinate(y_ + 8)},
            {"headings", headings_},
            {"edges", edges()},
            {"nodes", drawn_},
            {"count", std::to_string(nodes_)},
            {"forward_x", coordinate(kForward)},
            {"backward_x", coordinate(kBackward)}};
  }

 private:
  Session& session_;
  const ir::Module& module_;
  const ir::Function& f_;
  const SourceLinks& links_;
  std::vector<std::string> names_;
  std::vector<ir::ValueId> forward_;
  std::vector<std::vector<ir::ValueId>> backward_;  ///< by forward value
  std::vector<Node> at_;                            ///< by value
  size_t nodes_ = 0;
  double y_ = 24;
  json headings_ = json::array(), drawn_ = json::array();

  static bool is_leaf(const ir::Value& v) {
    return v.op == ir::Op::parameter || v.op == ir::Op::constant;
  }

  void collect_rows() {
    std::map<std::string, size_t> row;  // by the name of its forward value
    std::vector<ir::ValueId> derivatives;
    for (size_t i = 0; i < f_.values.size(); ++i) {
      const ir::Value& v = f_.values[i];
      if (is_leaf(v)) continue;
      ++nodes_;
      if (!v.vjp_of.empty()) {
        derivatives.emplace_back(i);
        continue;
      }
      row[names_[i]] = forward_.size();
      forward_.emplace_back(i);
    }
    backward_.resize(forward_.size());
    // What belongs to a value that is no longer there stays with what came before it.
    size_t last = forward_.empty() ? 0 : forward_.size() - 1;
    for (ir::ValueId v : derivatives) {
      if (const auto found = row.find(f_[v].vjp_of); found != row.end()) last = found->second;
      if (!backward_.empty()) backward_[last].push_back(v);
    }
  }

  void place() {
    at_.resize(f_.values.size());
    ir::Place open;
    for (size_t r = 0; r < forward_.size(); ++r) {
      const ir::Place place = passes::user_place(module_, f_[forward_[r]].locs);
      if (r == 0 || place.file != open.file || place.line != open.line) heading(place);
      open = place;
      node(forward_[r], kForward, y_, false);
      for (size_t k = 0; k < backward_[r].size(); ++k)
        node(backward_[r][k], kBackward, y_ + double(k) * kPitch, true);
      y_ += kPitch * double(std::max<size_t>(1, backward_[r].size()));
    }
  }

  void heading(const ir::Place& place) {
    json at = links_.to(place);
    if (!at.is_null()) {
      std::string_view text = session_.sources().line(place.file, place.line);
      text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
      at["text"] = shortened(std::string(text), 84);
      at["y"] = coordinate(y_ + 17);
      headings_.push_back(std::move(at));
    }
    y_ += kHeading;
  }

  void node(ir::ValueId v, double x, double y, bool backward) {
    const ir::Value& value = f_[v];
    std::string text = fmt::format("{} = {}", names_[v.index], operation(module_, value));
    for (ir::ValueId a : value.args)
      if (!names_[a.index].empty()) text += " " + names_[a.index];
    at_[v.index] = {x, y, true, backward};
    json n{{"id", v.index},
           {"x", coordinate(x)},
           {"y", coordinate(y)},
           {"text_x", coordinate(x + 8)},
           {"text_y", coordinate(y + 14)},
           {"type_y", coordinate(y + 27)},
           {"text", shortened(text, kMostLetters)},
           {"type", shortened(ir::str(value.type), kMostLetters)},
           {"label", text + ": " + ir::str(value.type)},
           {"style", style_of(ir::def(value.op).form)},
           {"at", links_.to(passes::user_place(module_, value.locs))}};
    drawn_.push_back(std::move(n));
  }

  json edges() const {
    json list = json::array();
    for (size_t i = 0; i < f_.values.size(); ++i) {
      if (!at_[i].placed) continue;
      for (ir::ValueId a : f_.values[i].args)
        if (at_[a.index].placed)
          list.push_back({{"from", a.index},
                          {"to", i},
                          {"path", edge(at_[a.index], at_[i])},
                          {"style", !at_[i].backward        ? "down"
                                    : at_[a.index].backward ? "up"
                                                            : "kept"}});
    }
    return list;
  }

  /// Neighbours in a lane are joined by a straight line, others by a curve beside the lane.
  static std::string edge(const Node& from, const Node& to) {
    const double middle = kHeight / 2;
    if (from.backward != to.backward) {
      const double x1 = from.x + kNode, y1 = from.y + middle, x2 = to.x, y2 = to.y + middle;
      const double bend = (x2 - x1) / 2;
      return fmt::format("M{} {}C{} {} {} {} {} {}", coordinate(x1), coordinate(y1),
                         coordinate(x1 + bend), coordinate(y1), coordinate(x2 - bend),
                         coordinate(y2), coordinate(x2), coordinate(y2));
    }
    const double distance = to.y - from.y;
    if (std::abs(distance) <= kPitch + kHeading) {
      const double x = from.x + kNode / 2;
      return fmt::format("M{} {}V{}", coordinate(x),
                         coordinate(distance > 0 ? from.y + kHeight : from.y),
                         coordinate(distance > 0 ? to.y : to.y + kHeight));
    }
    const double x = from.backward ? from.x + kNode : from.x;
    const double out = std::min(kGutter * 1.25, 14 + std::abs(distance) * 0.06);
    const double bend = from.backward ? x + out : x - out;
    return fmt::format("M{} {}C{} {} {} {} {} {}", coordinate(x), coordinate(from.y + middle),
                       coordinate(bend), coordinate(from.y + middle), coordinate(bend),
                       coordinate(to.y + middle), coordinate(x), coordinate(to.y + middle));
  }
};
}  // namespace

json graph_section(Session& session, const ir::Module& module, const ir::Function& step,
                   const SourceLinks& links) {
  return Ladder(session, module, step, links).section();
}

}  // namespace netc::tools
