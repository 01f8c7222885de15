// Longest common subsequence of lines, after equal heads and tails are set aside. Texts that differ
// in more than a few thousand lines are shown as removed and added whole.
#include "tools/netc/text_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string_view>
#include <vector>

namespace netc::tools {

namespace {
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// A line without the numbers of temporaries, and with single spaces.
std::string key_of(std::string_view line) {
  std::string key;
  for (size_t i = 0; i < line.size(); ++i) {
    const char before = i > 0 ? line[i - 1] : ' ';
    if (line[i] == ' ' && before == ' ') continue;
    key += line[i];
    if (line[i] != '_' || is_word(before)) continue;
    while (i + 1 < line.size() && std::isdigit(static_cast<unsigned char>(line[i + 1])) != 0) ++i;
  }
  return key;
}

struct Line {
  std::string_view text;
  std::string key;
  bool operator==(const Line& o) const { return key == o.key; }
};
using Lines = std::vector<Line>;

Lines split(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    lines.push_back({text.substr(0, end), key_of(text.substr(0, end))});
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

struct Edit {
  char mark;  ///< ' ', '-', '+'
  std::string_view line;
};

void diff_middle(const Lines& a, const Lines& b, std::vector<Edit>& edits) {
  constexpr size_t kMostCells = 40'000'000;
  size_t n = a.size(), m = b.size();
  if ((n + 1) * (m + 1) > kMostCells) {
    for (const Line& line : a) edits.push_back({'-', line.text});
    for (const Line& line : b) edits.push_back({'+', line.text});
    return;
  }
  std::vector<uint32_t> common((n + 1) * (m + 1), 0);
  auto at = [&](size_t i, size_t j) -> uint32_t& { return common[i * (m + 1) + j]; };
  for (size_t i = n; i-- > 0;)
    for (size_t j = m; j-- > 0;)
      at(i, j) = a[i] == b[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
  size_t i = 0, j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && a[i] == b[j]) {
      edits.push_back({' ', b[j].text});
      ++i, ++j;
    } else if (j == m || (i < n && at(i + 1, j) >= at(i, j + 1))) {
      edits.push_back({'-', a[i++].text});
    } else {
      edits.push_back({'+', b[j++].text});
    }
  }
}
}  // namespace

std::string dump_diff(const std::string& before, const std::string& after, size_t context) {
  if (before == after) return "";
  Lines a = split(before), b = split(after);
  size_t head = 0, tail = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  while (tail + head < a.size() && tail + head < b.size() &&
         a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) {
    ++tail;
  }
  std::vector<Edit> edits;
  for (size_t i = 0; i < head; ++i) edits.push_back({' ', b[i].text});
  auto middle = [&](const Lines& l) {
    return Lines(l.begin() + int64_t(head), l.end() - int64_t(tail));
  };
  diff_middle(middle(a), middle(b), edits);
  for (size_t i = b.size() - tail; i < b.size(); ++i) edits.push_back({' ', b[i].text});

  std::vector<bool> shown(edits.size(), false);
  for (size_t i = 0; i < edits.size(); ++i) {
    if (edits[i].mark == ' ') continue;
    for (size_t k = i - std::min(i, context); k < std::min(edits.size(), i + context + 1); ++k)
      shown[k] = true;
  }
  std::string out;
  bool gap = false;
  for (size_t i = 0; i < edits.size(); ++i) {
    if (!shown[i]) {
      gap = true;
      continue;
    }
    if (gap) out += "  ...\n";
    gap = false;
    out += edits[i].mark;
    out += edits[i].line;
    out += '\n';
  }
  return out;
}

std::string coloured_diff(const std::string& diff) {
  std::string out;
  for (const Line& line : split(diff)) {
    const char mark = line.text.empty() ? ' ' : line.text[0];
    const char* colour = mark == '+'   ? "\x1b[32m"
                         : mark == '-' ? "\x1b[31m"
                         : mark == '#' ? "\x1b[1m"
                                       : "\x1b[2m";
    out += fmt::format("{}{}\x1b[0m\n", colour, line.text);
  }
  return out;
}

}  // namespace netc::tools
