// The text of an open file, edited as an editor says: positions count UTF-16 units.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace netc::tools::lsp {

/// Line and UTF-16 unit in it, both from 0.
struct Position {
  uint32_t line = 0, character = 0;
};
nlohmann::json to_json(Position p);
/// {"start": …, "end": …}
nlohmann::json range_json(Position start, Position end);
/// Throws nlohmann::json::exception when it is none.
Position position_from(const nlohmann::json& j);

class Document {
 public:
  Document() : Document("") {}
  explicit Document(std::string text);

  const std::string& text() const { return text_; }
  /// Byte offset of a position; one behind a line's end counts as its end.
  size_t offset(Position p) const;
  Position position(size_t offset) const;
  /// Applies one entry of `contentChanges`: a range and its new text, or a whole text.
  void change(const nlohmann::json& change);

 private:
  std::string text_;
  std::vector<size_t> line_starts_;
  void index_lines();
};

/// UTF-16 units of UTF-8 text.
uint32_t utf16_length(std::string_view text);

/// `file:///a%20b.net` -> `/a b.net`; what is no file stays as it is.
std::string path_of(const std::string& uri);
std::string uri_of(const std::string& path);

}  // namespace netc::tools::lsp
