// Owner of all source text: main file, imports, std, and the arguments of --set.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/ast.h"
#include "ir/diagnostic.h"

namespace netc::frontend {

struct SourceFile {
  std::string name;  ///< as shown: `mlp.net`, `std/nn.net`, `<--set>`
  std::string path;  ///< on disk; empty for std and --set
  std::string text;
  std::vector<uint32_t> line_starts;
  std::vector<uint32_t> code_points;  ///< before every 1024th byte, so columns need no long walk
};

/// The files of one compilation. Index 0 is the program itself.
class SourceSet {
 public:
  /// Adds a text (less its byte order mark) and returns its index.
  uint32_t add(std::string name, std::string path, std::string text);
  const SourceFile& operator[](uint32_t file) const { return files_[file]; }
  size_t size() const { return files_.size(); }
  /// Line, column (code points from 1) and length of a span; a span over several lines is cut at
  /// the end of its first.
  ir::Place place(Span span) const;
  std::string_view text(Span span) const;
  /// Line `line` (from 1) of a file, without its end.
  std::string_view line(uint32_t file, uint32_t line) const;

 private:
  std::deque<SourceFile> files_;  // views of texts stay valid when files are added
};

}  // namespace netc::frontend
