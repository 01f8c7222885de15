// `netc dump` and `netc diff`: a stage of the program as text.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "ir/print.h"
#include "tools/netc/dot.h"
#include "tools/netc/files.h"
#include "tools/netc/option_table.h"
#include "tools/netc/session.h"
#include "tools/netc/text_diff.h"

namespace netc::tools {

namespace {
struct DumpOptions {
  CommonOptions common;
  std::string stage, entry, after, passes, kernel, loc, output;
  std::vector<std::string> wrt;
  bool diff = false;
};

std::optional<ir::Stage> find_stage(const std::string& word) {
  for (ir::Stage s : {ir::Stage::Forward, ir::Stage::Backward, ir::Stage::Optimised,
                      ir::Stage::Fused, ir::Stage::Plan})
    if (word == ir::name(s)) return s;
  return {};
}

/// Collects what a dump shows and puts it where it belongs.
class Dump {
 public:
  explicit Dump(const DumpOptions& options) : options_(options), session_(options.common) {}

  Exit run() {
    std::string folder;
    if (!options_.output.empty()) {
      folder = std::filesystem::absolute(options_.output).parent_path().string();
    }
    session_.load({}, folder);
    if (!options_.common.model.empty()) session_.model();
    session_.require_inputs(options_.wrt);
    if (options_.diff && options_.after.empty())
      throw UsageError{"--diff shows what passes change", "add --after PASS, or --after all"};
    // A pass cannot be run, nor its work shown, without a model; the text of a stage can.
    const bool by_pass = !options_.passes.empty() || !options_.after.empty();
    std::string text = by_pass ? passes_text() : stage_text();
    if (!options_.output.empty())
      write_file(options_.output, text);
    else if (options_.after.empty())
      print_text(shown_stage_, text, options_.common.json);
    else
      print_out(text);
    return Exit::ok;
  }

 private:
  DumpOptions options_;
  Session session_;
  std::string shown_stage_;

  /// With --model, only what belongs to that model.
  ir::Module of_model(ir::Module module) const {
    if (options_.common.model.empty()) return module;
    std::vector<std::string> kept;
    for (const ir::Function& f : module.functions)
      if (f.entry && f.name.starts_with(session_.model().name + ".")) kept.push_back(f.name);
    return keep_entries(std::move(module), kept);
  }

  ir::PrintOptions print_options() const {
    ir::PrintOptions p;
    // Notes move with the text around them: a diff is of the ops, unless they are asked for.
    const std::string loc = !options_.loc.empty() ? options_.loc : options_.diff ? "none" : "full";
    p.loc = loc == "none"   ? ir::LocStyle::None
            : loc == "line" ? ir::LocStyle::Line
                            : ir::LocStyle::Full;
    p.entry = full_entry();
    p.kernel = options_.kernel;
    return p;
  }

  std::string full_entry() const {
    return options_.entry.empty() ? "" : session_.entry_name(options_.entry);
  }

  /// That --kernel names a kernel of what is shown; the parts of one that the backend took apart
  /// are called after it.
  void require_kernel(const ir::Module& module, const std::string& entry) const {
    if (options_.kernel.empty()) return;
    std::vector<std::string> names;
    for (const ir::Function& f : module.functions) {
      if (!entry.empty() && f.name != entry) continue;
      for (const ir::Value& v : f.values) {
        if (!v.kernel) continue;
        const std::string& name = f.kernels[v.kernel.index].name;
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
    }
    const std::string wanted = options_.kernel.substr(0, options_.kernel.find('.'));
    if (std::find(names.begin(), names.end(), wanted) != names.end()) return;
    if (names.empty())
      throw UsageError{fmt::format("there are no kernels at stage {}", ir::name(module.stage)),
                       "they are made at `--stage=fused`"};
    const std::string help = did_you_mean(options_.kernel, names);
    throw UsageError{fmt::format("there is no kernel `{}`", options_.kernel),
                     help.empty() ? fmt::format("kernels are: {}", fmt::join(names, ", ")) : help};
  }

  Lowering lowering(ir::Stage to) const {
    Lowering l;
    l.to = to;
    l.batch_capacity = session_.default_batch();
    l.wrt = options_.wrt;
    return l;
  }

  std::string print_module(const ir::Module& module) const {
    if (std::string entry = full_entry(); !entry.empty() && !module.find(entry))
      throw UsageError{fmt::format("there is no `{}` at stage {}", entry, ir::name(module.stage)),
                       "entry points are predict, loss, step, eval, update and train"};
    require_kernel(module, full_entry());
    return ir::print(module, print_options());
  }

  std::string stage_text() {
    std::string stage = options_.stage;
    const ir::Stage own = session_.program().module.stage;
    if (stage.empty()) stage = ir::name(own);
    shown_stage_ = stage;
    if (stage == "ast") return session_.program().config_text;
    if (stage == "llvm" || stage == "asm") return machine_text(stage == "asm");
    if (stage == "dot") {
      const ir::Module module = session_.lower(lowering(std::max(own, ir::Stage::Fused)));
      return to_dot(module, one_entry(module), session_.sources());
    }
    ir::Stage wanted = later_stage(*find_stage(stage));
    ir::Module module = session_.lower(lowering(wanted));
    if (wanted == own) module = without_derived(std::move(module));
    return print_module(of_model(std::move(module)));
  }

  /// A dump shown at its own stage is what it was: functions that it lacked stay away.
  ir::Module without_derived(ir::Module module) const {
    const std::vector<std::string>& derived = session_.program().derived;
    if (derived.empty()) return module;
    std::vector<std::string> kept;
    for (const ir::Function& f : module.functions)
      if (f.entry && std::find(derived.begin(), derived.end(), f.name) == derived.end())
        kept.push_back(f.name);
    return keep_entries(std::move(module), kept);
  }

  ir::Stage later_stage(ir::Stage wanted) const {
    ir::Stage own = session_.program().module.stage;
    if (wanted < own)
      throw UsageError{fmt::format("this dump is at stage {} already", ir::name(own)),
                       fmt::format("ask for `--stage {}` or a later one", ir::name(own))};
    return wanted;
  }

  /// --entry; what stages that show one entry point take without it.
  ir::FunctionId one_entry(const ir::Module& module) const {
    std::string entry = options_.entry;
    if (entry.empty())
      entry = session_.has_entry("train")  ? "train"
              : session_.has_entry("loss") ? "loss"
                                           : "predict";
    const ir::FunctionId f = module.find(session_.entry_name(entry));
    if (!f) throw UsageError{fmt::format("there is no entry point `{}`", entry), ""};
    return f;
  }

  std::string machine_text(bool assembly) {
    const ir::Module module = session_.lower(lowering(ir::Stage::Plan));
    const ir::FunctionId f = one_entry(module);
    require_kernel(module, module[f].name);
    const CompileLimit limit = session_.compile_limit();
    auto compile = session_.compile_options(session_.planned_capacity(session_.default_batch()));
    compile.kernel = options_.kernel;
    return assembly ? backend::dump_assembly(module, f, compile)
                    : backend::dump_llvm(module, f, compile);
  }

  std::vector<const passes::Pass*> chosen_passes() const {
    std::vector<const passes::Pass*> list;
    std::string rest = options_.passes;
    while (!rest.empty()) {
      size_t comma = rest.find(',');
      list.push_back(require_pass(rest.substr(0, comma)));
      rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    }
    if (!list.empty()) return list;
    std::string stage = options_.stage.empty() ? "plan" : options_.stage;
    auto to = find_stage(stage);
    if (!to) throw UsageError{"--after goes with a --stage up to plan", ""};
    return passes::pipeline(session_.program().module.stage, later_stage(*to),
                            options_.common.optimise);
  }

  static const passes::Pass* require_pass(const std::string& name) {
    if (const passes::Pass* pass = passes::find_pass(name)) return pass;
    std::vector<std::string> names;
    for (const passes::Pass& p : passes::all_passes()) names.push_back(p.name);
    std::string help = did_you_mean(name, names);
    throw UsageError{fmt::format("no pass is called `{}`", name),
                     help.empty() ? fmt::format("passes are: {}", fmt::join(names, ", ")) : help};
  }

  std::string passes_text() {
    if (!options_.after.empty() && options_.after != "all") require_pass(options_.after);
    std::string text;
    passes::RunOptions run;
    run.after = [&](const passes::Pass& pass, const ir::Module& before, const ir::Module& after) {
      if (options_.after.empty() || (options_.after != "all" && options_.after != pass.name))
        return;
      text += after_pass(pass, before, after);
    };
    ir::Module module = of_model(session_.program().module);
    Lowering l = lowering(ir::Stage::Plan);
    module = session_.run_passes(chosen_passes(), std::move(module), l, run);
    shown_stage_ = ir::name(module.stage);
    return options_.after.empty() ? print_module(module) : text;
  }

  std::string after_pass(const passes::Pass& pass, const ir::Module& before,
                         const ir::Module& after) {
    ir::PrintOptions p = print_options();
    std::string now = ir::print(after, p);
    // A single pass prints as a file of its own; of several, each gets a heading.
    bool several = options_.after == "all";
    const bool json = options_.common.json && options_.output.empty();
    if (!options_.diff && !json)
      return several ? fmt::format("# after {}\n{}\n", pass.name, now) : now;
    if (!options_.diff) return json_line({{"pass", pass.name}, {"text", now}});
    const std::string changes = dump_diff(ir::print(before, p), now);
    if (changes.empty()) return "";
    if (json) return json_line({{"pass", pass.name}, {"diff", changes}});
    const auto count = [&](char mark) {
      long lines = changes[0] == mark;
      for (size_t i = 1; i < changes.size(); ++i)
        lines += changes[i - 1] == '\n' && changes[i] == mark;
      return lines;
    };
    std::string text = fmt::format("# {}: {} ({} removed, {} added)\n{}\n", pass.name, pass.summary,
                                   count('-'), count('+'), changes);
    const bool colour = options_.output.empty() && session_.console().result_colour;
    return colour ? coloured_diff(text) : text;
  }
};

void add_options(CLI::App& command, DumpOptions& o) {
  add_common(command, o.common);
  one_of(command.add_option("--entry", o.entry, "only this entry point"),
         {"predict", "loss", "step", "eval", "update", "collect", "train", "accumulate"});
  command.add_option("--wrt", o.wrt, "inputs whose gradients are wanted too")
      ->type_name("INPUT,…")
      ->delimiter(',');
  one_of(command.add_option("--loc", o.loc, "how places are shown"), {"none", "line", "full"});
  command.add_option("-o,--output", o.output, "write here instead of stdout")->type_name("FILE");
}
}  // namespace

void add_dump(CLI::App& app, Action& action) {
  auto dump = std::make_shared<DumpOptions>();
  CLI::App* command = app.add_subcommand("dump", "show a stage: AST, IR, LLVM IR, asm, DOT");
  add_options(*command, *dump);
  one_of(command->add_option("--stage", dump->stage, "what to show"),
         {"ast", "forward", "backward", "optimised", "fused", "plan", "llvm", "asm", "dot"});
  command->add_option("--after", dump->after, "the program after this pass, or after `all`")
      ->type_name("PASS");
  command->add_flag("--diff", dump->diff, "with --after: what the pass changed, if anything");
  command->add_option("--passes", dump->passes, "run exactly these passes, separated by commas")
      ->type_name("PASS,…");
  command->add_option("--kernel", dump->kernel, "only this kernel")->type_name("KERNEL");
  command->callback([&action, dump] { action = [dump] { return Dump(*dump).run(); }; });

  auto diff = std::make_shared<DumpOptions>();
  diff->stage = "backward";
  CLI::App* second = app.add_subcommand("diff", "the backward as a program");
  add_options(*second, *diff);
  second->callback([&action, diff] { action = [diff] { return Dump(*diff).run(); }; });
}

}  // namespace netc::tools
