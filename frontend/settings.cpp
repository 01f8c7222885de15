// Checks the `train` and `data` items key by key.
#include "frontend/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <map>

#include "frontend/const_eval.h"
#include "frontend/foreign.h"
#include "frontend/format.h"
#include "frontend/overrides.h"

namespace netc::frontend {
namespace {

// What a value is, for messages: "a string", "0.5".
std::string shown(const Constant& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value)) return fmt::format("{}", *d);
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "true" : "false";
  return "a string";
}

template <class Info>
const Info* find(std::span<const Info> infos, const std::string& name) {
  for (const Info& info : infos) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

template <class Info>
std::vector<std::string> names(std::span<const Info> infos) {
  std::vector<std::string> list;
  for (const Info& info : infos) list.push_back(info.name);
  return list;
}

class SettingsReader {
 public:
  SettingsReader(const std::vector<Unit>& units, const SourceSet& sources, Diagnostics& diagnostics,
                 Program& out)
      : units_(units),
        program_(units.front().ast),
        sources_(sources),
        diagnostics_(diagnostics),
        out_(out),
        constants_(units, sources, diagnostics) {}

  void run() {
    const Item* train = nullptr;
    const Item* data = nullptr;
    for (const Item& item : program_.items) {
      if (std::holds_alternative<TrainItem>(item.node) && only(train, item, "train")) {
        read_train(item);
      }
      if (std::holds_alternative<DataItem>(item.node) && only(data, item, "data")) {
        read_data(item);
      }
    }
  }

 private:
  ir::Diagnostic& error(const char* code, Span span, std::string message, std::string label) {
    pending_ = {};
    pending_.code = code;
    pending_.message = std::move(message);
    pending_.place = sources_.place(span);
    pending_.label = std::move(label);
    return pending_;
  }
  void report(const char* code, Span span, std::string message, std::string label,
              std::string help = {}) {
    error(code, span, std::move(message), std::move(label));
    if (!help.empty()) pending_.helps.push_back(std::move(help));
    diagnostics_.add(pending_);
  }

  bool only(const Item*& first, const Item& item, const char* what) {
    if (first == nullptr) {
      first = &item;
      return true;
    }
    ir::Diagnostic& d =
        error("E0506", item.span, fmt::format("a second `{}` item", what), "a program has one");
    d.others.emplace_back(sources_.place(first->span), "the first one");
    diagnostics_.add(d);
    return false;
  }

  // -- train --------------------------------------------------------------------------------------

  void read_train(const Item& item) {
    out_.has_train = true;
    TrainSettings& t = out_.train;
    t.place = sources_.place(item.name_span);
    t.lr.args = {{"lr", 1e-3}};
    t.optimizer_text = "sgd()";
    std::map<std::string, const Setting*> seen;
    for (const Setting& setting : std::get<TrainItem>(item.node).settings) {
      const auto [first, is_new] = seen.emplace(setting.key, &setting);
      if (is_new) {
        read_setting(setting);
        continue;
      }
      ir::Diagnostic& d = error("E0506", setting.key_span,
                                fmt::format("`{}` is set twice", setting.key), "set again here");
      d.others.emplace_back(sources_.place(first->second->key_span), "first set here");
      diagnostics_.add(d);
    }
    const bool has_valid = t.valid_fraction > 0 || !t.valid_split.empty();
    if (has_valid || diagnostics_.has_errors()) return;
    if (t.patience > 0) needs_valid(*seen["patience"], "patience");
    if (t.lr.name == "plateau") needs_valid(*seen["lr"], "plateau");
  }

  void needs_valid(const Setting& setting, const char* what) {
    report("E0510", setting.key_span, fmt::format("`{}` needs `valid`", what),
           "watches the validation loss", "keep some records apart: `valid = 0.1`");
  }

  void read_setting(const Setting& s) {
    TrainSettings& t = out_.train;
    const std::map<std::string, std::function<void()>> readers = {
        {"epochs", [&] { integer(s, 1, t.epochs); }},
        {"batch", [&] { integer(s, 1, t.batch); }},
        {"seed", [&] { seed(s); }},
        {"shuffle", [&] { boolean(s, t.shuffle); }},
        {"drop_last", [&] { boolean(s, t.drop_last); }},
        {"lr", [&] { learning_rate(s); }},
        {"optimizer", [&] { t.optimizer_text = with_names(*s.value); }},
        {"clip", [] {}},
        {"valid", [&] { valid(s); }},
        {"patience", [&] { integer(s, 0, t.patience); }},
        {"save", [&] { word(s, {"last", "best", "all"}, t.save); }},
        {"accumulate", [&] { integer(s, 1, t.accumulate); }},
        {"ema", [&] { ema(s); }},
        {"freeze", [] {}},
        {"groups", [] {}},
        {"precision", [&] { precision(s); }},
        {"log_every", [&] { integer(s, 0, t.log_every); }}};
    const auto reader = readers.find(s.key);
    if (reader != readers.end()) return reader->second();
    report("E0501", s.key_span, fmt::format("`train` has no setting `{}`", s.key),
           "unknown setting", unknown_key_help(s.key));
  }

  static std::string unknown_key_help(const std::string& key) {
    const std::vector<std::string> keys = setting_keys();
    if (key == "loss" || key == "metric" || key == "metrics" || key == "output")
      return "it stands in the `model`: `loss cross_entropy(logits, label)`";
    if (key == "data" || key == "dataset" || key == "loader")
      return "it stands outside of `train`: `data mnist(\"data/mnist\")`";
    const std::string near = intended_name(key, keys);
    if (near.empty()) return "`netc explain train` lists all settings";
    return fmt::format("did you mean `{}`?  (`netc explain train` lists all settings)", near);
  }

  // The call with the names of what it gives by position.
  std::string with_names(const Expr& value) const {
    const auto* call = std::get_if<Call>(&value.node);
    if (call == nullptr) return format(value);
    const std::string callee = format(*call->callee);
    std::optional<std::vector<std::string>> parameters;
    for (const Unit& unit : units_)
      if (!parameters) parameters = parameters_of(callee.substr(callee.rfind('.') + 1), unit.ast);
    std::string text = callee + "(";
    for (size_t i = 0, position = 0; i < call->args.size(); ++i) {
      std::string name = call->args[i].name;
      if (name.empty() && parameters && position < parameters->size())
        name = (*parameters)[position++];
      text +=
          (i > 0 ? ", " : "") + name + (name.empty() ? "" : " = ") + format(*call->args[i].value);
    }
    return text + ")";
  }

  void wrong_kind(const std::string& what, const Expr& value, std::string_view wanted,
                  const Constant& given) {
    report("E0502", value.span, fmt::format("`{}` takes {}", what, wanted),
           fmt::format("this is {}", shown(given)));
  }

  void integer(const Setting& s, int64_t least, int64_t& out) {
    const auto value = constants_.evaluate(*s.value);
    if (!value) return;
    const auto* i = std::get_if<int64_t>(&*value);
    if (i == nullptr) return wrong_kind(s.key, *s.value, "a whole number", *value);
    if (*i < least) {
      return report("E0503", s.value->span, fmt::format("`{}` must be at least {}", s.key, least),
                    fmt::format("this is {}", *i));
    }
    out = *i;
  }

  void seed(const Setting& s) {
    int64_t value = 0;
    integer(s, 0, value);
    out_.train.seed = static_cast<uint64_t>(value);
  }

  void boolean(const Setting& s, bool& out) {
    const auto value = constants_.evaluate(*s.value);
    if (!value) return;
    if (const auto* b = std::get_if<bool>(&*value))
      out = *b;
    else
      wrong_kind(s.key, *s.value, "`true` or `false`", *value);
  }

  // One of some words, with or without quotes.
  void word(const Setting& s, const std::vector<std::string>& words, std::string& out) {
    const auto* name = std::get_if<Name>(&s.value->node);
    const auto* text = std::get_if<String>(&s.value->node);
    const std::string given = name != nullptr ? name->name : text != nullptr ? text->value : "";
    if (std::find(words.begin(), words.end(), given) != words.end()) {
      out = given;
      return;
    }
    const std::string near = nearest(given, words);
    report("E0502", s.value->span,
           fmt::format("`{}` is one of `{}`", s.key, fmt::join(words, "`, `")), "none of them",
           near.empty() ? "" : fmt::format("did you mean `{}`?", near));
  }

  void valid(const Setting& s) {
    if (const auto* name = std::get_if<Name>(&s.value->node)) {
      if (name->name == "train" || name->name == "valid") {
        out_.train.valid_split = name->name;
        return;
      }
    }
    const auto value = constants_.evaluate(*s.value);
    if (!value) return;
    if (const auto* text = std::get_if<std::string>(&*value)) {
      out_.train.valid_split = *text;
      return;
    }
    const auto number = number_of(*value);
    if (!number) return wrong_kind("valid", *s.value, "a fraction or the name of a split", *value);
    if (!(*number >= 0 && *number < 1)) {
      return report("E0503", s.value->span, "`valid` must be at least 0 and less than 1",
                    fmt::format("this is {}", shown(*value)),
                    *number > 1 && *number < 100
                        ? fmt::format("a fraction: {} % is `{}`", *number, *number / 100)
                        : "");
    }
    out_.train.valid_fraction = *number;
  }

  void ema(const Setting& s) {
    const auto value = constants_.evaluate(*s.value);
    if (!value) return;
    const auto number = number_of(*value);
    if (!number) return wrong_kind("ema", *s.value, "a number", *value);
    if (!(*number >= 0 && *number < 1)) {
      return report("E0503", s.value->span, "`ema` must be at least 0 and less than 1",
                    fmt::format("this is {}", shown(*value)));
    }
    out_.train.ema = *number;
  }

  void precision(const Setting& s) {
    const auto* dtype = std::get_if<DTypeName>(&s.value->node);
    if (dtype != nullptr && dtype->name == "f32") return;
    report("E0502", s.value->span, "`precision` can only be `f32`", "not supported",
           "for f64 write `dtype f64` at the top of the file, or `--dtype f64`");
  }

  void learning_rate(const Setting& s) {
    const auto* call = std::get_if<Call>(&s.value->node);
    if (call == nullptr) {
      const auto value = constants_.evaluate(*s.value);
      if (!value) return;
      const auto number = number_of(*value);
      if (!number) return wrong_kind("lr", *s.value, "a number or a schedule", *value);
      if (check_range("lr", *s.value, *number, 0, 1e308, *value)) {
        out_.train.lr = {"constant", {{"lr", *number}}};
      }
      return;
    }
    const auto* callee = std::get_if<Name>(&call->callee->node);
    const std::string name = callee != nullptr ? callee->name : "";
    if (const ScheduleInfo* info = find(schedule_infos(), name)) return schedule(*info, *call, s);
    const std::vector<std::string> known = names(schedule_infos());
    const std::string near = intended_name(name, known);
    report("E0504", call->callee->span,
           fmt::format("unknown schedule `{}`", sources_.text(call->callee->span)),
           "not a schedule",
           near.empty() ? fmt::format("schedules are {}", fmt::join(known, ", "))
                        : fmt::format("did you mean `{}`?", near));
  }

  bool check_range(const std::string& what, const Expr& expr, double value, double least,
                   double most, const Constant& given) {
    if (value >= least && value <= most) return true;
    report("E0503", expr.span,
           most < 1e308 ? fmt::format("`{}` must lie between {} and {}", what, least, most)
                        : fmt::format("`{}` must be a finite number, at least {}", what, least),
           fmt::format("this is {}", shown(given)));
    return false;
  }

  void schedule(const ScheduleInfo& info, const Call& call, const Setting& s) {
    Schedule schedule{info.name, {}};
    bool good = true;
    size_t position = 0;
    for (const Arg& arg : call.args) {
      const ScheduleParameter* parameter = parameter_for(info, arg, position);
      if (parameter == nullptr || !argument(info, *parameter, arg, schedule)) good = false;
    }
    for (const ScheduleParameter& p : info.parameters) {
      if (schedule.args.contains(p.name)) continue;
      if (p.fallback) {
        schedule.args[p.name] = *p.fallback;
      } else if (good) {
        good = false;
        report("E0505", s.value->span, fmt::format("`{}` needs `{}`", info.name, p.name),
               "not given", fmt::format("write `{}`", signature(info)));
      }
    }
    if (good) out_.train.lr = std::move(schedule);
  }

  static std::string signature(const ScheduleInfo& info) {
    std::string text = info.name + "(";
    for (const ScheduleParameter& p : info.parameters) {
      if (&p != &info.parameters.front()) text += ", ";
      text += p.name;
      if (p.fallback) text += fmt::format(" = {}", *p.fallback);
    }
    return text + ")";
  }

  const ScheduleParameter* parameter_for(const ScheduleInfo& info, const Arg& arg,
                                         size_t& position) {
    if (arg.name.empty()) {
      if (position < info.parameters.size()) return &info.parameters[position++];
      report("E0505", arg.value->span, fmt::format("`{}` has too many arguments", info.name),
             "one too many", fmt::format("write `{}`", signature(info)));
      return nullptr;
    }
    std::vector<std::string> known;
    for (const ScheduleParameter& p : info.parameters) {
      if (p.name == arg.name) return &p;
      known.push_back(p.name);
    }
    const std::string near = intended_name(arg.name, known);
    report("E0505", arg.name_span, fmt::format("`{}` has no argument `{}`", info.name, arg.name),
           "unknown argument",
           near.empty() ? fmt::format("it is `{}`", signature(info))
                        : fmt::format("did you mean `{}`?", near));
    return nullptr;
  }

  bool argument(const ScheduleInfo& info, const ScheduleParameter& p, const Arg& arg,
                Schedule& out) {
    const auto value = constants_.evaluate(*arg.value);
    if (!value) return false;
    const auto number = number_of(*value);
    if (!number || (p.is_int && !std::holds_alternative<int64_t>(*value))) {
      wrong_kind(p.name, *arg.value, p.is_int ? "a whole number" : "a number", *value);
      return false;
    }
    if (!check_range(p.name, *arg.value, *number, p.least, p.most, *value)) return false;
    if (out.args.emplace(p.name, *number).second) return true;
    report("E0505", arg.value->span, fmt::format("`{}` of `{}` is given twice", p.name, info.name),
           "given again here");
    return false;
  }

  // -- data ---------------------------------------------------------------------------------------

  void read_data(const Item& item) {
    const auto& data = std::get<DataItem>(item.node);
    const LoaderInfo* info = find(loader_infos(), data.loader);
    if (info == nullptr) {
      const std::vector<std::string> known = names(loader_infos());
      const std::string near = intended_name(data.loader, known);
      return report("E0504", data.loader_span, fmt::format("unknown loader `{}`", data.loader),
                    "not a loader of data",
                    near.empty() ? fmt::format("loaders are {}", fmt::join(known, ", "))
                                 : fmt::format("did you mean `{}`?", near));
    }
    DataSpec spec;
    spec.loader = data.loader;
    spec.place = sources_.place(data.loader_span);
    bool good = true;
    size_t position = 0;
    for (const Arg& arg : data.args) {
      if (refuse_bare_path(*arg.value)) {
        good = false;
        continue;
      }
      const auto value = setting_value(*arg.value);
      good = value && data_argument(*info, arg, *value, position) && good;
      const uint32_t file = arg.value->span.file;
      if (file != data.loader_span.file && sources_[file].name == "<--set>")
        spec.set_arguments.push_back(sources_.place(arg.value->span));
      if (value) spec.args.emplace_back(arg.name, *value);
    }
    if (good && data.args.empty()) {
      report("E0505", data.loader_span, fmt::format("`{}` needs arguments", info->name),
             "none given", fmt::format("write `data {}`", info->usage));
    }
    if (good) out_.data = std::move(spec);
  }

  // `mnist(data/mnist)`, `csv(points.csv)`: a path that looks like a division or a member.
  bool refuse_bare_path(const Expr& value) {
    const std::string_view written = sources_.text(value.span);
    const bool is_path = ((std::holds_alternative<Binary>(value.node) &&
                           written.find('/') != std::string_view::npos) ||
                          std::holds_alternative<Member>(value.node)) &&
                         std::all_of(written.begin(), written.end(),
                                     [](char c) {
                                       return std::isalnum(static_cast<unsigned char>(c)) ||
                                              c == '_' || c == '/' || c == '.' || c == '-';
                                     }) &&
                         std::isalpha(static_cast<unsigned char>(written[0]));
    if (is_path)
      report("E0502", value.span, "a path stands in quotes", "not a string",
             fmt::format("write `\"{}\"`", written));
    return is_path;
  }

  bool data_argument(const LoaderInfo& info, const Arg& arg, const SettingValue& value,
                     size_t& position) {
    std::string name = arg.name;
    if (name.empty()) {
      if (position >= info.parameters.size()) {
        report("E0505", arg.value->span, fmt::format("`{}` has too many arguments", info.name),
               info.has_fields ? "give it a name" : "one too many",
               fmt::format("write `data {}`", info.usage));
        return false;
      }
      name = info.parameters[position++];
    }
    const bool is_parameter =
        std::find(info.parameters.begin(), info.parameters.end(), name) != info.parameters.end();
    if (!is_parameter && !info.has_fields) {
      const std::string near = nearest(name, info.parameters);
      report("E0505", arg.name_span, fmt::format("`{}` has no argument `{}`", info.name, name),
             "unknown argument",
             near.empty() ? fmt::format("write `data {}`", info.usage)
                          : fmt::format("did you mean `{}`?", near));
      return false;
    }
    if (info.name == "random") return whole_number(name, *arg.value, value);
    const bool is_columns = info.name == "csv" && !is_parameter;
    const auto* call = std::get_if<SettingCall>(&value);
    if (is_columns ? call != nullptr && (call->name == "col" || call->name == "cols")
                   : std::holds_alternative<std::string>(value)) {
      return true;
    }
    const auto* header = std::get_if<std::string>(&value);
    report("E0502", arg.value->span,
           fmt::format(
               "`{}` takes {}", name,
               is_columns ? "`col(i)`, `col(\"name\")` or `cols(from, to)`" : "a path in quotes"),
           "something else",
           is_columns && header ? fmt::format("write `{} = col(\"{}\")`", name, *header)
                                : fmt::format("write `data {}`", info.usage));
    return false;
  }

  bool whole_number(const std::string& name, const Expr& expr, const SettingValue& value) {
    const auto* number = std::get_if<double>(&value);
    if (number != nullptr && *number >= 0 && *number == std::floor(*number) && *number < 0x1p53) {
      return true;
    }
    report("E0502", expr.span, fmt::format("`{}` takes a whole number, at least 0", name),
           "something else");
    return false;
  }

  std::optional<SettingValue> setting_value(const Expr& expr) {
    if (const auto* call = std::get_if<Call>(&expr.node)) {
      const auto* callee = std::get_if<Name>(&call->callee->node);
      if (callee != nullptr) {
        SettingCall out{callee->name, {}, sources_.place(expr.span)};
        for (const Arg& arg : call->args) {
          auto value = setting_value(*arg.value);
          if (!value) return std::nullopt;
          out.args.emplace_back(arg.name, std::move(*value));
        }
        return out;
      }
    }
    if (const auto* list = std::get_if<List>(&expr.node)) {
      std::vector<std::string> texts;
      for (const ExprPtr& item : list->items) {
        const auto value = constants_.evaluate(*item);
        if (!value) return std::nullopt;
        const auto* text = std::get_if<std::string>(&*value);
        if (text == nullptr) {
          report("E0502", item->span, "a list of strings is expected",
                 fmt::format("this is {}", shown(*value)));
          return std::nullopt;
        }
        texts.push_back(*text);
      }
      return texts;
    }
    const auto value = constants_.evaluate(expr);
    if (!value) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&*value)) return *text;
    if (const auto* flag = std::get_if<bool>(&*value)) return *flag;
    return *number_of(*value);
  }

  const std::vector<Unit>& units_;
  const File& program_;
  const SourceSet& sources_;
  Diagnostics& diagnostics_;
  Program& out_;
  ConstantEvaluator constants_;
  ir::Diagnostic pending_;
};

}  // namespace

void read_settings(const std::vector<Unit>& units, const SourceSet& sources,
                   Diagnostics& diagnostics, Program& out) {
  SettingsReader(units, sources, diagnostics, out).run();
}

}  // namespace netc::frontend
