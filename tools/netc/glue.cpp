// Converts settings and errors between frontend and runtime.
#include "tools/netc/glue.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/parse.h"
#include "frontend/settings.h"
#include "passes/rewrite.h"

namespace netc::tools {

namespace {
runtime::LoaderCall convert(const frontend::SettingCall& call);

runtime::LoaderValue convert(const frontend::SettingValue& value) {
  if (auto* number = std::get_if<double>(&value)) return *number;
  if (auto* flag = std::get_if<bool>(&value)) return *flag;
  if (auto* text = std::get_if<std::string>(&value)) return *text;
  if (auto* list = std::get_if<std::vector<std::string>>(&value)) return *list;
  return convert(std::get<frontend::SettingCall>(value));
}

runtime::LoaderCall convert(const frontend::SettingCall& call) {
  runtime::LoaderCall out{call.name, {}};
  for (const auto& [name, value] : call.args) out.args.emplace_back(name, convert(value));
  return out;
}

/// A literal or a call of literals as a loader's argument.
runtime::LoaderValue literal(const frontend::Expr& e) {
  if (auto* number = std::get_if<frontend::Number>(&e.node)) return number->real;
  if (auto* flag = std::get_if<frontend::Bool>(&e.node)) return flag->value;
  if (auto* text = std::get_if<frontend::String>(&e.node)) return text->value;
  if (auto* list = std::get_if<frontend::List>(&e.node)) {
    std::vector<std::string> texts;
    for (const frontend::ExprPtr& item : list->items)
      if (auto* text = std::get_if<frontend::String>(&item->node)) texts.push_back(text->value);
    if (texts.size() == list->items.size()) return texts;
  }
  if (auto* minus = std::get_if<frontend::Unary>(&e.node); minus != nullptr && !minus->is_not)
    if (auto* number = std::get_if<frontend::Number>(&minus->operand->node)) return -number->real;
  if (auto* call = std::get_if<frontend::Call>(&e.node)) {
    if (auto* callee = std::get_if<frontend::Name>(&call->callee->node)) {
      runtime::LoaderCall out{callee->name, {}};
      for (const frontend::Arg& a : call->args) out.args.emplace_back(a.name, literal(*a.value));
      return out;
    }
  }
  throw UsageError{"--data takes a loader with literal arguments, as in a `data` item",
                   "for example --data 'csv(\"more.csv\", x = cols(0, 4), y = col(4))'"};
}

/// Place of the declaration of a model's input; absent when the module does not say.
ir::Place input_place(const Session& session, const std::string& name) {
  const ir::Module& module = session.program().module;
  for (const ir::Function& f : module.functions)
    for (const ir::Parameter& p : f.params) {
      const ir::Value& v = f[p.value];
      if (p.role == ir::Role::Input && v.name == name && !v.locs.empty())
        return passes::user_place(module, v.locs);
    }
  return {};
}
}  // namespace

runtime::DataSource data_source(const frontend::Program& program) {
  if (!program.data)
    throw UsageError{"the file has no `data` item",
                     "add one, for example `data mnist(\"data/mnist\")`", Exit::program};
  runtime::DataSource source;
  source.directory = program.data->directory;
  source.call.name = program.data->loader;
  for (const auto& [name, value] : program.data->args)
    source.call.args.emplace_back(name, convert(value));
  return source;
}

runtime::DataSource parse_data_source(Session& session, const std::string& text) {
  frontend::SourceSet& sources = session.sources();
  uint32_t file = sources.add("<--data>", "", text);
  frontend::Diagnostics diagnostics;
  frontend::ExprPtr e = frontend::parse_expression(sources, file, 0, diagnostics);
  if (diagnostics.has_errors()) {
    try {
      session.report(diagnostics.all());
    } catch (const ExitRequest&) {
      throw ExitRequest{Exit::usage};
    }
  }
  runtime::LoaderValue value = literal(*e);
  auto* call = std::get_if<runtime::LoaderCall>(&value);
  if (call == nullptr)
    throw UsageError{"--data takes a loader, as in a `data` item",
                     "for example --data 'csv(\"more.csv\", x = cols(0, 4), y = col(4))'"};
  std::vector<std::string> names;
  for (const frontend::LoaderInfo& loader : frontend::loader_infos()) names.push_back(loader.name);
  if (std::find(names.begin(), names.end(), call->name) == names.end())
    throw UsageError{fmt::format("--data: no loader is called `{}`", call->name),
                     nearest_or_all(call->name, names)};
  session.set_data_place(sources.place(e->span));
  return {*call, "."};
}

std::string optimizer_summary(const frontend::TrainSettings& train) {
  auto number = [](double v) {
    std::string text = short_number(v);
    // `1e-04` is `1e-4` where it stands in a sentence.
    if (size_t e = text.find("e-0"); e != std::string::npos) text.erase(e + 2, 1);
    return text;
  };
  std::string lr;
  if (train.lr.name == "constant") {
    lr = number(train.lr.args.count("lr") > 0 ? train.lr.args.at("lr") : 0);
  } else {
    for (const auto& [name, value] : train.lr.args)
      lr += name == "lr" ? "" : fmt::format(", {} {}", name, number(value));
    lr = fmt::format("{}({}{})", train.lr.name,
                     number(train.lr.args.count("lr") > 0 ? train.lr.args.at("lr") : 0), lr);
  }
  const std::string& text = train.optimizer_text;
  size_t open = text.find('(');
  std::string name = text.substr(0, open), settings;
  if (open != std::string::npos && text.size() > open + 2)
    settings = text.substr(open + 1, text.size() - open - 2);
  for (size_t at; (at = settings.find(" = ")) != std::string::npos;) settings.replace(at, 3, " ");
  return fmt::format("{}(lr {}{}{})", name, lr, settings.empty() ? "" : ", ", settings);
}

runtime::TrainerSettings trainer_settings(const frontend::Program& program,
                                          const frontend::ModelInfo& model) {
  const frontend::TrainSettings& t = program.train;
  runtime::TrainerSettings s;
  s.model = model.name;
  s.epochs = t.epochs;
  s.batch = t.batch;
  s.seed = t.seed;
  s.shuffle = t.shuffle;
  s.drop_last = t.drop_last;
  s.lr = {t.lr.name, t.lr.args};
  s.valid_fraction = t.valid_fraction;
  s.valid_split = t.valid_split;
  s.patience = t.patience;
  s.save = t.save == "last"  ? runtime::SavePolicy::Last
           : t.save == "all" ? runtime::SavePolicy::All
                             : runtime::SavePolicy::Best;
  s.log_every = t.log_every;
  s.accumulate = t.accumulate;
  s.metrics = model.metrics;
  s.config_text = program.config_text;
  s.shown = {{"optimizer", optimizer_summary(t)}};
  if (t.valid_fraction > 0) s.shown.emplace_back("valid", fmt::format("{}", t.valid_fraction));
  if (!t.valid_split.empty()) s.shown.emplace_back("valid", t.valid_split);
  if (t.accumulate > 1) s.shown.emplace_back("accumulate", std::to_string(t.accumulate));
  if (t.ema) s.shown.emplace_back("ema", fmt::format("{}", *t.ema));
  if (t.patience > 0) s.shown.emplace_back("patience", std::to_string(t.patience));
  return s;
}

ir::Diagnostic diagnose(const runtime::Error& error) {
  ir::Diagnostic d = plain_diagnostic(runtime::code(error.fault), error.message);
  d.notes = error.notes;
  d.helps = error.helps;
  return d;
}

ir::Diagnostic diagnose(const Session& session, const runtime::Error& error) {
  ir::Diagnostic d = diagnose(error);
  if (!error.input.empty()) {
    d.place = input_place(session, error.input);
    d.label = error.input_label;
  }
  const ir::Place& data = session.data_place();
  if (data.line == 0 || error.data_label.empty()) return d;
  const auto add = [&](const ir::Place& place, const std::string& label) {
    if (d.place.line != 0) return d.others.emplace_back(place, label), void();
    d.place = place;
    d.label = label;
  };
  // What was set on the command line is the likelier culprit.
  const auto& spec = session.program().data;
  if (spec && spec->place == data)
    for (const ir::Place& place : spec->set_arguments) add(place, "set here");
  add(data, error.data_label);
  return d;
}

}  // namespace netc::tools
