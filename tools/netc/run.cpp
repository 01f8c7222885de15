// `netc run`: one entry point on given tensors.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/data/loaders.h"
#include "runtime/durable_file.h"
#include "tools/netc/entry_runner.h"
#include "tools/netc/glue.h"
#include "tools/netc/input_values.h"
#include "tools/netc/option_table.h"
#include "tools/netc/weights.h"

namespace netc::tools {

namespace {
struct RunOptions {
  CommonOptions common;
  std::string entry = "predict", weights, layout, backend = "jit", output;
  std::vector<std::string> inputs, wrt;
};

/// Named tensors that a run leaves behind.
struct NamedTensor {
  std::string name;
  runtime::Tensor tensor;
};

class Run {
 public:
  explicit Run(const RunOptions& options)
      : options_(options), session_(options.common), pool_(options.common.thread_count()) {}

  Exit run() {
    check_output();
    session_.load();
    try {
      read_inputs();
      std::vector<NamedTensor> list;
      // Only `predict` computes all outputs: the others go on without what the loss does not need.
      if (options_.entry != "predict" && session_.has_entry("predict")) append("predict", list);
      append(options_.entry, list);
      show(list);
    } catch (const runtime::Error& e) {
      session_.fail(diagnose(session_, e));
    }
    return Exit::ok;
  }

 private:
  RunOptions options_;
  Session session_;
  runtime::ThreadPool pool_;
  std::map<std::string, runtime::Tensor> inputs_;
  std::map<std::string, std::string> files_;  ///< of inputs_
  int64_t rows_ = 1;

  /// A name that promises another format is refused.
  void check_output() const {
    if (options_.output.empty()) return;
    const std::string ending = std::filesystem::path(options_.output).extension().string();
    if (!ending.empty() && ending != ".safetensors")
      throw UsageError{fmt::format("--out writes a safetensors file, not `{}`", options_.output),
                       ending == ".npy" ? "`netc predict --out` writes one output as .npy"
                                        : "without --out, a summary goes to stdout"};
    runtime::require_writable(options_.output);
  }

  /// Runs one entry point and adds what it leaves behind.
  void append(const std::string& entry, std::vector<NamedTensor>& list) {
    Lowering lowering = specialise(entry);
    EntryRunner runner(
        session_.build(session_.lower(lowering), entry,
                       session_.planned_capacity(lowering.batch_capacity), options_.backend),
        pool_);
    fill(runner);
    runner.run(rows_);
    for (NamedTensor& n : results(runner, entry)) list.push_back(std::move(n));
  }

  /// The parameters of the entry point; `step` of a file that lacks one is its loss.
  const ir::Function& entry_function(const std::string& entry) const {
    const ir::Module& module = session_.program().module;
    ir::FunctionId f = module.find(session_.entry_name(entry));
    if (!f && entry == "step") f = module.find(session_.entry_name("loss"));
    if (!f)
      throw UsageError{
          fmt::format("model `{}` has no entry point `{}`", session_.model().name, entry), ""};
    return module[f];
  }

  static bool is_control(const ir::Function& f, const ir::Parameter& p) {
    const ir::Value& v = f[p.value];
    return v.type.shape.empty() && frontend::is_control_input(v.name);
  }

  void read_inputs() {
    const ir::Function& f = entry_function(options_.entry);
    std::vector<std::string> names;
    for (const ir::Parameter& p : f.params)
      if (p.role == ir::Role::Input && !is_control(f, p)) names.push_back(f[p.value].name);
    const std::vector<std::string> known = session_.input_names();
    for (const std::string& text : options_.inputs) {
      size_t equals = text.find('=');
      std::string name = text.substr(0, equals);
      if (equals == std::string::npos || equals == 0)
        throw UsageError{fmt::format("--in takes NAME=FILE, not `{}`", text), ""};
      if (std::find(known.begin(), known.end(), name) == known.end())
        throw UsageError{fmt::format("model `{}` has no input `{}`", session_.model().name, name),
                         nearest_or_all(name, names)};
      if (files_.contains(name))
        throw UsageError{fmt::format("--in gives input `{}` twice", name), ""};
      files_[name] = text.substr(equals + 1);
      if (files_[name] == "-")
        throw UsageError{"run reads its inputs from files",
                         "`netc predict --in -` reads JSON lines from stdin"};
      inputs_[name] = runtime::read_npy(files_[name]);
    }
    for (const std::string& name : names)
      if (!inputs_.contains(name))
        throw UsageError{fmt::format("`{}` needs input `{}`", options_.entry, name),
                         fmt::format("add --in {}=FILE.npy", name)};
    session_.require_inputs(options_.wrt);
    if (!options_.wrt.empty() && options_.entry != "step")
      throw UsageError{fmt::format("--wrt asks for gradients, and `{}` has none", options_.entry),
                       "add --entry step"};
  }

  /// Binds the named sizes to the shapes of the tensors given. A leading batch that all inputs
  /// share stays symbolic, with as many rows as there are.
  Lowering specialise(const std::string& entry) {
    Lowering lowering;
    lowering.entries = {entry};
    if (entry == "step") lowering.wrt = options_.wrt;
    const ir::Function& f = entry_function(entry);
    std::map<std::string, int64_t> sizes;
    for (const ir::Parameter& p : f.params) {
      const ir::Value& v = f[p.value];
      if (p.role != ir::Role::Input || is_control(f, p)) continue;
      bind(v.name, v.type, inputs_.at(v.name), sizes);
    }
    const std::string& batch = session_.model().batch_symbol;
    rows_ = 1;
    for (const auto& [name, size] : sizes) {
      if (name == batch)
        rows_ = size;
      else
        lowering.sizes[name] = ir::Dim(size);
    }
    // As for training, so that the last bits of sums are those of the training step.
    lowering.batch_capacity = std::max(rows_, session_.default_batch());
    return lowering;
  }

  [[noreturn]] void mismatch(const std::string& name, const ir::Type& type,
                             const runtime::Tensor& t, const std::string& why) const {
    bad_field(name, fmt::format("{}: input `{}` is {}, the model wants {}{}", files_.at(name), name,
                                runtime::type_text(t.type, t.shape), ir::str(type), why));
  }

  void bind(const std::string& name, const ir::Type& type, const runtime::Tensor& t,
            std::map<std::string, int64_t>& sizes) const {
    if (t.shape.size() != type.shape.size()) mismatch(name, type, t, "");
    // Plain names first, so that `2 * n` can be checked wherever it stands.
    for (size_t d = 0; d < t.shape.size(); ++d) {
      std::vector<std::string> symbols = type.shape[d].symbols();
      if (symbols.size() == 1 && type.shape[d] == ir::Dim::symbol(symbols[0])) {
        auto [it, added] = sizes.try_emplace(symbols[0], t.shape[d]);
        if (!added && it->second != t.shape[d])
          mismatch(name, type, t, fmt::format(" with `{}` = {}", symbols[0], it->second));
      }
    }
    for (size_t d = 0; d < t.shape.size(); ++d) {
      auto size = type.shape[d].evaluate(sizes);
      if (size && *size != t.shape[d]) mismatch(name, type, t, "");
    }
  }

  void fill(EntryRunner& runner) {
    runner.initialise(session_.seed(), session_.program_directory());
    if (!options_.weights.empty())
      load_weights(session_, runner.plan(), runner.arena(), options_.weights, options_.layout);
    for (const runtime::Slot* slot : runner.slots(runtime::SlotRole::Input)) {
      auto it = inputs_.find(slot->name);
      if (it != inputs_.end()) {
        write_input(runner, *slot, it->second);
      } else if (slot->name == "lr") {
        runtime::write_scalar(*slot, runner.arena(),
                              session_.program().train.lr.args.count("lr") > 0
                                  ? session_.program().train.lr.args.at("lr")
                                  : 0.0);
      } else if (slot->name == "step") {
        runtime::write_scalar(*slot, runner.arena(), int64_t{1});
      } else if (slot->name == "seed") {
        runtime::write_scalar(*slot, runner.arena(), static_cast<int64_t>(session_.seed()));
      }
    }
  }

  void write_input(EntryRunner& runner, const runtime::Slot& slot, const runtime::Tensor& given) {
    ir::Type type;
    if (given.type != slot.type) {
      bool widening = runtime::is_floating(given.type) == runtime::is_floating(slot.type);
      if (!widening)
        bad_field(slot.name,
                  fmt::format("{}: values are {}, input `{}` is {}", files_.at(slot.name),
                              runtime::name(given.type), slot.name, runtime::name(slot.type)),
                  type_cure(given, slot.type));
    }
    const runtime::Tensor* tensor = &given;
    runtime::Tensor converted;
    if (given.type != slot.type) tensor = &(converted = runtime::convert(given, slot.type));
    check_range(slot, *tensor);
    runner.write(slot, rows_, *tensor);
  }

  void check_range(const runtime::Slot& slot, const runtime::Tensor& tensor) const {
    if (slot.index_range <= 0) return;
    int64_t records = tensor.shape.empty() ? 1 : std::max<int64_t>(1, tensor.shape[0]);
    int64_t record_size = std::max<int64_t>(1, tensor.count() / records);
    for (int64_t i = 0; i < tensor.count(); ++i) {
      auto v = static_cast<int64_t>(tensor.number(i));
      bool inside = v < slot.index_range && v >= (slot.index_wraps ? -slot.index_range : 0);
      if (inside || v == slot.index_ignore) continue;
      throw runtime::Error(runtime::Fault::IndexData,
                           fmt::format("{}: record {}: {} {} is outside 0..{}",
                                       runtime::shown_path(files_.at(slot.name)), i / record_size,
                                       slot.name, v, slot.index_range - 1))
          .for_input(slot.name);
    }
  }

  std::vector<NamedTensor> results(EntryRunner& runner, const std::string& entry) {
    std::vector<NamedTensor> list;
    for (const runtime::Slot* slot : runner.slots(runtime::SlotRole::Result)) {
      std::string name = slot->name;
      if (name.starts_with("d_") && entry == "step") name = "grad." + name.substr(2);
      list.push_back({std::move(name), runner.read(*slot, rows_)});
    }
    return list;
  }

  void show(const std::vector<NamedTensor>& list) {
    if (!options_.output.empty()) {
      std::vector<std::pair<std::string, const runtime::Tensor*>> named;
      for (const NamedTensor& n : list) named.emplace_back(n.name, &n.tensor);
      save_tensors(options_.output, named);
      return;
    }
    size_t name = 0, type = 0;
    for (const NamedTensor& n : list) {
      name = std::max(name, n.name.size());
      type = std::max(type, runtime::type_text(n.tensor.type, n.tensor.shape).size());
    }
    for (const NamedTensor& n : list) {
      if (options_.common.json)
        print_json(n);
      else
        print_summary(n, name, type);
    }
  }

  static void print_summary(const NamedTensor& n, size_t name, size_t type) {
    std::string head = fmt::format("{:<{}}   {:<{}}", n.name, name,
                                   runtime::type_text(n.tensor.type, n.tensor.shape), type);
    if (n.tensor.shape.empty()) {
      print_out(fmt::format("{}   {}\n", head, number_text(n.tensor, 0)));
      return;
    }
    double low = INFINITY, high = -INFINITY, sum = 0, squares = 0;
    int64_t count = n.tensor.count();
    for (int64_t i = 0; i < count; ++i) {
      double v = n.tensor.number(i);
      low = std::min(low, v), high = std::max(high, v), sum += v, squares += v * v;
    }
    if (count == 0) {
      print_out(head + "   empty\n");
      return;
    }
    print_out(fmt::format("{}   min {:.6g}   max {:.6g}   mean {:.6g}   norm {:.6g}\n", head, low,
                          high, sum / double(count), std::sqrt(squares)));
  }

  static std::string number_text(const runtime::Tensor& t, int64_t i) {
    if (t.type == runtime::ElementType::f32) return fmt::format("{}", float(t.number(i)));
    return fmt::format("{}", t.number(i));
  }

  static void print_json(const NamedTensor& n) {
    std::string values;
    append_json(n.tensor, values);
    nlohmann::json name = n.name;
    print_out(fmt::format("{{\"name\":{},\"dtype\":\"{}\",\"shape\":[{}],\"values\":{}}}\n",
                          name.dump(), runtime::name(n.tensor.type), fmt::join(n.tensor.shape, ","),
                          values));
  }
};
}  // namespace

void add_run(CLI::App& app, Action& action) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "one entry point on given tensors");
  add_common(*command, options->common);
  one_of(command->add_option("--entry", options->entry, "what to run (default: predict)"),
         {"predict", "loss", "step", "eval"});
  command->add_option("--in", options->inputs, "NAME=x.npy, for each input")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false)
      ->take_all();
  command->add_option("--weights", options->weights, "weights instead of the initialisers")
      ->type_name("FILE");
  one_of(command->add_option("--layout", options->layout, "how the weights are laid out"),
         {"netc", "torch"});
  command->add_option("--wrt", options->wrt, "inputs whose gradients are wanted too")
      ->type_name("INPUT,…")
      ->delimiter(',');
  one_of(command->add_option("--backend", options->backend,
                             "compiled code or the reference interpreter"),
         {"jit", "interp"});
  command->add_option("--out", options->output, "write the tensors to this safetensors file")
      ->type_name("FILE");
  command->callback([&action, options] { action = [options] { return Run(*options).run(); }; });
}

}  // namespace netc::tools
