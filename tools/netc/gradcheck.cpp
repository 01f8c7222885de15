// `netc gradcheck`: the functions that bring their own gradient, then every parameter of the model,
// against central differences in f64.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "frontend/elaborate.h"
#include "frontend/parse.h"
#include "tools/netc/files.h"
#include "tools/netc/function_model.h"
#include "tools/netc/gradient_check.h"
#include "tools/netc/option_table.h"

namespace netc::tools {

namespace {
struct GradcheckOptions {
  CommonOptions common;
  double eps = 1e-6, rtol = 1e-5;
  std::string samples = "64", param, fn;
};

struct Line {
  std::string of, with_respect_to;
  ParameterCheck check;
};

class Gradcheck {
 public:
  explicit Gradcheck(const GradcheckOptions& options)
      : options_(options), pool_(options.common.thread_count()) {
    options_.common.dtype = "f64";
    check_.eps = options.eps;
    check_.rtol = options.rtol;
    check_.parameter = options.param;
    check_.seed = options.common.seed.value_or(0);
    check_.samples = 0;
    const bool all = options.samples == "all";
    if (!all && (!CLI::detail::lexical_cast(options.samples, check_.samples) || check_.samples < 1))
      throw UsageError{
          fmt::format("--samples takes a number from 1 or `all`, not `{}`", options.samples), ""};
  }

  Exit run() {
    Session session(options_.common);
    session.load();
    if (options_.param.empty()) check_functions(session);
    if (options_.fn.empty() && !session.program().models.empty()) check_model(session);
    if (lines_.empty()) {
      if (!options_.param.empty()) unknown_parameter(session);
      throw UsageError{
          "nothing to check: no function with a `grad` block and no model with parameters", "",
          Exit::program};
    }
    return print();
  }

 private:
  GradcheckOptions options_;
  GradientCheckOptions check_;
  runtime::ThreadPool pool_;
  std::vector<Line> lines_;
  std::vector<std::string> parameters_;

  void check_functions(const Session& session) {
    (void)session;
    frontend::SourceSet sources;
    frontend::Diagnostics ignored;  // load has reported whatever is wrong with the file
    uint32_t file =
        sources.add(options_.common.file, options_.common.file, read_file(options_.common.file));
    frontend::File program = frontend::parse(sources, file, ignored);
    frontend::File library;
    std::vector<const frontend::FnItem*> functions;
    if (options_.fn.empty()) {
      // Functions of a dump have the sizes of their one call: the model checks them.
      if (!program.stage.empty()) return;
      functions = functions_with_gradient(program);
    } else {
      const frontend::FnItem* fn = find_function(program, options_.fn);
      for (const frontend::StdFile& std_file : frontend::std_files()) {
        if (fn != nullptr) break;
        library = frontend::parse(sources, sources.add(std_file.name, "", std_file.text), ignored);
        fn = find_function(library, options_.fn);
      }
      if (fn == nullptr) unknown_function(program);
      functions.push_back(fn);
    }
    for (const frontend::FnItem* fn : functions) check_function(program, *fn);
  }

  void check_function(const frontend::File& program, const frontend::FnItem& fn) {
    std::string why;
    auto model = make_function_model(program, fn, why);
    if (!model) {
      std::string message = fmt::format("`{}` cannot be checked alone: {}", fn.name.str(), why);
      if (!options_.fn.empty())
        throw UsageError{message, "give its parameters types and its settings defaults"};
      print_error(fmt::format("note: {}\n", message));
      return;
    }
    CommonOptions common = options_.common;
    common.model = model->model;
    Session session(common);
    session.load_function_model(model->source);
    for (ParameterCheck& c : check_gradients(session, check_, pool_)) {
      for (const auto& [argument, name] : model->params)
        if (argument == c.parameter) lines_.push_back({model->function, name, std::move(c)});
    }
  }

  void check_model(Session& session) {
    const frontend::ModelInfo& model = session.model();
    for (ParameterCheck& c : check_gradients(session, check_, pool_)) {
      std::string name = c.parameter;
      lines_.push_back({model.name, std::move(name), std::move(c)});
    }
  }

  [[noreturn]] void unknown_function(const frontend::File& program) {
    std::vector<std::string> names;
    for (const frontend::Item& item : program.items)
      if (auto* fn = std::get_if<frontend::FnItem>(&item.node)) names.push_back(fn->name.str());
    throw UsageError{fmt::format("the file has no function `{}`", options_.fn),
                     did_you_mean(options_.fn, names)};
  }

  [[noreturn]] void unknown_parameter(const Session& session) {
    std::vector<std::string> names;
    const ir::Module& module = session.program().module;
    if (ir::FunctionId f = module.find(session.entry_name("loss")))
      for (const ir::Parameter& p : module[f].params)
        if (p.role == ir::Role::Param) names.push_back(module[f][p.value].name);
    throw UsageError{fmt::format("the model has no parameter `{}`", options_.param),
                     did_you_mean(options_.param, names)};
  }

  Exit print() {
    size_t of = 0, name = 0, points = 0;
    int64_t failed = 0;
    size_t count = 0;
    auto rest = [](const ParameterCheck& c) {
      return fmt::format(" of {} {}", c.sampled, c.sampled == 1 ? "point" : "points");
    };
    for (const Line& l : lines_) {
      of = std::max(of, l.of.size());
      name = std::max(name, l.with_respect_to.size() + 3);
      count = std::max(count, std::to_string(l.check.points).size());
      points = std::max(points, rest(l.check).size());
      failed += l.check.failed;
    }
    for (const Line& l : lines_) {
      const ParameterCheck& c = l.check;
      if (options_.common.json) {
        print_json(l);
        continue;
      }
      std::string tail =
          c.failed ? fmt::format("FAILED  analytic {:.4f}  numeric {:.4f}", c.analytic, c.numeric)
                   : "ok";
      if (c.kinks > 0) tail += fmt::format("  ({} at a kink skipped)", c.kinks);
      print_out(fmt::format("{:<{}}   {:<{}}   {:>{}}{:<{}}   max rel. error {:.1e}   {}\n", l.of,
                            of, "d/d" + l.with_respect_to, name, c.points, count, rest(c), points,
                            c.worst, tail));
    }
    if (!options_.common.json) {
      print_out(failed > 0
                    ? fmt::format("gradcheck: {} of {} failed, exit 4\n", failed, lines_.size())
                    : fmt::format("gradcheck: {} of {} ok\n", lines_.size(), lines_.size()));
    }
    return failed > 0 ? Exit::check : Exit::ok;
  }

  static void print_json(const Line& l) {
    nlohmann::ordered_json j;
    j["of"] = l.of;
    j["wrt"] = l.with_respect_to;
    j["points"] = l.check.points;
    j["sampled"] = l.check.sampled;
    j["kinks"] = l.check.kinks;
    j["max_rel_error"] = l.check.worst;
    j["analytic"] = l.check.analytic;
    j["numeric"] = l.check.numeric;
    j["ok"] = !l.check.failed;
    print_out(json_line(j));
  }
};
}  // namespace

void add_gradcheck(CLI::App& app, Action& action) {
  auto options = std::make_shared<GradcheckOptions>();
  CLI::App* command =
      app.add_subcommand("gradcheck", "compare gradients with finite differences (f64)");
  add_common(*command, options->common);
  above_zero(command->add_option("--eps", options->eps, "half the distance of the two points")
                 ->type_name("X"));
  above_zero(
      command->add_option("--rtol", options->rtol, "largest relative error")->type_name("X"));
  command->add_option("--samples", options->samples, "elements a parameter, or `all`")
      ->type_name("N");
  command->add_option("--param", options->param, "only this parameter")->type_name("PARAM");
  command->add_option("--fn", options->fn, "only this function of the file or of std")
      ->type_name("FN");
  command->callback(
      [&action, options] { action = [options] { return Gradcheck(*options).run(); }; });
}

}  // namespace netc::tools
