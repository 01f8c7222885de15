// From a path to a Program: reads the file and those it uses, applies overrides, elaborates, reads
// the settings and writes down the effective source.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "frontend/elaborate.h"
#include "frontend/format.h"
#include "frontend/open_files.h"
#include "frontend/overrides.h"
#include "frontend/parse.h"
#include "frontend/paths.h"
#include "frontend/program.h"
#include "frontend/settings.h"
#include "ir/op.h"

namespace netc::frontend {
namespace {

namespace fs = std::filesystem;

// Files that one program may bring in with `use`.
constexpr size_t kMaxUnits = 1000;

class Loader {
 public:
  Loader(const LoadOptions& options, const OpenFiles& open, SourceSet& sources,
         Diagnostics& diagnostics)
      : options_(options), open_files_(open), sources_(sources), diagnostics_(diagnostics) {}

  Program load(const std::string& path) {
    std::string text;
    if (const std::string problem = read_text(path, text); !problem.empty()) {
      ir::Diagnostic d;
      d.code = "R0602";
      d.message = fmt::format("cannot read `{}`: {}", path, problem);
      throw ir::DiagnosticError(std::move(d));
    }
    add_unit(path, std::move(text));
    read_used(0);
    apply_options(path);
    Program program;
    if (diagnostics_.has_errors()) return program;
    read_settings(units_, sources_, diagnostics_, program);
    elaborate_program(program, path);
    finish(program, path);
    return program;
  }

 private:
  ParseLimits limits() const { return {options_.max_source, options_.max_nesting}; }

  // Reads at most one byte more than the limit, so that parse() can report the size. The result
  // says what went wrong.
  std::string read_text(const std::string& path, std::string& text) const {
    std::error_code error;
    if (!open_files_.empty()) {
      const auto open = open_files_.find(fs::weakly_canonical(path, error).string());
      if (open != open_files_.end()) {
        text = open->second;
        return {};
      }
    }
    if (fs::is_directory(path, error)) return "it is a folder";
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    if (!in) return errno != 0 ? std::strerror(errno) : "it cannot be opened";
    constexpr size_t kBlock = size_t{64} << 10;
    size_t read = 0;
    while (in && read <= options_.max_source) {
      text.resize(std::min(read + kBlock, options_.max_source + 1));
      in.read(text.data() + read, static_cast<std::streamsize>(text.size() - read));
      read += static_cast<size_t>(in.gcount());
    }
    text.resize(read);
    if (in.bad()) return "reading failed";
    return {};
  }

  size_t add_unit(const std::string& path, std::string text) {
    const uint32_t file = sources_.add(path, path, std::move(text));
    units_.push_back({parse(sources_, file, diagnostics_, limits()), {}});
    std::error_code error;
    fs::path key = fs::weakly_canonical(path, error);
    known_[error ? path : key.string()] = units_.size() - 1;
    return units_.size() - 1;
  }

  // Reads what unit `u` uses, and what that uses; a unit twice on `open_` is a circle.
  void read_used(size_t u) {
    open_.push_back(u);
    const std::string folder = folder_of(sources_[units_[u].ast.file].path);
    for (size_t i = 0; i < units_[u].ast.items.size(); ++i) {
      const auto* use = std::get_if<UseItem>(&units_[u].ast.items[i].node);
      if (use == nullptr) continue;
      const size_t used = unit_of(joined(folder, use->path), *use);
      units_[u].uses.push_back(used);
    }
    open_.pop_back();
  }

  size_t unit_of(const std::string& path, const UseItem& use) {
    const std::string written = use.path;
    const Span span = use.path_span;
    std::error_code error;
    const fs::path canonical = fs::weakly_canonical(path, error);
    if (const auto found = known_.find(error ? path : canonical.string()); found != known_.end()) {
      const auto open = std::find(open_.begin(), open_.end(), found->second);
      if (open == open_.end()) return found->second;
      report_circle(open, span);
      return Unit::kNoUnit;
    }
    if (units_.size() >= kMaxUnits) {
      report("E0217", span, fmt::format("more than {} files are used", kMaxUnits), "one too many");
      return Unit::kNoUnit;
    }
    std::string text;
    if (const std::string problem = read_text(path, text); !problem.empty()) {
      report("E0211", span, fmt::format("cannot read `{}`: {}", written, problem), "this file");
      return Unit::kNoUnit;
    }
    const size_t added = add_unit(path, std::move(text));
    read_used(added);
    return added;
  }

  void report_circle(std::vector<size_t>::const_iterator first, Span span) {
    std::string circle;
    for (auto u = first; u != open_.cend(); ++u) {
      circle += fmt::format("`{}` uses ", sources_[units_[*u].ast.file].name);
    }
    circle += fmt::format("`{}`", sources_[units_[*first].ast.file].name);
    report("E0210", span, "`use` goes round in a circle: " + circle, "closes the circle");
  }

  void report(const char* code, Span span, std::string message, std::string label,
              std::string help = {}) {
    ir::Diagnostic d;
    d.code = code;
    d.message = std::move(message);
    d.place = sources_.place(span);
    d.label = std::move(label);
    if (!help.empty()) d.helps.push_back(std::move(help));
    diagnostics_.add(std::move(d));
  }

  // Everything on the command line that changes the program's tree.
  void apply_options(const std::string& path) {
    File& program = units_.front().ast;
    if (!options_.extra_source.empty()) {
      std::erase_if(program.items, [](const Item& item) {
        return std::holds_alternative<ModelItem>(item.node) ||
               std::holds_alternative<TrainItem>(item.node) ||
               std::holds_alternative<DataItem>(item.node);
      });
      const uint32_t file = sources_.add("<gradcheck>", path, options_.extra_source);
      File extra = parse(sources_, file, diagnostics_, limits());
      for (Item& item : extra.items) program.items.push_back(std::move(item));
    }
    apply_overrides(options_.overrides, sources_, diagnostics_, units_);
    if (const auto wanted = dtype()) set_dtype(program, *wanted == ir::DType::f64 ? "f64" : "f32");
  }

  std::optional<ir::DType> dtype() const {
    return units_.front().ast.stage.empty() ? options_.dtype : std::nullopt;
  }

  static void set_dtype(File& program, const char* dtype) {
    for (Item& item : program.items) {
      if (auto* found = std::get_if<DTypeItem>(&item.node)) {
        found->dtype = dtype;
        return;
      }
    }
    if (std::string_view(dtype) == "f32") return;
    Item item{DTypeItem{dtype}, {program.file, 0, 0}, {program.file, 0, 0}, ""};
    program.items.insert(program.items.begin(), std::move(item));
  }

  void elaborate_program(Program& program, const std::string& path) {
    ElaborateOptions options;
    options.dtype = dtype();
    options.max_ops = options_.max_ops;
    options.max_rank = options_.max_rank;
    options.max_elements = options_.max_elements;
    options.accumulate = program.train.accumulate;
    options.ema = program.train.ema;
    options.gradient_results = options_.gradient_results;
    options.rewrite_path = [this, path](uint32_t file, const std::string& written) {
      // Seen from the program, or from where its dump will stand.
      const bool known = file < sources_.size() && !sources_[file].path.empty();
      const std::string from = folder_of(known ? sources_[file].path : path);
      const std::string to =
          options_.output_directory.empty() ? folder_of(path) : options_.output_directory;
      return from == to ? written : relocated(written, from, to);
    };
    Elaborated done;
    try {
      done = elaborate(units_, sources_, options, diagnostics_);
    } catch (const ir::OpError& e) {  // a limit of the graph that no statement is to blame for
      const auto& items = units_.front().ast.items;
      report(e.code.c_str(), items.empty() ? Span{} : items.front().span, e.what(), "");
      return;
    }
    program.module = std::move(done.module);
    program.models = std::move(done.models);
    program.derived = std::move(done.derived);
  }

  void finish(Program& program, const std::string& path) {
    File& ast = units_.front().ast;
    if (!ast.items.empty()) program.docstring = ast.items.front().docstring;
    if (program.data) program.data->directory = folder_of(path);
    if (diagnostics_.has_errors()) return;
    if (!options_.output_directory.empty()) {
      rewrite_paths(ast, program.data, folder_of(path), options_.output_directory);
    }
    if (!options_.config_model.empty())
      std::erase_if(ast.items, [&](const Item& item) {
        const auto* model = std::get_if<ModelItem>(&item.node);
        return model != nullptr && model->name != options_.config_model;
      });
    program.config_text = format(ast, sources_);
    for (const Item& item : ast.items) {
      if (std::holds_alternative<DataItem>(item.node) ||
          std::holds_alternative<TrainItem>(item.node)) {
        program.module.items.push_back(format(item));
      }
    }
  }

  const LoadOptions& options_;
  const OpenFiles& open_files_;
  SourceSet& sources_;
  Diagnostics& diagnostics_;
  std::vector<Unit> units_;
  std::map<std::string, size_t> known_;  // by canonical path
  std::vector<size_t> open_;             // being read, the program first
};

}  // namespace

Program load(const std::string& path, const LoadOptions& options, SourceSet& sources,
             Diagnostics& diagnostics) {
  return load(path, options, {}, sources, diagnostics);
}

Program load(const std::string& path, const LoadOptions& options, const OpenFiles& open,
             SourceSet& sources, Diagnostics& diagnostics) {
  return Loader(options, open, sources, diagnostics).load(path);
}

}  // namespace netc::frontend
