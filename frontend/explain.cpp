// Puts together what is known of a name: from the tables of codes and settings, from the source of
// the standard library, and from the signatures of the functions the compiler carries.
#include "frontend/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/elaborate.h"
#include "frontend/elaborate_state.h"
#include "frontend/format.h"
#include "frontend/parse.h"
#include "frontend/settings.h"

namespace netc::frontend {
namespace {

std::string indented(std::string_view text) {
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin) out += "    ";
    out += text.substr(begin, end - begin);
    out += '\n';
    begin = end + 1;
  }
  return out;
}

std::string code_text(const CodeInfo& info) {
  std::string out = fmt::format("{}: {}\n\n{}\n", info.code, info.title, info.cause);
  if (!info.wrong.empty()) out += "\nwrong:\n" + indented(info.wrong);
  if (!info.right.empty()) out += "\nright:\n" + indented(info.right);
  return out;
}

std::string item_name(const Item& item) {
  if (const auto* fn = std::get_if<FnItem>(&item.node)) return fn->name.str();
  if (const auto* layer = std::get_if<LayerItem>(&item.node)) return layer->name;
  if (const auto* optimizer = std::get_if<OptimizerItem>(&item.node)) return optimizer->name;
  return {};
}

// Calls `use(name, item, source text)` for every item of std that has a name.
template <class Use>
void for_each_std_item(Use use) {
  for (const StdFile& file : std_files()) {
    SourceSet sources;
    Diagnostics ignored;
    sources.add(file.name, "", file.text);
    const File parsed = parse(sources, 0, ignored);
    for (const Item& item : parsed.items) {
      const std::string name = item_name(item);
      if (!name.empty()) use(name, item, std::string(sources.text(item.span)), file.name);
    }
  }
}

std::string std_text(std::string_view wanted) {
  std::string out;
  for_each_std_item([&](const std::string& name, const Item& item, const std::string& source,
                        const std::string& file) {
    if (name != wanted || !out.empty()) return;
    if (!item.docstring.empty()) out += item.docstring + "\n\n";
    out += source + fmt::format("\n\n(from {})\n", file);
  });
  return out;
}

std::string setting_text(const SettingInfo& info) {
  return fmt::format("{}: {}, default {}\n  {}\n", info.key, info.value, info.fallback,
                     info.meaning);
}

std::string schedule_text(const ScheduleInfo& info) {
  std::string parameters;
  for (const ScheduleParameter& p : info.parameters) {
    parameters += (parameters.empty() ? "" : ", ") + p.name;
    if (p.fallback) parameters += fmt::format(" = {}", *p.fallback);
  }
  return fmt::format("{}({}): {}\n", info.name, parameters, info.meaning);
}

std::string schedules_text() {
  std::string out = "\nSchedules of `lr`:\n";
  for (const ScheduleInfo& info : schedule_infos()) out += "  " + schedule_text(info);
  return out;
}

std::string train_text() {
  std::string out = "The settings of the `train` block; `--set train.KEY=VALUE` overrides one.\n\n";
  for (const SettingInfo& info : setting_infos()) out += setting_text(info);
  return out + schedules_text() +
         "\n    train { epochs = 5; batch = 64; lr = cosine(1e-3); optimizer = adam() }\n";
}

std::string data_text() {
  std::string out =
      "Where the inputs of a model come from: fields are matched to inputs by name and per-sample "
      "type.\nPaths are relative to the file; gzip is recognised.\n\n";
  for (const LoaderInfo& info : loader_infos()) out += fmt::format("  data {}\n", info.usage);
  return out;
}

std::string settings_text(std::string_view name) {
  if (name == "train") return train_text();
  if (name == "data") return data_text();
  const std::string_view key = name.starts_with("train.") ? name.substr(6) : name;
  for (const SettingInfo& info : setting_infos()) {
    if (info.key == key) return setting_text(info) + (key == "lr" ? schedules_text() : "");
  }
  for (const ScheduleInfo& info : schedule_infos()) {
    if (info.name == key) return schedule_text(info);
  }
  for (const LoaderInfo& info : loader_infos()) {
    if (info.name == name) return fmt::format("A loader of data: `data {}`\n", info.usage);
  }
  return {};
}

}  // namespace

std::vector<const CodeInfo*> all_codes() {
  std::vector<const CodeInfo*> codes;
  for (const auto table : {syntax_codes(), name_codes(), type_codes(), gradient_codes(),
                           setting_codes(), run_codes()}) {
    for (const CodeInfo& info : table) codes.push_back(&info);
  }
  return codes;
}

std::string explain(std::string_view name) {
  for (const CodeInfo* info : all_codes()) {
    if (info->code == name) return code_text(*info);
  }
  if (std::string text = std_text(name); !text.empty()) return text;
  if (std::string text = settings_text(name); !text.empty()) return text;
  if (const Builtin* builtin = find_builtin(name)) {
    return fmt::format("{}\n\n(a function that the compiler carries)\n", builtin->signature);
  }
  return {};
}

std::vector<std::string> explainable_names() {
  std::vector<std::string> names = builtin_names();
  for (const CodeInfo* info : all_codes()) names.push_back(info->code);
  for_each_std_item([&](const std::string& name, const Item&, const std::string&,
                        const std::string&) { names.push_back(name); });
  names.insert(names.end(), {"train", "data"});
  for (const std::string& key : setting_keys()) names.push_back("train." + key);
  for (const ScheduleInfo& info : schedule_infos()) names.push_back(info.name);
  for (const LoaderInfo& info : loader_infos()) names.push_back(info.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace netc::frontend
