// Load, lower, plan, compile; and what becomes of the diagnostics found on the way.
#include "tools/netc/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "frontend/diagnostics.h"
#include "frontend/parse.h"
#include "runtime/limits.h"
#include "tools/netc/memory_use.h"

namespace netc::tools {

namespace {
double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

std::string cache_directory() {
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg == '/')
    return std::string(xdg) + "/netc";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return std::string(home) + "/.cache/netc";
  return "";
}
}  // namespace

void require_program_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    const std::string config = (std::filesystem::path(path) / "config.net").string();
    const bool is_run = std::filesystem::is_regular_file(config, error);
    throw UsageError{fmt::format("`{}` is a directory, not a program", path),
                     is_run
                         ? fmt::format("it holds a run of the program `{}`; `netc train --resume "
                                       "{}` goes on with it",
                                       config, path)
                         : ""};
  }
  if (path.ends_with(".safetensors") && std::filesystem::exists(path, error)) {
    throw UsageError{fmt::format("`{}` holds weights, not a program", path),
                     "give the program or the run directory, and these with `--weights`"};
  }
  if (!std::ifstream(path)) {
    throw UsageError{fmt::format("cannot read `{}`", path), std::filesystem::exists(path, error)
                                                                ? "is it readable?"
                                                                : "there is no such file"};
  }
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  std::string near = frontend::nearest(word, candidates);
  return near.empty() ? "" : fmt::format("did you mean `{}`?", near);
}

std::string nearest_or_all(const std::string& word, const std::vector<std::string>& candidates) {
  std::string near = did_you_mean(word, candidates);
  if (!near.empty() || candidates.empty()) return near;
  return fmt::format("there {}: {}", candidates.size() == 1 ? "is" : "are",
                     fmt::join(candidates, ", "));
}

ir::Diagnostic plain_diagnostic(std::string code, std::string message, std::string help) {
  ir::Diagnostic d;
  d.code = std::move(code);
  d.message = std::move(message);
  if (!help.empty()) d.helps.push_back(std::move(help));
  return d;
}

frontend::DiagnosticFormat diagnostic_format(std::string_view name) {
  return name == "json"    ? frontend::DiagnosticFormat::Json
         : name == "short" ? frontend::DiagnosticFormat::Short
                           : frontend::DiagnosticFormat::Full;
}

void Session::report(const std::vector<ir::Diagnostic>& diagnostics) const {
  std::vector<ir::Diagnostic> shown;
  bool errors = false, only_settings = true, run_time = false, internal = false;
  for (const ir::Diagnostic& d : diagnostics) {
    bool is_error = d.severity == ir::Severity::Error;
    if (is_error || !options_.quiet) shown.push_back(d);
    if (!is_error) continue;
    errors = true;
    bool in_argument = d.place.line != 0 && d.place.file < sources_.size() &&
                       sources_[d.place.file].name == "<--set>";
    only_settings &= in_argument;
    run_time |= d.code.starts_with("R");
    internal |= d.code.starts_with("I");
  }
  if (!shown.empty()) print_error(frontend::render(shown, sources_, render_options()));
  if (!errors) return;
  if (internal) throw ExitRequest{Exit::internal};
  if (only_settings && !run_time) throw ExitRequest{Exit::usage};
  throw ExitRequest{run_time ? Exit::failure : Exit::program};
}

frontend::RenderOptions Session::render_options() const {
  frontend::RenderOptions render = console_.diagnostics();
  render.max_errors = options_.max_errors;
  render.format = diagnostic_format(options_.diagnostics);
  return render;
}

CompileLimit Session::compile_limit() const {
  const double seconds = options_.max_compile_time;
  const ir::Diagnostic late =
      plain_diagnostic("E0311", fmt::format("compiling takes longer than {} s", seconds),
                       "raise the limit with `--max-compile-time`");
  return {seconds, frontend::render({late}, sources_, render_options())};
}

void Session::fail(const ir::Diagnostic& diagnostic) const {
  report({diagnostic});
  throw ExitRequest{Exit::failure};
}

void Session::load(const std::vector<std::string>& overrides, const std::string& output_directory) {
  load_file(options_.file, overrides, output_directory);
}

void Session::load_file(const std::string& path, const std::vector<std::string>& overrides,
                        const std::string& output_directory) {
  frontend::LoadOptions load;
  for (const std::string& text : options_.set) load.overrides.push_back({text});
  for (const std::string& text : overrides) load.overrides.push_back({text});
  load.output_directory = output_directory;
  load.config_model = options_.model;
  load_with(path, std::move(load));
}

void Session::load_function_model(const std::string& source) {
  frontend::LoadOptions load;
  load.extra_source = source;
  for (const std::string& text : options_.set)
    if (!text.starts_with("train.") && !text.starts_with("data.")) load.overrides.push_back({text});
  load_with(options_.file, std::move(load));
}

void Session::load_with(const std::string& path, frontend::LoadOptions load) {
  require_program_file(path);
  const CompileLimit limit = compile_limit();
  path_ = path;
  auto start = std::chrono::steady_clock::now();
  if (options_.dtype == "f32") load.dtype = ir::DType::f32;
  if (options_.dtype == "f64") load.dtype = ir::DType::f64;
  load.gradient_results = gradient_results_;
  load.max_source = options_.max_source;
  load.max_nesting = options_.max_nesting;
  load.max_ops = options_.max_ops;
  load.max_rank = options_.max_rank;
  load.max_elements = options_.max_elements;

  frontend::Diagnostics diagnostics;
  sources_ = {};
  try {
    program_ = frontend::load(path, load, sources_, diagnostics);
  } catch (const ir::DiagnosticError& e) {
    diagnostics.add(e.diagnostic);
  }
  frontend_milliseconds_ = milliseconds_since(start);
  data_place_ = program_.data ? program_.data->place : ir::Place{};
  report(diagnostics.all());
}

std::string Session::program_directory() const {
  std::string folder = std::filesystem::path(path_).parent_path().string();
  return folder.empty() ? "." : folder;
}

const frontend::ModelInfo& Session::model() const {
  std::vector<std::string> names;
  for (const frontend::ModelInfo& m : program_.models) names.push_back(m.name);
  if (options_.model.empty()) {
    if (names.size() == 1) return program_.models[0];
    if (names.empty()) throw UsageError{"the file has no model", "", Exit::program};
    throw UsageError{
        fmt::format("the file has {} models: {}", names.size(), fmt::join(names, ", ")),
        "choose one with --model NAME"};
  }
  for (const frontend::ModelInfo& m : program_.models)
    if (m.name == options_.model) return m;
  throw UsageError{fmt::format("no model is called `{}`", options_.model),
                   nearest_or_all(options_.model, names)};
}

std::vector<std::string> Session::input_names() const {
  std::set<std::string> names;
  const auto is_chosen = [&](const std::string& model) {
    return options_.model.empty() || model == options_.model;
  };
  for (const ir::Function& f : program_.module.functions) {
    if (!f.entry || !is_chosen(f.name.substr(0, f.name.rfind('.')))) continue;
    // The inputs of the optimizer are the gradients.
    if (f.name.ends_with(".update") || f.name.ends_with(".collect")) continue;
    for (const ir::Parameter& p : f.params)
      if (p.role == ir::Role::Input &&
          !(f[p.value].type.shape.empty() && frontend::is_control_input(f[p.value].name)))
        names.insert(f[p.value].name);
  }
  // What no entry point needs is declared all the same.
  frontend::SourceSet sources;
  frontend::Diagnostics ignored;
  const frontend::File file =
      frontend::parse(sources, sources.add("", "", program_.config_text), ignored);
  for (const frontend::Item& item : file.items) {
    const auto* m = std::get_if<frontend::ModelItem>(&item.node);
    if (m == nullptr || !is_chosen(m->name)) continue;
    for (const frontend::Stmt& s : m->body)
      if (const auto* input = std::get_if<frontend::InputDecl>(&s.node))
        names.insert(input->name.str());
  }
  return {names.begin(), names.end()};
}

void Session::require_inputs(const std::vector<std::string>& wrt) const {
  const std::vector<std::string> names = input_names();
  for (const std::string& name : wrt) {
    for (const ir::Function& f : program_.module.functions)
      for (const ir::Parameter& p : f.params)
        if (const ir::Value& v = f[p.value];
            f.entry && v.name == name && !ir::is_float(v.type.dtype))
          throw UsageError{fmt::format("--wrt: `{}` is {}, and only floats have gradients", name,
                                       ir::str(v.type)),
                           ""};
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string help = did_you_mean(name, names);
    throw UsageError{fmt::format("--wrt: there is no input `{}`", name),
                     help.empty() ? fmt::format("inputs are: {}", fmt::join(names, ", ")) : help};
  }
}

bool Session::has_entry(const std::string& entry) const {
  if (entry == "train") return has_entry("update");  // differentiation builds it from these
  return bool(program_.module.find(entry_name(entry)));
}

ir::Module keep_entries(ir::Module module, const std::vector<std::string>& names) {
  std::vector<bool> keep(module.functions.size(), false);
  std::vector<ir::FunctionId> work;
  auto reach = [&](ir::FunctionId f) {
    if (!f || keep[f.index]) return;
    keep[f.index] = true;
    work.push_back(f);
  };
  for (size_t i = 0; i < module.functions.size(); ++i) {
    const std::string& name = module.functions[i].name;
    if (std::find(names.begin(), names.end(), name) != names.end()) reach(ir::FunctionId(i));
  }
  while (!work.empty()) {
    ir::FunctionId f = work.back();
    work.pop_back();
    reach(module[f].grad);
    for (const ir::Value& v : module[f].values)
      for (const ir::Attribute& a : v.attrs)
        if (auto* callee = std::get_if<ir::FunctionId>(&a)) reach(*callee);
  }
  std::vector<ir::FunctionId> renumbered(module.functions.size());
  std::vector<ir::Function> kept;
  for (size_t i = 0; i < module.functions.size(); ++i) {
    if (!keep[i]) continue;
    renumbered[i] = ir::FunctionId(kept.size());
    kept.push_back(std::move(module.functions[i]));
  }
  for (ir::Function& f : kept) {
    if (f.grad) f.grad = renumbered[f.grad.index];
    for (ir::Value& v : f.values)
      for (ir::Attribute& a : v.attrs)
        if (auto* callee = std::get_if<ir::FunctionId>(&a)) *callee = renumbered[callee->index];
  }
  module.functions = std::move(kept);
  return module;
}

namespace {

/// Calls the batch of every model `batch`, the one name that passes behind the stages which people
/// read, and the backend, know.
ir::Module with_one_batch_name(ir::Module module, const std::vector<frontend::ModelInfo>& models) {
  std::map<std::string, ir::Dim> names;
  for (const frontend::ModelInfo& m : models)
    if (!m.batch_symbol.empty() && m.batch_symbol != "batch")
      names[m.batch_symbol] = ir::Dim::symbol("batch");
  return names.empty() ? module : passes::specialise(std::move(module), names);
}

}  // namespace

ir::Module Session::run_passes(const std::vector<const passes::Pass*>& list, ir::Module module,
                               const Lowering& lowering, const passes::RunOptions& run_options) {
  const CompileLimit limit = compile_limit();
  passes::PassContext context;
  std::vector<passes::PassTiming> timings;
  auto level = backend::parse_cpu(options_.cpu).value_or(backend::native_cpu());
  context.target.vector_bytes = backend::vector_bytes(level);
  context.fast = options_.fast;
  context.fuel = options_.fuel;
  context.batch_capacity = lowering.batch_capacity;
  context.wrt = lowering.wrt;
  try {
    if (lowering.to > ir::Stage::Backward)
      module = with_one_batch_name(std::move(module), program_.models);
    module = passes::run(list, std::move(module), context, run_options, &timings);
  } catch (const ir::DiagnosticError& e) {
    context.diagnostics.push_back(e.diagnostic);
  }
  if (console_.verbose) note_timings(timings);
  report(context.diagnostics);
  return module;
}

void Session::note_timings(const std::vector<passes::PassTiming>& timings) const {
  std::string text = fmt::format("frontend: {:.1f} ms; passes", frontend_milliseconds_);
  double checks = 0;
  for (const passes::PassTiming& t : timings) {
    text += fmt::format("{} {} {:.1f}", checks == 0 ? ":" : ",", t.pass, t.milliseconds);
    checks += t.check_milliseconds;
  }
  console_.note(fmt::format("{}, their checks {:.1f} ms\n", text, checks));
}

int64_t Session::planned_capacity(int64_t wanted) const {
  bool planned = program_.module.stage == ir::Stage::Plan;
  return planned ? std::max(wanted, default_batch()) : wanted;
}

ir::Module Session::lower(const Lowering& lowering) {
  ir::Module module = program_.module;
  if (module.stage == ir::Stage::Plan && lowering.batch_capacity > default_batch()) {
    // The plan in this dump is too small for what is asked: it is made again.
    module.stage = ir::Stage::Fused;
    for (ir::Function& f : module.functions)
      for (ir::Value& v : f.values) v.storage.reset();
  }
  if (!lowering.entries.empty()) {
    std::vector<std::string> names;
    for (const std::string& e : lowering.entries) {
      names.push_back(entry_name(e));
      // Up to `backward`, train is two calls; differentiation builds it from step and update.
      if (e == "train")
        for (const char* part : {"step", "update"}) names.push_back(entry_name(part));
      if (e == "accumulate")
        for (const char* part : {"step", "collect"}) names.push_back(entry_name(part));
      // A step that a file lacks is its loss.
      if ((e == "train" || e == "step") && !module.find(entry_name("step")))
        names.push_back(entry_name("loss"));
    }
    module = keep_entries(std::move(module), names);
  }
  if (!lowering.sizes.empty()) {
    try {
      module = passes::specialise(std::move(module), lowering.sizes);
    } catch (const ir::DiagnosticError& e) {
      fail(e.diagnostic);
    }
  }
  auto list = passes::pipeline(module.stage, lowering.to, options_.optimise);
  return run_passes(list, std::move(module), lowering);
}

backend::CompileOptions Session::compile_options(int64_t batch_capacity) const {
  backend::CompileOptions o;
  o.cpu = backend::parse_cpu(options_.cpu).value_or(backend::native_cpu());
  o.batch_capacity = batch_capacity;
  o.threads = options_.thread_count();
  o.optimise = options_.optimise;
  o.cache_directory = cache_directory();
  return o;
}

CompiledEntry Session::compile(const ir::Module& module, const std::string& entry,
                               int64_t batch_capacity) {
  ir::FunctionId f = module.find(entry_name(entry));
  if (!f)
    throw UsageError{fmt::format("model `{}` has no entry point `{}`", model().name, entry), ""};
  if (const auto level = backend::parse_cpu(options_.cpu); level && !backend::supported(*level))
    throw UsageError{fmt::format("this CPU does not run {} code", options_.cpu),
                     fmt::format("`--cpu {}` is the most it has; `netc dump` shows code for any",
                                 backend::name(backend::native_cpu()))};
  check_memory(module, f, batch_capacity);
  const CompileLimit limit = compile_limit();
  CompiledEntry compiled;
  compiled.plan = backend::compile(module, f, compile_options(batch_capacity), &compiled.report);
  if (console_.verbose) {
    const backend::CompileReport& r = compiled.report;
    if (!r.note.empty()) console_.note(fmt::format("note: {}\n", r.note));
    console_.note(fmt::format("{}: {} {} {} in {:.1f} ms\n", compiled.plan.name, r.kernels,
                              r.kernels == 1 ? "kernel" : "kernels",
                              r.from_cache ? "from the cache" : "compiled", r.milliseconds));
  }
  return compiled;
}

void Session::check_memory(const ir::Module& module, ir::FunctionId f,
                           int64_t batch_capacity) const {
  const int64_t limit = runtime::limits().memory;
  const int64_t planned = planned_bytes(module[f], batch_capacity);
  if (planned <= limit) return;
  const MemoryUse use = memory_use(module, f, batch_capacity, program_.module);
  if (use.peak.empty()) return;
  const MemoryPiece& largest = use.peak.front();
  ir::Diagnostic d = plain_diagnostic(
      "E0311", fmt::format("`{}` needs {} of memory at batch {}, the limit is {}", module[f].name,
                           byte_text(double(planned)), batch_capacity, byte_text(double(limit))));
  d.place = largest.place;
  d.label = fmt::format("`{}`, {}, is the largest tensor: {}", largest.name, largest.type,
                        byte_text(double(largest.bytes)));
  d.helps.push_back("a smaller `batch` needs less; `--max-memory` raises the limit");
  report({d});
}

CompiledEntry Session::build(const ir::Module& module, const std::string& entry,
                             int64_t batch_capacity, const std::string& backend_name) {
  if (backend_name != "interp") return compile(module, entry, batch_capacity);
  ir::FunctionId f = module.find(entry_name(entry));
  if (!f)
    throw UsageError{fmt::format("model `{}` has no entry point `{}`", model().name, entry), ""};
  CompiledEntry compiled;
  compiled.plan = backend::interpret(module, f, batch_capacity);
  return compiled;
}

}  // namespace netc::tools
