// Lines of at most 100 columns from pieces of text: breaks where a line would be too long, and
// where a comment or the author demands it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace netc::frontend {

constexpr size_t kMaxColumns = 100;

/// Code points of UTF-8 text.
size_t width_of(std::string_view text);

/// One statement or header as pieces in a row: text, spaces that may become line ends, brackets
/// that set the column to which broken lines return, and comments.
class LineLayout {
 public:
  void text(std::string_view text);
  /// A space (or nothing, for width 0) that may become a line end. `weak`: only when not even what
  /// follows up to the next possible break fits.
  void space(size_t width = 1, bool breakable = true, bool weak = false);
  /// A line end that stands in the source and stays.
  void line_end();
  /// Lines broken from here to close() start at this column. Not behind a bracket: the column of
  /// the text that comes next.
  void open(bool behind_bracket = true);
  void close();
  /// A comment: the piece of text before it ends its line. `column` is where it stands in the
  /// source, from 0; kept when there is room, so comments aligned by hand stay aligned.
  void comment(std::string_view text, bool own_line, size_t column);

  bool empty() const { return pieces_.empty(); }
  bool has_comment() const { return has_comment_; }
  /// Width when nothing is broken.
  size_t flat_width() const;
  /// The lines, the first at `indent`, broken ones at `hang`; without a newline at the end.
  std::string str(size_t indent, size_t hang) const;
  /// All on one line.
  std::string flat() const;

 private:
  struct Piece {
    enum class Kind { Text, Space, Open, Close, Comment } kind;
    std::string text;
    size_t width = 0;
    bool breakable = false;
    bool weak = false;
    bool hard = false;
    bool soft = false;  // an Open that belongs to the next text
    bool own_line = false;
    size_t column = 0;
  };
  std::vector<size_t> widths_to_next_break() const;

  std::vector<Piece> pieces_;
  bool has_comment_ = false;
};

/// Appends a comment to the end of `line`, at `column` if there is room, else two spaces on.
void append_comment(std::string& line, std::string_view comment, size_t column);

}  // namespace netc::frontend
