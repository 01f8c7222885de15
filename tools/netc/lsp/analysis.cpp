// The file alone is parsed for its names, which errors elsewhere do not disturb; the program is
// loaded for diagnostics, types and costs.
#include "tools/netc/lsp/analysis.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "frontend/parse.h"
#include "passes/pass.h"
#include "tools/netc/lsp/cost.h"

namespace netc::tools::lsp {

namespace {
namespace fs = std::filesystem;
using namespace frontend;

std::string text_of(const std::string& path, const OpenFiles& open) {
  std::error_code error;
  if (const auto found = open.find(fs::weakly_canonical(path, error).string()); found != open.end())
    return found->second;
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool is_item(const Declaration& d) {
  return d.kind == NameKind::Function || d.kind == NameKind::Layer ||
         d.kind == NameKind::Optimizer || d.kind == NameKind::Constant;
}
}  // namespace

Analysis::Analysis(const std::string& path, const OpenFiles& open) : path_(path) {
  sources_.add(path, path, text_of(path, open));
  Diagnostics own, ignored;
  tree_ = parse(sources_, 0, own);
  syntax_errors_ = own.has_errors();
  tokens_ = lex(sources_, 0, 0, ignored);
  names_ = declarations(tree_, sources_);
  read_used(open);
  load_program(open);
}

void Analysis::read_used(const OpenFiles& open) {
  const fs::path folder = fs::path(path_).parent_path();
  for (const Item& item : tree_.items) {
    const auto* use = std::get_if<UseItem>(&item.node);
    if (!use) continue;
    UsedFile& file = used_.emplace_back();
    file.path = (folder / use->path).lexically_normal().string();
    file.alias = use->alias;
    file.path_span = use->path_span;
    file.sources.add(file.path, file.path, text_of(file.path, open));
    Diagnostics ignored;
    file.tree = parse(file.sources, 0, ignored);
    file.names = declarations(file.tree, file.sources);
    std::erase_if(file.names,
                  [](const Declaration& d) { return d.scope.begin != 0 || d.from != 0; });
  }
}

/// As `netc check`: gradients that do not exist are found by differentiation.
void Analysis::load_program(const OpenFiles& open) {
  try {
    program_ = load(path_, {}, open, program_sources_, diagnostics_);
    if (diagnostics_.has_errors() || program_.module.stage >= ir::Stage::Backward) return;
    passes::PassContext context;
    passes::RunOptions options;
    options.verify = false;
    passes::run(passes::pipeline(program_.module.stage, ir::Stage::Backward, 0), program_.module,
                context, options);
    for (ir::Diagnostic& d : context.diagnostics) diagnostics_.add(std::move(d));
  } catch (const ir::DiagnosticError& e) {
    diagnostics_.add(e.diagnostic);
  }
}

std::string_view Analysis::text(const Token& t) const { return sources_.text({0, t.begin, t.end}); }

std::optional<size_t> Analysis::token_at(uint32_t offset) const {
  const auto& list = tokens_.tokens;
  auto after = std::upper_bound(list.begin(), list.end(), offset,
                                [](uint32_t at, const Token& t) { return at < t.begin; });
  if (after == list.begin()) return {};
  const auto at = size_t(after - list.begin()) - 1;
  const Token& t = list[at];
  // Between two that touch, a name goes before a sign.
  if (t.begin == offset && t.kind != Tok::Name && at > 0 && list[at - 1].end == offset &&
      list[at - 1].kind == Tok::Name)
    return at - 1;
  if (t.kind == Tok::End || offset > t.end) return {};
  return at;
}

std::string Analysis::path_at(size_t token) const {
  const auto& list = tokens_.tokens;
  size_t first = token;
  while (first >= 2 && list[first - 1].kind == Tok::Dot && list[first - 2].kind == Tok::Name)
    first -= 2;
  return std::string(sources_.text({0, list[first].begin, list[token].end}));
}

/// The layer that an instance is of.
Meaning Analysis::layer_of(const Declaration& instance) const {
  if (!instance.value) return {};
  const auto* call = std::get_if<Call>(&instance.value->node);
  if (!call) return {};
  return meaning(std::string(sources_.text(call->callee->span)), instance.span.begin);
}

Meaning Analysis::meaning(const std::string& path, uint32_t offset) const {
  if (const Declaration* d = find(names_, path, offset)) return {d, &sources_, nullptr};
  if (const size_t dot = path.rfind('.'); dot != std::string::npos) {
    const std::string base = path.substr(0, dot), member = path.substr(dot + 1);
    for (const Declaration* d : members(base, offset))
      if (d->name == member) {
        for (const UsedFile& file : used_)
          if (file.alias == base) return {d, &file.sources, nullptr};
        return {d, &sources_, nullptr};
      }
    return meaning(member, offset);  // x.f() is f(x)
  }
  for (const UsedFile& file : used_)
    if (file.alias.empty())
      for (const Declaration& d : file.names)
        if (d.name == path && is_item(d)) return {&d, &file.sources, nullptr};
  return {nullptr, nullptr, find_in_library(path)};
}

std::vector<const Declaration*> Analysis::visible(uint32_t offset) const {
  std::vector<const Declaration*> list;
  for (const Declaration& d : names_) {
    const bool here = offset >= d.scope.begin && offset <= d.scope.end && offset >= d.from;
    if (here && find(names_, d.name, offset) == &d) list.push_back(&d);
  }
  for (const UsedFile& file : used_)
    if (file.alias.empty())
      for (const Declaration& d : file.names)
        if (is_item(d)) list.push_back(&d);
  return list;
}

std::vector<const Declaration*> Analysis::members(const std::string& base, uint32_t offset) const {
  std::vector<const Declaration*> list;
  for (const UsedFile& file : used_)
    if (file.alias == base)
      for (const Declaration& d : file.names)
        if (is_item(d)) list.push_back(&d);
  if (!list.empty()) return list;
  const Declaration* instance = find(names_, base, offset);
  const Meaning layer = instance ? layer_of(*instance) : Meaning{};
  if (layer.declaration && layer.declaration->kind == NameKind::Layer && layer.sources == &sources_)
    for (const Declaration& d : names_)
      if ((d.kind == NameKind::Parameter || d.kind == NameKind::State) &&
          d.scope.begin == layer.declaration->whole.begin)
        list.push_back(&d);
  return list;
}

const std::string* Analysis::used_path(uint32_t offset) const {
  for (const UsedFile& file : used_)
    if (file.path_span.begin <= offset && offset <= file.path_span.end) return &file.path;
  return nullptr;
}

std::optional<Computed> Analysis::computed(Span at) const {
  const ir::Module& module = program_.module;
  const ir::Place place = sources_.place(at);
  // Whether a chain of places holds the one wanted, and whether it starts with it.
  auto holds = [&](ir::LocId loc, bool& first) {
    first = true;
    for (; loc; loc = module.locs[loc.index].called_from, first = false) {
      const ir::Place& p = module.locs[loc.index].place;
      if (p.file == 0 && p.line == place.line && p.column == place.column) return true;
    }
    return false;
  };
  const int64_t batch = program_.has_train ? program_.train.batch : 32;
  for (const char* entry : {".loss", ".predict", ".eval"})
    for (const ir::Function& f : module.functions) {
      if (!f.entry || !f.name.ends_with(entry)) continue;
      std::optional<Computed> found;
      int own = 0;
      for (size_t i = f.params.size(); i < f.values.size(); ++i) {
        const ir::Value& v = f.values[i];
        bool first = false;
        if (std::none_of(v.locs.begin(), v.locs.end(),
                         [&](ir::LocId l) { return holds(l, first); }))
          continue;
        if (!found) found.emplace();
        const Cost c = cost(module, f, ir::ValueId(i), batch);
        found->flops += c.flops;
        found->bytes += c.bytes;
        own += first ? 1 : 0;
        // Of what a call brought here, the last value is its result.
        found->type = v.type;
      }
      if (!found) continue;
      found->batch = batch;
      found->places = std::max(1, own);
      return found;
    }
  return {};
}

}  // namespace netc::tools::lsp
