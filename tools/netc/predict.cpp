// `netc predict`: the model's outputs for given inputs, from arrays, pictures or JSON lines.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "runtime/data/loaders.h"
#include "runtime/durable_file.h"
#include "tools/netc/entry_runner.h"
#include "tools/netc/glue.h"
#include "tools/netc/input_values.h"
#include "tools/netc/option_table.h"
#include "tools/netc/run_directory.h"
#include "tools/netc/weights.h"

namespace netc::tools {

namespace {
using nlohmann::json;

struct PredictOptions {
  CommonOptions common;
  std::string weights, layout, output;
  std::vector<std::string> inputs;
  int64_t top = 0;
};

bool is_picture(const std::string& path) {
  return path.ends_with(".png") || path.ends_with(".pgm") || path.ends_with(".ppm");
}

class Predict {
 public:
  explicit Predict(const PredictOptions& options)
      : options_(options), session_(options.common), pool_(options.common.thread_count()) {}

  Exit run() {
    check_output();
    std::string weights = load_program_or_run(session_);
    if (!options_.weights.empty()) weights = options_.weights;
    if (weights.empty())
      throw UsageError{"predict needs weights", "add --weights FILE, or give a run directory"};
    try {
      build(weights);
      if (options_.inputs == std::vector<std::string>{"-"})
        predict_lines();
      else
        predict_files();
    } catch (const runtime::Error& e) {
      session_.fail(diagnose(session_, e));
    }
    return Exit::ok;
  }

 private:
  static constexpr int64_t kRows = 64;  ///< records of a file that are run together
  PredictOptions options_;
  Session session_;
  runtime::ThreadPool pool_;
  std::unique_ptr<EntryRunner> runner_;
  std::vector<std::vector<std::string>> classes_;  ///< of the labels that the weights learned

  /// What --out writes is told by the ending of its name, so one that says otherwise is refused.
  void check_output() const {
    if (options_.output.empty()) return;
    const std::string ending = std::filesystem::path(options_.output).extension().string();
    if (!ending.empty() && ending != ".npy" && ending != ".safetensors")
      throw UsageError{
          fmt::format("--out writes .npy or .safetensors files, not `{}`", options_.output),
          "without --out, JSON lines go to stdout"};
    if (options_.inputs == std::vector<std::string>{"-"})
      throw UsageError{"--out does not go with `--in -`",
                       "JSON lines go to stdout; `> FILE` keeps them"};
    runtime::require_writable(options_.output);
  }

  void build(const std::string& weights) {
    if (!session_.has_entry("predict"))
      throw UsageError{fmt::format("model `{}` has no output", session_.model().name), "",
                       Exit::program};
    Lowering lowering;
    lowering.entries = {"predict"};
    lowering.batch_capacity = kRows;
    runner_ = std::make_unique<EntryRunner>(
        session_.compile(session_.lower(lowering), "predict", session_.planned_capacity(kRows)),
        pool_);
    if (outputs().size() > 1 && options_.output.ends_with(".npy"))
      throw UsageError{fmt::format("a .npy file holds one output, `{}` has {}",
                                   session_.model().name, outputs().size()),
                       "write a .safetensors file"};
    const runtime::Metadata metadata =
        load_weights(session_, runner_->plan(), runner_->arena(), weights, options_.layout);
    for (const auto& [key, list] : metadata)
      if (key.starts_with("classes."))
        classes_.push_back(runtime::class_names(metadata, key.substr(8)));
  }

  /// Names of the numbers of an output that scores classes; none when that is in doubt.
  std::vector<std::string> names_of(const runtime::Slot& output) const {
    const std::vector<int64_t> dims = runtime::sample_dims(output);
    const bool scores = classes_.size() == 1 && runtime::is_floating(output.type) &&
                        dims == std::vector<int64_t>{int64_t(classes_[0].size())};
    return scores ? classes_[0] : std::vector<std::string>{};
  }

  std::vector<const runtime::Slot*> inputs() const {
    return runner_->slots(runtime::SlotRole::Input);
  }

  /// One JSON object a line, keyed by input name; one JSON object out for each.
  void predict_lines() {
    std::string line;
    int64_t number = 0;
    while (std::getline(std::cin, line)) {
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      const json record = json_record(line, fmt::format("<stdin>: line {}", number));
      for (const runtime::Slot* slot : inputs()) write_json(*slot, record, number);
      runner_->run(1);
      print_records(1);
    }
  }

  void write_json(const runtime::Slot& slot, const json& record, int64_t line) {
    const std::string place = fmt::format("<stdin>: line {}", line);
    write_checked(slot, 1, json_input(record, slot, place), [&](int64_t) { return place; });
  }

  /// Writes rows after checking those that are indices; `origin` names the record of row r.
  template <typename Origin>
  void write_checked(const runtime::Slot& slot, int64_t rows, const runtime::Tensor& tensor,
                     const Origin& origin) {
    int64_t row_size = std::max<int64_t>(1, tensor.count() / std::max<int64_t>(1, rows));
    for (int64_t i = 0; slot.index_range > 0 && i < tensor.count(); ++i) {
      double v = tensor.number(i);
      if (v >= double(slot.index_range) || v < (slot.index_wraps ? -double(slot.index_range) : 0))
        throw runtime::Error(runtime::Fault::IndexData,
                             fmt::format("{}: {} {} is outside 0..{}", origin(i / row_size),
                                         slot.name, v, slot.index_range - 1));
    }
    runner_->write(slot, rows, tensor);
  }

  /// NAME=FILE for each input; a file holds all records, or one.
  void predict_files() {
    std::vector<std::pair<const runtime::Slot*, runtime::Tensor>> given;
    int64_t records = inputs().empty() ? 1 : -1;
    for (const runtime::Slot* slot : inputs()) {
      runtime::Tensor t = read_input(*slot);
      if (records >= 0 && t.shape[0] != records)
        bad_field(slot->name, fmt::format("input `{}` has {} records, another input {}", slot->name,
                                          t.shape[0], records));
      records = t.shape[0];
      given.emplace_back(slot, std::move(t));
    }
    std::vector<std::vector<std::byte>> collected(outputs().size());
    for (int64_t first = 0; first < records; first += kRows) {
      int64_t rows = std::min(kRows, records - first);
      for (auto& [slot, tensor] : given) write_rows(*slot, tensor, first, rows);
      runner_->run(rows);
      if (options_.output.empty())
        print_records(rows);
      else
        collect(collected, rows);
    }
    if (!options_.output.empty()) save(collected, std::max<int64_t>(records, 0));
  }

  void write_rows(const runtime::Slot& slot, const runtime::Tensor& tensor, int64_t first,
                  int64_t rows) {
    std::vector<int64_t> shape = tensor.shape;
    int64_t bytes = int64_t(tensor.bytes.size) / std::max<int64_t>(1, shape[0]);
    shape[0] = rows;
    runtime::Tensor part = runtime::make_tensor(tensor.type, shape);
    std::copy_n(tensor.bytes.data.get() + first * bytes, rows * bytes, part.bytes.data.get());
    write_checked(slot, rows, part, [&](int64_t row) {
      return fmt::format("{}: record {}", runtime::shown_path(file_of(slot.name)), first + row);
    });
  }

  std::string file_of(const std::string& name) const {
    std::vector<std::string> names;
    for (const runtime::Slot* s : inputs()) names.push_back(s->name);
    std::string found;
    for (const std::string& text : options_.inputs) {
      size_t equals = text.find('=');
      if (text == "-") throw UsageError{"--in - gives all inputs", "leave the other --in out"};
      if (equals == std::string::npos || equals == 0)
        throw UsageError{fmt::format("--in takes NAME=FILE or -, not `{}`", text), ""};
      std::string given = text.substr(0, equals);
      if (std::find(names.begin(), names.end(), given) == names.end())
        throw UsageError{fmt::format("model `{}` has no input `{}`", session_.model().name, given),
                         nearest_or_all(given, names)};
      if (given != name) continue;
      if (!found.empty())
        throw UsageError{fmt::format("--in gives input `{}` twice", name),
                         "one file may hold any number of records"};
      found = text.substr(equals + 1);
      if (found == "-")
        throw UsageError{
            "stdin is for all inputs at once",
            fmt::format("`--in -` reads JSON lines from it: {{\"{}\": ...}}", names.front())};
    }
    if (found.empty())
      throw UsageError{fmt::format("predict needs input `{}`", name),
                       fmt::format("add --in {}=FILE, or --in - for JSON lines on stdin", name)};
    return found;
  }

  /// Records of one input: [n, …] as stored, or one record without the leading dim.
  runtime::Tensor read_input(const runtime::Slot& slot) {
    std::string path = file_of(slot.name);
    const bool picture = is_picture(path);
    runtime::Tensor t = picture ? runtime::read_picture(path) : runtime::read_npy(path);
    const std::vector<int64_t> read = t.shape, sample = runtime::sample_dims(slot);
    if (t.shape == sample) t.shape.insert(t.shape.begin(), 1);
    bool fits = t.shape.size() == sample.size() + 1 &&
                std::equal(sample.begin(), sample.end(), t.shape.begin() + 1);
    if (!fits)
      bad_field(slot.name,
                fmt::format("{}: {}{} does not fit input `{}`, {} per sample", path,
                            runtime::type_text(t.type, read),
                            picture && read.size() == 3 ? " (colours without transparency)" : "",
                            slot.name, runtime::type_text(slot.type, sample)),
                picture ? picture_cure(read, sample) : "");
    if (t.type == slot.type) return t;
    if (runtime::is_floating(t.type) != runtime::is_floating(slot.type))
      bad_field(slot.name,
                fmt::format("{}: values are {}, input `{}` is {}", path, runtime::name(t.type),
                            slot.name, runtime::name(slot.type)),
                picture ? fmt::format("declare it `u8` and convert in the graph: `float({}) / 255`",
                                      slot.name)
                        : type_cure(t, slot.type));
    return runtime::convert(t, slot.type);
  }

  std::vector<const runtime::Slot*> outputs() const {
    return runner_->slots(runtime::SlotRole::Result);
  }

  void collect(std::vector<std::vector<std::byte>>& collected, int64_t rows) const {
    auto slots = outputs();
    for (size_t i = 0; i < slots.size(); ++i) {
      runtime::Tensor t = runner_->read(*slots[i], rows);
      auto bytes = t.bytes.span();
      collected[i].insert(collected[i].end(), bytes.begin(), bytes.end());
    }
  }

  /// One output goes to an .npy file; several, or a .safetensors path, to a safetensors file.
  void save(const std::vector<std::vector<std::byte>>& collected, int64_t records) const {
    auto slots = outputs();
    std::vector<runtime::Tensor> tensors;
    std::vector<std::pair<std::string, const runtime::Tensor*>> named;
    for (size_t i = 0; i < slots.size(); ++i) {
      std::vector<int64_t> shape = runtime::dims(*slots[i], records);
      tensors.push_back(runtime::make_tensor(slots[i]->type, shape));
      std::copy_n(collected[i].data(), std::min(collected[i].size(), tensors.back().bytes.size),
                  tensors.back().bytes.data.get());
    }
    for (size_t i = 0; i < slots.size(); ++i) named.emplace_back(slots[i]->name, &tensors[i]);
    if (tensors.size() == 1 && !options_.output.ends_with(".safetensors"))
      runtime::write_npy(options_.output, tensors[0]);
    else
      save_tensors(options_.output, named);
  }

  void print_records(int64_t rows) const {
    auto slots = outputs();
    std::vector<runtime::Tensor> tensors;
    for (const runtime::Slot* s : slots) tensors.push_back(runner_->read(*s, rows));
    for (int64_t r = 0; r < rows; ++r) {
      std::string line = "{";
      for (size_t i = 0; i < slots.size(); ++i) {
        if (i > 0) line += ",";
        line += json(slots[i]->name).dump() + ":";
        if (options_.top > 0)
          append_top(tensors[i], names_of(*slots[i]), r, rows, line);
        else if (slots[i]->batched)
          append_record_json(tensors[i], r, line);
        else
          append_json(tensors[i], line);
      }
      print_out(line + "}\n");
    }
  }

  /// The K largest of a record's numbers with their positions, `[[7,11.2],[3,4.5]]`, and with the
  /// names of their classes: `[[1,11.2,"dog"]]`.
  void append_top(const runtime::Tensor& t, const std::vector<std::string>& names, int64_t record,
                  int64_t rows, std::string& line) const {
    int64_t size = t.count() / std::max<int64_t>(rows, 1);
    std::vector<int64_t> order(static_cast<size_t>(size));
    std::iota(order.begin(), order.end(), 0);
    auto number = [&](int64_t i) { return t.number(record * size + i); };
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return number(a) > number(b); });
    order.resize(size_t(std::min(size, options_.top)));
    line += "[";
    for (size_t k = 0; k < order.size(); ++k) {
      line += fmt::format("{}[{},", k > 0 ? "," : "", order[k]);
      append_number(t, record * size + order[k], line);
      if (!names.empty()) line += "," + json(names[size_t(order[k])]).dump();
      line += "]";
    }
    line += "]";
  }
};
}  // namespace

void add_predict(CLI::App& app, Action& action) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand("predict", "run the model on inputs");
  add_common(*command, options->common, "the program, or a run directory");
  command
      ->add_option("--weights", options->weights, "a safetensors file, or that of a run directory")
      ->type_name("FILE");
  one_of(command->add_option("--layout", options->layout, "how the weights are laid out"),
         {"netc", "torch"});
  command
      ->add_option("--in", options->inputs,
                   "NAME=x.npy (or x.npz/ARRAY, .png, .pgm, .ppm), or - for JSON lines on stdin")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false)
      ->take_all();
  command
      ->add_option("--out", options->output, "write the outputs to this .npy or .safetensors file")
      ->type_name("FILE");
  whole_number(
      command
          ->add_option("--top", options->top,
                       "only the K largest numbers of each output: [place, number, class] each")
          ->type_name("K"),
      1);
  command->callback([&action, options] { action = [options] { return Predict(*options).run(); }; });
}

}  // namespace netc::tools
