// What may be typed at a place, from the tokens before it.
#include <algorithm>
#include <set>

#include "frontend/settings.h"
#include "tools/netc/lsp/features.h"

namespace netc::tools::lsp {

namespace {
using frontend::Tok;
using frontend::Token;

// Kinds of completion items.
enum Kind {
  kFunction = 3,
  kField = 5,
  kVariable = 6,
  kClass = 7,
  kProperty = 10,
  kValue = 12,
  kKeyword = 14,
  kConstant = 21
};

constexpr const char* kItemWords[] = {"fn",  "layer", "model", "optimizer", "train",
                                      "use", "data",  "let",   "dtype"};
constexpr const char* kStatementWords[] = {"param", "return", "state"};
constexpr const char* kModelWords[] = {"input", "output", "param", "loss", "metric", "state"};
constexpr const char* kTypes[] = {"f32", "f64", "i32", "i64", "u8", "bool", "float"};
constexpr const char* kInitialisers[] = {
    "zeros()",          "ones()",           "const(0.0)",      "uniform(-1.0, 1.0)",
    "normal(1.0)",      "xavier_uniform()", "xavier_normal()", "kaiming_uniform()",
    "kaiming_normal()", "orthogonal()",     "load(\"w.npy\")"};

class Completion {
 public:
  Completion(const Analysis& a, uint32_t offset) : a_(a), offset_(offset) {
    // The word being typed does not count.
    const auto& list = a.tokens().tokens;
    while (count_ < list.size() && list[count_].kind != Tok::End && list[count_].end < offset)
      ++count_;
    if (count_ < list.size() && list[count_].end == offset && !is_word(list[count_].kind) &&
        list[count_].kind != Tok::End)
      ++count_;
    find_context();
  }

  json run() {
    for (const frontend::Comment& c : a_.tokens().comments)
      if (c.begin < offset_ && offset_ <= c.end) return json::array();
    if (inside_string()) return json::array();
    if (previous() == Tok::Dot)
      members();
    else if (block_ == Tok::KwTrain)
      train();
    else if (previous() == Tok::Name && text(count_ - 1) == "data" && braces_ == 0)
      loaders();
    else if (declares_parameter())
      for (const char* text : kInitialisers) add(text, kFunction, "initialiser");
    else
      names();
    return std::move(items_);
  }

 private:
  const Analysis& a_;
  uint32_t offset_;
  size_t count_ = 0;      ///< tokens before the place
  Tok block_ = Tok::End;  ///< the word that the innermost open brace belongs to
  int braces_ = 0;
  json items_ = json::array();
  std::set<std::string> seen_;

  const Token& token(size_t i) const { return a_.tokens().tokens[i]; }
  std::string_view text(size_t i) const { return a_.text(token(i)); }
  Tok previous(size_t back = 1) const {
    return count_ >= back ? token(count_ - back).kind : Tok::End;
  }

  void find_context() {
    std::vector<Tok> open;
    Tok head = Tok::End;
    for (size_t i = 0; i < count_; ++i) {
      const Tok kind = token(i).kind;
      if (kind == Tok::KwTrain || kind == Tok::KwModel || kind == Tok::KwFn ||
          kind == Tok::KwLayer || kind == Tok::KwOptimizer)
        head = kind;
      if (kind == Tok::LBrace) open.push_back(head);
      if (kind == Tok::RBrace && !open.empty()) open.pop_back();
    }
    braces_ = int(open.size());
    if (!open.empty()) block_ = open.back();
  }

  bool inside_string() const {
    const auto& list = a_.tokens().tokens;
    return std::any_of(list.begin(), list.end(), [&](const Token& t) {
      return t.kind == Tok::String && t.begin < offset_ && offset_ < t.end;
    });
  }

  /// Nothing of a statement stands before the place.
  bool at_start() const {
    const Tok kind = previous();
    if (kind == Tok::End || kind == Tok::LBrace || kind == Tok::Semicolon) return true;
    const std::string_view between = a_.sources().text({0, token(count_ - 1).end, offset_});
    return between.find('\n') != std::string_view::npos && !frontend::continues_line(kind);
  }

  /// `param w: [3] = `
  bool declares_parameter() const {
    if (previous() != Tok::Assign) return false;
    for (size_t i = count_ - 1; i-- > 0;) {
      if (token(i).kind == Tok::Name && text(i) == "param") return true;
      if (token(i + 1).newline_before || token(i).kind == Tok::LBrace ||
          token(i).kind == Tok::Semicolon)
        return false;
    }
    return false;
  }

  void add(const std::string& label, Kind kind, const std::string& detail,
           const std::string& doc = "") {
    if (!seen_.insert(label).second) return;
    json j = {{"label", label}, {"kind", int(kind)}};
    if (!detail.empty()) j["detail"] = detail;
    if (!doc.empty()) j["documentation"] = {{"kind", "markdown"}, {"value", doc}};
    items_.push_back(std::move(j));
  }

  void add(const Declaration& d) {
    const Kind kind = d.kind == NameKind::Function || d.kind == NameKind::Optimizer ? kFunction
                      : d.kind == NameKind::Layer || d.kind == NameKind::Model      ? kClass
                      : d.kind == NameKind::Constant || d.kind == NameKind::Setting ? kConstant
                      : d.kind == NameKind::Parameter || d.kind == NameKind::State  ? kField
                                                                                    : kVariable;
    add(d.name, kind, d.detail.empty() ? word(d.kind) : d.detail, d.doc);
  }

  void add_library(bool functions_only) {
    for (const LibraryItem& item : library()) {
      if (!item.listed || item.kind == NameKind::Optimizer) continue;
      if (functions_only && item.kind == NameKind::Layer) continue;
      add(item.name, item.kind == NameKind::Layer ? kClass : kFunction, item.signature, item.doc);
    }
  }

  void members() {
    const std::string base = count_ >= 2 ? a_.path_at(count_ - 2) : "";
    const auto own = a_.members(base, offset_);
    for (const Declaration* d : own) add(*d);
    if (!own.empty()) return;
    add("T", kProperty, "the last two dims exchanged");
    add("shape", kProperty, "sizes");
    for (const Declaration* d : a_.visible(offset_))
      if (d->kind == NameKind::Function) add(*d);
    add_library(true);
  }

  void optimizers() {
    for (const Declaration* d : a_.visible(offset_))
      if (d->kind == NameKind::Optimizer) add(*d);
    for (const LibraryItem& item : library())
      if (item.kind == NameKind::Optimizer) add(item.name, kFunction, item.signature, item.doc);
  }

  void train() {
    if (previous() != Tok::Assign) {
      if (!at_start()) return names();
      for (const frontend::SettingInfo& info : frontend::setting_infos())
        add(info.key, kProperty, info.value + ", default " + info.fallback, info.meaning);
      return;
    }
    const std::string key = count_ >= 2 ? std::string(text(count_ - 2)) : "";
    if (key == "optimizer") return optimizers();
    if (key == "lr") {
      for (const frontend::ScheduleInfo& info : frontend::schedule_infos()) {
        std::string parameters;
        for (const frontend::ScheduleParameter& p : info.parameters)
          parameters += (parameters.empty() ? "" : ", ") + p.name;
        add(info.name, kFunction, info.name + "(" + parameters + ")", info.meaning);
      }
      return;
    }
    if (key == "clip")
      for (const char* text : {"norm", "value"}) add(text, kFunction, "clip of gradients");
    if (key == "save")
      for (const char* text : {"\"best\"", "\"last\"", "\"all\""}) add(text, kValue, "");
    if (key == "shuffle" || key == "drop_last")
      for (const char* text : {"true", "false"}) add(text, kKeyword, "");
    for (const Declaration* d : a_.visible(offset_))
      if (d->kind == NameKind::Constant) add(*d);
  }

  void loaders() {
    for (const frontend::LoaderInfo& info : frontend::loader_infos())
      add(info.name, kFunction, info.usage);
  }

  void names() {
    if (braces_ == 0 && at_start()) {
      for (const char* text : kItemWords) add(text, kKeyword, "");
      return;
    }
    if (at_start()) {
      if (block_ == Tok::KwModel)
        for (const char* text : kModelWords) add(text, kKeyword, "");
      else
        for (const char* text : kStatementWords) add(text, kKeyword, "");
    }
    const bool type = previous() == Tok::Colon;
    for (const char* text : kTypes)
      if (type || !at_start()) add(text, kKeyword, "type");
    if (type) return;
    for (const Declaration* d : a_.visible(offset_))
      if (d->kind != NameKind::Model && d->kind != NameKind::Optimizer) add(*d);
    add_library(false);
    for (const char* text : {"true", "false", "None", "not", "and", "or", "training", "inf", "nan"})
      add(text, kKeyword, "");
  }
};
}  // namespace

json completion(const Analysis& a, uint32_t offset) { return Completion(a, offset).run(); }

json signature_help(const Analysis& a, uint32_t offset) {
  const auto& list = a.tokens().tokens;
  size_t count = 0;
  while (count < list.size() && list[count].kind != Tok::End && list[count].begin < offset) ++count;
  int depth = 0;
  size_t commas = 0;
  for (size_t i = count; i-- > 0;) {
    const Tok kind = list[i].kind;
    if (kind == Tok::RParen || kind == Tok::RBracket) ++depth;
    if (kind == Tok::LBrace || kind == Tok::RBrace) return nullptr;
    if (kind == Tok::Comma && depth == 0) ++commas;
    if (kind != Tok::LParen && kind != Tok::LBracket) continue;
    if (depth-- > 0) continue;
    if (kind == Tok::LBracket || i == 0 || list[i - 1].kind != Tok::Name) {
      depth = 0, commas = 0;  // a list or a group within the arguments
      continue;
    }
    const Meaning m = a.meaning(a.path_at(i - 1), list[i - 1].begin);
    if (!m) return nullptr;
    const std::string signature = m.library ? m.library->signature : m.declaration->detail;
    const std::string doc = m.library ? m.library->doc : m.declaration->doc;
    const std::vector<std::string> parameters = signature_parameters(signature);
    // `dim = 1` is of the parameter of that name, wherever it stands.
    size_t active = commas;
    for (size_t k = count; k-- > i + 1;)
      if (list[k].kind == Tok::Assign && list[k - 1].kind == Tok::Name) {
        for (size_t p = 0; p < parameters.size(); ++p)
          if (parameters[p].starts_with(a.text(list[k - 1]))) active = p;
        break;
      } else if (list[k].kind == Tok::Comma) {
        break;
      }
    json labels = json::array();
    for (const std::string& p : parameters) labels.push_back({{"label", p}});
    return {{"signatures", json::array({{{"label", signature},
                                         {"documentation", {{"kind", "markdown"}, {"value", doc}}},
                                         {"parameters", labels}}})},
            {"activeSignature", 0},
            {"activeParameter", active}};
  }
  return nullptr;
}

}  // namespace netc::tools::lsp
