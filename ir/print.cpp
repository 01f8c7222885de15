// Modules and functions as `.net` text. Values print in order, one a line; kernels are the runs of
// values with one kernel id; places, derivatives and remarks stand in `#@` notes at a fixed column.
#include "ir/print.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "ir/print_value.h"

namespace netc::ir {
namespace {

constexpr size_t kNoteColumn = 56;
constexpr size_t kLineWidth = 100;

void add_line(std::string& out, std::string line, const std::string& note) {
  if (!note.empty()) {
    if (line.size() < kNoteColumn) line.resize(kNoteColumn - 1, ' ');
    line += (line.size() < kNoteColumn ? " #@ " : "  #@ ") + note;
  }
  out += line + "\n";
}

std::string parameter_text(const FunctionText& text, const Parameter& p) {
  std::string prefix;
  switch (p.role) {
    case Role::Input:
      prefix = "input ";
      break;
    case Role::Param:
      prefix = "param ";
      break;
    case Role::State:
      prefix = "state ";
      break;
    case Role::Plain:
      break;
  }
  std::string init = p.init ? " = " + initializer_text(*p.init, p.role) : "";
  return prefix + text.target(p.value) + init;
}

/// `fn name(a: …, b: …) -> (r: …)`, parameters folded to the line width.
std::string signature(const FunctionText& text) {
  const Function& f = text.function;
  std::string head = "fn " + f.name + "(";
  std::string out, line = head;
  for (size_t i = 0; i < f.params.size(); ++i) {
    std::string part = parameter_text(text, f.params[i]) + (i + 1 < f.params.size() ? "," : ")");
    bool starts_line = line.find_first_not_of(' ') == std::string::npos || line == head;
    if (!starts_line && line.size() + 1 + part.size() > kLineWidth) {
      out += line + "\n";
      line.assign(head.size(), ' ');
      starts_line = true;
    }
    line += (starts_line ? "" : " ") + part;
  }
  if (f.params.empty()) line += ")";
  if (f.results.empty()) return out + line;
  // The list folds behind `->`: a newline before it would end the statement.
  line += " -> (";
  for (size_t i = 0; i < f.results.size(); ++i) {
    const Result& r = f.results[i];
    std::string part =
        !r.value ? "None" : (r.name.empty() ? "" : r.name + ": ") + str(f[r.value].type);
    part += i + 1 < f.results.size() ? "," : ")";
    const bool starts = line.back() == '(' || line.find_first_not_of(' ') == std::string::npos;
    if (line.size() + part.size() + 3 > kLineWidth &&
        line.find_first_not_of(' ') != std::string::npos) {
      out += line + "\n";
      line.assign(head.size(), ' ');
      line += part;
      continue;
    }
    line += (starts ? "" : " ") + part;
  }
  return out + line;
}

/// Values of each kernel that are used outside it or returned, in order.
std::vector<std::vector<ValueId>> kernel_yields(const Function& f) {
  std::vector<bool> leaves(f.values.size(), false);
  for (const Value& user : f.values)
    for (ValueId arg : user.args)
      if (f[arg].kernel && f[arg].kernel != user.kernel) leaves[arg.index] = true;
  for (const Result& r : f.results)
    if (r.value && f[r.value].kernel) leaves[r.value.index] = true;
  std::vector<std::vector<ValueId>> yields(f.kernels.size());
  for (size_t v = 0; v < leaves.size(); ++v)
    if (leaves[v]) yields[f.values[v].kernel.index].push_back(ValueId(v));
  return yields;
}

class BodyPrinter {
 public:
  BodyPrinter(const FunctionText& text, const PrintOptions& options, std::string& out)
      : text_(text), options_(options), out_(out), yields_(kernel_yields(text.function)) {}

  void print() {
    const Function& f = text_.function;
    for (size_t v = 0; v < f.values.size(); ++v) {
      const Value& value = f.values[v];
      if (value.op == Op::parameter || value.op == Op::result || text_.inlined[v]) continue;
      if (text_.names[v].empty()) continue;
      enter(value.kernel);
      bool shown = options_.kernel.empty() || in_wanted_kernel();
      if (shown)
        add_line(out_, indent() + binding(v), note_text(text_.module, value, options_.loc));
    }
    enter({});
    if (f.results.empty() || !options_.kernel.empty()) return;
    std::vector<std::string> list;
    for (const Result& r : f.results) list.push_back(r.value ? text_.names[r.value.index] : "None");
    out_ += fmt::format("  return {}\n", fmt::join(list, ", "));
  }

 private:
  const FunctionText& text_;
  const PrintOptions& options_;
  std::string& out_;
  std::vector<std::vector<ValueId>> yields_;
  KernelId kernel_;

  std::string indent() const { return kernel_ ? "    " : "  "; }
  bool in_wanted_kernel() const {
    return kernel_ && (options_.kernel.empty() ||
                       text_.function.kernels[kernel_.index].name == options_.kernel);
  }

  /// Closes the block that is open and opens the one of `next`, where they differ.
  void enter(KernelId next) {
    if (next == kernel_) return;
    if (in_wanted_kernel()) {
      std::vector<std::string> list;
      for (ValueId v : yields_[kernel_.index]) list.push_back(text_.names[v.index]);
      if (!list.empty()) out_ += fmt::format("    yield {}\n", fmt::join(list, ", "));
      out_ += "  }\n";
    }
    kernel_ = next;
    if (!in_wanted_kernel()) return;
    const Kernel& kernel = text_.function.kernels[next.index];
    bool silent = options_.loc == LocStyle::None;
    add_line(out_, fmt::format("  kernel {} {{", kernel.name), silent ? "" : kernel.remark);
  }

  std::string binding(size_t v) const {
    const Function& f = text_.function;
    std::string targets = text_.target(ValueId(v));
    for (size_t k = v + 1; k < f.values.size() && f.values[k].op == Op::result; ++k)
      targets += ", " + text_.target(ValueId(k));
    return targets + " = " + text_.expression(ValueId(v));
  }
};

size_t temporaries(const std::vector<std::string>& names) {
  size_t next = 0;
  for (const std::string& name : names) {
    bool temporary = name.size() > 1 && name[0] == '_' &&
                     name.find_first_not_of("0123456789", 1) == std::string::npos;
    if (temporary) next = std::max(next, size_t(std::stoull(name.substr(1))) + 1);
  }
  return next;
}

void print_gradient(const Module& module, const Function& f, const std::vector<std::string>& names,
                    const PrintOptions& options, std::string& out) {
  const Function& grad = module[f.grad];
  std::vector<std::string> captured;
  for (ValueId v : f.grad_captures) captured.push_back(names[v.index]);
  std::set<std::string> reserved(names.begin(), names.end());
  FunctionText text{module, grad, display_names(grad, captured, reserved, temporaries(names)),
                    inlined_constants(grad)};
  std::vector<std::string> cotangents;
  for (size_t i = captured.size(); i < grad.params.size(); ++i)
    cotangents.push_back(text.names[grad.params[i].value.index]);
  out += fmt::format("}} grad ({}) {{\n", fmt::join(cotangents, ", "));
  BodyPrinter(text, options, out).print();
}

void print_function(const Module& module, const Function& f, const PrintOptions& options,
                    std::string& out) {
  FunctionText text{module, f, display_names(f), inlined_constants(f)};
  if (!options.kernel.empty()) {
    BodyPrinter(text, options, out).print();
    return;
  }
  out += signature(text) + " {\n";
  BodyPrinter(text, options, out).print();
  if (f.grad) print_gradient(module, f, text.names, options, out);
  out += "}\n";
}

/// Marks `f` and the functions it calls, directly or from a gradient.
void reach(const Module& module, FunctionId f, std::vector<bool>& reached) {
  if (reached[f.index]) return;
  reached[f.index] = true;
  for (const Value& value : module[f].values)
    if (value.op == Op::call) reach(module, std::get<FunctionId>(value.attrs[0]), reached);
  if (module[f].grad) reach(module, module[f].grad, reached);
}

}  // namespace

std::string print(const Module& module, FunctionId function, const PrintOptions& options) {
  std::string out;
  print_function(module, module[function], options, out);
  return out;
}

std::string print(const Module& module, const PrintOptions& options) {
  std::vector<bool> reached(module.functions.size(), false), gradient = reached;
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const Function& f = module.functions[i];
    if (f.grad) gradient[f.grad.index] = true;
    bool wanted = options.entry.empty() ? f.entry : f.name == options.entry;
    if (wanted) reach(module, FunctionId(i), reached);
  }
  std::string out;
  if (options.stage_line) out += fmt::format("#@ stage {}\n", name(module.stage));
  if (module.default_float == DType::f64 && options.kernel.empty()) out += "dtype f64\n";
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const Function& f = module.functions[i];
    if (reached[i] && !gradient[i] && !f.from_std) print_function(module, f, options, out);
  }
  if (options.entry.empty() && options.kernel.empty())
    for (const std::string& item : module.items) out += item + "\n";
  return out;
}

}  // namespace netc::ir
