// One state of a file, understood: its tree, its names, what is wrong with it, and where it has no
// errors the module that it becomes.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/lexer.h"
#include "frontend/open_files.h"
#include "tools/netc/lsp/library.h"
#include "tools/netc/lsp/names.h"

namespace netc::tools::lsp {

/// What a name stands for; all null: unknown.
struct Meaning {
  const Declaration* declaration = nullptr;
  const frontend::SourceSet* sources = nullptr;  ///< of the declaration's span
  const LibraryItem* library = nullptr;
  explicit operator bool() const { return declaration || library; }
};

/// What the compiled program computes at a place.
struct Computed {
  ir::Type type;
  double flops = 0;  ///< of all ops that the place stands for, at `batch` rows
  double bytes = 0;  ///< read and written by them, each op by itself
  int64_t batch = 0;
  int places = 1;  ///< how often the layer that the place is in is used
};

class Analysis {
 public:
  Analysis(const std::string& path, const frontend::OpenFiles& open);
  Analysis(const Analysis&) = delete;
  Analysis& operator=(const Analysis&) = delete;

  const std::string& path() const { return path_; }
  const frontend::File& tree() const { return tree_; }
  const frontend::SourceSet& sources() const { return sources_; }
  /// Of the program and all that it uses, places in `program_sources`.
  const std::vector<ir::Diagnostic>& diagnostics() const { return diagnostics_.all(); }
  const frontend::SourceSet& program_sources() const { return program_sources_; }
  bool has_syntax_errors() const { return syntax_errors_; }
  const frontend::Program& program() const { return program_; }
  const frontend::Tokens& tokens() const { return tokens_; }
  const std::vector<Declaration>& names() const { return names_; }
  std::string_view text(const frontend::Token& t) const;

  /// The token at a byte: the one that starts there, else the one that ends there.
  std::optional<size_t> token_at(uint32_t offset) const;
  /// The name with the dotted names before it: of `fc1.weight` at `weight` all of it.
  std::string path_at(size_t token) const;
  Meaning meaning(const std::string& path, uint32_t offset) const;
  /// Names that stand for something at a byte: of the file, then of the files it uses.
  std::vector<const Declaration*> visible(uint32_t offset) const;
  /// What a member of `base` may be: parameters of a layer's instance, items of a used file.
  std::vector<const Declaration*> members(const std::string& base, uint32_t offset) const;
  /// Files whose names are seen, by the name in `use … as name`; the empty one for all others.
  const std::string* used_path(uint32_t offset) const;

  std::optional<Computed> computed(frontend::Span at) const;

 private:
  struct UsedFile {
    std::string path, alias;
    frontend::Span path_span;
    frontend::SourceSet sources;
    frontend::File tree;
    std::vector<Declaration> names;
  };
  std::string path_;
  frontend::SourceSet sources_;  ///< the file alone
  frontend::File tree_;
  frontend::Tokens tokens_;
  std::vector<Declaration> names_;
  std::deque<UsedFile> used_;
  bool syntax_errors_ = false;
  frontend::SourceSet program_sources_;
  frontend::Diagnostics diagnostics_;
  frontend::Program program_;

  void load_program(const frontend::OpenFiles& open);
  void read_used(const frontend::OpenFiles& open);
  Meaning layer_of(const Declaration& instance) const;
};

}  // namespace netc::tools::lsp
