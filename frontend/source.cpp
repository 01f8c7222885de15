// Source texts by index, and the way from byte offsets to lines and columns in code points.
#include "frontend/source.h"

#include <algorithm>

namespace netc::frontend {
namespace {

// Distance in bytes between two entries of SourceFile::code_points.
constexpr size_t kMark = 1024;

bool starts_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

uint32_t count_code_points(std::string_view text) {
  return static_cast<uint32_t>(std::count_if(text.begin(), text.end(), starts_code_point));
}

// Code points that start before byte `offset`.
uint32_t code_points_before(const SourceFile& file, uint32_t offset) {
  const size_t mark = offset / kMark;
  const std::string_view text = file.text;
  return file.code_points[mark] + count_code_points(text.substr(mark * kMark, offset % kMark));
}

}  // namespace

uint32_t SourceSet::add(std::string name, std::string path, std::string text) {
  SourceFile file{std::move(name), std::move(path), std::move(text), {0}, {}};
  if (file.text.starts_with("\xEF\xBB\xBF")) file.text.erase(0, 3);
  uint32_t count = 0;
  for (size_t i = 0; i < file.text.size(); ++i) {
    if (i % kMark == 0) file.code_points.push_back(count);
    count += starts_code_point(file.text[i]) ? 1 : 0;
    if (file.text[i] == '\n') file.line_starts.push_back(static_cast<uint32_t>(i + 1));
  }
  if (file.text.size() % kMark == 0) file.code_points.push_back(count);
  files_.push_back(std::move(file));
  return static_cast<uint32_t>(files_.size() - 1);
}

ir::Place SourceSet::place(Span span) const {
  if (span.file >= files_.size()) return {};
  const SourceFile& file = files_[span.file];
  const auto size = static_cast<uint32_t>(file.text.size());
  const uint32_t begin = std::min(span.begin, size);
  const auto after = std::upper_bound(file.line_starts.begin(), file.line_starts.end(), begin);
  const auto number = static_cast<uint32_t>(after - file.line_starts.begin());
  const uint32_t start = file.line_starts[number - 1];
  const auto line_end = static_cast<uint32_t>(start + line(span.file, number).size());
  const uint32_t end = std::clamp(span.end, begin, std::max(begin, line_end));
  const uint32_t first = code_points_before(file, begin);
  return {span.file, number, first - code_points_before(file, start) + 1,
          std::max(1u, code_points_before(file, end) - first)};
}

std::string_view SourceSet::text(Span span) const {
  const std::string_view all = files_[span.file].text;
  if (span.begin >= all.size() || span.end <= span.begin) return {};
  return all.substr(span.begin, span.end - span.begin);
}

std::string_view SourceSet::line(uint32_t file, uint32_t line) const {
  const SourceFile& source = files_[file];
  if (line == 0 || line > source.line_starts.size()) return {};
  const uint32_t begin = source.line_starts[line - 1];
  const size_t end =
      line < source.line_starts.size() ? source.line_starts[line] - 1 : source.text.size();
  std::string_view text = std::string_view(source.text).substr(begin, end - begin);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace netc::frontend
