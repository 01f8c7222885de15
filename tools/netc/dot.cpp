// Writes a module in Graphviz's language.
#include "tools/netc/dot.h"

#include <fmt/format.h>

#include "ir/op.h"

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

const char* shape_of(ir::Form form) {
  switch (form) {
    case ir::Form::Leaf:
      return "ellipse";
    case ir::Form::Map:
      return "box";
    case ir::Form::Reduce:
      return "invtrapezium";
    case ir::Form::Contract:
      return "box3d";
    case ir::Form::View:
      return "parallelogram";
    case ir::Form::Gather:
    case ir::Form::Scatter:
      return "cds";
    case ir::Form::Call:
      return "component";
  }
  return "box";
}

std::string node(size_t function, size_t value) { return fmt::format("f{}v{}", function, value); }
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

namespace {
void write_function(const ir::Module& module, size_t index, std::string& out) {
  const ir::Function& f = module.functions[index];
  std::vector<std::string> names = ir::display_names(f);
  out += fmt::format("  subgraph cluster_f{} {{\n    label=\"{}\";\n", index, escaped(f.name));
  ir::KernelId open;
  for (size_t i = 0; i < f.values.size(); ++i) {
    const ir::Value& v = f.values[i];
    if (v.op == ir::Op::constant) continue;
    if (v.kernel != open) {
      if (open) out += "    }\n";
      open = v.kernel;
      if (open)
        out += fmt::format(
            "    subgraph cluster_f{}k{} {{\n      label=\"{}\"; style=filled; "
            "color=\"#eef3fb\";\n",
            index, open.index, escaped(f.kernels[open.index].name));
    }
    std::string title = v.op == ir::Op::parameter
                            ? names[i]
                            : fmt::format("{} = {}", names[i], operation(module, v));
    out += fmt::format("      {} [label=\"{}\\n{}\", shape={}];\n", node(index, i), escaped(title),
                       escaped(ir::str(v.type)), shape_of(ir::def(v.op).form));
  }
  if (open) out += "    }\n";
  out += "  }\n";
  for (size_t i = 0; i < f.values.size(); ++i)
    for (ir::ValueId a : f.values[i].args)
      if (f[a].op != ir::Op::constant)
        out += fmt::format("  {} -> {};\n", node(index, a.index), node(index, i));
  for (size_t r = 0; r < f.results.size(); ++r) {
    if (!f.results[r].value) continue;
    out += fmt::format("  f{}r{} [label=\"{}\", shape=plaintext];\n", index, r,
                       escaped(f.results[r].name));
    out += fmt::format("  {} -> f{}r{};\n", node(index, f.results[r].value.index), index, r);
  }
}
}  // namespace

std::string to_dot(const ir::Module& module, const std::string& entry) {
  std::string out =
      "digraph netc {\n  rankdir=TB; fontname=\"sans\"; node [fontname=\"sans\", fontsize=10];\n";
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const ir::Function& f = module.functions[i];
    if (entry.empty() ? f.from_std : f.name != entry) continue;
    write_function(module, i, out);
  }
  return out + "}\n";
}

}  // namespace netc::tools
