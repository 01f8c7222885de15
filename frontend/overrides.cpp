// Parses each --set argument and puts its value where the path leads: into the `train` block, the
// `data` item or a `let`.
#include "frontend/overrides.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate.h"
#include "frontend/foreign.h"
#include "frontend/format.h"
#include "frontend/parse.h"
#include "frontend/settings.h"

namespace netc::frontend {
namespace {

template <class T>
T* find_item(File& file) {
  for (Item& item : file.items) {
    if (auto* found = std::get_if<T>(&item.node)) return found;
  }
  return nullptr;
}

std::vector<std::string> let_names(const File& program) {
  std::vector<std::string> names;
  for (const Item& item : program.items) {
    if (const auto* let = std::get_if<LetItem>(&item.node)) names.push_back(let->name);
  }
  return names;
}

std::optional<std::vector<std::string>> settings_of(const File& file, const std::string& name) {
  for (const Item& item : file.items) {
    const auto* optimizer = std::get_if<OptimizerItem>(&item.node);
    if (optimizer == nullptr || optimizer->name != name) continue;
    std::vector<std::string> parameters;
    for (const ParamDecl& p : optimizer->settings) parameters.push_back(p.path.str());
    return parameters;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::vector<std::string>> parameters_of(const std::string& callee,
                                                      const File& program) {
  std::vector<std::string> parameters;
  for (const ScheduleInfo& info : schedule_infos()) {
    if (info.name != callee) continue;
    for (const ScheduleParameter& p : info.parameters) parameters.push_back(p.name);
    return parameters;
  }
  if (auto own = settings_of(program, callee)) return own;
  for (const StdFile& file : std_files()) {
    SourceSet sources;
    Diagnostics ignored;
    sources.add(file.name, "", file.text);
    if (auto found = settings_of(parse(sources, 0, ignored), callee)) return found;
  }
  return std::nullopt;
}

namespace {

class OverrideParser {
 public:
  OverrideParser(const Override& override, SourceSet& sources, Diagnostics& diagnostics,
                 std::vector<Unit>& units)
      : sources_(sources),
        diagnostics_(diagnostics),
        units_(units),
        program_(units.front().ast),
        file_(sources.add("<--set>", "", override.text)),
        text_(sources[file_].text) {}

  void apply() {
    if (!split()) return;
    value_ =
        parse_expression(sources_, file_, static_cast<uint32_t>(text_.find('=') + 1), diagnostics_);
    if (!value_) return;
    if (parts_[0] == "train") return set_train();
    if (parts_[0] == "data") return set_data();
    set_let();
  }

 private:
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

  Span whole() const { return {file_, 0, static_cast<uint32_t>(text_.size())}; }

  // Takes the path before `=` apart.
  bool split() {
    const size_t equals = text_.find('=');
    if (equals == std::string_view::npos) {
      report("E0507", whole(), "`--set` takes PATH=VALUE", "no `=` in it",
             "for example `--set train.epochs=3`");
      return false;
    }
    size_t end = equals;
    while (end > 0 && text_[end - 1] == ' ') --end;
    for (size_t begin = 0; begin <= end;) {
      const size_t dot = std::min(text_.find('.', begin), end);
      const Span span{file_, static_cast<uint32_t>(begin), static_cast<uint32_t>(dot)};
      const std::string_view part = text_.substr(begin, dot - begin);
      const bool is_word = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
      });
      if (!is_word) {
        report("E0507", span,
               part.empty() ? "a name is missing in the path"
                            : fmt::format("`{}` is not a name", part),
               "expected a name", "for example `--set train.epochs=3`");
        return false;
      }
      parts_.emplace_back(part);
      spans_.push_back(span);
      begin = dot + 1;
    }
    if (parts_[0] == "data" && parts_.size() > 1 && looks_like_path(text_.substr(equals + 1))) {
      report("E0507", {file_, static_cast<uint32_t>(equals + 1), whole().end},
             "a path must stand in quotes", "not a string",
             fmt::format("write `--set '{}=\"{}\"'`", text_.substr(0, equals),
                         text_.substr(equals + 1)));
      return false;
    }
    return true;
  }

  static bool looks_like_path(std::string_view value) {
    return value.starts_with('/') || value.starts_with('~') || value.starts_with("./") ||
           value.starts_with("../");
  }

  bool too_long(size_t most) {
    if (parts_.size() <= most) return false;
    report("E0507", spans_[most], "the path is too long", "nothing stands below this setting");
    return true;
  }

  // -- train --------------------------------------------------------------------------------------

  void set_train() {
    if (parts_.size() == 1) {
      return report("E0507", spans_[0], "`train` is a block of settings", "which of them?",
                    "for example `--set train.epochs=3`");
    }
    const std::vector<std::string> keys = setting_keys();
    if (std::find(keys.begin(), keys.end(), parts_[1]) == keys.end()) {
      const std::string near = intended_name(parts_[1], keys);
      return report("E0501", spans_[1], fmt::format("`train` has no setting `{}`", parts_[1]),
                    "unknown setting",
                    near.empty() ? "`netc explain train` lists all settings"
                                 : fmt::format("did you mean `train.{}`?  (`netc explain train` "
                                               "lists all settings)",
                                               near));
    }
    if (too_long(3) || is_lowered()) return;
    if (find_item<TrainItem>(program_) == nullptr) {
      program_.items.push_back({TrainItem{}, whole(), spans_[0], ""});
    }
    auto& settings = find_item<TrainItem>(program_)->settings;
    const auto setting = std::find_if(settings.begin(), settings.end(),
                                      [&](const Setting& s) { return s.key == parts_[1]; });
    if (parts_.size() == 3) {
      return set_argument(setting == settings.end() ? nullptr : setting->value.get());
    }
    if (setting == settings.end()) {
      settings.push_back({parts_[1], spans_[1], std::move(value_)});
    } else {
      setting->value = std::move(value_);
    }
  }

  // The optimizer of a dump is graph code already.
  bool is_lowered() {
    const std::vector<std::string> lowered = {"optimizer", "clip",       "freeze",
                                              "groups",    "accumulate", "ema"};
    if (program_.stage.empty() ||
        std::find(lowered.begin(), lowered.end(), parts_[1]) == lowered.end()) {
      return false;
    }
    const bool has_update =
        std::any_of(program_.items.begin(), program_.items.end(), [](const Item& item) {
          const auto* fn = std::get_if<FnItem>(&item.node);
          return fn != nullptr && fn->name.parts.size() == 2 &&
                 (fn->name.parts[1] == "update" || fn->name.parts[1] == "train");
        });
    if (!has_update) return false;
    report("E0508", spans_[1], fmt::format("`train.{}` is fixed in this dump", parts_[1]),
           "already lowered to graph code",
           "set it on the program that the dump was made from, and dump again");
    return true;
  }

  // `train.optimizer.momentum=0.9`: an argument of the call that the setting holds.
  void set_argument(Expr* setting) {
    auto* call = setting == nullptr ? nullptr : std::get_if<Call>(&setting->node);
    if (call == nullptr) {
      return report("E0507", spans_[2], fmt::format("`train.{}` has no arguments", parts_[1]),
                    setting == nullptr ? "it is not set in the file"
                                       : fmt::format("it is `{}`", format(*setting)),
                    fmt::format("set all of it: `--set 'train.{}=…'`", parts_[1]));
    }
    const std::string callee = format(*call->callee);
    const auto parameters = parameters_of(callee, program_);
    size_t position = call->args.size();
    if (parameters) {
      const auto found = std::find(parameters->begin(), parameters->end(), parts_[2]);
      if (found == parameters->end()) {
        const std::string near = intended_name(parts_[2], *parameters);
        return report("E0501", spans_[2],
                      fmt::format("`{}` has no setting `{}`", callee, parts_[2]), "unknown setting",
                      near.empty() ? fmt::format("`netc explain {}` shows its settings", callee)
                                   : fmt::format("did you mean `train.{}.{}`?", parts_[1], near));
      }
      position = static_cast<size_t>(found - parameters->begin());
    }
    set_argument(call->args, parts_[2], spans_[2], position);
  }

  // Replaces the argument called `name`, or the one that stands for it by position, or adds it.
  void set_argument(std::vector<Arg>& args, const std::string& name, Span span, size_t position) {
    size_t unnamed = 0;
    for (Arg& arg : args) {
      if (arg.name == name || (arg.name.empty() && unnamed++ == position)) {
        arg.value = std::move(value_);
        return;
      }
    }
    args.push_back({name, span, std::move(value_)});
  }

  // -- data and let -------------------------------------------------------------------------------

  void set_data() {
    if (parts_.size() == 1) return replace_data();
    if (too_long(2)) return;
    auto* data = find_item<DataItem>(program_);
    if (data == nullptr) {
      return report("E0507", spans_[0], "the program has no `data` item", "nothing to set",
                    "give one: `--set 'data=random(n = 1000, seed = 1)'`");
    }
    std::vector<std::string> known;
    size_t position = data->args.size();
    bool has_fields = true;
    for (const LoaderInfo& info : loader_infos()) {
      if (info.name != data->loader) continue;
      known = info.parameters;
      has_fields = info.has_fields;
    }
    const auto parameter = std::find(known.begin(), known.end(), parts_[1]);
    if (parameter != known.end()) position = static_cast<size_t>(parameter - known.begin());
    const bool is_path = parameter != known.end() && data->loader != "random";
    const std::string first = known.empty() ? "" : known[0];
    bool exists = parameter != known.end();
    for (const Arg& arg : data->args) {
      if (arg.name.empty()) continue;
      exists |= arg.name == parts_[1];
      known.push_back(arg.name);
    }
    const std::string near = nearest(parts_[1], known);
    if (!exists && (!has_fields || !near.empty() || !is_input(parts_[1]))) {
      return report("E0501", spans_[1],
                    fmt::format("`{}` has no argument `{}`", data->loader, parts_[1]),
                    has_fields ? "no argument, and no input of the model" : "unknown argument",
                    !near.empty() ? fmt::format("did you mean `data.{}`?", near)
                    : has_fields && !first.empty() && is_text()
                        ? fmt::format("did you mean `data.{}`?", first)
                        : fmt::format("it has `{}`", fmt::join(known, "`, `")));
    }
    const auto* word = std::get_if<Name>(&value_->node);
    const std::vector<std::string> lets = let_names(program_);
    if (is_path && word && std::find(lets.begin(), lets.end(), word->name) == lets.end()) {
      return report("E0507", value_->span, "a path must stand in quotes", "not a string",
                    fmt::format("write `--set 'data.{}=\"{}\"'`", parts_[1], word->name));
    }
    set_argument(data->args, parts_[1], spans_[1], position);
  }

  // A path, with or without its quotes.
  bool is_text() const {
    return std::holds_alternative<String>(value_->node) ||
           std::holds_alternative<Name>(value_->node) ||
           std::holds_alternative<Member>(value_->node);
  }

  // Whether a field of this name can reach a model; all can where models are not written out.
  bool is_input(const std::string& name) const {
    bool any = false;
    for (const Item& item : program_.items) {
      const auto* model = std::get_if<ModelItem>(&item.node);
      if (model == nullptr) continue;
      any = true;
      for (const Stmt& s : model->body)
        if (const auto* input = std::get_if<InputDecl>(&s.node); input && input->name.str() == name)
          return true;
    }
    return !any;
  }

  void replace_data() {
    auto* call = std::get_if<Call>(&value_->node);
    const auto* callee = call == nullptr ? nullptr : std::get_if<Name>(&call->callee->node);
    if (callee == nullptr) {
      return report("E0507", value_->span, "`data` takes a loader", "not a call",
                    "for example `--set 'data=random(n = 1000, seed = 1)'`");
    }
    DataItem item{callee->name, call->callee->span, std::move(call->args)};
    if (auto* data = find_item<DataItem>(program_))
      *data = std::move(item);
    else
      program_.items.push_back({std::move(item), value_->span, {}, ""});
  }

  // Of a literal; empty of what has to be computed.
  static std::string kind_of(const Expr& value) {
    return std::holds_alternative<Number>(value.node)   ? "a number"
           : std::holds_alternative<String>(value.node) ? "a string"
           : std::holds_alternative<Bool>(value.node)   ? "true or false"
                                                        : "";
  }

  void set_let() {
    if (parts_.size() == 1) {
      for (Item& item : program_.items) {
        auto* let = std::get_if<LetItem>(&item.node);
        if (let == nullptr || let->name != parts_[0]) continue;
        const std::string was = kind_of(*let->value), is = kind_of(*value_);
        if (!was.empty() && !is.empty() && was != is)
          return report("E0502", value_->span, fmt::format("`{}` is {}", parts_[0], was),
                        fmt::format("this is {}", is));
        let->value = std::move(value_);
        return;
      }
    }
    if (refuse_let_elsewhere()) return;
    std::vector<std::string> known = let_names(program_);
    if (parts_.size() > 1) known.clear();
    known.emplace_back("train");
    known.emplace_back("data");
    const std::vector<std::string> keys = setting_keys();
    const bool is_key = std::find(keys.begin(), keys.end(), parts_[0]) != keys.end();
    const std::string near = nearest(parts_[0], known);
    report("E0501", spans_[0], fmt::format("the program has no constant `{}`", parts_[0]),
           "unknown name",
           is_key          ? fmt::format("did you mean `train.{}`?", parts_[0])
           : !near.empty() ? fmt::format("did you mean `{}`?", near)
                           : "`--set` takes `train.…`, `data.…` and the names of `let` constants");
  }

  // A used file stands as it is for all programs that use it, so it is not changed from here.
  bool refuse_let_elsewhere() {
    for (size_t u = 1; u < units_.size(); ++u) {
      for (const Item& item : units_[u].ast.items) {
        const auto* let = std::get_if<LetItem>(&item.node);
        if (let == nullptr || let->name != parts_.back()) continue;
        const ir::Place place = sources_.place(item.name_span);
        ir::Diagnostic d;
        d.code = "E0501";
        d.message = fmt::format("`{}` is a constant of a used file, not of the program", let->name);
        d.place = sources_.place({file_, spans_.front().begin, spans_.back().end});
        d.label = "`--set` changes the program's own constants";
        d.others.emplace_back(place, "declared here");
        d.helps.push_back("change it there, or make it a setting of the layer or fn that uses it");
        diagnostics_.add(std::move(d));
        return true;
      }
    }
    return false;
  }

  SourceSet& sources_;
  Diagnostics& diagnostics_;
  const std::vector<Unit>& units_;
  File& program_;
  uint32_t file_;
  std::string_view text_;
  std::vector<std::string> parts_;
  std::vector<Span> spans_;
  ExprPtr value_;
};

}  // namespace

void apply_overrides(const std::vector<Override>& overrides, SourceSet& sources,
                     Diagnostics& diagnostics, std::vector<Unit>& units) {
  for (const Override& override : overrides) {
    OverrideParser(override, sources, diagnostics, units).apply();
  }
}

std::vector<std::string> override_paths(const File& program) {
  std::vector<std::string> paths;
  for (const std::string& key : setting_keys()) paths.push_back("train." + key);
  for (const Item& item : program.items) {
    if (const auto* train = std::get_if<TrainItem>(&item.node)) {
      for (const Setting& s : train->settings) {
        const auto* call = s.value ? std::get_if<Call>(&s.value->node) : nullptr;
        if (call == nullptr) continue;
        const auto parameters = parameters_of(format(*call->callee), program);
        if (!parameters) continue;
        for (const std::string& p : *parameters) paths.push_back("train." + s.key + "." + p);
      }
    }
    const auto* data = std::get_if<DataItem>(&item.node);
    if (data == nullptr) continue;
    for (const LoaderInfo& info : loader_infos()) {
      if (info.name != data->loader) continue;
      for (const std::string& parameter : info.parameters) paths.push_back("data." + parameter);
    }
    for (const Arg& arg : data->args) {
      if (!arg.name.empty()) paths.push_back("data." + arg.name);
    }
  }
  for (const std::string& name : let_names(program)) paths.push_back(name);
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  return paths;
}

}  // namespace netc::frontend
