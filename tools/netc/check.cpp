// `netc check`: parse, type and shape check; with -v the parameters, entry points and memory.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/netc/files.h"
#include "tools/netc/memory_use.h"
#include "tools/netc/random_inputs.h"
#include "tools/netc/session.h"

namespace netc::tools {

namespace {
struct Row {
  std::string name, type, initialiser;
  std::vector<int64_t> shape;
  std::string dtype;
  int64_t count = 0;
};

/// Parameters and states of a function, in order.
std::vector<Row> rows_of(const ir::Function& f, ir::Role role) {
  std::vector<Row> rows;
  std::vector<std::string> names = ir::display_names(f);
  for (const ir::Parameter& p : f.params) {
    if (p.role != role) continue;
    const ir::Type& type = f[p.value].type;
    Row row;
    row.name = names[p.value.index];
    row.type = ir::str(type);
    row.dtype = ir::name(type.dtype);
    row.initialiser = p.init ? p.init->name : "";
    row.count = 1;
    for (const ir::Dim& d : type.shape) {
      row.shape.push_back(d.is_constant() ? d.constant() : 0);
      row.count *= row.shape.back();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

void print_table(const std::vector<Row>& rows) {
  size_t name = 0, type = 0, init = 0, count = 0;
  int64_t total = 0;
  for (const Row& r : rows) {
    name = std::max(name, r.name.size());
    type = std::max(type, r.type.size());
    init = std::max(init, r.initialiser.size());
    count = std::max(count, with_commas(r.count).size());
    total += r.count;
  }
  for (const Row& r : rows) {
    bool last = &r == &rows.back();
    print_out(fmt::format("{:<{}}   {:<{}}   {:<{}}    {:>{}}{}\n", r.name, name, r.type, type,
                          r.initialiser, init, with_commas(r.count), count,
                          last ? "     total " + with_commas(total) : ""));
  }
}

/// `predict(x: f32[batch, 100]) -> p: f32[batch, 1]`; parameters and states are left out.
std::string signature(const ir::Function& f, const std::string& entry) {
  std::vector<std::string> names = ir::display_names(f), inputs, outputs;
  const bool has_gradients = entry == "step" && !rows_of(f, ir::Role::Param).empty();
  const auto is_of_step = [&](const std::string& name) {
    return has_gradients && (name.starts_with("d_") || name.starts_with("new_"));
  };
  for (const ir::Parameter& p : f.params)
    if (p.role == ir::Role::Input)
      inputs.push_back(fmt::format("{}: {}", names[p.value.index], ir::str(f[p.value].type)));
  for (const ir::Result& r : f.results)
    if (r.value && !is_of_step(r.name))
      outputs.push_back(fmt::format("{}: {}", r.name, ir::str(f[r.value].type)));
  if (has_gradients) outputs.push_back("gradients");
  std::string result = fmt::format("{}", fmt::join(outputs, ", "));
  if (outputs.size() != 1) result = "(" + result + ")";
  return fmt::format("{}({}) -> {}", entry, fmt::join(inputs, ", "), result);
}

/// What one line of the program keeps in memory.
struct LineUse {
  int64_t bytes = 0;
  ir::Place place;
  std::vector<std::string> names;
};

std::vector<LineUse> by_line(const MemoryUse& use) {
  std::vector<LineUse> lines;
  for (const MemoryPiece& piece : use.peak) {
    auto same = [&](const LineUse& l) {
      return l.place.file == piece.place.file && l.place.line == piece.place.line;
    };
    auto at = std::find_if(lines.begin(), lines.end(), same);
    if (at == lines.end()) at = lines.insert(at, {0, piece.place, {}});
    at->bytes += piece.bytes;
    at->names.push_back(piece.name);
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const LineUse& a, const LineUse& b) { return a.bytes > b.bytes; });
  return lines;
}

void print_line_use(Session& session, const LineUse& line) {
  constexpr size_t kNames = 4;
  std::vector<std::string> names = line.names;
  if (names.size() > kNames) {
    const size_t more = names.size() - kNames;
    names.resize(kNames);
    names.push_back(fmt::format("{} more", more));
  }
  const std::string place =
      line.place.line == 0
          ? "the optimizer"
          : fmt::format("{}:{}", session.sources()[line.place.file].name, line.place.line);
  print_out(fmt::format("  {:>10}  {}: {}\n", byte_text(double(line.bytes)), place,
                        fmt::join(names, ", ")));
}

void print_memory(Session& session) {
  std::string entry = session.has_entry("train")  ? "train"
                      : session.has_entry("loss") ? "loss"
                                                  : "predict";
  if (entry == "predict" && !session.has_entry(entry)) return;
  Lowering lowering;
  lowering.entries = {entry};
  lowering.batch_capacity = session.default_batch();
  ir::Module module = session.lower(lowering);
  ir::FunctionId f = module.find(session.entry_name(entry));
  if (!f) return;
  int64_t batch = session.planned_capacity(lowering.batch_capacity);
  const MemoryUse use = memory_use(module, f, batch, session.program().module);
  // What kernels need for themselves is known when they have been compiled.
  const int64_t arena = session.compile(module, entry, batch).plan.arena_bytes;
  print_out(fmt::format("memory of {} at batch {}: {} (parameters {}, states {})\n", entry, batch,
                        byte_text(double(arena)), byte_text(double(use.params)),
                        byte_text(double(use.states))));
  if (!use.peak_kernel.empty())
    print_out(fmt::format("held at the peak, in kernel {}:\n", use.peak_kernel));
  constexpr size_t kLines = 10;
  const std::vector<LineUse> lines = by_line(use);
  int64_t padding = 0;
  for (const MemoryPiece& piece : use.peak) padding += piece.padding;
  int64_t rest = arena - padding;
  for (size_t i = 0; i < std::min(kLines, lines.size()); ++i) {
    print_line_use(session, lines[i]);
    rest -= lines[i].bytes;
  }
  if (padding > 0)
    print_out(fmt::format("  {:>10}  padding of rows and panels\n", byte_text(double(padding))));
  print_out(fmt::format(
      "  {:>10}  {}partial sums of kernels and gaps\n",
      byte_text(double(std::max<int64_t>(rest, 0))),
      lines.size() > kLines ? fmt::format("{} more lines, ", lines.size() - kLines) : ""));
}

void print_json(const std::vector<Row>& rows, const std::string& model) {
  for (const Row& r : rows) {
    nlohmann::ordered_json j;
    j["model"] = model;
    j["name"] = r.name;
    j["type"] = r.type;
    j["dtype"] = r.dtype;
    j["shape"] = r.shape;
    j["initialiser"] = r.initialiser;
    j["count"] = r.count;
    print_out(json_line(j));
  }
}

Exit check(const CommonOptions& options) {
  CommonOptions untimed = options;  // -v asks for parameters here, not for how long passes take
  untimed.verbose = false;
  Session session(untimed);
  session.load();
  const frontend::Program& program = session.program();
  bool named = !options.model.empty();
  if (named) session.model();
  int64_t total = 0;
  size_t shown = 0;
  for (const frontend::ModelInfo& info : program.models) {
    if (named && info.name != options.model) continue;
    session.choose_model(info.name);
    const ir::Module& module = program.module;
    ir::FunctionId f = module.find(info.name + ".loss");
    if (!f) f = module.find(info.name + ".predict");
    std::vector<Row> rows;
    if (f) rows = rows_of(module[f], ir::Role::Param);
    for (const Row& r : rows) total += r.count;
    if (options.json) {
      print_json(rows, info.name);
    } else if (options.verbose) {
      if (shown > 0) print_out("\n");
      if (!info.docstring.empty()) print_out(info.docstring + "\n");
      if (program.models.size() > 1) print_out(fmt::format("model {}\n", info.name));
      print_table(rows);
      for (const std::string entry : {"predict", "loss", "step", "eval"}) {
        ir::FunctionId e = module.find(info.name + "." + entry);
        if (!e && entry == "step") e = module.find(info.name + ".loss");  // it is derived
        if (e) print_out(signature(module[e], entry) + "\n");
      }
    }
    if (options.verbose && !options.json) print_memory(session);
    ++shown;
  }
  if (options.json || !options.verbose) {
    Lowering lowering;  // gradients that do not exist are found by differentiation
    lowering.to = std::max(program.module.stage, ir::Stage::Backward);
    // With sizes still open it can be run, on tensors that have some, but not be lowered.
    if (program.has_train || small_sizes(session, program.module).empty()) session.lower(lowering);
  }
  if (!options.json && !options.verbose) {
    print_out(fmt::format("{}: ok, {} {}, {} parameters\n", options.file, shown,
                          shown == 1 ? "model" : "models", with_commas(total)));
  }
  return Exit::ok;
}
}  // namespace

void add_check(CLI::App& app, Action& action) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* command =
      app.add_subcommand("check", "parse, type and shape check; parameters with -v");
  add_common(*command, *options);
  command->callback([&action, options] { action = [options] { return check(*options); }; });
}

}  // namespace netc::tools
