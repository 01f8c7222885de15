// Decodes UTF-8 with care and escapes what a terminal must not see.
#include "frontend/terminal_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace netc::frontend {
namespace {

constexpr size_t kTab = 4;
// Bytes of a message or label that are shown: names in it may be of any length.
constexpr size_t kMaxText = 600;

struct CodePoint {
  uint32_t value = 0;
  size_t length = 1;  // in bytes
  bool valid = false;
};

CodePoint decode(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) -> uint32_t {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
  };
  const uint32_t b = byte(0);
  if (b < 0x80) return {b, 1, true};
  const size_t length = b >= 0xF0 ? 4 : b >= 0xE0 ? 3 : b >= 0xC2 ? 2 : 0;
  if (length == 0 || b > 0xF4) return {b, 1, false};
  uint32_t value = b & (0x7Fu >> length);
  for (size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xC0) != 0x80) return {b, 1, false};
    value = value << 6 | (byte(k) & 0x3F);
  }
  return {value, length, true};
}

struct Range {
  uint32_t first, last;
};

template <size_t N>
bool within(uint32_t c, const std::array<Range, N>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& r) { return c >= r.first && c <= r.last; });
}

// Control characters and marks that change the direction of text or hide it.
constexpr std::array kUnsafe = {
    Range{0, 0x1F},        Range{0x7F, 0x9F},     Range{0x061C, 0x061C},
    Range{0x200B, 0x200F}, Range{0x2028, 0x202E}, Range{0x2060, 0x206F},
    Range{0xFEFF, 0xFEFF}, Range{0xFFF0, 0xFFFB}, Range{0xE0000, 0xE0FFF}};
constexpr std::array kNarrow = {Range{0x0300, 0x036F}, Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F},
                                Range{0xFE20, 0xFE2F}};
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},  Range{0xAC00, 0xD7A3},
    Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},  Range{0xFFE0, 0xFFE6},
    Range{0x1F300, 0x1F64F}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD}};

// How code point `c`, at screen column `column`, is shown, and its width.
std::pair<std::string, size_t> shown(std::string_view text, size_t i, const CodePoint& c,
                                     size_t column) {
  if (c.valid && c.value == '\t') {
    const size_t width = kTab - column % kTab;
    return {std::string(width, ' '), width};
  }
  if (!c.valid || c.value < 0x80) {
    if (c.valid && !within(c.value, kUnsafe)) return {std::string(1, text[i]), 1};
    return {fmt::format("\\x{:02x}", c.value), 4};
  }
  if (within(c.value, kUnsafe)) {
    std::string escaped = fmt::format("\\u{:04x}", c.value);
    const size_t width = escaped.size();
    return {std::move(escaped), width};
  }
  const size_t width = within(c.value, kNarrow) ? 0 : within(c.value, kWide) ? 2 : 1;
  return {std::string(text.substr(i, c.length)), width};
}

}  // namespace

ScreenLine::ScreenLine(std::string_view line) {
  columns_.push_back(0);
  bytes_.push_back(0);
  for (size_t i = 0; i < line.size();) {
    const CodePoint c = decode(line, i);
    const auto [piece, width] = shown(line, i, c, columns_.back());
    text_ += piece;
    const bool continues = (static_cast<unsigned char>(line[i]) & 0xC0) == 0x80;
    if (continues && columns_.size() > 1) {  // a stray byte counts to the code point before it
      columns_.back() += width;
      bytes_.back() = text_.size();
    } else {
      columns_.push_back(columns_.back() + width);
      bytes_.push_back(text_.size());
    }
    i += c.length;
  }
}

size_t ScreenLine::column(size_t index) const {
  if (index < columns_.size()) return columns_[index];
  return columns_.back() + (index - (columns_.size() - 1));
}

size_t ScreenLine::cut(size_t column, size_t before, size_t max) {
  if (columns_.back() <= max) return 0;
  const size_t from = column > max - before ? column - before : 0;
  const auto index = [&](size_t c) {
    return static_cast<size_t>(std::lower_bound(columns_.begin(), columns_.end(), c) -
                               columns_.begin());
  };
  const size_t first = index(from);
  const size_t last = std::min(index(columns_[std::min(first, columns_.size() - 1)] + max - 3),
                               columns_.size() - 1);
  if (first >= columns_.size()) return 0;
  const size_t shift = columns_[first];
  std::string shortened = text_.substr(bytes_[first], bytes_[last] - bytes_[first]);
  if (last + 1 < columns_.size()) shortened += "...";
  text_ = std::move(shortened);
  return shift;
}

std::string terminal_text(std::string_view text) {
  if (text.size() <= kMaxText) return ScreenLine(text).text();
  size_t end = kMaxText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return ScreenLine(text.substr(0, end)).text() + "...";
}

std::string ascii_text(std::string text) {
  static constexpr std::pair<std::string_view, std::string_view> kSpellings[] = {
      {"—", "-"},  {"–", "-"},  {"…", "..."}, {"·", "*"},     {"×", "x"},    {"±", "+-"},
      {"→", "->"}, {"≤", "<="}, {"≥", ">="},  {"≠", "!="},    {"√", "sqrt"}, {"²", "^2"},
      {"³", "^3"}, {"π", "pi"}, {"Φ", "Phi"}, {"\u0302", "^"}};
  for (const auto& [symbol, spelling] : kSpellings) {
    for (size_t at = 0; (at = text.find(symbol, at)) != std::string::npos;) {
      const size_t end = at + symbol.size();
      const bool quoted = at > 0 && text[at - 1] == '`' && end < text.size() && text[end] == '`';
      if (quoted) {
        at = end;
        continue;
      }
      text.replace(at, symbol.size(), spelling);
      at += spelling.size();
    }
  }
  return text;
}

std::vector<std::string> wrapped_text(const std::string& text, size_t width) {
  if (text.find("  ") != std::string::npos) return {text};
  std::vector<std::string> lines;
  size_t begin = 0, space = std::string::npos, columns = 0, behind = 0;  // columns after `space`
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts_letter = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    columns += starts_letter;
    behind += starts_letter;
    if (text[i] == '`') quoted = !quoted;
    if (text[i] == ' ' && !quoted) space = i, behind = 0;
    if (columns > width && space != std::string::npos) {
      lines.push_back(text.substr(begin, space - begin));
      begin = space + 1;
      columns = behind;
      space = std::string::npos;
    }
  }
  lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace netc::frontend
