// Read once from the texts that the compiler embeds.
#include "tools/netc/lsp/library.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "frontend/elaborate.h"
#include "frontend/elaborate_state.h"
#include "frontend/explain.h"
#include "frontend/parse.h"
#include "tools/netc/session.h"

namespace netc::tools::lsp {

namespace {
std::vector<LibraryItem> read_library() {
  std::vector<LibraryItem> list;
  for (const frontend::StdFile& file : frontend::std_files()) {
    frontend::SourceSet sources;
    frontend::Diagnostics ignored;
    sources.add(file.name, "", file.text);
    const frontend::File tree = frontend::parse(sources, 0, ignored);
    for (const Declaration& d : declarations(tree, sources)) {
      const bool item = d.kind == NameKind::Function || d.kind == NameKind::Layer ||
                        d.kind == NameKind::Optimizer;
      if (item)
        list.push_back({d.name, d.kind, d.detail, d.doc, file.name, d.span, !d.doc.empty()});
    }
  }
  for (const std::string& name : frontend::builtin_names()) {
    LibraryItem item{name, NameKind::Function, frontend::find_builtin(name)->signature, "", "", {}};
    if (const auto info = frontend::builtin_info(name))
      item.doc = info->about + "\nGradient: " + info->gradient + "\nExample: " + info->example;
    item.listed = name[0] != '_';
    list.push_back(std::move(item));
  }
  return list;
}
}  // namespace

const std::vector<LibraryItem>& library() {
  static const std::vector<LibraryItem> list = read_library();
  return list;
}

const LibraryItem* find_in_library(std::string_view name) {
  for (const LibraryItem& item : library())
    if (item.name == name) return &item;
  return nullptr;
}

std::string library_file(const std::string& name) {
  namespace fs = std::filesystem;
  const std::string cache = Session(CommonOptions{}).compile_options(1).cache_directory;
  if (cache.empty()) return "";
  const std::string path = cache + "/" + name;
  for (const frontend::StdFile& file : frontend::std_files()) {
    if (file.name != name) continue;
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    std::ifstream in(path, std::ios::binary);
    const std::string there((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (there == file.text) return path;
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << file.text;
    out.flush();
    return out ? path : "";
  }
  return "";
}

}  // namespace netc::tools::lsp
