// Each op is a node of the tree kernel > layer > layer within it …, which is written as clusters.
#include "tools/netc/dot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "ir/op.h"
#include "passes/rewrite.h"

namespace netc::tools {

namespace {
std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

/// Ops within a cluster, and the clusters in it by the place of the call that made them.
struct Cluster {
  std::string label;
  std::vector<size_t> values;
  std::vector<std::pair<ir::Place, Cluster>> parts;
};

bool same(const ir::Place& a, const ir::Place& b) {
  return a.file == b.file && a.line == b.line && a.column == b.column;
}

class Drawing {
 public:
  Drawing(const ir::Module& module, ir::FunctionId id, const frontend::SourceSet& sources)
      : module_(module), f_(module[id]), sources_(sources), names_(ir::display_names(f_)) {}

  std::string run() {
    find_readers();
    out_ = fmt::format(
        "digraph \"{}\" {{\n"
        "  graph [label=\"{}\", labelloc=t, fontsize=16, rankdir=TB, nodesep=0.25, ranksep=0.45, "
        "fontname=\"Helvetica\"];\n"
        "  node [fontname=\"Helvetica\", fontsize=11, style=\"filled,rounded\", shape=box, "
        "margin=\"0.12,0.06\", height=0.3, penwidth=0.8];\n"
        "  edge [fontname=\"Helvetica\", fontsize=9, fontcolor=\"#555555\", color=\"#777777\", "
        "arrowsize=0.6];\n",
        escaped(f_.name), escaped(f_.name));
    parameters();
    for (const Cluster& c : clusters()) write(c, 1, true);
    edges();
    results();
    return out_ + "}\n";
  }

 private:
  const ir::Module& module_;
  const ir::Function& f_;
  const frontend::SourceSet& sources_;
  std::vector<std::string> names_;
  std::vector<std::vector<size_t>> readers_;
  std::string out_;
  size_t clusters_ = 0;

  static std::string node(size_t value) { return fmt::format("v{}", value); }

  /// Numbers stand in the text of the ops that use them.
  bool is_drawn(size_t value) const { return f_.values[value].op != ir::Op::constant; }

  void find_readers() {
    readers_.resize(f_.values.size());
    for (size_t i = 0; i < f_.values.size(); ++i)
      for (ir::ValueId a : f_.values[i].args) readers_[a.index].push_back(i);
  }

  void parameters() {
    for (const ir::Parameter& p : f_.params) {
      const size_t i = p.value.index;
      if (readers_[i].empty()) continue;
      const char* colour = p.role == ir::Role::Param   ? "#ffe3b0"
                           : p.role == ir::Role::State ? "#f3e8d3"
                                                       : "#cfe8cf";
      out_ += fmt::format("  {} [label=\"{}\\n{}\", shape=box, fillcolor=\"{}\"];\n", node(i),
                          escaped(names_[i]), escaped(ir::str(f_.values[i].type)), colour);
    }
  }

  // -- Clusters -----------------------------------------------------------------------------------

  /// The calls in the user's own files that led to an op, outermost first; its own place left out.
  std::vector<ir::Place> calls(const ir::Value& v) const {
    std::vector<ir::Place> list;
    if (v.locs.empty()) return list;
    for (ir::LocId l = module_.locs[v.locs[0].index].called_from; l;
         l = module_.locs[l.index].called_from) {
      const ir::Place& place = module_.locs[l.index].place;
      if (place.file < module_.files.size() && !module_.files[place.file].starts_with("std/"))
        list.push_back(place);
    }
    std::reverse(list.begin(), list.end());
    return list;
  }

  /// The name or operator that stands at a place.
  std::string word_at(const ir::Place& place) const {
    // A dump names files that it was not read from.
    const bool known = place.file < std::min(sources_.size(), module_.files.size()) &&
                       sources_[place.file].name == module_.files[place.file];
    if (!known || place.line == 0) return "";
    const std::string_view line = sources_.line(place.file, place.line);
    size_t begin = place.column - 1, end = begin;
    const auto in_word = [&](size_t i) {
      return i < line.size() && (std::isalnum(static_cast<unsigned char>(line[i])) != 0 ||
                                 line[i] == '_' || line[i] == '.');
    };
    while (in_word(end)) ++end;
    return end > begin ? std::string(line.substr(begin, end - begin)) : "";
  }

  std::string label_of(const ir::Place& place) const {
    const std::string word = word_at(place);
    return word.empty() ? fmt::format("line {}", place.line)
                        : fmt::format("{}  (line {})", word, place.line);
  }

  std::vector<Cluster> clusters() const {
    std::vector<Cluster> list;
    ir::KernelId open;
    for (size_t i = f_.params.size(); i < f_.values.size(); ++i) {
      if (!is_drawn(i)) continue;
      const ir::Value& v = f_.values[i];
      if (list.empty() || v.kernel != open || !v.kernel) {
        list.emplace_back();
        if (v.kernel) list.back().label = "kernel " + f_.kernels[v.kernel.index].name;
      }
      open = v.kernel;
      Cluster* at = &list.back();
      // Views outside of kernels are free: a frame around each would say nothing.
      const bool loose = !v.kernel && !f_.kernels.empty();
      for (const ir::Place& call : loose ? std::vector<ir::Place>() : calls(v)) {
        auto part = std::find_if(at->parts.begin(), at->parts.end(),
                                 [&](const auto& p) { return same(p.first, call); });
        if (part == at->parts.end())
          part = at->parts.insert(part, {call, Cluster{label_of(call), {}, {}}});
        at = &part->second;
      }
      at->values.push_back(i);
    }
    return list;
  }

  void write(const Cluster& cluster, size_t depth, bool is_kernel) {
    const std::string indent(2 * depth, ' ');
    const bool framed = !cluster.label.empty();
    if (framed)
      out_ += fmt::format(
          "{}subgraph cluster_{} {{\n{}  label=\"{}\"; labeljust=l; fontsize=10; style=\"{}\"; "
          "color=\"{}\"; fillcolor=\"{}\";\n",
          indent, clusters_++, indent, escaped(cluster.label),
          is_kernel ? "filled,rounded" : "filled,dashed,rounded", is_kernel ? "#8fa8c8" : "#a0a0a0",
          is_kernel ? "#eef3fa" : "#ffffff");
    for (size_t v : cluster.values) op(v, indent + "  ");
    for (const auto& [place, part] : cluster.parts) write(part, depth + 1, false);
    if (framed) out_ += indent + "}\n";
  }

  // -- Nodes and edges ----------------------------------------------------------------------------

  void op(size_t i, const std::string& indent) {
    const ir::Value& v = f_.values[i];
    const bool heavy = ir::def(v.op).form == ir::Form::Contract;
    const char* colour = !v.vjp_of.empty() ? (heavy ? "#f2b8b5" : "#fbe4e2")
                         : heavy           ? "#a9c7ee"
                                           : "#dfeaf8";
    const bool temporary = v.name.empty();
    out_ +=
        fmt::format("{}{} [label=\"{}\", fillcolor=\"{}\"{}];\n", indent, node(i),
                    escaped(temporary ? operation(module_, v)
                                      : fmt::format("{}: {}", names_[i], operation(module_, v))),
                    colour, heavy ? ", penwidth=1.6" : "");
  }

  /// The size is written where a tensor leaves its kernel or changes shape.
  void edges() {
    for (size_t i = 0; i < f_.values.size(); ++i) {
      const ir::Value& v = f_.values[i];
      for (ir::ValueId a : v.args) {
        if (!is_drawn(a.index)) continue;
        const ir::Value& from = f_[a];
        const bool inside = from.kernel == v.kernel && v.kernel;
        const bool named = a.index < f_.params.size();  // its type stands in its node
        const bool worth = !named && (!inside || from.type.shape != v.type.shape);
        out_ += fmt::format("  {} -> {}", node(a.index), node(i));
        if (worth) out_ += fmt::format(" [label=\"{}\"]", escaped(ir::str(from.type)));
        out_ += ";\n";
      }
    }
  }

  void results() {
    for (size_t r = 0; r < f_.results.size(); ++r) {
      const ir::ValueId v = f_.results[r].value;
      if (!v) continue;
      out_ += fmt::format("  r{} [label=\"{}\", fillcolor=\"#e6dcf5\"];\n", r,
                          escaped(f_.results[r].name));
      out_ += fmt::format("  {} -> r{} [label=\"{}\"];\n", node(v.index), r,
                          escaped(ir::str(f_[v].type)));
    }
  }
};
}  // namespace

std::string operation(const ir::Module& module, const ir::Value& v) {
  for (const ir::Attribute& a : v.attrs) {
    if (auto* callee = std::get_if<ir::FunctionId>(&a)) return module[*callee].source_name;
    if (auto* kind = std::get_if<ir::ReduceKind>(&a)) return ir::name(*kind);
    if (auto* spec = std::get_if<std::string>(&a))
      return fmt::format("{} {}", ir::op_name(v.op), *spec);
  }
  return ir::op_name(v.op);
}

std::string to_dot(const ir::Module& module, ir::FunctionId function,
                   const frontend::SourceSet& sources) {
  return Drawing(module, function, sources).run();
}

}  // namespace netc::tools
