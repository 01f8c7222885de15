// Text made safe to show: control characters, direction marks and bad bytes escaped, tabs widened;
// with the screen column of each code point.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace netc::frontend {

/// `text` with everything escaped that a terminal could act on (`\x1b`); tabs become spaces
/// and very long texts are cut.
std::string terminal_text(std::string_view text);

/// netc's own prose in ASCII: `x * w` for `x · w`. What else is not ASCII is the user's, and stays;
/// so does a symbol that stands alone in backquotes.
std::string ascii_text(std::string text);

/// `text` in lines of at most `width` columns, broken at spaces outside of backquotes, so that what
/// is to be typed stays whole; one that is laid out in columns is not broken.
std::vector<std::string> wrapped_text(const std::string& text, size_t width);

/// A source line as it stands on the screen.
class ScreenLine {
 public:
  explicit ScreenLine(std::string_view line);

  /// Screen column, from 0, of the code point `index`; past the end they go on one by one.
  size_t column(size_t index) const;
  /// Cuts a line wider than `max` so that `column` stays, `before` columns from its start, and
  /// returns how far columns moved to the left.
  size_t cut(size_t column, size_t before, size_t max);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<size_t> columns_;  // of each code point, and the end
  std::vector<size_t> bytes_;    // where each code point starts in text_, and the end
};

}  // namespace netc::frontend
