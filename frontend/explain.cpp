// Puts together what is known of a name: from the tables of codes and settings, from the source of
// the standard library, and from the signatures of the functions the compiler carries.
#include "frontend/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "frontend/elaborate.h"
#include "frontend/elaborate_state.h"
#include "frontend/format.h"
#include "frontend/initialisers.h"
#include "frontend/parse.h"
#include "frontend/settings.h"
#include "frontend/signature.h"
#include "ir/reference.h"

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
  if (const auto* model = std::get_if<ModelItem>(&item.node)) return model->name;
  if (const auto* let = std::get_if<LetItem>(&item.node)) return let->name;
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

/// The elements in nested brackets.
std::string array_text(const ir::Array& a, size_t dim, int64_t& next) {
  if (dim == a.shape.size()) {
    const double v = a.number(next++);
    if (a.dtype == ir::DType::boolean) return v != 0 ? "true" : "false";
    return fmt::format("{:.4g}", v == 0 ? 0 : v);
  }
  std::string out;
  for (int64_t i = 0; i < a.shape[dim]; ++i)
    out += (i > 0 ? ", " : "") + array_text(a, dim + 1, next);
  return "[" + out + "]";
}

/// The value of an expression without inputs; its type where it has parameters or draws numbers;
/// empty when it is wrong.
std::string example_result(const std::string& expression) {
  SourceSet sources;
  Diagnostics diagnostics;
  std::vector<Unit> units(1);
  sources.add("example", "", "model example {\n  output result = " + expression + "\n}\n");
  units[0].ast = parse(sources, 0, diagnostics);
  if (diagnostics.has_errors()) return {};
  const Elaborated made = elaborate(units, sources, {}, diagnostics);
  const ir::FunctionId f = made.module.find("example.predict");
  if (diagnostics.has_errors() || !f) return {};
  const ir::Function& predict = made.module[f];
  if (!predict.params.empty()) return ir::str(predict[predict.results[0].value].type);
  int64_t next = 0;
  return array_text(ir::evaluate(made.module, f, {}).results[0], 0, next);
}

std::string example_text(const std::string& expression) {
  const std::string result = example_result(expression);
  const bool is_type = !result.empty() && std::isalpha(static_cast<unsigned char>(result[0])) &&
                       result != "true" && result != "false" && result != "inf" && result != "nan";
  return fmt::format("`{}` {} {}", expression, is_type ? "has type" : "=", result);
}

constexpr std::string_view kExample = "Example: ";

/// A docstring without its `Example:` lines, which go to `examples`.
std::string without_examples(const std::string& docstring, std::vector<std::string>& examples) {
  std::string text;
  for (size_t begin = 0; begin < docstring.size();) {
    const size_t end = std::min(docstring.find('\n', begin), docstring.size());
    const std::string line = docstring.substr(begin, end - begin);
    if (line.starts_with(kExample))
      examples.push_back(line.substr(kExample.size()));
    else
      text += (text.empty() ? "" : "\n") + line;
    begin = end + 1;
  }
  return text;
}

std::string gradient_of(const Item& item) {
  const auto* fn = std::get_if<FnItem>(&item.node);
  if (std::holds_alternative<OptimizerItem>(item.node)) return {};
  return fn && fn->grad ? "Its gradient is written by hand." : "Its gradient is derived.";
}

std::string std_text(std::string_view wanted) {
  std::string out;
  for_each_std_item([&](const std::string& name, const Item& item, const std::string& source,
                        const std::string& file) {
    if (name != wanted || !out.empty()) return;
    std::vector<std::string> examples;
    const std::string about = without_examples(item.docstring, examples);
    if (!about.empty()) out += about + "\n";
    for (const std::string& e : examples) out += "Example: " + example_text(e) + "\n";
    if (!out.empty()) out += "\n";
    out += source + fmt::format("\n\n(from {})\n", file);
  });
  return out;
}

std::string builtin_text(const Builtin& builtin) {
  const auto info = builtin_info(builtin.name());
  if (!info)
    return fmt::format("{}\n\n(a function that the compiler carries)\n", builtin.signature);
  return fmt::format(
      "{}\nGradient: {}\nExample: {}\n\n{}\n\n(a function that the compiler carries)\n",
      info->about, info->gradient, example_text(info->example), builtin.signature);
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

/// A loader's line and, indented below it, what it reads.
std::string loader_text(const LoaderInfo& info) {
  std::string out = fmt::format("data {}\n    ", info.usage);
  for (const char c : info.meaning) out += c == '\n' ? "\n    " : std::string(1, c);
  return out + "\n";
}

std::string data_text() {
  std::string out =
      "Where the inputs of a model come from: fields are matched to inputs by name and per-sample "
      "type.\nPaths are relative to the file; gzip is recognised.\n\n";
  for (const LoaderInfo& info : loader_infos()) out += loader_text(info);
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
    if (info.name == name) return loader_text(info);
  }
  return {};
}

}  // namespace

std::string item_signature(std::string_view source) {
  std::string out;
  int depth = 0;
  for (char c : source) {
    if (depth == 0 && (c == '{' || c == '=')) break;
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
    if (c == '\n') c = ' ';
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::vector<const CodeInfo*> all_codes() {
  std::vector<const CodeInfo*> codes;
  for (const auto table : {syntax_codes(), name_codes(), type_codes(), gradient_codes(),
                           setting_codes(), run_codes()}) {
    for (const CodeInfo& info : table) codes.push_back(&info);
  }
  return codes;
}

std::string explain(std::string_view name) {
  std::string code(name);  // e0301 is E0301
  for (char& c : code) c = char(std::toupper(static_cast<unsigned char>(c)));
  for (const CodeInfo* info : all_codes()) {
    if (info->code == code) return code_text(*info);
  }
  if (std::string text = std_text(name); !text.empty()) return text;
  if (std::string text = settings_text(name); !text.empty()) return text;
  if (const Builtin* builtin = find_builtin(name)) return builtin_text(*builtin);
  for (const InitialiserInfo& info : initialiser_infos())
    if (info.name == name)
      return fmt::format("{}\n\nAn initialiser of parameters. {}\n", info.signature(), info.about);
  for (const WordInfo& info : language_words())
    if (info.word == name)
      return fmt::format("{}\n\n{}\n\n{}", info.word, info.about, indented(info.example));
  return {};
}

std::string explain_item(std::string_view name, const File& file, const SourceSet& sources) {
  for (const Item& item : file.items)
    if (item_name(item) == name)
      return item.docstring + (item.docstring.empty() ? "" : "\n\n") +
             std::string(sources.text(item.span)) + "\n";
  return {};
}

std::vector<std::string> std_optimizers() {
  std::vector<std::string> names;
  for_each_std_item(
      [&](const std::string& name, const Item& item, const std::string&, const std::string&) {
        if (std::holds_alternative<OptimizerItem>(item.node)) names.push_back(name);
      });
  return names;
}

std::vector<ReferenceExample> reference_examples() {
  std::vector<ReferenceExample> examples;
  for_each_std_item(
      [&](const std::string& name, const Item& item, const std::string&, const std::string&) {
        std::vector<std::string> own;
        without_examples(item.docstring, own);
        for (std::string& e : own) examples.push_back({name, std::move(e)});
      });
  for (const std::string& name : builtin_names())
    if (const auto info = builtin_info(name)) examples.push_back({name, info->example});
  for (ReferenceExample& e : examples) e.result = example_result(e.expression);
  return examples;
}

std::string reference_page() {
  std::string out =
      "# Reference\n\nWritten by `netc explain --all`, from the sources of the standard library "
      "and the "
      "tables of the compiler.\n`netc explain NAME` prints one entry with its source. Sizes in "
      "brackets are shapes; what has a default may be left out.\n";
  std::string section;
  for_each_std_item([&](const std::string& name, const Item& item, const std::string& source,
                        const std::string& file) {
    if (item.docstring.empty()) return;  // for std's own use
    if (file != section) out += fmt::format("\n## {}\n", section = file);
    std::vector<std::string> examples;
    const std::string about = without_examples(item.docstring, examples);
    out += fmt::format("\n### {}\n\n```net\n{}\n```\n{}\n", name, item_signature(source), about);
    if (const std::string gradient = gradient_of(item); !gradient.empty()) out += gradient + "\n";
    for (const std::string& e : examples) out += "\n" + example_text(e) + "\n";
    if (std::holds_alternative<OptimizerItem>(item.node))
      out += fmt::format("\n`train {{ optimizer = {}() }}`\n", name);
  });
  out += "\n## Functions that the compiler carries\n";
  std::vector<std::string> names = builtin_names();
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const auto info = builtin_info(name);
    if (!info) continue;
    out += fmt::format("\n### {}\n\n```net\n{}\n```\n{}\nGradient: {}.\n\n{}\n", name,
                       find_builtin(name)->signature, info->about, info->gradient,
                       example_text(info->example));
  }
  out += "\n## Initialisers of parameters\n\n| initialiser | start values |\n|---|---|\n";
  for (const InitialiserInfo& info : initialiser_infos())
    out += fmt::format("| `{}` | {} |\n", info.signature(), info.about);
  out += "\n## Settings of `train`\n\n```text\n" + train_text() + "```\n";
  return out + "\n## Loaders of `data`\n\n```text\n" + data_text() + "```\n";
}

std::vector<std::string> explainable_names() {
  std::vector<std::string> names = builtin_names();
  for (const CodeInfo* info : all_codes()) names.push_back(info->code);
  for_each_std_item([&](const std::string& name, const Item&, const std::string&,
                        const std::string&) { names.push_back(name); });
  for (const WordInfo& info : language_words()) names.emplace_back(info.word);
  for (const InitialiserInfo& info : initialiser_infos()) names.emplace_back(info.name);
  names.insert(names.end(), {"train", "data"});
  for (const std::string& key : setting_keys()) names.push_back("train." + key);
  for (const ScheduleInfo& info : schedule_infos()) names.push_back(info.name);
  for (const LoaderInfo& info : loader_infos()) names.push_back(info.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace netc::frontend
